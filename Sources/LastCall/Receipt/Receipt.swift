/// The report of one stop: why it began, what every member held, and what became of it.
///
/// `Codable` with the keys of schema version 1. Keys may be added in later versions of the library; none is ever renamed,
/// removed or given another meaning. Durations are seconds with three decimals, instants are RFC 3339 in UTC.
public struct Receipt: Sendable, Hashable, Codable {
    /// The schema's version, 1.
    public var version = 1
    /// The service's name.
    public var name: String
    /// What began the stop.
    public var cause: ShutdownCause
    /// What else asked for it afterwards, at most 16.
    public var laterCauses: [ShutdownCause]
    /// When the stop began.
    public var startedAt: String
    /// The grace period and how it is known.
    public var grace: Grace
    /// The instant by which everything is over, receipt excepted.
    public var deadline: String
    /// How long the stop took.
    public var elapsedSeconds: Double
    /// How it ended.
    public var outcome: Outcome
    /// The process's exit code: 0 clean, 75 something was cut, 1 a member failed, 124 forced, 70 the counts do not add up.
    public var exitCode: Int32
    /// What it ran on: `kubernetes`, `systemd`, … or `unknown`.
    public var platform: String
    /// Each stage in the order of the stop.
    public var stages: [Stage]
    /// The sums over all members.
    public var totals: Totals
    /// What is worth knowing beyond the numbers: a budget that was scaled, a signal handler that was taken over.
    public var notes: [String]

    /// How a stop ended.
    public enum Outcome: String, Sendable, Hashable, Codable {
        /// Everybody ended in time and nothing was lost.
        case clean
        /// Something was cut, failed or had to be abandoned; the members say what.
        case partial
        /// The deadline or a third signal ended it.
        case forced
        /// It is still going on, or SIGKILL ended it: this receipt was written on the way.
        case unfinished
    }

    /// The grace period.
    public struct Grace: Sendable, Hashable, Codable {
        /// Its length.
        public var seconds: Double
        /// How it is known: `stated`, `fixed` or `assumed`.
        public var source: GracePeriod.Source
    }

    /// One stage.
    public struct Stage: Sendable, Hashable, Codable {
        /// The stage's name.
        public var name: String
        /// What it was given.
        public var budgetSeconds: Double
        /// When its stop began, counted from the beginning of the whole stop; `nil` where it did not come so far.
        public var beganAfterSeconds: Double?
        /// How long its stop took.
        public var elapsedSeconds: Double
        /// Its members.
        public var members: [Member]
    }

    /// One member.
    public struct Member: Sendable, Hashable, Codable {
        /// How a member's stop ended.
        public enum Outcome: String, Sendable, Hashable, Codable {
            /// It ended by itself after it was told.
            case drained
            /// It had ended before it was told.
            case ended
            /// It ended after its task was cancelled.
            case cancelled
            /// It did not end; the stop went on without it.
            case abandoned
            /// It threw an error.
            case failed
            /// It was never started.
            case neverStarted
            /// It is still stopping.
            case stopping
            /// It was not told yet.
            case running
        }

        /// The member's name.
        public var name: String
        /// How its stop ended.
        public var outcome: Outcome
        /// How long it took from being told to its end.
        public var elapsedSeconds: Double
        /// Whether it reports a ledger; without one the counts are 0.
        public var hasLedger: Bool
        /// What it held when the stop began.
        public var heldAtStop: Int
        /// What it took on while it stopped.
        public var acceptedDuringStop: Int
        /// What it finished.
        public var done: Int
        /// What another worker has, or may claim now.
        public var handedOver: Int
        /// What is stored, and continued at the next start.
        public var kept: Int
        /// What was given up with its payload stored.
        public var deadLettered: Int
        /// What was lost.
        public var cut: Int
        /// The difference between both sides: 0, or a bug.
        public var unaccounted: Int
        /// What was lost, item by item, as far as there is room.
        public var cutItems: [CutItem]
        /// How many lost items the list leaves out.
        public var cutItemsOmitted: Int
        /// The member's own error.
        public var error: String?
        /// What could not make it, as predicted when the stop began: `312 queued at 1/s need 312s, there are 12s`.
        public var prediction: String?
        /// What the member says of its stop beside the counts: `poll cancelled`; `nil` where it says nothing.
        public var remarks: [String]?
    }

    /// One lost item.
    public struct CutItem: Sendable, Hashable, Codable {
        /// What it was.
        public var label: String
        /// How long the member had had it.
        public var ageSeconds: Double?
    }

    /// Sums over all members.
    public struct Totals: Sendable, Hashable, Codable {
        /// What was held when the stop began.
        public var heldAtStop = 0
        /// What was taken on during the stop.
        public var acceptedDuringStop = 0
        /// What was finished.
        public var done = 0
        /// What another worker has, or may claim now.
        public var handedOver = 0
        /// What is stored, and continued at the next start.
        public var kept = 0
        /// What was given up with its payload stored.
        public var deadLettered = 0
        /// What was lost.
        public var cut = 0
        /// The difference between both sides.
        public var unaccounted = 0
    }

    /// Whether everything is accounted for, nothing was lost and nobody failed.
    public var isClean: Bool { outcome == .clean }
}

/// The exit codes of a stop, most of them from sysexits(3).
public enum ExitCode {
    /// Everything is accounted for and nothing was lost.
    public static let clean: Int32 = 0
    /// A member failed.
    public static let failure: Int32 = 1
    /// The command line could not be understood (EX_USAGE).
    public static let usage: Int32 = 64
    /// The counts do not add up, which is a bug (EX_SOFTWARE).
    public static let unaccounted: Int32 = 70
    /// Something was lost, and is listed (EX_TEMPFAIL).
    public static let cut: Int32 = 75
    /// The configuration is wrong (EX_CONFIG).
    public static let configuration: Int32 = 78
    /// The deadline or a third signal ended the stop, as with timeout(1).
    public static let forced: Int32 = 124
}
