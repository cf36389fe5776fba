import LastCall

/// Plays a stop through the lifecycle's own machine, in virtual time and without tasks: the same script always gives the same
/// timeline, in microseconds.
package struct Rehearsal {
    /// How a scripted member behaves.
    package struct Script: Sendable {
        /// Its name.
        package var name: String
        /// Its stage, counted in the order of the stop.
        package var stage: Int
        /// How long it takes to become ready; `nil` never.
        package var readyAfter: Duration? = .zero
        /// How long after its start it ends by itself; `nil` never.
        package var endsAfterStart: Duration?
        /// How long after being told it ends; `nil` not before it is cancelled.
        package var endsAfterTold: Duration?
        /// How long after being cancelled it ends; `nil` never.
        package var endsAfterCancelled: Duration? = .zero
        /// What it throws when it ends; `nil` nothing.
        package var error: String?
        /// What an early end means.
        package var endPolicy = Member.EndPolicy.stop
        /// What an early failure means.
        package var failurePolicy = Member.EndPolicy.stop
        /// Whether its failure to stop is reported only.
        package var isBestEffort = false

        package init(_ name: String, stage: Int, endsAfterTold: Duration? = .zero) {
            self.name = name
            self.stage = stage
            self.endsAfterTold = endsAfterTold
        }
    }

    /// What comes from outside.
    package enum Input: Sendable {
        /// SIGTERM, or a call.
        case stop(ShutdownCause, Shutdown.Urgency)
        /// SIGINT.
        case interrupt(ShutdownCause)
    }

    /// Something that will happen.
    private struct Due {
        /// What.
        enum What {
            case input(Input)
            case ready(Int)
            case ends(Int, MemberEnd)
            case alarm(Duration)
        }

        /// When.
        var at: Duration
        /// The order of what happens at the same instant.
        var order: Int
        /// What.
        var what: What
    }

    /// The machine.
    package private(set) var machine: LifecycleStateMachine
    /// What happened so far.
    package private(set) var timeline: Timeline
    /// Everything the machine asked for, with its instant.
    package private(set) var actions: [(at: Duration, action: LifecycleStateMachine.Action)] = []
    /// The time.
    package private(set) var now = Duration.zero

    private let scripts: [Script]
    private let stages: [StageSpec]
    private var due: [Due] = []
    private var nextOrder = 0
    private var alarm: Duration?
    private var hasEnded: Set<Int> = []
    /// How late an alarm comes, at most; the machine is not promised a punctual one.
    private let alarmLateness: () -> Duration

    package init(
        scripts: [Script], stages: [StageSpec], startTimeout: Duration = .seconds(60), tick: Duration = .seconds(1),
        alarmLateness: @escaping () -> Duration = { .zero }
    ) {
        self.scripts = scripts
        self.stages = stages
        self.alarmLateness = alarmLateness
        self.timeline = Timeline(tick: tick)
        self.machine = LifecycleStateMachine(
            members: scripts.map {
                MemberSpec(
                    name: $0.name, stage: $0.stage, endPolicy: $0.endPolicy, failurePolicy: $0.failurePolicy,
                    isBestEffort: $0.isBestEffort)
            }, stages: stages, startTimeout: startTimeout)
    }

    /// Plans something from outside.
    package mutating func at(_ instant: Duration, _ input: Input) { plan(.input(input), at: instant) }

    /// Plays until nothing is left to happen.
    ///
    /// - Parameter afterEachAction: Called after every action; return `false` to stop right there, as a crash would.
    package mutating func play(_ afterEachAction: (Rehearsal) -> Bool = { _ in true }) {
        guard perform(machine.start(at: now), afterEachAction) else { return }
        // What a script can cause is finite, but a wrong machine may ask for alarms for ever.
        for _ in 0..<10_000 {
            guard let index = due.indices.min(by: { (due[$0].at, due[$0].order) < (due[$1].at, due[$1].order) }) else {
                return
            }
            let next = due.remove(at: index)
            now = max(now, next.at)
            guard perform(happen(next.what), afterEachAction) else { return }
        }
        preconditionFailure("the rehearsal does not end")
    }

    private mutating func plan(_ what: Due.What, at instant: Duration) {
        due.append(Due(at: instant, order: nextOrder, what: what))
        nextOrder += 1
    }

    private mutating func happen(_ what: Due.What) -> [LifecycleStateMachine.Action] {
        switch what {
        case .input(.stop(let cause, let urgency)): return machine.stop(cause, urgency: urgency, at: now)
        case .input(.interrupt(let cause)): return machine.interrupt(cause, at: now)
        case .ready(let member): return machine.memberReady(member, at: now)
        case .alarm(let instant): return alarm == instant ? machine.alarm(at: now) : []
        case .ends(let member, let end):
            guard hasEnded.insert(member).inserted else { return [] }
            let error: String? =
                switch end {
                case .returned: nil
                case .threw(let text, let isCancellation): isCancellation ? nil : text
                }
            timeline.append(LifecycleEvent(.memberEnded(scripts[member].name, error: error), at: now))
            return machine.memberEnded(member, end, at: now)
        }
    }

    private mutating func perform(
        _ actions: [LifecycleStateMachine.Action], _ afterEachAction: (Rehearsal) -> Bool
    ) -> Bool {
        for action in actions {
            self.actions.append((now, action))
            follow(action)
            guard afterEachAction(self) else { return false }
        }
        return true
    }

    private mutating func follow(_ action: LifecycleStateMachine.Action) {
        switch action {
        case .start(let members):
            for member in members {
                note(.memberStarted(scripts[member].name))
                if let delay = scripts[member].readyAfter { plan(.ready(member), at: now + delay) }
                if let delay = scripts[member].endsAfterStart { plan(.ends(member, end(member)), at: now + delay) }
            }
        case .tell(let members, let urgency, cancelAt: _, endAt: _):
            for member in members {
                note(.memberTold(scripts[member].name, urgency))
                if let delay = scripts[member].endsAfterTold { plan(.ends(member, end(member)), at: now + delay) }
            }
        case .cancel(let members):
            for member in members {
                note(.memberCancelled(scripts[member].name))
                guard let delay = scripts[member].endsAfterCancelled else { continue }
                plan(.ends(member, .threw("CancellationError()", isCancellation: true)), at: now + delay)
            }
        case .abandon(let members): for member in members { note(.memberAbandoned(scripts[member].name)) }
        case .wake(let instant):
            alarm = instant
            if let instant { plan(.alarm(instant), at: max(now, instant) + alarmLateness()) }
        case .ready: note(.ready)
        case .stopBegan(let cause): note(.stopBegan(cause))
        case .noted(let cause): note(.causeNoted(cause))
        case .stageBegan(let stage): note(.stageBegan(stages[stage].name))
        case .stageEnded(let stage): note(.stageEnded(stages[stage].name))
        case .finish: note(.finished(.clean))
        }
    }

    private func end(_ member: Int) -> MemberEnd {
        scripts[member].error.map { .threw($0, isCancellation: false) } ?? .returned
    }

    private mutating func note(_ kind: LifecycleEvent.Kind) { timeline.append(LifecycleEvent(kind, at: now)) }
}
