import FoundationEssentials
public import LastCallWork

/// What a callback's program reads about one member of the group before it: one JSON object on one line.
///
/// ```json
/// {"arguments":{"path":"a.iso"},"id":7,"member":0,"outcome":"partial","output":["…"],"path":"0","reason":"eviction","task":"hash"}
/// ```
///
/// `output` holds what belongs to the result: the lines of standard output, without LF. Bytes that are not UTF-8 are replaced by
/// U+FFFD; `lastcall output` has them as they are.
public struct MemberLine: Sendable {
    /// What is encoded.
    private struct Fields: Encodable {
        /// Its place among all members, from 0.
        let member: Int
        /// Its place in the workflow.
        let path: String
        /// The record.
        let id: Int64
        /// The job's name.
        let task: String
        /// What it was given, where that is JSON.
        let arguments: JSONValue?
        /// How it ended.
        let outcome: String
        /// Why.
        let reason: String?
        /// The same in words.
        let detail: String?
        /// What it wrote.
        let output: [String]
    }

    private let fields: Fields

    /// Creates the line of a member.
    ///
    /// - Parameters:
    ///   - place: Its place among all members, from 0.
    ///   - member: The member.
    ///   - lines: What it wrote.
    public init(place: Int, member: WorkMember, lines: [WorkLine]) {
        let record = member.record
        let payload: JSONValue?
        do {
            payload = try JSONDecoder().decode(JSONValue.self, from: Data(record.payload))
        } catch {
            payload = nil  // It is not JSON; the callback sees null.
        }
        fields = Fields(
            member: place, path: member.path, id: record.id.rawValue, task: record.kind,
            arguments: payload.map { $0["arguments"] ?? $0 }, outcome: "\(record.state)",
            reason: record.reason?.rawValue, detail: record.detail,
            output: lines.filter { $0.source == .output }.map(\.text))
    }

    /// The line, without its LF.
    public var json: [UInt8] {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return Array(try encoder.encode(fields))
        }
    }
}

/// Any JSON.
enum JSONValue: Codable, Hashable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number.
    case integer(Int64)
    /// Another number.
    case number(Double)
    /// A text.
    case text(String)
    /// A list.
    case list([JSONValue])
    /// An object.
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // Each kind is tried in turn; what the last one throws is the error.
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {  // not a truth value
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {  // not a whole number
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {  // not a number
            self = .number(value)
        } else if let value = try? container.decode(String.self) {  // not a text
            self = .text(value)
        } else if let value = try? container.decode([JSONValue].self) {  // not a list
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .list(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// The value of a key, where this is an object.
    subscript(key: String) -> JSONValue? {
        if case .object(let fields) = self { fields[key] } else { nil }
    }
}
