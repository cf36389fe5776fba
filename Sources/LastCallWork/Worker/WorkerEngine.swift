import LastCall
import Logging

/// Performs what a ``WorkerStateMachine`` decides: exchanges with the store, jobs, beats, care, the stop.
final class WorkerEngine: Sendable {
    /// What is kept under the lock.
    struct State {
        /// Decides.
        var machine: WorkerStateMachine
        /// What runs.
        var running: [ClaimKey: RunningJob] = [:]
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
        /// Whether the worker ends whatever the store says.
        var isGivenUp = false
        /// Why it cannot go on: its store is gone, or its name is somebody else's.
        var failure: WorkError?

        /// The next exchange, under the present identity.
        mutating func nextExchange() -> ExchangeRequest? {
            identities.last.flatMap { machine.nextExchange(for: $0) }
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

    init(store: any WorkStore, handlers: [JobHandler], settings: WorkerSettings) {
        self.store = store
        self.settings = settings
        self.handlers = Dictionary(uniqueKeysWithValues: handlers.map { ($0.name, $0) })
        state = Mutex(
            State(
                machine: WorkerStateMachine(
                    queues: settings.queues, kinds: settings.description.kinds, concurrency: settings.concurrency)))
    }

    var logger: Logger { settings.logger }
    var heldCount: Int { state.withLock { $0.machine.heldCount } }

    /// Registers the worker and sets it going.
    func start() async throws {
        let changes = store.changes()
        let worker = try await store.register(settings.description)
        state.withLock { $0.identities = [worker] }
        logger.info(
            "worker started", metadata: ["worker": "\(settings.description.name)", "store": "\(store.traits.name)"])
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
    private func exchange() async {
        var failures = 0
        while !isOver {
            if isLost {
                // Nothing can be written any more; what is left is that its jobs end.
                if state.withLock({ $0.machine.held.isEmpty }) { return giveUp() }
                _ = await exchangeWake.next()
                continue
            }
            if state.withLock({ $0.isUnregistered && $0.machine.phase == .working }) {
                failures = await registerAnew() ? 0 : failures + 1
                if failures > 0 { await pause(after: failures) }
                continue
            }
            guard let request = state.withLock({ $0.nextExchange() }) else {
                if isOver { return }
                _ = await exchangeWake.next()
                continue
            }
            do {
                let result = try await store.exchange(request)
                failures = 0
                exchanged(request, result)
            } catch {
                state.withLock { $0.machine.exchangeFailed(request) }
                failures += 1
                await waitAfterFailure(failures, "the store did not take what became of jobs; it is tried again", error)
            }
        }
    }

    var isOver: Bool { state.withLock { $0.machine.isOver || $0.isGivenUp } }

    /// Whether its store is gone for good.
    var isLost: Bool { state.withLock { $0.failure?.code == .storeGone } }

    /// Its store takes it for dead, because nothing was heard of it for too long: it needs a new identity to claim under.
    ///
    /// What it holds under the old one it ends as before, where nobody else was given it meanwhile.
    private func registerAnew() async -> Bool {
        do {
            let worker = try await store.register(settings.description)
            state.withLock { state in
                state.identities.append(worker)
                state.isUnregistered = false
                state.machine.workMayBeThere()
            }
            logger.warning("the worker was taken for dead, and registered anew")
            return true
        } catch let error as WorkError where error.code == .nameTaken || error.code == .storeGone {
            lose(error)
        } catch {
            logger.error("the worker was taken for dead, and cannot register anew yet", metadata: ["error": "\(error)"])
        }
        return false
    }

    private func exchanged(_ request: ExchangeRequest, _ result: ExchangeResult) {
        let (outcome, jobs) = state.withLock { state in
            // The ledger is closed, and what was claimed meanwhile is rescued with the rest.
            guard !state.isGivenUp else { return (WorkerStateMachine.ExchangeOutcome(), [RunningJob]()) }
            let outcome = state.machine.exchanged(request, result)
            if !result.isRegistered { state.isUnregistered = true }
            state.ledger.accepted += result.claimed.count
            for settlement in outcome.settled { count(settlement, &state) }
            state.ledger.handedOver += outcome.overtaken.count
            var jobs: [RunningJob] = []
            for claim in outcome.settled.map(\.claim) + outcome.overtaken {
                if let job = state.running.removeValue(forKey: claim) { jobs.append(job) }
            }
            return (outcome, jobs)
        }
        for job in jobs { job.end() }
        for claim in outcome.overtaken { wasOvertaken(claim, jobs.first { $0.context.record.claim == claim }) }
        for record in outcome.start { start(record) }
        if let due = result.nextDue { dueAt(due) }
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
