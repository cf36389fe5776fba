/// What decides about a record's way.
public struct RecordFacts: Sendable, Hashable {
    /// Where it is.
    public var state: WorkState
    /// How often it was claimed.
    public var epoch: Int64 = 0
    /// How often it ran, losses and evictions not counted; a run that goes on is counted.
    public var attempt = 0
    /// How often it may run.
    public var attemptsMax = 1
    /// How often it lost its worker.
    public var losses = 0
    /// After how many losses it is given up; `nil` is never.
    ///
    /// 0 and 1 both mean: after the first.
    public var lossesMax: Int? = 3
    /// How often its worker was told to stop.
    public var evictions = 0
    /// What the death of its worker means.
    public var onLost = LossPolicy.requeue
    /// Whether an eviction that would finish it gives the remainder back instead.
    public var awaitsRemainder = false
    /// Whether somebody asked for its cancellation.
    public var cancelRequested = false
    /// Whether a run left something to go on from.
    public var hasCheckpoint = false
    /// From which epoch on its lines belong to its result.
    public var outputFrom: Int64 = 0

    /// Creates the facts of a record that nobody claimed yet.
    public init(state: WorkState) { self.state = state }
}

/// How a claim ended, as the worker, or whoever rescued the record, saw it.
public enum JobEnding: Sendable, Hashable {
    /// It ended well.
    case succeeded
    /// It was cut short, not by an eviction, and what it has counts.
    case partial(WorkReason, detail: String)
    /// It was cut short by its worker's being told to stop.
    case evicted(EvictionPolicy, detail: String)
    /// It was claimed and did not begin.
    case unstarted
    /// It did not begin, because this machine could not let it; it waits so long and runs then, here or elsewhere.
    case postponed(detail: String, delay: Duration)
    /// It failed; it is tried again after the delay where attempts are left, and where there is a delay.
    case failed(detail: String, retryAfter: Duration?)
    /// Somebody cancelled it.
    case cancelled(detail: String)
    /// Its process died: with its worker, or alone by a SIGKILL that was not ours.
    case lost(detail: String)
    /// Nobody may ever deliver it; its payload is kept.
    case refused(detail: String)
    /// Its group's deadline passed.
    case deadline
}

/// What becomes of a record whose claim ended.
public struct RecordChange: Sendable, Hashable {
    /// Its new state; never one that is held.
    public var state: WorkState
    /// How long it waits, where it is ``WorkState/scheduled``.
    public var delay = Duration.zero
    /// Whether it is due when it was due before, so that it does not go behind all that came meanwhile.
    public var keepsPlace = false
    /// Why.
    public var reason: WorkReason?
    /// Why, in words.
    public var detail: String?
    /// The new counter; see ``RecordFacts/attempt``.
    public var attempt: Int
    /// The new counter; see ``RecordFacts/losses``.
    public var losses: Int
    /// The new counter; see ``RecordFacts/evictions``.
    public var evictions: Int
    /// From which epoch on its lines belong to its result.
    public var outputFrom: Int64

    /// Creates a change that leaves the counters as they are.
    public init(_ facts: RecordFacts, to state: WorkState) {
        self.state = state
        attempt = facts.attempt
        losses = facts.losses
        evictions = facts.evictions
        outputFrom = facts.outputFrom
    }
}

/// Decides a record's way: what a claim, an ending, a cancellation or another attempt make of it.
///
/// Stores write what it says; they have no rules of their own.
public struct RecordStateMachine: Sendable {
    /// What is known.
    public private(set) var facts: RecordFacts

    /// Creates a machine over a record's facts.
    public init(_ facts: RecordFacts) { self.facts = facts }

    /// The state of a record when it is accepted.
    ///
    /// - Parameters:
    ///   - waits: Whether it waits for a group, a record or its lane.
    ///   - delay: How long it waits for an instant.
    public static func accepted(waits: Bool, delay: Duration) -> WorkState {
        if waits { return .blocked }
        return delay > .zero ? .scheduled : .ready
    }

    /// A worker takes it.
    ///
    /// - Returns: Whether it may.
    public mutating func claim() -> Bool {
        switch facts.state {
        case .ready:
            facts.state = .running
            facts.epoch += 1
            facts.attempt += 1
            return true
        case .blocked, .scheduled, .running, .stopping, .succeeded, .partial, .failed, .cancelled, .dead:
            return false
        }
    }

    /// Its claim ended.
    ///
    /// - Returns: What becomes of it, or `nil` where nobody had it.
    public mutating func ended(_ ending: JobEnding) -> RecordChange? {
        switch facts.state {
        case .blocked, .scheduled, .ready, .succeeded, .partial, .failed, .cancelled, .dead: return nil
        case .running, .stopping: break
        }
        let change = facts.cancelRequested ? afterCancelRequest(ending) : decide(ending)
        apply(change)
        return change
    }

    /// Somebody cancels it.
    public enum CancelAction: Sendable, Hashable {
        /// It is cancelled.
        case cancelled(RecordChange)
        /// Whoever has it is asked.
        case ask
        /// It is over.
        case refuse
    }

    /// Somebody cancels it, or what it waited for did not end well.
    public mutating func cancel(_ reason: WorkReason, detail: String) -> CancelAction {
        switch facts.state {
        case .blocked, .scheduled, .ready:
            var change = RecordChange(facts, to: .cancelled)
            change.reason = reason
            change.detail = detail
            apply(change)
            return .cancelled(change)
        case .running, .stopping:
            facts.cancelRequested = true
            return .ask
        case .succeeded, .partial, .failed, .cancelled, .dead:
            return .refuse
        }
    }

    /// Its group's deadline passed.
    ///
    /// - Returns: What becomes of it, or `nil` where it is over.
    public mutating func deadlinePassed() -> RecordChange? {
        switch facts.state {
        case .blocked, .scheduled, .ready:
            guard case .cancelled(let change) = cancel(.deadline, detail: "its group's deadline passed") else {
                return nil
            }
            return change
        case .running, .stopping: return ended(.deadline)
        case .succeeded, .partial, .failed, .cancelled, .dead: return nil
        }
    }

    /// It has to make room in its lane.
    ///
    /// - Returns: What becomes of it, or `nil` where it does not wait.
    public mutating func overflowed() -> RecordChange? {
        switch facts.state {
        case .blocked, .scheduled, .ready:
            let change = end(.dead, .overflow, "its lane was full")
            apply(change)
            return change
        case .running, .stopping, .succeeded, .partial, .failed, .cancelled, .dead: return nil
        }
    }

    /// Somebody lets it run again.
    ///
    /// - Returns: What becomes of it, or `nil` where it is not over.
    public mutating func retry() -> RecordChange? {
        switch facts.state {
        case .blocked, .scheduled, .ready, .running, .stopping: return nil
        case .succeeded, .partial, .failed, .cancelled, .dead:
            var change = RecordChange(facts, to: .ready)
            change.attempt = 0
            change.losses = 0
            change.outputFrom = restart
            facts.cancelRequested = false
            apply(change)
            return change
        }
    }

    // MARK: decisions

    /// Where the lines of the next run begin: a run that goes on from a checkpoint goes on with the lines too.
    private var restart: Int64 { facts.hasCheckpoint ? facts.outputFrom : facts.epoch + 1 }

    private mutating func apply(_ change: RecordChange) {
        facts.state = change.state
        facts.attempt = change.attempt
        facts.losses = change.losses
        facts.evictions = change.evictions
        facts.outputFrom = change.outputFrom
    }

    /// An ending after somebody asked for the cancellation: what was done stands, nothing runs again.
    private func afterCancelRequest(_ ending: JobEnding) -> RecordChange {
        switch ending {
        case .succeeded, .partial, .refused, .deadline: return decide(ending)
        case .evicted, .unstarted, .postponed, .failed, .cancelled, .lost:
            var change = RecordChange(facts, to: .cancelled)
            change.reason = .requested
            if case .lost = ending { change.losses += 1 }
            if case .cancelled(let detail) = ending { change.detail = detail }
            return change
        }
    }

    private func decide(_ ending: JobEnding) -> RecordChange {
        switch ending {
        case .succeeded: return RecordChange(facts, to: .succeeded)
        case .partial(let reason, let detail): return end(.partial, reason, detail)
        case .evicted(let policy, let detail): return evicted(policy, detail)
        case .unstarted: return givenBack(nil)
        case .postponed(let detail, let delay):
            var change = givenBack(.error)
            change.state = delay > .zero ? .scheduled : .ready
            change.delay = max(.zero, delay)
            change.keepsPlace = delay <= .zero
            change.detail = detail
            return change
        case .failed(let detail, let retryAfter): return failed(detail, retryAfter)
        case .cancelled(let detail): return end(.cancelled, .requested, detail)
        case .lost(let detail): return lost(detail)
        case .refused(let detail): return end(.dead, .error, detail)
        case .deadline: return end(.partial, .deadline, "its group's deadline passed")
        }
    }

    private func end(_ state: WorkState, _ reason: WorkReason, _ detail: String) -> RecordChange {
        var change = RecordChange(facts, to: state)
        change.reason = reason
        change.detail = detail
        return change
    }

    /// Ready again as if this claim had never been.
    private func givenBack(_ reason: WorkReason?) -> RecordChange {
        var change = RecordChange(facts, to: .ready)
        change.attempt = max(0, facts.attempt - 1)
        change.reason = reason
        change.keepsPlace = true
        return change
    }

    private func evicted(_ policy: EvictionPolicy, _ detail: String) -> RecordChange {
        var change: RecordChange
        switch policy {
        case .finalize where !facts.awaitsRemainder:
            change = end(.partial, .eviction, detail)
        case .finalize, .continue:
            change = givenBack(.eviction)
        case .finish, .requeue:
            change = givenBack(.eviction)
            change.outputFrom = restart
        }
        change.detail = detail
        change.evictions += 1
        return change
    }

    private func failed(_ detail: String, _ retryAfter: Duration?) -> RecordChange {
        guard let retryAfter, facts.attempt < facts.attemptsMax else { return end(.failed, .error, detail) }
        var change = end(retryAfter > .zero ? .scheduled : .ready, .error, detail)
        change.delay = max(.zero, retryAfter)
        change.outputFrom = restart
        return change
    }

    private func lost(_ detail: String) -> RecordChange {
        let losses = facts.losses + 1
        var change: RecordChange
        switch facts.onLost {
        case .finalize: change = end(.partial, .workerLost, detail)
        case .fail: change = end(.failed, .workerLost, detail)
        case .requeue:
            if let most = facts.lossesMax, losses >= max(1, most) {
                let count = losses == 1 ? "1 loss" : "\(losses) losses"
                let last = detail.isEmpty ? "" : "; the last: \(detail)"
                change = end(.dead, .workerLost, "abandoned after \(count)\(last)")
                // Whatever its runs found is kept, also what a lost one found.
                change.outputFrom = 0
            } else {
                change = givenBack(.workerLost)
                change.detail = detail
                change.outputFrom = restart
            }
        }
        change.losses = losses
        return change
    }
}
