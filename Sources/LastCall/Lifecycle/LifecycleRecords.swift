/// What the machine knows of a member before it runs.
package struct MemberSpec: Sendable, Hashable {
    /// The member's name.
    package var name: String
    /// The stage it belongs to, counted in the order of the stop.
    package var stage: Int
    /// What its early return means.
    package var endPolicy: Member.EndPolicy
    /// What its early failure means.
    package var failurePolicy: Member.EndPolicy
    /// Whether its failure to stop is reported only.
    package var isBestEffort: Bool

    package init(
        name: String, stage: Int, endPolicy: Member.EndPolicy = .stop, failurePolicy: Member.EndPolicy = .stop,
        isBestEffort: Bool = false
    ) {
        self.name = name
        self.stage = stage
        self.endPolicy = endPolicy
        self.failurePolicy = failurePolicy
        self.isBestEffort = isBestEffort
    }
}

/// What the machine knows of a stage before the stop.
package struct StageSpec: Sendable, Hashable {
    /// The stage's name.
    package var name: String
    /// Its budget.
    package var budget: Duration

    package init(name: String, budget: Duration) {
        self.name = name
        self.budget = budget
    }
}

/// How a member's `run` ended.
package enum MemberEnd: Sendable, Hashable {
    /// It returned.
    case returned
    /// It threw; cancellation is a kind of its own, because it is a stop where one was asked for.
    case threw(String, isCancellation: Bool)
}

/// What happened to one member, in instants of the lifecycle's clock.
package struct MemberRecord: Sendable, Hashable {
    /// When its task was started; `nil` where it never was.
    package var startedAt: Duration?
    /// When it became ready.
    package var readyAt: Duration?
    /// When it was told to stop.
    package var toldAt: Duration?
    /// When it was cancelled.
    package var cancelledAt: Duration?
    /// Whether it was cancelled because its time ran out, not because everybody was.
    package var isOverrun = false
    /// When it ended.
    package var endedAt: Duration?
    /// How it ended.
    package var end: MemberEnd?
    /// When the lifecycle stopped waiting for it.
    package var abandonedAt: Duration?
    /// Whether it was not ready in time.
    package var missedStart = false

    package init() {}

    /// Whether its task runs and somebody waits for it.
    package var isLive: Bool { startedAt != nil && endedAt == nil && abandonedAt == nil }

    /// The member's own error, unless it is the cancellation that it was asked for.
    package var failure: String? {
        guard case .threw(let error, let isCancellation)? = end else { return nil }
        return isCancellation && toldAt != nil ? nil : error
    }
}

/// When a stage's stop began and ended, and how long it has.
package struct StageRecord: Sendable, Hashable {
    /// When its members are cancelled, at the latest; known once the stop began.
    package var cancelAt: Duration?
    /// When it ends, at the latest; known once the stop began.
    package var endAt: Duration?
    /// When its members were told.
    package var beganAt: Duration?
    /// When the last of them had ended or was abandoned.
    package var endedAt: Duration?

    package init() {}
}

/// Everything that the receipt says about one stop, but for the ledgers.
package struct StopRecord: Sendable, Hashable {
    /// What began the stop.
    package var cause: ShutdownCause
    /// What else asked for it afterwards; capped, the rest is counted.
    package var laterCauses: [ShutdownCause] = []
    /// How many later causes there were beyond the list.
    package var laterCausesDropped = 0
    /// When the stop began.
    package var startedAt: Duration
    /// When it was over; `nil` while it goes on.
    package var finishedAt: Duration?
    /// How urgent it became.
    package var urgency: Shutdown.Urgency
    /// Whether it was cut off by the deadline or by a third signal.
    package var isForced = false

    package init(cause: ShutdownCause, startedAt: Duration, urgency: Shutdown.Urgency) {
        self.cause = cause
        self.startedAt = startedAt
        self.urgency = urgency
    }

    /// How many later causes are listed.
    package static let laterCausesMax = 16

    /// Notes a cause that came after the first.
    package mutating func note(_ cause: ShutdownCause) {
        if laterCauses.count < Self.laterCausesMax {
            laterCauses.append(cause)
        } else {
            laterCausesDropped += 1
        }
    }
}
