import LastCall
import LastCallConcurrency
import Logging

/// Performs what a ``WorkerStateMachine`` decides: exchanges with the store, jobs, beats, care, the stop.
final class WorkerEngine: Sendable {
    /// What is kept under the lock.
    struct State {
        /// Decides.
        var machine: WorkerStateMachine
        /// What runs.
        var running: [ClaimKey: RunningJob] = [:]
        /// Claims whose cancellation was asked for before they were started.
        var cancelledEarly: Set<ClaimKey> = []
        /// The worker's identities in the store: the present one last; those before it were taken for dead.
        var identities: [WorkerID] = []
        /// Whether its store takes it for dead, so that it has to register anew.
        var isUnregistered = false
        /// What was claimed and what became of it.
        var ledger = Ledger()
        /// What was given back during the stop: handed over where somebody else may claim it, otherwise kept.
        var givenBack = 0
        /// What was lost with a store that dies with its process.
        var cut: [LedgerItem] = []
        /// Whether others may claim what is given back, where that was looked up.
        var hasPeers = false
        /// The kinds that somebody else who lives handles too, where that was looked up.
        var coveredKinds: Set<String> = []
        /// Whether the worker ends whatever the store says.
        var isGivenUp = false
        /// Why it cannot go on: its store is gone, or its name is somebody else's.
        var failure: WorkError?

        /// The next exchange, under the present identity.
        mutating func nextExchange() -> ExchangeRequest? {
            // Who is taken for dead still writes what became of its jobs.
            identities.last.flatMap { machine.nextExchange(for: $0, claims: !isUnregistered) }
        }

        /// The next beat, under the present identity.
        mutating func nextBeat(_ reason: WorkerStateMachine.BeatReason) -> BeatRequest? {
            identities.last.flatMap { machine.nextBeat(for: $0, reason) }
        }
    }

    let store: any WorkStore
    let handlers: [String: JobHandler]
    let settings: WorkerSettings
    let state: Mutex<State>
    let metrics = WorkMetrics()
    /// Opens when everything is settled.
    let finished = Latch<Void>()
    /// Something for the next exchange.
    let exchangeWake = StoreChanges()
    /// Something for the next beat; with ``StoreChange/death`` the lease is due, with ``StoreChange/cancel`` somebody may have cancelled a job.
    let beatWake = StoreChanges()
    /// Something is due, or somebody died.
    let careWake = StoreChanges()
    /// When something is due next.
    let alarm = Mutex(Alarm())
    /// When a gate opens next.
    let gateAlarm = Mutex(Alarm())

    init(store: any WorkStore, handlers: [JobHandler], settings: WorkerSettings) {
        self.store = store
        self.settings = settings
        self.handlers = Dictionary(uniqueKeysWithValues: handlers.map { ($0.name, $0) })
        state = Mutex(
            State(
                machine: WorkerStateMachine(
                    queues: settings.queues, kinds: settings.description.kinds, concurrency: settings.concurrency,
                    gates: settings.gates, drainsByClaiming: settings.drainsAfter != nil)))
    }

    var logger: Logger { settings.logger }
    var heldCount: Int { state.withLock { $0.machine.heldCount } }

    /// Makes the worker known to its store.
    ///
    /// - Returns: What others do from now on.
    func register() async throws -> StoreChanges {
        let changes = store.changes()
        let worker = try await store.register(settings.description)
        state.withLock { $0.identities = [worker] }
        logger.info(
            "worker started", metadata: ["worker": "\(settings.description.name)", "store": "\(store.traits.name)"])
        return changes
    }

    /// Begins to claim and to run.
    func start(hearing changes: StoreChanges) {
        // It outlives the cancellation of the member's task: what is held has to be settled then.
        UnstructuredTask.start { [self] in await work(changes) }
    }

    /// Everything that goes on at the same time, until nothing is left to settle.
    private func work(_ changes: StoreChanges) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in await listen(to: changes) }
            group.addTask { [self] in await beat() }
            group.addTask { [self] in await renewLease() }
            group.addTask { [self] in await care() }
            await exchange()
            group.cancelAll()
        }
        alarm.withLock { $0.task?.cancel() }
        gateAlarm.withLock { $0.task?.cancel() }
        if state.withLock({ $0.givenBack > 0 }) { await lookForPeers() }
        do {
            for worker in state.withLock({ $0.identities }) { try await store.deregister(worker) }
        } catch let error as WorkError where error.code == .storeGone {
            lose(error)
        } catch {
            logger.warning(
                "the worker could not be deregistered; it will be taken for dead", metadata: ["error": "\(error)"])
        }
        finished.open()
    }

    /// Hears what others do.
    private func listen(to changes: StoreChanges) async {
        while let change = await changes.next() {
            if change.contains(.work) {
                state.withLock { $0.machine.workMayBeThere() }
                exchangeWake.raise(.work)
            }
            if change.contains(.due) { careWake.raise(.due) }
            if change.contains(.cancel) { beatWake.raise(.cancel) }
            if change.contains(.death) { careWake.raise(.death) }
        }
        // The store was closed, or the worker is over.
    }

    // MARK: exchanges

    /// Exchanges with the store whenever there is something to write or to want.
    ///
    /// What an exchange came to is followed while the next one is on its way: the store's thread and the jobs' threads work at the same time.
    private func exchange() async {
        var failures = 0
        var outcome: Followed?
        while !isOver {
            guard let request = await nextRequest(&outcome, &failures) else { continue }
            do {
                async let answer = store.exchange(request)
                follow(outcome.take())
                let result = try await answer
                failures = 0
                outcome = exchanged(request, result)
            } catch {
                state.withLock { $0.machine.exchangeFailed(request) }
                failures += 1
                await waitAfterFailure(failures, "the store did not take what became of jobs; it is tried again", error)
            }
        }
        follow(outcome)
    }

    /// What to ask of the store next; where there is nothing, it waits until that may have changed.
    private func nextRequest(_ outcome: inout Followed?, _ failures: inout Int) async -> ExchangeRequest? {
        if isLost {
            follow(outcome.take())
            // Nothing can be written any more; what is left is that its jobs end.
            if state.withLock({ $0.machine.held.isEmpty }) {
                giveUp()
            } else {
                _ = await exchangeWake.next()
            }
            return nil
        }
        if let request = state.withLock({ $0.nextExchange() }) { return request }
        follow(outcome.take())
        if state.withLock({ $0.isUnregistered && $0.machine.startsJobs }) {
            failures = await registerAnew(failures) ? 0 : failures + 1
            if failures > 0 { await pause(after: failures) }
            return nil
        }
        if !isOver { _ = await exchangeWake.next() }
        return nil
    }

    var isOver: Bool { state.withLock { $0.machine.isOver || $0.isGivenUp } }

    /// Whether its store is gone for good.
    var isLost: Bool { state.withLock { $0.failure?.code == .storeGone } }

    /// Its store takes it for dead, because nothing was heard of it for too long: it needs a new identity to claim under.
    ///
    /// What it holds under the old one it ends as before, where nobody else was given it meanwhile.
    /// A name that seems taken is asked for again for about a second: somebody may only be removing what he takes for a dead worker's.
    private func registerAnew(_ failures: Int) async -> Bool {
        do {
            let worker = try await store.register(settings.description)
            state.withLock { state in
                state.identities.append(worker)
                state.isUnregistered = false
                state.machine.workMayBeThere()
            }
            logger.warning("the worker was taken for dead, and registered anew")
            return true
        } catch let error as WorkError where error.code == .storeGone || error.code == .nameTaken && failures >= 5 {
            lose(error)
        } catch {
            logger.error("the worker was taken for dead, and cannot register anew yet", metadata: ["error": "\(error)"])
        }
        return false
    }

    /// What follows from an exchange.
    private struct Followed {
        /// What the machine made of it.
        let outcome: WorkerStateMachine.ExchangeOutcome
        /// The jobs that are over.
        let jobs: [RunningJob]
        /// When something is due next.
        let nextDue: WorkInstant?
        /// When a claim that found nothing may find something.
        let claimsAgainAt: WorkInstant?
    }

    /// Notes what an exchange came to.
    private func exchanged(_ request: ExchangeRequest, _ result: ExchangeResult) -> Followed? {
        state.withLock { state in
            // The ledger is closed, and what was claimed meanwhile is rescued with the rest.
            guard !state.isGivenUp else { return nil }
            let outcome = state.machine.exchanged(request, result)
            // What is heard late may be about an identity that was replaced meanwhile.
            if !result.isRegistered, request.worker == state.identities.last { state.isUnregistered = true }
            state.ledger.accepted += result.claimed.count
            for settlement in outcome.settled { count(settlement, &state) }
            state.ledger.handedOver += outcome.overtaken.count
            var jobs: [RunningJob] = []
            for settlement in outcome.settled {
                if let job = state.running.removeValue(forKey: settlement.claim) { jobs.append(job) }
            }
            for claim in outcome.overtaken {
                if let job = state.running.removeValue(forKey: claim) { jobs.append(job) }
            }
            return Followed(
                outcome: outcome, jobs: jobs, nextDue: result.nextDue, claimsAgainAt: result.gateOpensAt)
        }
    }

    /// Ends the jobs that are over, and starts those that were claimed.
    private func follow(_ followed: Followed?) {
        guard let followed else { return }
        for job in followed.jobs { job.end() }
        for claim in followed.outcome.overtaken {
            wasOvertaken(claim, followed.jobs.first { $0.context.record.claim == claim })
        }
        for record in followed.outcome.start { start(record) }
        if let due = followed.nextDue { dueAt(due) }
        if let opens = followed.claimsAgainAt { claimAgain(at: opens) }
    }

    /// One line of the ledger for each claim that ended.
    private func count(_ settlement: Settlement, _ state: inout State) {
        let change = settlement.change
        if change.state == .dead {
            state.ledger.deadLettered += 1
        } else if change.state.isTerminal {
            state.ledger.done += 1
        } else if losesWhatItGivesBack, state.machine.phase >= .draining {
            state.ledger.cut += 1
            state.cut.append(LedgerItem("job \(settlement.claim.id) \(change.reason?.rawValue ?? "unstarted")"))
        } else if state.machine.phase == .working {
            state.ledger.handedOver += 1
        } else {
            state.givenBack += 1
        }
    }

    /// Somebody else has a job that this worker still runs: it is stopped, and what it says is dropped.
    func wasOvertaken(_ claim: ClaimKey, _ job: RunningJob?) {
        logger.warning("job was overtaken", metadata: ["job": "\(claim.id)", "epoch": "\(claim.epoch)"])
        job?.context.overtake()
        job?.cancel()
    }

    /// Waits a little longer after each failure in a row, at most a second.
    ///
    /// Where the store is gone for good, the worker ends.
    func waitAfterFailure(_ failures: Int, _ message: Logger.Message, _ error: any Error) async {
        if let error = error as? WorkError, error.code == .storeGone { return lose(error) }
        logger.log(level: failures == 1 ? .error : .debug, message, metadata: ["error": "\(error)"])
        await pause(after: failures)
    }

    private func pause(after failures: Int) async {
        let milliseconds = min(1000, 20 << min(failures, 6))
        try? await ContinuousClock().sleep(for: .milliseconds(milliseconds))  // cancelled: it is tried again sooner
    }

    /// Whether what is given back in a stop dies with this process, and no line of the store's own says so.
    var losesWhatItGivesBack: Bool {
        guard case .process = store.traits.durability else { return false }
        return (store as? MemoryStore)?.isMember != true
    }

    // MARK: what it holds

    /// What it claimed and what became of it.
    var ledger: Ledger {
        state.withLock { state in
            var ledger = state.ledger
            ledger.held = state.machine.heldCount
            if !losesWhatItGivesBack && state.failure?.code != .storeGone { ledger.stored = ledger.held }
            if state.hasPeers { ledger.handedOver += state.givenBack } else { ledger.kept += state.givenBack }
            return ledger
        }
    }

    func heldItems(itemsMax: Int) -> [LedgerItem] {
        let jobs = state.withLock { Array($0.running.values.prefix(itemsMax)) }
        return jobs.map {
            LedgerItem("job \($0.context.id) \($0.context.record.kind)", age: $0.startedAt.duration(to: .now))
        }
    }

    func cutItems(itemsMax: Int) -> [LedgerItem] { state.withLock { Array($0.cut.suffix(itemsMax)) } }
}
