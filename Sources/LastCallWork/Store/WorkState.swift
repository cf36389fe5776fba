/// Where a work record is on its way.
///
/// ```text
/// blocked ─► scheduled ─► ready ─► running ─► stopping ─► succeeded | partial | failed | cancelled | dead
///                           ▲         └───────────┴──► given back (eviction, loss, retry)
/// ```
public enum WorkState: Int, Sendable, Hashable, CaseIterable, Codable, CustomStringConvertible {
    /// It waits for a group, for another record, or for its turn in a lane.
    case blocked = 0
    /// It waits for an instant: a delay, or the backoff before another attempt.
    case scheduled = 1
    /// A worker may claim it.
    case ready = 2
    /// A worker has it.
    case running = 3
    /// A worker has it and was told to stop.
    case stopping = 4
    /// It ended well.
    case succeeded = 5
    /// It was cut short and kept what it had; its group counts it as done.
    case partial = 6
    /// It failed, and no attempt is left.
    case failed = 7
    /// Somebody cancelled it, or what it waited for did not end well.
    case cancelled = 8
    /// It was given up: it kept losing its worker, or nobody may deliver it.
    case dead = 9

    /// Whether a worker has it.
    public var isHeld: Bool { self == .running || self == .stopping }
    /// Whether it is over.
    public var isTerminal: Bool { rawValue >= WorkState.succeeded.rawValue }
    /// Whether its group counts it as done.
    public var countsAsDone: Bool { self == .succeeded || self == .partial }
    /// Whether it has not begun.
    public var isWaiting: Bool { rawValue <= WorkState.ready.rawValue }

    /// The state's name, as commands and JSON write it.
    public var description: String {
        switch self {
        case .blocked: "blocked"
        case .scheduled: "scheduled"
        case .ready: "ready"
        case .running: "running"
        case .stopping: "stopping"
        case .succeeded: "succeeded"
        case .partial: "partial"
        case .failed: "failed"
        case .cancelled: "cancelled"
        case .dead: "dead"
        }
    }

    /// Creates a state from its name.
    public init?(name: some StringProtocol) {
        guard let state = Self.allCases.first(where: { $0.description == name }) else { return nil }
        self = state
    }
}

/// Why a record is in its state.
///
/// Compare with the static members; new ones may be added.
public struct WorkReason: Sendable, Hashable, Codable, RawRepresentable, CustomStringConvertible {
    /// The reason's name, as stores and JSON write it.
    public let rawValue: String

    /// Creates a reason from its name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Its worker was told to stop.
    public static let eviction = WorkReason(rawValue: "eviction")
    /// It ran longer than its timeout.
    public static let timeout = WorkReason(rawValue: "timeout")
    /// It used more memory than its limit.
    public static let memory = WorkReason(rawValue: "memory")
    /// It wrote more than its limit.
    public static let outputLimit = WorkReason(rawValue: "outputLimit")
    /// Its worker, or its own process, died without handing it over.
    public static let workerLost = WorkReason(rawValue: "workerLost")
    /// It failed.
    public static let error = WorkReason(rawValue: "error")
    /// Somebody asked for it.
    public static let requested = WorkReason(rawValue: "requested")
    /// What it waited for did not end well.
    public static let dependency = WorkReason(rawValue: "dependency")
    /// Its group's deadline passed.
    public static let deadline = WorkReason(rawValue: "deadline")
    /// Its lane was full.
    public static let overflow = WorkReason(rawValue: "overflow")

    /// The reason's name.
    public var description: String { rawValue }
}
