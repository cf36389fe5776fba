import FoundationEssentials
import LastCallWork

/// Small values that are stored as text.
enum StoredFields {
    /// A trace context as a JSON object; `nil` where there is none.
    static func encode(trace: [String: String]) -> String? { trace.isEmpty ? nil : json(trace) }

    /// The trace context; empty where there is none.
    static func trace(_ text: String?) -> [String: String] { text.flatMap { parse([String: String].self, $0) } ?? [:] }

    /// A progress as a JSON object.
    static func encode(_ progress: JobProgress) -> String? { json(progress) }

    /// The progress.
    static func progress(_ text: String?) -> JobProgress? { text.flatMap { parse(JobProgress.self, $0) } }

    /// A process as a JSON object.
    static func encode(_ process: ProcessIdentity) -> String? { json(process) }

    /// The process.
    static func process(_ text: String?) -> ProcessIdentity? { text.flatMap { parse(ProcessIdentity.self, $0) } }

    /// A list of names as a JSON array.
    static func encode(names: [String]) -> String { json(names) ?? "[]" }

    /// The names.
    static func names(_ text: String) -> [String] { parse([String].self, text) ?? [] }

    private static func json(_ value: some Encodable) -> String? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts and numbers can be encoded; a number that is none was made one before.
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) }  // never fails
    }

    private static func parse<Value: Decodable>(_ type: Value.Type, _ text: String) -> Value? {
        // Somebody else wrote it: it is shown as missing rather than keeping the record from being read.
        try? JSONDecoder().decode(type, from: Data(text.utf8))  // see above
    }
}
