/// Decides what a lifecycle does next.
///
/// It holds no clock, no task and no lock. Every event carries the instant at which it happened and returns what the owner has
/// to do, in order. Stages are counted in the order of the stop: the plan starts with the last and stops with the first.
package struct LifecycleStateMachine: Sendable {
    /// What the owner has to do.
    package enum Action: Sendable, Hashable {
        /// Start these members' tasks.
        case start(members: [Int])
        /// All members are ready: announce it.
        case ready
        /// The stop began: read the ledgers, announce it, write the provisional receipt.
        case stopBegan(ShutdownCause)
        /// Another cause was noted.
        case noted(ShutdownCause)
        /// A stage's stop begins.
        case stageBegan(Int)
        /// Tell these members to stop.
        case tell(members: [Int], urgency: Shutdown.Urgency, cancelAt: Duration, endAt: Duration)
        /// Cancel these members' tasks.
        case cancel(members: [Int])
        /// Stop waiting for these members.
        case abandon(members: [Int])
        /// A stage's stop is over.
        case stageEnded(Int)
        /// Call ``LifecycleStateMachine/alarm(at:)`` at this instant; `nil` cancels the alarm.
        case wake(at: Duration?)
        /// The stop is over: write the receipt.
        case finish
    }

    /// Which members are still awaited while the plan starts.
    struct Starting: Sendable {
        /// The stage that is starting.
        var stage: Int
        /// The members that are not ready yet.
        var pending: Set<Int>
        /// When the start counts as failed.
        var deadline: Duration
    }

    /// How far the stop has come.
    struct Stopping: Sendable {
        /// The stage that is being stopped.
        var stage = 0
        /// Whether its members were told.
        var isStageTold = false
        /// When each stage's members are cancelled, at the latest.
        var cancelAt: [Duration]
        /// When each stage ends, at the latest.
        var endAt: [Duration]
    }

    private enum State: Sendable {
        case idle
        case starting(Starting)
        case running
        case stopping(Stopping)
        case finished
    }

    /// The members.
    package let members: [MemberSpec]
    /// The stages, in the order of the stop.
    package let stages: [StageSpec]
    /// How long the members of one stage may take to become ready.
    package let startTimeout: Duration
    /// How long a member has to hand over.
    private let handOverMax: Duration
    /// What happened to each member.
    package private(set) var memberRecords: [MemberRecord]
    /// What happened to each stage.
    package private(set) var stageRecords: [StageRecord]
    /// What is known of the stop, once it began.
    package private(set) var stop: StopRecord?
    private var state = State.idle

    package init(
        members: [MemberSpec], stages: [StageSpec], startTimeout: Duration,
        handOverMax: Duration = PlanArithmetic.handOverMax
    ) {
        self.members = members
        self.stages = stages
        self.startTimeout = startTimeout
        self.handOverMax = handOverMax
        self.memberRecords = Array(repeating: MemberRecord(), count: members.count)
        self.stageRecords = Array(repeating: StageRecord(), count: stages.count)
    }

    /// Whether the stop is over.
    package var isFinished: Bool {
        switch state {
        case .finished: true
        case .idle, .starting, .running, .stopping: false
        }
    }

    /// The stage that is being stopped, with the instant of its end.
    package var stageInProgress: (stage: Int, endAt: Duration)? {
        switch state {
        case .stopping(let stopping): (stopping.stage, stopping.endAt[stopping.stage])
        case .idle, .starting, .running, .finished: nil
        }
    }
}

// MARK: - Start

extension LifecycleStateMachine {
    /// The plan is to start.
    ///
    /// Nothing happens where a stop came first.
    package mutating func start(at now: Duration) -> [Action] {
        switch state {
        case .idle: return startStage(stages.count - 1, at: now)
        case .finished: return []
        case .starting, .running, .stopping: preconditionFailure("start: a lifecycle starts once")
        }
    }

    /// A member is ready.
    package mutating func memberReady(_ member: Int, at now: Duration) -> [Action] {
        memberRecords[member].readyAt = memberRecords[member].readyAt ?? now
        switch state {
        case .starting(var starting):
            starting.pending.remove(member)
            guard starting.pending.isEmpty else {
                state = .starting(starting)
                return []
            }
            return startStage(starting.stage - 1, at: now)
        case .idle, .running, .stopping, .finished: return []
        }
    }

    /// A member says that it will never be ready.
    package mutating func memberWillNotBeReady(_ member: Int, _ error: String, at now: Duration) -> [Action] {
        switch state {
        case .starting(let starting) where starting.pending.contains(member):
            memberRecords[member].missedStart = true
            let detail = "member \"\(members[member].name)\" failed to start: \(error)"
            return stop(ShutdownCause(kind: .startFailure, detail: detail), at: now)
        case .idle, .starting, .running, .stopping, .finished: return []
        }
    }

    /// A member's `run` returned or threw.
    package mutating func memberEnded(_ member: Int, _ end: MemberEnd, at now: Duration) -> [Action] {
        // One that was abandoned stays so: its stage is over, and the receipt already says what it did not finish.
        guard memberRecords[member].isLive else { return [] }
        memberRecords[member].endedAt = now
        memberRecords[member].end = end
        switch state {
        case .starting(let starting) where starting.pending.contains(member):
            return endedWhileStarting(member, end, at: now)
        case .starting: return endedWhileRunning(member, end, at: now)
        case .running: return endedWhileRunning(member, end, at: now)
        case .stopping(let stopping): return advance(stopping, at: now)
        case .finished: return []
        case .idle: preconditionFailure("memberEnded: member \(members[member].name) was never started")
        }
    }

    private mutating func startStage(_ first: Int, at now: Duration) -> [Action] {
        var stage = first
        while stage >= 0 {
            let starting = members.indices.filter { members[$0].stage == stage }
            guard starting.isEmpty else {
                for member in starting { memberRecords[member].startedAt = now }
                let deadline = now + startTimeout
                state = .starting(Starting(stage: stage, pending: Set(starting), deadline: deadline))
                return [.start(members: starting), .wake(at: deadline)]
            }
            stage -= 1
        }
        state = .running
        guard memberRecords.contains(where: \.isLive) else {
            return [.wake(at: nil), .ready] + stopAfterLastMember(at: now)
        }
        return [.wake(at: nil), .ready]
    }

    private mutating func endedWhileStarting(_ member: Int, _ end: MemberEnd, at now: Duration) -> [Action] {
        let spec = members[member]
        switch end {
        case .returned:
            guard spec.endPolicy == .ignore else { return endedWhileRunning(member, end, at: now) }
        case .threw(let error, isCancellation: _):
            guard spec.failurePolicy == .ignore else {
                let cause = ShutdownCause(
                    kind: .startFailure, detail: "member \"\(spec.name)\" failed to start: \(error)")
                return stop(cause, at: now)
            }
        }
        return memberReady(member, at: now)
    }

    private mutating func endedWhileRunning(_ member: Int, _ end: MemberEnd, at now: Duration) -> [Action] {
        let spec = members[member]
        let policy: Member.EndPolicy
        let cause: ShutdownCause
        switch end {
        case .returned:
            policy = spec.endPolicy
            cause = ShutdownCause(kind: .memberEnded, detail: "member \"\(spec.name)\" ended")
        case .threw(let error, isCancellation: _):
            policy = spec.failurePolicy
            cause = ShutdownCause(kind: .memberFailed, detail: "member \"\(spec.name)\" failed: \(error)")
        }
        switch policy.kind {
        case .stop: return stop(cause, at: now)
        case .handOver: return stop(cause, urgency: .handOver, at: now)
        case .ignore: return memberRecords.contains(where: \.isLive) ? [] : stopAfterLastMember(at: now)
        }
    }

    private mutating func stopAfterLastMember(at now: Duration) -> [Action] {
        stop(ShutdownCause(kind: .memberEnded, detail: "every member ended"), at: now)
    }
}

// MARK: - Stop

extension LifecycleStateMachine {
    /// Somebody asks for the stop.
    ///
    /// The first cause is the reason; later ones are noted, and may make it more urgent.
    ///
    /// - Parameter limit: The instant by which everything has to be over, where somebody outside sets one.
    package mutating func stop(
        _ cause: ShutdownCause, urgency: Shutdown.Urgency = .drain, limit: Duration? = nil, at now: Duration
    ) -> [Action] {
        switch state {
        case .idle, .starting, .running:
            stop = StopRecord(cause: cause, startedAt: now, urgency: urgency)
            return [.stopBegan(cause)] + advance(schedule(from: now, limit: limit), at: now)
        case .stopping(var stopping):
            stop?.note(cause)
            let isSooner = limit.map { bring(&stopping, before: $0, at: now) } ?? false
            let isMoreUrgent = urgency == .handOver && stop?.urgency == .drain
            if isMoreUrgent { stop?.urgency = .handOver }
            return [.noted(cause)] + (isSooner || isMoreUrgent ? advance(stopping, at: now) : [])
        case .finished: return []
        }
    }

    /// SIGINT climbs from where the stop is: drain, then hand over now, then exit now.
    package mutating func interrupt(_ cause: ShutdownCause, at now: Duration) -> [Action] {
        switch stop?.urgency {
        case nil: stop(cause, at: now)
        case .drain: stop(cause, urgency: .handOver, at: now)
        case .handOver: force(cause, at: now)
        }
    }

    /// The stop has to be over now: the deadline passed, or a third signal came.
    package mutating func force(_ cause: ShutdownCause, at now: Duration) -> [Action] {
        var actions: [Action] = []
        switch state {
        case .idle, .starting, .running:
            stop = StopRecord(cause: cause, startedAt: now, urgency: .handOver)
            actions.append(.stopBegan(cause))
        case .stopping: stop?.note(cause)
        case .finished: return []
        }
        let live = memberRecords.indices.filter { memberRecords[$0].isLive }
        for member in live { memberRecords[member].abandonedAt = now }
        stop?.isForced = true
        stop?.finishedAt = now
        for stage in stages.indices where stageRecords[stage].beganAt != nil && stageRecords[stage].endedAt == nil {
            stageRecords[stage].endedAt = now
        }
        state = .finished
        return actions + [.abandon(members: live), .wake(at: nil), .finish]
    }

    /// The instant that ``Action/wake(at:)`` asked for has come, or passed.
    package mutating func alarm(at now: Duration) -> [Action] {
        switch state {
        case .starting(let starting):
            guard now >= starting.deadline else { return [.wake(at: starting.deadline)] }
            for member in starting.pending { memberRecords[member].missedStart = true }
            let names = starting.pending.sorted().map { "\"\(members[$0].name)\"" }.joined(separator: ", ")
            let detail = "not ready within \(DurationText.format(startTimeout)): member \(names)"
            return stop(ShutdownCause(kind: .startFailure, detail: detail), at: now)
        case .stopping(let stopping): return advance(stopping, at: now)
        case .idle, .running, .finished: return []
        }
    }

    /// Gives every stage its time from now on.
    private mutating func schedule(from now: Duration, limit: Duration?) -> Stopping {
        var end = now
        var stopping = Stopping(cancelAt: [], endAt: [])
        for (index, stage) in stages.enumerated() {
            end += stage.budget
            stopping.endAt.append(end)
            stopping.cancelAt.append(end - PlanArithmetic.cancellingAllowance(of: stage.budget))
            note(stopping, stage: index)
        }
        if let limit { _ = bring(&stopping, before: limit, at: now) }
        return stopping
    }

    /// Has everything end by `limit`: the stages that are left shrink alike, so that none takes another's time.
    ///
    /// - Returns: Whether anything had to be shortened.
    private mutating func bring(_ stopping: inout Stopping, before limit: Duration, at now: Duration) -> Bool {
        guard let end = stopping.endAt.last, end > limit else { return false }
        let factor = end > now ? max(.zero, limit - now).inSeconds / (end - now).inSeconds : 0
        for stage in stopping.stage..<stages.count {
            stopping.endAt[stage] = now + max(.zero, stopping.endAt[stage] - now).scaled(by: factor)
            stopping.cancelAt[stage] = now + max(.zero, stopping.cancelAt[stage] - now).scaled(by: factor)
            note(stopping, stage: stage)
        }
        return true
    }

    private mutating func note(_ stopping: Stopping, stage: Int) {
        stageRecords[stage].cancelAt = stopping.cancelAt[stage]
        stageRecords[stage].endAt = stopping.endAt[stage]
    }

    /// Takes the stop as far as it goes at this instant.
    private mutating func advance(_ before: Stopping, at now: Duration) -> [Action] {
        var stopping = before
        var actions: [Action] = []
        while stopping.stage < stages.count {
            let stage = stopping.stage
            if !stopping.isStageTold { actions += tell(&stopping, at: now) }
            actions += cancelIfDue(&stopping, at: now)
            let live = liveMembers(of: stage)
            guard live.isEmpty || now >= stopping.endAt[stage] else {
                let isCancelled = live.allSatisfy { memberRecords[$0].cancelledAt != nil }
                actions.append(.wake(at: isCancelled ? stopping.endAt[stage] : stopping.cancelAt[stage]))
                state = .stopping(stopping)
                return actions
            }
            if !live.isEmpty {
                for member in live { memberRecords[member].abandonedAt = now }
                actions.append(.abandon(members: live))
            }
            stageRecords[stage].endedAt = now
            actions.append(.stageEnded(stage))
            stopping.stage += 1
            stopping.isStageTold = false
        }
        state = .finished
        stop?.finishedAt = now
        return actions + [.wake(at: nil), .finish]
    }

    private mutating func tell(_ stopping: inout Stopping, at now: Duration) -> [Action] {
        let stage = stopping.stage
        stopping.isStageTold = true
        stageRecords[stage].beganAt = now
        let live = liveMembers(of: stage)
        guard !live.isEmpty else { return [.stageBegan(stage)] }
        for member in live { memberRecords[member].toldAt = now }
        // Those who are to hand over are told so when they are cancelled, which follows at once.
        guard stop?.urgency == .drain else { return [.stageBegan(stage)] }
        return [
            .stageBegan(stage),
            .tell(members: live, urgency: .drain, cancelAt: stopping.cancelAt[stage], endAt: stopping.endAt[stage]),
        ]
    }

    /// Cancels the stage's members where their time is up, or where everybody hands over.
    private mutating func cancelIfDue(_ stopping: inout Stopping, at now: Duration) -> [Action] {
        let stage = stopping.stage
        let isHandOver = stop?.urgency == .handOver
        guard isHandOver || now >= stopping.cancelAt[stage] else { return [] }
        let due = liveMembers(of: stage).filter { memberRecords[$0].cancelledAt == nil }
        guard !due.isEmpty else { return [] }
        for member in due {
            memberRecords[member].cancelledAt = now
            memberRecords[member].isOverrun = now >= stopping.cancelAt[stage]
        }
        guard isHandOver else { return [.cancel(members: due)] }
        // Never beyond the stage's own end.
        let endAt = min(stopping.endAt[stage], now + min(stages[stage].budget, handOverMax))
        stopping.endAt[stage] = endAt
        note(stopping, stage: stage)
        return [
            .tell(members: due, urgency: .handOver, cancelAt: now, endAt: endAt), .cancel(members: due),
        ]
    }

    private func liveMembers(of stage: Int) -> [Int] {
        members.indices.filter { members[$0].stage == stage && memberRecords[$0].isLive }
    }
}
