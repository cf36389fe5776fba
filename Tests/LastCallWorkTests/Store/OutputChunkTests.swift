import LastCallWork
import Testing

@Suite struct OutputChunkTests {
    static let lines = [
        WorkLine("plain"), WorkLine("", source: .error), WorkLine([0, 0xFF, 0xFE, 0x0D], source: .notice),
        WorkLine("  "),
    ]

    @Test("C6 lines come back as they went in, byte by byte")
    func roundTrip() {
        let chunk = OutputChunk(Self.lines)
        #expect(chunk.lineCount == 4)
        #expect(chunk.lines == Self.lines)
        #expect(OutputChunk(lineCount: chunk.lineCount, bytes: chunk.bytes).lines == Self.lines)
    }

    @Test("a line that holds line feeds becomes several")
    func lineFeeds() {
        let chunk = OutputChunk([WorkLine("a\n\nb\n", source: .error)])
        #expect(chunk.lineCount == 4)
        #expect(chunk.lines.map(\.text) == ["a", "", "b", ""])
        #expect(chunk.lines.allSatisfy { $0.source == .error })
    }

    @Test("chunks are joined in their order")
    func joined() {
        var chunk = OutputChunk()
        #expect(chunk.isEmpty)
        chunk.append(OutputChunk(Self.lines[..<2]))
        chunk.append(OutputChunk())
        chunk.append(OutputChunk(Self.lines[2...]))
        #expect(chunk == OutputChunk(Self.lines))
        #expect(!chunk.isEmpty)
    }

    @Test("a letter that nobody knows is read as output")
    func unknownSource() {
        let chunk = OutputChunk(lineCount: 1, bytes: Array("zline\n".utf8))
        #expect(chunk.lines == [WorkLine("line", source: .output)])
    }

    @Test("places are ordered by run, then by line")
    func order() {
        let places = [OutputPosition(epoch: 2, line: 0), OutputPosition(epoch: 1, line: 9), .start]
        #expect(places.sorted() == places.reversed())
    }
}
