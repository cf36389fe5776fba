import FoundationEssentials

/// What is stored with a job of a task: `{"arguments": {"path": "a.iso"}}`.
struct TaskPayload: Codable, Sendable, Hashable {
    /// The task's arguments by name, without the task's defaults.
    var arguments: [String: ArgumentValue]
}

/// What is stored with a job that `submit -- CMD` made: `{"command": ["ls", "-l"], "cwd": "/srv"}`.
struct CommandPayload: Codable, Sendable, Hashable {
    /// The program and its arguments; at least the program.
    var command: [String]
    /// The directory in which it starts: the submitter's.
    var cwd: String?
    /// Variables to set; whoever submits from a shell sets none.
    var environment: [String: String]?
}

/// Payloads as JSON.
enum PayloadJSON {
    /// Encodes a payload; keys are sorted, so that equal payloads have equal bytes.
    static func encode(_ payload: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(payload))
        } catch {
            preconditionFailure("texts can be encoded: \(error)")
        }
    }

    /// Decodes a payload.
    static func decode<Payload: Decodable>(_ type: Payload.Type, from bytes: [UInt8]) throws -> Payload {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}
