import LastCall

/// Decides which ticks of a schedule are due.
struct ScheduleStateMachine: Sendable {
    /// Ticks to fire, and when to look again.
    struct Decision: Sendable, Hashable {
        /// The ticks, the latest last.
        var ticks: [WorkInstant]
        /// When the first one after them is due.
        var nextAt: WorkInstant?
    }

    /// The most ticks that are made up for.
    static let missedMax = 1000
    /// How late a tick may be that is not missed.
    static let lateMax = Duration.seconds(60)

    /// When it is due.
    private let recurrence: Recurrence
    /// What happens to ticks that were missed.
    private let missed: Schedule.Missed
    /// Up to which instant ticks were decided on, here or by others.
    private(set) var decidedUntil: WorkInstant
    /// The first tick that could not be fired, and so is not missed however late it is.
    private var unfired: WorkInstant?

    init(_ recurrence: Recurrence, missed: Schedule.Missed, decidedUntil: WorkInstant) {
        self.recurrence = recurrence
        self.missed = missed
        self.decidedUntil = decidedUntil
    }

    /// What is due.
    func due(at now: WorkInstant) -> Decision {
        let next = recurrence.next(after: max(now, decidedUntil))
        switch missed {
        case .once:
            return Decision(ticks: recurrence.last(after: decidedUntil, upTo: now, countMax: 1), nextAt: next)
        case .skip:
            let late = now - Self.lateMax
            let from = max(decidedUntil, min(late, unfired.map { $0 - .milliseconds(1) } ?? late))
            return Decision(ticks: recurrence.last(after: from, upTo: now, countMax: 1), nextAt: next)
        case .all:
            return Decision(
                ticks: recurrence.last(after: decidedUntil, upTo: now, countMax: Self.missedMax), nextAt: next)
        }
    }

    /// Ticks were decided on up to an instant.
    mutating func decided(until instant: WorkInstant) {
        decidedUntil = max(decidedUntil, instant)
        if let tick = unfired, tick <= decidedUntil { unfired = nil }
    }

    /// A tick could not be fired.
    mutating func couldNotFire(_ tick: WorkInstant) { unfired = min(unfired ?? tick, tick) }
}
