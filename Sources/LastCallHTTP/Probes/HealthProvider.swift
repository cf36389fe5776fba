/// One value of a health report.
public enum HealthValue: Sendable, Hashable, Encodable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    /// A text.
    case text(String)
    /// A whole number.
    case integer(Int)
    /// A number.
    case number(Double)
    /// Yes or no.
    case boolean(Bool)
    /// Nothing yet, such as the time of a poll that has not happened.
    case none

    /// A text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// A whole number.
    public init(integerLiteral value: Int) { self = .integer(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// Yes or no.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    /// Nothing.
    public init(nilLiteral: ()) { self = .none }

    /// Writes the value; a number that JSON cannot say is `null`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .integer(let number): try container.encode(number)
        case .number(let number) where number.isFinite: try container.encode(number)
        case .boolean(let value): try container.encode(value)
        case .number, .none: try container.encodeNil()
        }
    }
}

/// Something that `/health` asks: a queue's depth, a breaker's state, the last poll.
///
/// ```swift
/// HealthProvider("outbox") { ["depth": .integer(outbox.depth), "utilisation": .number(outbox.utilisation)] }
/// ```
public struct HealthProvider: Sendable {
    /// The name of its entry.
    public let name: String
    /// How long it may take.
    public let timeout: Duration
    /// Asks it.
    let report: @Sendable () async throws -> [String: HealthValue]

    /// Creates a provider.
    ///
    /// - Parameters:
    ///   - name: The name of its entry.
    ///   - timeout: How long it may take before its entry says that it did not answer; 1 s by default.
    ///   - report: Called for every request, unless it still works on an earlier one; without secrets. An error makes its entry
    ///     `failed`, with the type of the error and not its text, and the report `degraded`.
    public init(
        _ name: String, timeout: Duration = .seconds(1),
        report: @escaping @Sendable () async throws -> [String: HealthValue]
    ) {
        self.name = name
        self.timeout = timeout
        self.report = report
    }
}

/// What `/health` says about one provider.
struct HealthEntry: Sendable, Encodable {
    /// Whether it answered.
    let isHealthy: Bool
    /// What it said.
    let values: [String: HealthValue]

    static func failed(_ reason: String) -> HealthEntry {
        HealthEntry(isHealthy: false, values: ["error": .text(String(reason.prefix(200)))])
    }

    func encode(to encoder: any Encoder) throws {
        var values = values
        values["status"] = .text(isHealthy ? "ok" : "failed")
        try values.encode(to: encoder)
    }
}
