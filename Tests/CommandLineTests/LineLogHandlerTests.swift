import Logging
import Testing

@testable import lastcall

/// The lines that stand beside a program's own output.
struct LineLogHandlerTests {
    private func event(
        _ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata, error: (any Error)? = nil
    ) -> LogEvent {
        LogEvent(
            level: level, message: message, error: error, metadata: metadata, source: nil, file: #fileID,
            function: #function,
            line: #line)
    }

    @Test("an error is one of the fields") func error() {
        let line = LineLogHandler().line(for: event(.error, "m", [:], error: CancellationError()))
        #expect(line == "lastcall: error: m: error=CancellationError()")
    }

    @Test("a line is the message and its fields, and names its level from warning on") func levels() {
        var handler = LineLogHandler()
        handler[metadataKey: "service"] = "web"
        let lines = [Logger.Level.notice, .warning, .error].map { level in
            handler.line(for: event(level, "stopped", ["held": "1"]))
        }
        #expect(
            lines == [
                "lastcall: stopped: held=1 service=web", "lastcall: warning: stopped: held=1 service=web",
                "lastcall: error: stopped: held=1 service=web",
            ])
    }

    @Test("what is not one word is quoted, and nothing in it is acted upon by a terminal or begins a line")
    func quotes() {
        let fields: Logger.Metadata = [
            "a": "two words", "b": "", "c": "red \u{1B}[31m", "d": "x\ny", "e": "say \"no\"",
        ]
        #expect(
            LineLogHandler().line(for: event(.notice, "m", fields))
                == #"lastcall: m: a="two words" b="" c="red \u{1B}[31m" d="x\ny" e="say \"no\"""#)
    }
}
