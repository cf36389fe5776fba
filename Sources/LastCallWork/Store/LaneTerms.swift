/// What is asked of a record's lane before the record is accepted.
public struct LaneTerms: Sendable, Hashable {
    /// How many records of the lane may wait; one that is being run does not.
    public var waitingMax: Int
    /// Whether one more drops the oldest that waits, to the dead letters; otherwise it is refused with ``WorkError/Code/laneFull``.
    public var dropsOldest: Bool
    /// Whether it is refused with ``WorkError/Code/breakerOpen`` while the breaker of its lane or of its kind is open.
    public var refusesWhileOpen: Bool

    /// Creates terms.
    public init(waitingMax: Int, dropsOldest: Bool = false, refusesWhileOpen: Bool = false) {
        self.waitingMax = waitingMax
        self.dropsOldest = dropsOldest
        self.refusesWhileOpen = refusesWhileOpen
    }
}

/// What the end of a claim says of the record's lane and of its kind's gate.
public struct LaneNews: Sendable, Hashable {
    /// What an attempt says of whoever was on the other side.
    public enum Verdict: Sendable, Hashable {
        /// Nothing.
        case none
        /// It is well.
        case succeeded
        /// It is not; so many in a row open the breaker, for so long.
        case failed(failuresMax: Int, coolDown: Duration)
    }

    /// For how long nothing of the lane is run: a rate limit, or what the other side asked for.
    public var laneRest = Duration.zero
    /// For how long nothing of the kind is run.
    public var kindRest = Duration.zero
    /// What it says of the lane's destination.
    public var lane = Verdict.none
    /// What it says of all destinations of its kind.
    public var kind = Verdict.none

    /// Creates news of nothing.
    public init() {}
}

/// What a worker keeps to when it claims records of a kind that has a gate.
public struct KindGate: Sendable, Hashable {
    /// The kind.
    public var kind: String
    /// The time between two claims, over all workers; zero is none.
    public var spacing: Duration

    /// Creates a gate.
    public init(kind: String, spacing: Duration = .zero) {
        self.kind = kind
        self.spacing = spacing
    }
}

/// A lane as people and programs see it.
public struct LaneReport: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// How many records are in it, the one that is run included.
    public var depth: Int
    /// The record whose turn it is.
    public var head: WorkID?
    /// Until when it rests.
    public var restsUntil: WorkInstant?
    /// Its breaker.
    public var breaker: BreakerStateMachine

    /// Creates a report.
    public init(
        name: String, depth: Int, head: WorkID? = nil, restsUntil: WorkInstant? = nil,
        breaker: BreakerStateMachine = BreakerStateMachine()
    ) {
        self.name = name
        self.depth = depth
        self.head = head
        self.restsUntil = restsUntil
        self.breaker = breaker
    }
}

/// The gate of a kind as people and programs see it.
public struct GateReport: Sendable, Hashable {
    /// The kind.
    public var kind: String
    /// Until when nothing of it is claimed.
    public var restsUntil: WorkInstant?
    /// Its breaker.
    public var breaker: BreakerStateMachine

    /// Creates a report.
    public init(kind: String, restsUntil: WorkInstant? = nil, breaker: BreakerStateMachine = BreakerStateMachine()) {
        self.kind = kind
        self.restsUntil = restsUntil
        self.breaker = breaker
    }
}
