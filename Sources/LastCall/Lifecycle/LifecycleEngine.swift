import LastCallConcurrency
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Performs what the machine decides.
///
/// Every event is handled on one thread, the conductor, in the order in which it came, so that actions never overlap. What may
/// block for long, logs and files, is left to the reporter's threads. The machine itself is behind a lock that is held for
/// decisions only: whoever has to write a receipt in an emergency can always read it.
final class LifecycleEngine: Sendable {
    /// What decides, and what the receipt needs besides.
    struct State {
        /// The machine.
        var machine: LifecycleStateMachine
        /// What each ledger said when the stop began.
        var before: [Ledger?]
        /// The exit code of the last receipt, once that is made; from then on nothing changes it.
        var finalExitCode: Int32?
        /// Whether the process exits when the stop is over.
        var exits = false
        /// Whether the process's signals come here.
        var listens = false
        /// When the process exits at the latest, once the last resort is armed.
        var exitAt: ContinuousClock.Instant?
    }

    /// Opens with the receipt when the stop is over.
    let finished = Latch<Receipt>()

    private let plan: ShutdownPlan
    private let clock: any AlarmSource
    let runs: [MemberRun]
    private let news: LifecycleNews
    private let reporter: LifecycleReporter
    private let builder: ReceiptBuilder
    let state: Mutex<State>
    private let conductor = SerialThread(name: "lastcall-stages")
    private let hardDeadline = Watchdog.shared.makeAlarm()
    private let onEvent: (@Sendable (LifecycleEvent) -> Void)?
    private let exitCode: (@Sendable (Receipt) -> Int32)?
    private let drainsOnQuit: Bool

    init(plan: ShutdownPlan, configuration: Lifecycle.Configuration) {
        let clock = makeAlarmSource(configuration.clock)
        let members = plan.stages.enumerated().flatMap { index, stage in stage.members.map { (index, $0) } }
        self.plan = plan
        self.clock = clock
        self.onEvent = configuration.onEvent
        self.exitCode = configuration.exitCode
        self.drainsOnQuit = configuration.drainsOnQuit
        let news = LifecycleNews(platform: plan.platform, preStop: plan.arithmetic.preStop)
        self.news = news
        self.runs = members.map { MemberRun(member: $0.1, news: news, now: { clock.now }) }
        self.state = Mutex(
            State(
                machine: LifecycleStateMachine(
                    members: members.map { stage, member in
                        MemberSpec(
                            name: member.name, stage: stage, endPolicy: member.endPolicy,
                            failurePolicy: member.failurePolicy, isBestEffort: member.isBestEffort)
                    },
                    stages: zip(plan.stages, plan.arithmetic.budgets).map { StageSpec(name: $0.name, budget: $1) },
                    startTimeout: plan.startTimeout, handOverMax: configuration.handOverMax),
                before: members.map { _ in nil }))
        self.builder = ReceiptBuilder(
            name: configuration.name, arithmetic: plan.arithmetic, platform: plan.platform.name,
            epochMilliseconds: Timestamp.nowMilliseconds - Int64(clock.now.inSeconds * 1000))
        self.reporter = LifecycleReporter(plan: plan, configuration: configuration)
    }

    // MARK: Events

    /// Starts the plan; the members inherit the caller's task-locals.
    func start() {
        runs.indices.forEach(prepare)
        post { engine in
            engine.reporter.starting()
            engine.handle { $0.start(at: $1) }
        }
    }

    func stop(_ cause: ShutdownCause, urgency: Shutdown.Urgency = .drain, limit: Duration? = nil) {
        armHardDeadline()
        post { engine in
            let limit = limit.map { engine.clock.now + $0 }
            engine.handle { $0.stop(cause, urgency: urgency, limit: limit, at: $1) }
        }
    }

    /// The lifecycle around this one stops; this one has to be over a little before it.
    func stopWithParent(_ parent: ShutdownScope?) {
        // Told to hand over, it is cancelled at once and has until its stage's end, as `cancelled` says in the same moment.
        let isHandOver = parent?.snapshot.urgency == .handOver
        let limit = parent?.remaining(until: isHandOver ? \.endAt : \.cancelAt)
        stop(Self.parentCause(parent), limit: limit)
    }

    /// The running task was cancelled: by the lifecycle around this one, or by somebody who wants no grace.
    func cancelled(_ parent: ShutdownScope?) {
        let isParents = parent?.snapshot.urgency != nil
        let cause =
            isParents
            ? Self.parentCause(parent)
            : ShutdownCause(kind: .cancelled, detail: "the task was cancelled: stopped at once, not gracefully")
        stop(cause, urgency: .handOver, limit: parent?.remaining(until: \.endAt))
    }

    private static func parentCause(_ parent: ShutdownScope?) -> ShutdownCause {
        let reason = parent?.snapshot.cause.map { ": \($0.description)" } ?? ""
        return ShutdownCause(kind: .parent, detail: "the lifecycle around it stops\(reason)")
    }

    /// Acts on the process's signals from now on, those included that came before.
    func listen(_ signals: ProcessSignals) {
        defer {
            // Stopped before it ran: nobody would hear what comes.
            if let code = state.withLock({ $0.finalExitCode }) { SignalCenter.shared.end(exitCode: code) }
        }
        state.withLock { $0.listens = true }
        SignalCenter.shared.listen { [self] signal in
            switch signal.number {
            case SIGINT:
                armHardDeadline()
                post { engine in engine.handle { $0.interrupt(signal.cause, at: $1) } }
            case SIGQUIT: stop(signal.cause, urgency: drainsOnQuit && signal.pid != nil ? .drain : .handOver)
            case SIGTERM, SIGHUP: stop(signal.cause)
            default: break
            }
        }
    }

    /// The process is to exit when the stop is over, and at the deadline in any case.
    func exitsWhenFinished(_ signals: ProcessSignals) {
        state.withLock { $0.exits = true }
        listen(signals)
    }

    // MARK: Decisions

    /// Has the conductor do something with this engine.
    private func post(_ body: @escaping @Sendable (LifecycleEngine) -> Void) {
        conductor.perform { [self] in body(self) }
    }

    /// Has the machine decide, and performs what it decided.
    ///
    /// Runs on the conductor.
    private func handle(_ event: (inout LifecycleStateMachine, Duration) -> [LifecycleStateMachine.Action]) {
        let now = clock.now
        let actions = state.withLock { event(&$0.machine, now) }
        for action in actions { perform(action, at: now) }
    }

    private func perform(_ action: LifecycleStateMachine.Action, at now: Duration) {
        switch action {
        case .start(let members):
            for member in members {
                emit(.memberStarted(runs[member].member.name), at: now)
                runs[member].start.open(true)
            }
        case .ready:
            // Who reads that it is ready may ask in the same moment.
            news.up.open()
            emit(.ready, at: now)
            reporter.ready()
        case .stopBegan(let cause): stopBegan(cause, at: now)
        case .noted(let cause):
            emit(.causeNoted(cause), at: now)
            giveTimes(state.withLock { $0.machine })
            reporter.noted(cause)
        case .stageBegan(let stage):
            emit(.stageBegan(plan.stages[stage].name), at: now)
            reporter.stageBegan(stage)
        case .tell(let members, let urgency, let cancelAt, let endAt):
            for member in members {
                emit(.memberTold(runs[member].member.name, urgency), at: now)
                runs[member].tell(urgency, cancelAt: cancelAt, endAt: endAt)
            }
        case .cancel(let members):
            for member in members {
                emit(.memberCancelled(runs[member].member.name), at: now)
                runs[member].cancel()
            }
            let machine = state.withLock { $0.machine }
            reporter.overran(members.filter { machine.memberRecords[$0].isOverrun }, runs: runs)
        case .abandon(let members):
            for member in members { emit(.memberAbandoned(runs[member].member.name), at: now) }
            reporter.abandoned(members, runs: runs)
        case .stageEnded(let stage):
            emit(.stageEnded(plan.stages[stage].name), at: now)
            let machine = state.withLock { $0.machine }
            reporter.stageEnded(stage, receipt: provisional(machine), remaining: remaining(machine, at: now))
        case .wake(let instant):
            clock.wake(at: instant) { [self] in post { engine in engine.handle { $0.alarm(at: $1) } } }
        case .finish: finish(at: now)
        }
    }

    private func prepare(_ member: Int) {
        let name = runs[member].member.name
        runs[member].prepare(
            onReady: { [self] error in
                post { engine in
                    if let error {
                        let text = String(String(describing: error).prefix(ReceiptBuilder.errorLengthMax))
                        engine.handle { $0.memberWillNotBeReady(member, text, at: $1) }
                    } else {
                        engine.emit(.memberReady(name), at: engine.clock.now)
                        engine.handle { $0.memberReady(member, at: $1) }
                    }
                }
            },
            onEnd: { [self] end in
                post { engine in
                    engine.emit(.memberEnded(name, error: Self.errorText(end)), at: engine.clock.now)
                    engine.handle { $0.memberEnded(member, end, at: $1) }
                }
            })
    }

    private static func errorText(_ end: MemberEnd) -> String? {
        switch end {
        case .returned: nil
        case .threw(let text, let isCancellation): isCancellation ? nil : text
        }
    }

    private func emit(_ kind: LifecycleEvent.Kind, at now: Duration) { onEvent?(LifecycleEvent(kind, at: now)) }

    // MARK: Stop

    private func stopBegan(_ cause: ShutdownCause, at now: Duration) {
        armHardDeadline()
        let before = runs.map { $0.ledger?.ledger }
        let machine = state.withLock { state in
            state.before = before
            return state.machine
        }
        giveTimes(machine)
        news.began.open(cause)
        emit(.stopBegan(cause), at: now)
        reporter.stopBegan(
            cause, receipt: provisional(machine), remaining: plan.arithmetic.available,
            live: { [self] in provisional(state.withLock { $0.machine })() })
    }

    /// Lets every member know until when it has time.
    private func giveTimes(_ machine: LifecycleStateMachine) {
        guard let cause = machine.stop?.cause else { return }
        for (index, (run, member)) in zip(runs, machine.members).enumerated() {
            let record = machine.stageRecords[member.stage]
            // Whoever is cancelled is told its time with that.
            guard machine.memberRecords[index].cancelledAt == nil else {
                run.scope.stopBegan(cause: cause)
                continue
            }
            guard let cancelAt = record.cancelAt, let endAt = record.endAt else { continue }
            run.scope.stopBegan(cause: cause, cancelAt: cancelAt, endAt: endAt)
        }
    }

    private func remaining(_ machine: LifecycleStateMachine, at now: Duration) -> Duration {
        guard let stop = machine.stop else { return plan.arithmetic.available }
        return max(.zero, stop.startedAt + plan.arithmetic.available - now)
    }

    /// A receipt as it stands when it is asked for, which is on a thread of the reporter's.
    private func provisional(_ machine: LifecycleStateMachine) -> @Sendable () -> Receipt {
        { [self] in receipt(machine, at: clock.now) }
    }

    private func receipt(_ machine: LifecycleStateMachine, at now: Duration) -> Receipt {
        let before = state.withLock { $0.before }
        let ledgers = runs.enumerated().map { index, run -> ReceiptBuilder.LedgerPair? in
            guard let reporting = run.ledger else { return nil }
            let after = reporting.ledger
            var pair = ReceiptBuilder.LedgerPair(before: before[index] ?? after, after: after)
            let record = machine.memberRecords[index]
            guard !record.isLive else { return pair }
            pair.remarks = reporting.remarks
            // Labels are only asked for where something is lost.
            pair.items += Self.cutItems(of: reporting, since: pair.before, itemsMax: ReceiptBuilder.cutItemsMax)
            if after.held > after.stored { pair.items += reporting.heldItems(itemsMax: ReceiptBuilder.cutItemsMax) }
            return pair
        }
        var builder = builder
        builder.notes = reporter.notes
        return passedOn(builder.receipt(machine: machine, ledgers: ledgers, at: now))
    }

    /// The receipt with the exit code that the process will have.
    private func passedOn(_ receipt: Receipt) -> Receipt {
        guard let exitCode, receipt.outcome != .unfinished else { return receipt }
        var receipt = receipt
        receipt.exitCode = exitCode(receipt)
        return receipt
    }

    private func finish(at now: Duration) {
        let machine = state.withLock { $0.machine }
        let receipt = receipt(machine, at: now)
        complete(receipt)
    }

    /// Writes the last receipt, once, and ends.
    private func complete(_ receipt: Receipt) {
        let isFirst = state.withLock { state in
            defer { state.finalExitCode = state.finalExitCode ?? receipt.exitCode }
            return state.finalExitCode == nil
        }
        guard isFirst else { return }
        // From here on only writing is left, and the code is certain: what is slow now must not be called forced.
        if let exitAt = state.withLock({ $0.exitAt }) {
            Watchdog.shared.set(hardDeadline, at: exitAt) { ProcessExit.now(receipt.exitCode) }
        }
        // Nobody waits for those who are still there; whoever was abandoned untold is not to go on for ever.
        for run in runs {
            run.start.open(false)
            run.cancel()
        }
        emit(.finished(receipt.outcome), at: clock.now)
        reporter.finished(receipt, within: max(plan.arithmetic.reserve / 2, Duration.milliseconds(100)))
        Watchdog.shared.set(hardDeadline, at: nil) {}
        let (exits, listens) = state.withLock { ($0.exits, $0.listens) }
        if exits { ProcessExit.now(receipt.exitCode) }
        if listens { SignalCenter.shared.end(exitCode: receipt.exitCode) }
        finished.open(receipt)
        conductor.end()
    }

    // MARK: The last resort

    /// If the conductor itself is stuck, in a ledger that does not answer, say, a process that is to exit still does so in time,
    /// and still leaves a receipt.
    private func armHardDeadline() {
        // Also where somebody wants no reserve the last words need a moment.
        let (available, reserve) = (plan.arithmetic.available, max(plan.arithmetic.reserve, .milliseconds(200)))
        let deadline = ContinuousClock.now + available
        let isFirst = state.withLock { state in
            guard state.exits, state.exitAt == nil, state.finalExitCode == nil else { return false }
            state.exitAt = deadline + reserve * 9 / 10
            return true
        }
        guard isFirst else { return }
        Watchdog.shared.set(hardDeadline, at: deadline + reserve / 8) { [self] in
            let isStarted = DedicatedThread.startIfPossible(name: "lastcall-force") { [self] in
                forceExit(within: reserve / 2)
            }
            if !isStarted { ProcessExit.now(ExitCode.forced) }
        }
    }

    private func forceExit(within limit: Duration) {
        let forced: LifecycleStateMachine? = state.withLock { state in
            // The receipt is made and being written, which has its own deadline.
            guard state.finalExitCode == nil else { return nil }
            let cause = ShutdownCause(kind: .unknown, detail: "the deadline passed")
            _ = state.machine.force(cause, at: clock.now)
            return state.machine
        }
        guard let machine = forced else { return }
        let isWhole = BoundedWork.run(within: limit / 2) { [self] in complete(receipt(machine, at: clock.now)) }
        if !isWhole {
            BoundedWork.run(within: limit / 2) { [self] in
                var builder = builder
                builder.isForced = true
                builder.notes = reporter.notes + ["a ledger did not answer: what its member held is unknown"]
                complete(builder.receipt(machine: machine, ledgers: runs.map { _ in nil }, at: clock.now))
            }
        }
        // Whoever made a receipt after all exits with its code.
        if state.withLock({ $0.finalExitCode }) == nil { ProcessExit.now(ExitCode.forced) }
    }
}
