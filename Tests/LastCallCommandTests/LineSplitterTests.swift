import LastCallTesting
import Testing

@testable import LastCallCommand

@Suite("Cutting bytes into lines")
struct LineSplitterTests {
    /// Cuts a text that arrives in pieces.
    private func split(_ pieces: [[UInt8]], lineBytesMax: Int) -> (lines: [OutputLine], splitter: LineSplitter) {
        var splitter = LineSplitter(stream: .standardOutput, lineBytesMax: lineBytesMax)
        var lines: [OutputLine] = []
        for piece in pieces { piece.withUnsafeBytes { splitter.append($0, to: &lines) } }
        splitter.finish(isTruncated: false, to: &lines)
        return (lines, splitter)
    }

    @Test("C6 C17 however a text is cut into reads, its lines are the same")
    func anyPieces() {
        for seed in UInt64(0)..<500 {
            var random = SeededGenerator(seed: seed)
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                random.chance(25) ? UInt8(10) : UInt8.random(in: 0...255, using: &random)
            }
            var pieces: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Int.random(in: 0...rest.count, using: &random)
                pieces.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            var expected = bytes.split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
            if expected.last?.isEmpty == true { expected.removeLast() }
            #expect(split(pieces, lineBytesMax: 100).lines.map(\.bytes) == expected, "seed \(seed)")

            let (cut, splitter) = split(pieces, lineBytesMax: 3)
            #expect(cut.map(\.bytes) == expected.map { Array($0.prefix(3)) }, "seed \(seed)")
            #expect(cut.map(\.isTruncated) == expected.map { $0.count > 3 }, "seed \(seed)")
            #expect(splitter.bytesDropped == expected.reduce(0) { $0 + max(0, $1.count - 3) }, "seed \(seed)")
            #expect(splitter.linesCut == expected.count { $0.count > 3 }, "seed \(seed)")
        }
    }

    @Test("C17 a stream without a byte has no line, one with a line feed has an empty one")
    func smallest() {
        #expect(split([], lineBytesMax: 10).lines.isEmpty)
        #expect(split([[10]], lineBytesMax: 10).lines == [OutputLine(stream: .standardOutput, bytes: [])])
    }
}
