import LastCallTesting
import Testing

@testable import LastCallWork

@Suite struct ZoneHistoryTests {
    /// A file with four changes and a rule.
    private static let file = ScheduleSupport.file(
        offsets: [1234, 3600, 7200, 3600, -5400], changes: [-1_000_000, 0, 500, 1_000_000],
        rule: "CET-1CEST,M3.5.0,M10.5.0/3")

    /// What is wrong with a file.
    private func defect(_ bytes: [UInt8]) -> String? {
        ScheduleSupport.defect { () throws(ZoneDefect) in _ = try ZoneHistory(bytes) }
    }

    @Test("each span has its offset: before the first change, between changes, and by the rule")
    func spans() throws {
        let history = try ZoneHistory(Self.file)
        #expect(history.span(at: -5_000_000_000) == ZoneSpan(start: .min, end: -1_000_000, offset: 1234))
        #expect(history.span(at: -1_000_001) == ZoneSpan(start: .min, end: -1_000_000, offset: 1234))
        #expect(history.span(at: -1_000_000) == ZoneSpan(start: -1_000_000, end: 0, offset: 3600))
        #expect(history.span(at: 0) == ZoneSpan(start: 0, end: 500, offset: 7200))
        #expect(history.span(at: 999_999) == ZoneSpan(start: 500, end: 1_000_000, offset: 3600))
        // The rule's first span begins where the table ends: 1970-03-29 01:00 is its end.
        #expect(history.span(at: 1_000_000) == ZoneSpan(start: 1_000_000, end: 7_520_400, offset: 3600))
        #expect(history.span(at: 1_750_000_000).offset == 7200)
    }

    @Test("without a rule the last offset stays; without changes the rule or the first type is true always")
    func noRule() throws {
        let stays = try ZoneHistory(ScheduleSupport.file(offsets: [0, 60], changes: [10]))
        #expect(stays.span(at: 1 << 50) == ZoneSpan(start: 10, end: .max, offset: 60))
        let always = try ZoneHistory(ScheduleSupport.file(offsets: [-7]))
        #expect(always.span(at: 0) == ZoneSpan(start: .min, end: .max, offset: -7))
        let ruled = try ZoneHistory(ScheduleSupport.file(offsets: [0], rule: "<+0545>-5:45"))
        #expect(ruled.span(at: 0) == ZoneSpan(start: .min, end: .max, offset: 20700))
    }

    @Test("a file that ends anywhere before its end is refused")
    func truncated() {
        for count in Self.file.indices { #expect(defect(Array(Self.file.prefix(count))) != nil, "\(count) bytes") }
        #expect(defect(Self.file) == nil)
        #expect(defect(Self.file + [0, 1, 2]) == nil, "what a later version adds is left alone")
    }

    @Test("a file that contradicts itself is refused, with the reason")
    func contradictions() {
        #expect(defect([]) == "it ends too early")
        #expect(defect(Array("# version 2025b, and some more text to read".utf8)) == "it is no time zone file")
        #expect(defect(ScheduleSupport.file(offsets: [0], version: 0))?.hasPrefix("it is of version 1") == true)
        #expect(defect(ScheduleSupport.file(offsets: [0], leaps: 1))?.hasPrefix("it counts leap seconds") == true)
        #expect(defect(ScheduleSupport.file(offsets: [0], version: UInt8(ascii: "4"))) == nil)
        #expect(defect(ScheduleSupport.file(offsets: [])) == "its numbers do not fit together")
        #expect(
            defect(ScheduleSupport.file(offsets: [0, -90_000], changes: [1])) == "it has an offset of more than a day")
        #expect(
            defect(ScheduleSupport.file(offsets: [0, 93_600], changes: [1])) == "it has an offset of more than a day")
        #expect(defect(ScheduleSupport.file(offsets: [.min])) == "it has an offset of more than a day")
        for changes in [[5, 5], [5, 4], [.min, 0], [0, .max]] as [[Int64]] {
            #expect(
                defect(ScheduleSupport.file(offsets: [0, 1, 2], changes: changes))?.hasPrefix("its instants") == true)
        }
        var file = ScheduleSupport.file(offsets: [0, 60], changes: [1])
        let type = 44 + 7 + 44 + 8
        file[type] = 2
        #expect(defect(file) == "it lacks a type that it uses")
        #expect(defect(ScheduleSupport.file(offsets: [0], rule: "CET")) != nil)
        #expect(defect(ScheduleSupport.file(offsets: [0], rule: "CET-1 ")) == "its last line is no rule")
        #expect(defect(Array(repeating: 0x54, count: ZoneHistory.bytesMax + 1))?.hasPrefix("it has more than") == true)
    }

    @Test("no count in a header leads beyond the file")
    func hugeCounts() {
        for header in [20, 44 + 7 + 20] {
            for count in 0..<6 {
                for value: [UInt8] in [
                    [0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF, 0xFF, 0xFF], [0x80, 0, 0, 0], [0, 0, 1, 1],
                ] {
                    var file = Self.file
                    file.replaceSubrange((header + 4 * count)..<(header + 4 * count + 4), with: value)
                    #expect(defect(file) != nil, "count \(count) of the header at \(header)")
                }
            }
        }
    }

    @Test("random bytes give an error or a history that can be asked anything")
    func randomBytes() async {
        var generator = SeededGenerator(seed: 12)
        var accepted = 0
        for round in 0..<3000 {
            var file = Self.file
            for _ in 0...Int.random(in: 0...3, using: &generator) {
                file[Int.random(in: file.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            if round % 500 == 0 { await Task.yield() }
            var history: ZoneHistory?
            _ = ScheduleSupport.defect { () throws(ZoneDefect) in history = try ZoneHistory(file) }
            guard let history else { continue }
            accepted += 1
            for _ in 0..<3 {
                let seconds = Int64.random(in: -(1 << 53)...(1 << 53), using: &generator) >> Int64(round % 40)
                let span = history.span(at: seconds)
                #expect(span.start <= seconds && seconds < span.end)
            }
        }
        #expect((100..<2900).contains(accepted), "the changes reach both ways")
        for _ in 0..<300 {
            let noise = (0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(defect(noise) != nil)
        }
    }
}
