/// What a statement can be given: SQLite's five storage classes.
public enum SQLiteValue: Sendable, Hashable {
    /// No value.
    case null
    /// A 64-bit integer.
    case integer(Int64)
    /// A double.
    case real(Double)
    /// Text, stored as UTF-8.
    case text(String)
    /// Bytes as they are.
    case bytes([UInt8])

    /// A value that may be missing.
    public init(_ value: Int64?) { self = value.map { .integer($0) } ?? .null }
    /// A value that may be missing.
    public init(_ value: Double?) { self = value.map { .real($0) } ?? .null }
    /// A value that may be missing.
    public init(_ value: String?) { self = value.map { .text($0) } ?? .null }
    /// A value that may be missing.
    public init(_ value: [UInt8]?) { self = value.map { .bytes($0) } ?? .null }
}

extension SQLiteValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByNilLiteral {
    /// An integer.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// Text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// No value.
    public init(nilLiteral: ()) { self = .null }
}
