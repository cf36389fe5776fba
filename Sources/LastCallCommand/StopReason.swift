/// Why we stopped a command that would have gone on.
public struct StopReason: Sendable, Hashable, Codable, RawRepresentable, CustomStringConvertible {
    /// The reason's name, as results and receipts write it.
    public let rawValue: String

    /// Creates a reason from its name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The process was told to stop.
    ///
    /// Not a failure, not a cancellation, not an attempt.
    public static let eviction = StopReason(rawValue: "eviction")
    /// The task that ran the command was cancelled while nothing was told to stop.
    public static let cancelled = StopReason(rawValue: "cancelled")
    /// The program's owner asked for it, with ``CommandProcess/stop(_:)`` or by leaving the scope that ran it.
    public static let requested = StopReason(rawValue: "requested")
    /// It died of a signal that its owner sent with ``CommandProcess/signal(_:)``.
    public static let signalled = StopReason(rawValue: "signalled")
    /// It ran longer than ``CommandLimits/time``.
    public static let timeout = StopReason(rawValue: "timeout")
    /// Its process tree held more than ``CommandLimits/memoryBytes``.
    public static let memory = StopReason(rawValue: "memory")
    /// It wrote more than ``CommandLimits/outputBytes``.
    public static let outputLimit = StopReason(rawValue: "outputLimit")

    /// The reason's name.
    public var description: String { rawValue }
}
