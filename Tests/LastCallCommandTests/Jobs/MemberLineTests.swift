@testable import LastCallCommand
import LastCallWork
import Testing

/// One member of a group as one line of JSON.
@Suite struct MemberLineTests {
    private func line(
        payload: String = "", lines: [WorkLine] = [], change: (inout WorkRecord) -> Void = { _ in }
    ) throws -> String {
        var record = WorkRecord(
            id: WorkID(rawValue: 7), kind: "hash", queue: "default", priority: 0, state: .succeeded,
            payload: Array(payload.utf8), attempt: 1, attemptsMax: 1, losses: 0, evictions: 0, epoch: 1,
            workflow: WorkID(rawValue: 7), cancelRequested: false, lineCount: 0, acceptedAt: .init(rawValue: 0))
        change(&record)
        let member = MemberLine(place: 2, member: WorkMember(path: "2.0", record: record), lines: lines)
        return String(decoding: try member.json, as: UTF8.self)
    }

    @Test("C7 a partial member says so, with its reason, and has its output and not its notices") func partial() throws
    {
        let text = try line(
            payload: #"{"arguments":{"path":"a/b"}}"#,
            lines: [WorkLine("x"), WorkLine("oops", source: .error), WorkLine("cut", source: .notice)]
        ) {
            $0.state = .partial
            $0.reason = .eviction
            $0.detail = "cut short by eviction: SIGTERM"
        }
        #expect(
            text
                == #"{"arguments":{"path":"a/b"},"detail":"cut short by eviction: SIGTERM","id":7,"member":2,"outcome":"partial","output":["x"],"path":"2.0","reason":"eviction","task":"hash"}"#
        )
    }

    @Test("bytes that are not UTF-8 are replaced, and a line with quotes and control characters stays one line")
    func strangeBytes() throws {
        let text = try line(lines: [WorkLine([0xFF, 0x41]), WorkLine("a\"b\\c\td\u{1}\r")])
        #expect(!text.contains("\n"))
        #expect(text.contains(#""output":["�A","a\"b\\c\td\u0001\r"]"#))
    }

    @Test(
        "the arguments are the payload's, or the payload where it has none, and are left out where it is not JSON",
        arguments: [
            (#"{"path":"a"}"#, #""arguments":{"path":"a"}"#), ("[1,2.5,true,null]", #""arguments":[1,2.5,true,null]"#),
            (#"{"arguments":[]}"#, #""arguments":[]"#),
        ])
    func arguments(payload: String, expected: String) throws {
        #expect(try line(payload: payload).contains(expected))
    }

    @Test("a payload that is not JSON costs only the arguments") func notJSON() throws {
        #expect(try line(payload: "{{").hasPrefix(#"{"id":7"#))
    }
}
