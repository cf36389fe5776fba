/// What a scheduler says to its store of one schedule: that it exists, or that a tick of it is due.
///
/// Several processes may say the same; the store lets one of them fire a tick.
public struct ScheduleTick: Sendable {
    /// The schedule's name.
    public var name: String
    /// How it is defined, in words that people see; where they differ from those that are stored, the schedule begins anew.
    public var definition: String
    /// Up to which instant ticks are decided on with this one: the tick's own instant, or now where it only makes the schedule known.
    public var instant: WorkInstant
    /// When the tick after that is due, where there is one.
    public var nextAt: WorkInstant?
    /// The record of the tick; `nil` makes the schedule known and fires nothing.
    public var draft: RecordDraft?
    /// Whether the tick is left out while the record of the one before it is not over.
    public var skipsWhileUnfinished: Bool

    /// Creates a tick.
    public init(
        name: String, definition: String, instant: WorkInstant, nextAt: WorkInstant? = nil, draft: RecordDraft? = nil,
        skipsWhileUnfinished: Bool = false
    ) {
        self.name = name
        self.definition = definition
        self.instant = instant
        self.nextAt = nextAt
        self.draft = draft
        self.skipsWhileUnfinished = skipsWhileUnfinished
    }
}

/// What a tick came to.
public struct TickResult: Sendable, Hashable {
    /// What it came to.
    public enum Outcome: Sendable, Hashable {
        /// The schedule is known, and nothing was to be fired.
        case known
        /// Its record was accepted.
        case fired(WorkID)
        /// The record of the one before is not over.
        case skipped
        /// Somebody else decided on it before.
        case taken
    }

    /// What it came to.
    public var outcome: Outcome
    /// Up to which instant ticks are decided on now.
    public var decidedUntil: WorkInstant

    /// Creates a result.
    public init(_ outcome: Outcome, decidedUntil: WorkInstant) {
        self.outcome = outcome
        self.decidedUntil = decidedUntil
    }
}

/// A schedule as people and programs see it.
public struct ScheduleReport: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// How it is defined.
    public var definition: String
    /// Up to which instant its ticks were decided on.
    public var decidedUntil: WorkInstant
    /// When the next one is due, as whoever decided last saw it.
    public var nextAt: WorkInstant?
    /// The record of its last tick.
    public var last: WorkID?
    /// How many ticks were left out because the one before was not over.
    public var skipped: Int

    /// Creates a report.
    public init(
        name: String, definition: String, decidedUntil: WorkInstant, nextAt: WorkInstant? = nil, last: WorkID? = nil,
        skipped: Int = 0
    ) {
        self.name = name
        self.definition = definition
        self.decidedUntil = decidedUntil
        self.nextAt = nextAt
        self.last = last
        self.skipped = skipped
    }
}
