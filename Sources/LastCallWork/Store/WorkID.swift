/// The identity of a work record, from the moment it is accepted to the end of its retention.
///
/// Ids grow; they are unique within a store.
public struct WorkID: Sendable, Hashable, Comparable, Codable, RawRepresentable, CustomStringConvertible {
    /// The number.
    public let rawValue: Int64

    /// Creates an id from its number.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// Creates an id from what a person typed; `nil` where that is no positive number.
    public init?(_ text: some StringProtocol) {
        guard let number = Int64(text), number > 0 else { return nil }
        rawValue = number
    }

    /// Earlier records come first.
    public static func < (lhs: WorkID, rhs: WorkID) -> Bool { lhs.rawValue < rhs.rawValue }

    /// The number in decimal.
    public var description: String { String(rawValue) }
}

/// The identity of a group of records within a store.
public struct NodeID: Sendable, Hashable, Comparable, RawRepresentable, CustomStringConvertible {
    /// The number.
    public let rawValue: Int64

    /// Creates an id from its number.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// Earlier groups come first.
    public static func < (lhs: NodeID, rhs: NodeID) -> Bool { lhs.rawValue < rhs.rawValue }

    /// The number in decimal.
    public var description: String { String(rawValue) }
}

/// The number that makes a late owner's writes void: it grows with every claim of a record.
///
/// Hand it to systems that a job writes to; one that remembers the highest token it saw can refuse a job that was overtaken.
/// On SQLite it also holds the file's incarnation, because a power failure may forget a claim that was not synced.
public struct FencingToken: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// How often the store's file may have forgotten claims; 0 where a store never does.
    public let incarnation: Int64
    /// How often the record was claimed.
    public let epoch: Int64

    /// Creates a token.
    public init(incarnation: Int64 = 0, epoch: Int64) {
        self.incarnation = incarnation
        self.epoch = epoch
    }

    /// Later claims are greater.
    public static func < (lhs: FencingToken, rhs: FencingToken) -> Bool {
        (lhs.incarnation, lhs.epoch) < (rhs.incarnation, rhs.epoch)
    }

    /// Both numbers: `3.17`.
    public var description: String { "\(incarnation).\(epoch)" }
}

/// An instant on a store's clock, in milliseconds since 1970.
///
/// A store's clock follows the wall clock but never goes back: setting the wall clock back an hour delays nothing.
public struct WorkInstant: Sendable, Hashable, Comparable, RawRepresentable, CustomStringConvertible {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public let rawValue: Int64

    /// Creates an instant.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// Earlier instants are smaller.
    public static func < (lhs: WorkInstant, rhs: WorkInstant) -> Bool { lhs.rawValue < rhs.rawValue }

    /// The instant that is `duration` later, to the millisecond, rounded up; never beyond what can be written.
    public static func + (lhs: WorkInstant, rhs: Duration) -> WorkInstant {
        let (sum, overflows) = lhs.rawValue.addingReportingOverflow(rhs.wholeMilliseconds)
        return WorkInstant(rawValue: overflows ? .max : sum)
    }

    /// The time from the right instant to the left one.
    public static func - (lhs: WorkInstant, rhs: WorkInstant) -> Duration {
        .milliseconds(lhs.rawValue.subtractingReportingOverflow(rhs.rawValue).partialValue)
    }

    /// The milliseconds in decimal.
    public var description: String { String(rawValue) }
}

extension Duration {
    /// The duration in whole milliseconds, rounded up.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        guard seconds.magnitude < UInt64(Int64.max / 1000 - 1) else { return seconds < 0 ? .min : .max }
        let perMillisecond: Int64 = 1_000_000_000_000_000
        return seconds * 1000 + attoseconds / perMillisecond + (attoseconds % perMillisecond > 0 ? 1 : 0)
    }
}
