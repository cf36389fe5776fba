/// How long a store remembers records that are over; `nil` is for ever.
///
/// A workflow is forgotten as a whole, once its last record was over for long enough, and not before whatever else waited for its end, such as
/// a message about it, is over too and no dead letter.
public struct Retention: Sendable, Hashable {
    /// Records that ended well; 7 days by default.
    public var succeeded: Duration?
    /// Records that were cut short; 7 days by default.
    public var partial: Duration?
    /// Records that failed; 7 days by default.
    public var failed: Duration?
    /// Records that were cancelled; 7 days by default.
    public var cancelled: Duration?
    /// Records that were given up; 30 days by default.
    public var dead: Duration?

    /// Creates a retention.
    public init(
        succeeded: Duration? = .seconds(604_800), partial: Duration? = .seconds(604_800),
        failed: Duration? = .seconds(604_800),
        cancelled: Duration? = .seconds(604_800), dead: Duration? = .seconds(2_592_000)
    ) {
        self.succeeded = succeeded
        self.partial = partial
        self.failed = failed
        self.cancelled = cancelled
        self.dead = dead
    }

    /// Everything is remembered for ever.
    public static let forever = Retention(succeeded: nil, partial: nil, failed: nil, cancelled: nil, dead: nil)

    /// How long a record in this state is remembered; `nil` is for ever.
    public subscript(state: WorkState) -> Duration? {
        switch state {
        case .succeeded: succeeded
        case .partial: partial
        case .failed: failed
        case .cancelled: cancelled
        case .dead: dead
        case .blocked, .scheduled, .ready, .running, .stopping: nil
        }
    }
}

/// What a sweep is to do.
public struct SweepOrders: Sendable, Hashable {
    /// How long what is over is remembered; `nil` forgets nothing in this sweep.
    public var retention: Retention?
    /// The most records to forget in one sweep.
    public var forgetMax: Int
    /// Whether group counters are compared with their members.
    public var recounts: Bool
    /// Of which kinds something is forgotten; `nil` is all.
    ///
    /// A workflow goes by its first record.
    public var kinds: Set<String>?

    /// Creates orders.
    public init(retention: Retention? = nil, forgetMax: Int = 1000, recounts: Bool = false) {
        self.retention = retention
        self.forgetMax = forgetMax
        self.recounts = recounts
    }
}
