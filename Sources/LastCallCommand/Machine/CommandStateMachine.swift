import LastCallWork

/// One command from its start to its end: running, stopping, killing, finished.
///
/// ```
/// running ── stop ──► stopping ── due ──► killing ──► finished
///    │                   └── all gone ───────────────────▲
///    ├── leader lost ──────────────────────► killing      │
///    ├── leader gone, pipes ended ────────────────────────┤
///    └── the same by SIGTERM ──► doubtful ────────────────┘
/// ```
/// Where what is left is to be ended too, the last two go by way of stopping, for no reason.
///
/// The leader stays unreaped until `finish`, so its number and its group's stay ours; the owner sends SIGKILL to the group
/// before it reaps, whatever the way here. Times are the owner's monotonic clock.
struct CommandStateMachine {
    /// What the owner is to do.
    ///
    /// One event asks for one thing; the owner reports back where that is an event again.
    enum Action: Equatable {
        /// Nothing.
        case none
        /// Send the stop signal to the group and to every process that left it.
        case terminate
        /// Count who is alive, and report ``CommandStateMachine/surveyed(alive:at:)``.
        case survey
        /// Send SIGKILL to the group and to every process that left it, and report how many were alive.
        case kill
        /// Sum up the tree's memory, and report ``CommandStateMachine/memorySampled(bytes:at:)``.
        case sample
        /// Read the pipes until they are empty, and report ``CommandStateMachine/drained(at:)``.
        case drain
        /// SIGKILL to the group, reap the leader, close everything, tell the result.
        case finish(CommandEnding)
    }

    /// What a command is doing.
    private enum State {
        case running(Running)
        case doubtful(Doubtful)
        case stopping(Stopping)
        case killing(Killing)
        case finished
    }

    /// Nothing was asked of it yet.
    private struct Running {
        /// When its time limit ends.
        var timeoutAt: Duration?
        /// When its memory is looked at next.
        var sampleAt: Duration?
        /// When an eviction that lets it finish stops it after all.
        var evictAt: Duration?
        /// When the member that runs it is abandoned, once that is known.
        var memberEndsAt: Duration?
        /// Whether the process around it was stopping when the leader ended.
        var endedBesideStop = false
    }

    /// It died of a signal that asks to stop and that we did not send: our own order may be on its way.
    private struct Doubtful {
        /// When it is believed to have died of its own affairs.
        var until: Duration
    }

    /// The stop signal is out.
    private struct Stopping {
        /// Why; `nil` where the leader had ended by itself and what it left behind is told to end as well.
        var reason: StopReason?
        /// Since when.
        var since: Duration
        /// When SIGKILL is due.
        var killAt: Duration
        /// When the member that runs it is abandoned, where that is known.
        var memberEndsAt: Duration?
        /// Whether the stop signal is held back until somebody is found alive.
        var isUntold = false
        /// When to look again who is alive; only once the leader is gone.
        var surveys = Backoff()
    }

    /// SIGKILL is out.
    private struct Killing {
        /// Why, or `nil` where the leader was lost.
        var reason: StopReason?
        /// Since when the command was being stopped.
        var since: Duration?
        /// Whether something was alive when SIGKILL was due.
        var foundAlive = false
        /// Whether nobody is left but the leader's remains.
        var isTreeGone = false
        /// When to look again who is alive.
        var surveys = Backoff()
        /// When what cannot be killed is left behind.
        var giveUpAt: Duration
        /// Whether that time has come.
        var isAbandoned = false
    }

    /// Growing pauses between looks at a dying tree: 1 ms, 2 ms, … 50 ms.
    private struct Backoff {
        /// The next look.
        var at: Duration?
        /// The pause before it.
        var pause = Duration.milliseconds(1)

        mutating func again(_ now: Duration) {
            at = now + pause
            pause = min(pause * 2, .milliseconds(50))
        }
    }

    private let settings: CommandSettings
    private var state: State
    /// The leader's end, once it ended.
    private var leader: CommandExitStatus?
    /// The streams that have not ended.
    private var openPipes: Set<OutputStream>
    /// The signal that the command's owner sent last, of those that can end it.
    private var sentByOwner: Int32?

    init(settings: CommandSettings, openPipes: Set<OutputStream>, startedAt now: Duration) {
        self.settings = settings
        self.openPipes = openPipes
        state = .running(
            Running(
                timeoutAt: settings.timeLimit.map { now + $0 },
                sampleAt: settings.memoryLimit == nil ? nil : now + settings.sampleInterval))
    }

    /// When ``timerFired(at:)`` is due, or `nil` where only an event can move the command.
    var timerAt: Duration? {
        switch state {
        case .running(let running):
            [running.timeoutAt, running.evictAt, running.sampleAt].compactMap { $0 }.min()
        case .doubtful(let doubtful): doubtful.until
        case .stopping(let stopping): min(stopping.killAt, stopping.surveys.at ?? stopping.killAt)
        case .killing(let killing): min(killing.giveUpAt, killing.surveys.at ?? killing.giveUpAt)
        case .finished: nil
        }
    }

    /// Whether nothing more can happen.
    var isFinished: Bool {
        if case .finished = state { true } else { false }
    }
}

// MARK: - Orders

extension CommandStateMachine {
    /// The process was told to stop, or reminded of it with less time.
    mutating func evicted(_ notice: EvictionNotice, at now: Duration) -> Action {
        switch state {
        case .running(var running):
            guard settings.evictionPolicy == .finish, !notice.isUrgent else {
                return beginStop(.eviction, memberEndsAt: notice.memberEndsAt, at: now)
            }
            running.memberEndsAt = notice.memberEndsAt
            running.evictAt = notice.cancelAt
            state = .running(running)
            return .none
        case .stopping(var stopping):
            stopping.memberEndsAt = notice.memberEndsAt ?? stopping.memberEndsAt
            stopping.killAt = min(stopping.killAt, killDue(memberEndsAt: notice.memberEndsAt, at: now))
            state = .stopping(stopping)
            return .none
        case .doubtful: return conclude(.eviction, at: now)
        case .killing, .finished: return .none
        }
    }

    /// Somebody other than the lifecycle wants it stopped; the first reason stands.
    mutating func stopRequested(_ reason: StopReason, at now: Duration) -> Action {
        switch state {
        case .running(let running): beginStop(reason, memberEndsAt: running.memberEndsAt, at: now)
        case .doubtful: conclude(reason, at: now)
        case .stopping, .killing, .finished: .none
        }
    }

    /// Somebody wants SIGKILL now; the first reason stands.
    mutating func killRequested(_ reason: StopReason, at now: Duration) -> Action {
        switch state {
        case .running(let running):
            return beginKilling(reason, since: now, memberEndsAt: running.memberEndsAt, at: now)
        case .stopping(let stopping):
            return beginKilling(stopping.reason, since: stopping.since, memberEndsAt: stopping.memberEndsAt, at: now)
        case .doubtful:
            return settings.endsWhatIsLeft
                ? beginKilling(reason, since: now, memberEndsAt: nil, at: now) : finish(reason, at: now)
        case .killing, .finished: return .none
        }
    }

    /// The owner of the command sent a signal of their own; a death by it is of our making.
    mutating func signalSent(_ signal: Int32) {
        guard !CommandSettings.harmlessSignals.contains(signal) else { return }
        sentByOwner = signal
    }
}

// MARK: - Facts

extension CommandStateMachine {
    /// The leader ended; it is not reaped.
    ///
    /// - Parameter isProcessStopping: Whether the process around the command is known to be stopping.
    mutating func leaderExited(_ status: CommandExitStatus, isProcessStopping: Bool, at now: Duration) -> Action {
        leader = status
        switch state {
        case .running(var running):
            // Whoever is left works for nobody, and the job is to run again at once.
            if status.isLoss, !isOwners(status) {
                return beginKilling(nil, since: nil, memberEndsAt: running.memberEndsAt, at: now)
            }
            running.endedBesideStop = isProcessStopping
            state = .running(running)
            return openPipes.isEmpty ? settle(running, at: now) : .none
        case .stopping: return .survey
        case .killing(let killing): return advance(killing, at: now)
        case .doubtful, .finished: preconditionFailure("leaderExited twice")
        }
    }

    /// A stream ended: nobody holds its writing end any more.
    mutating func pipeEnded(_ stream: OutputStream, at now: Duration) -> Action {
        openPipes.remove(stream)
        switch state {
        case .running(let running): return leader != nil && openPipes.isEmpty ? settle(running, at: now) : .none
        case .stopping: return leader != nil && openPipes.isEmpty ? .survey : .none
        case .killing(let killing): return advance(killing, at: now)
        case .doubtful, .finished: return .none
        }
    }

    /// Who is alive was counted; in killing, before the signal went out.
    mutating func surveyed(alive: Int, at now: Duration) -> Action {
        switch state {
        case .stopping(var stopping):
            guard alive > 0 else {
                let killing = Killing(
                    reason: stopping.reason, since: stopping.since, isTreeGone: true,
                    giveUpAt: giveUpDue(memberEndsAt: stopping.memberEndsAt, at: now))
                return advance(killing, at: now)
            }
            stopping.surveys.again(now)
            defer { state = .stopping(stopping) }
            guard stopping.isUntold else { return .none }
            stopping.isUntold = false
            return .terminate
        case .killing(var killing):
            killing.foundAlive = killing.foundAlive || alive > 0
            killing.isTreeGone = alive == 0
            if alive > 0 { killing.surveys.again(now) } else { killing.surveys.at = nil }
            return advance(killing, at: now)
        case .running, .doubtful, .finished: return .none
        }
    }

    /// The tree's memory was summed up.
    mutating func memorySampled(bytes: Int, at now: Duration) -> Action {
        guard let limit = settings.memoryLimit, bytes > limit else { return .none }
        return stopRequested(.memory, at: now)
    }

    /// So many bytes were written so far.
    mutating func outputCounted(bytes: Int, at now: Duration) -> Action {
        guard let limit = settings.outputLimit, bytes > limit else { return .none }
        return stopRequested(.outputLimit, at: now)
    }

    /// The pipes were read until they were empty.
    mutating func drained(at now: Duration) -> Action {
        guard case .killing(let killing) = state else { return .none }
        openPipes = []
        return advance(killing, at: now)
    }

    /// A time has come; call it again until it returns `.none`.
    mutating func timerFired(at now: Duration) -> Action {
        switch state {
        case .running(var running):
            if let at = running.timeoutAt, now >= at {
                return beginStop(.timeout, memberEndsAt: running.memberEndsAt, at: now)
            }
            if let at = running.evictAt, now >= at {
                return beginStop(.eviction, memberEndsAt: running.memberEndsAt, at: now)
            }
            guard let at = running.sampleAt, now >= at else { return .none }
            running.sampleAt = now + settings.sampleInterval
            state = .running(running)
            return .sample
        case .doubtful(let doubtful): return now >= doubtful.until ? conclude(nil, at: now) : .none
        case .stopping(var stopping):
            if now >= stopping.killAt {
                return beginKilling(
                    stopping.reason, since: stopping.since, memberEndsAt: stopping.memberEndsAt, at: now)
            }
            guard let at = stopping.surveys.at, now >= at else { return .none }
            stopping.surveys.at = nil
            state = .stopping(stopping)
            return .survey
        case .killing(var killing):
            // The look comes first where both are due: a loop that was late must not give up on the dead.
            if let at = killing.surveys.at, now >= at {
                killing.surveys.at = nil
                state = .killing(killing)
                return .kill
            }
            guard now >= killing.giveUpAt else { return .none }
            killing.isAbandoned = true
            return advance(killing, at: now)
        case .finished: return .none
        }
    }
}

// MARK: - Transitions

extension CommandStateMachine {
    private mutating func beginStop(_ reason: StopReason, memberEndsAt: Duration?, at now: Duration) -> Action {
        let killAt = killDue(memberEndsAt: memberEndsAt, at: now)
        guard killAt > now else {
            return beginKilling(reason, since: now, memberEndsAt: memberEndsAt, at: now)
        }
        var stopping = Stopping(reason: reason, since: now, killAt: killAt, memberEndsAt: memberEndsAt)
        // The leader is gone and somebody it left behind holds a pipe: see soon whether the signal ended that one too.
        if leader != nil { stopping.surveys.again(now) }
        state = .stopping(stopping)
        return .terminate
    }

    private mutating func beginKilling(
        _ reason: StopReason?, since: Duration?, memberEndsAt: Duration?, at now: Duration
    ) -> Action {
        state = .killing(
            Killing(reason: reason, since: since, giveUpAt: giveUpDue(memberEndsAt: memberEndsAt, at: now)))
        return .kill
    }

    /// Goes on with killing as far as the facts allow.
    private mutating func advance(_ killing: Killing, at now: Duration) -> Action {
        state = .killing(killing)
        guard killing.isAbandoned || (leader != nil && killing.isTreeGone) else { return .none }
        guard openPipes.isEmpty else { return .drain }
        return finish(
            killing.reason, since: killing.since, wasKilled: killing.foundAlive,
            isAbandoned: killing.isAbandoned, at: now)
    }

    /// The leader ended by itself and nobody holds a pipe.
    private mutating func settle(_ running: Running, at now: Duration) -> Action {
        guard let leader, leader.asksToStop, !isOwners(leader) else { return conclude(nil, at: now) }
        if running.endedBesideStop { return conclude(.eviction, at: now) }
        state = .doubtful(Doubtful(until: now + settings.doubtWindow))
        return .none
    }

    /// Whether an end is that of the signal that the command's owner sent.
    private func isOwners(_ status: CommandExitStatus) -> Bool {
        guard let sentByOwner else { return false }
        return status == .signalled(sentByOwner) || status == .exited(128 + sentByOwner)
    }

    /// The leader ended by itself; what it left behind is told to end too, and has as long for it as the leader would have had.
    private mutating func conclude(_ reason: StopReason?, at now: Duration) -> Action {
        guard settings.endsWhatIsLeft else { return finish(reason, at: now) }
        state = .stopping(
            Stopping(reason: reason, since: now, killAt: killDue(memberEndsAt: nil, at: now), isUntold: true))
        return .survey
    }

    private mutating func finish(
        _ reason: StopReason?, since: Duration? = nil, wasKilled: Bool = false, isAbandoned: Bool = false,
        at now: Duration
    ) -> Action {
        state = .finished
        let status = leader ?? .unknown
        var reason = reason
        if reason == nil, let sentByOwner, status == .signalled(sentByOwner) { reason = .signalled }
        return .finish(
            CommandEnding(
                status: status, reason: reason, stoppedFor: reason == nil ? nil : since.map { now - $0 },
                wasKilled: wasKilled,
                isAbandoned: isAbandoned))
    }

    private func killDue(memberEndsAt: Duration?, at now: Duration) -> Duration {
        let due = now + settings.killAfter
        guard let memberEndsAt else { return due }
        return max(now, min(due, memberEndsAt - settings.reapAllowance(until: memberEndsAt, at: now)))
    }

    private func giveUpDue(memberEndsAt: Duration?, at now: Duration) -> Duration {
        let due = now + settings.giveUpAfter
        guard let memberEndsAt else { return due }
        return max(now + .milliseconds(50), min(due, memberEndsAt))
    }
}
