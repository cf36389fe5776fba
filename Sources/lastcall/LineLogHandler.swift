import LastCall
import Logging

/// Writes a log for people who read it beside a program's own output: `lastcall: stopped: cause=SIGTERM held=1 …`.
///
/// Without a time: what keeps a container's or a unit's output adds its own.
struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level = .notice
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        StandardError.writeLine(line(for: event))
    }

    /// The whole line.
    func line(for event: LogEvent) -> String {
        let level = event.level >= .warning ? "\(event.level): " : ""
        let provided = metadataProvider?.get() ?? [:]
        let error: Logger.Metadata = event.error.map { ["error": "\($0)"] } ?? [:]
        let fields = metadata.merging(provided) { $1 }.merging(error) { $1 }.merging(event.metadata ?? [:]) { $1 }
            .sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.quoted("\($0.value)"))" }
        return "lastcall: \(level)\(event.message)" + (fields.isEmpty ? "" : ": " + fields.joined(separator: " "))
    }

    /// The text as it is where it is one word, else in quotes, without what a terminal would act upon.
    private static func quoted(_ text: String) -> String {
        let isWord = !text.isEmpty && text.unicodeScalars.allSatisfy { $0.value > 32 && $0 != "\"" && $0 != "\\" }
        return isWord ? text : text.debugDescription
    }
}
