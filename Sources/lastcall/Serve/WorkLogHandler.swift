import Logging

/// Writes what a worker logs for people: `lastcall: job 3 hash: partial (eviction)`.
///
/// Lines that are about no job are written as ``LineLogHandler`` writes them.
struct WorkLogHandler: LogHandler {
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    /// Whether nothing is written any more.
    var isSilent: @Sendable () -> Bool = { false }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        // The greeting says it, with more.
        guard event.message != "worker started", !isSilent() else { return }
        StandardError.writeLine(line(for: event))
    }

    /// The whole line.
    func line(for event: LogEvent) -> String {
        var fields = metadata.merging(event.metadata ?? [:]) { $1 }
        guard let job = fields.removeValue(forKey: "job"), let name = fields.removeValue(forKey: "name") else {
            var plain = LineLogHandler()
            plain.metadata = metadata
            return plain.line(for: event)
        }
        let level = event.level >= .error ? "\(event.level): " : ""
        var text = "\(event.message)"
        if text.hasPrefix("job ") { text.removeFirst(4) }
        if text == "ready" { text = "given back" }
        if text == "scheduled" { text = "waits for another attempt" }
        let reason = fields.removeValue(forKey: "reason").map { "\($0)" } ?? "none"
        if reason != "none" { text += " (\(reason))" }
        if let attempt = fields.removeValue(forKey: "attempt"), "\(attempt)" != "1" { text += ", attempt \(attempt)" }
        let rest = fields.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return "lastcall: \(level)job \(job) \(name): \(text)" + (rest.isEmpty ? "" : ", \(rest)")
    }
}
