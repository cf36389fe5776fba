import LastCall
import LastCallConcurrency
import Logging

// Being told to stop.
extension WorkerEngine {
    /// The worker is told to stop: it claims nothing more, and its jobs are told.
    ///
    /// - Parameter time: How long until it is cancelled, where that is known.
    func drain(_ cause: ShutdownCause, within time: Duration? = nil) {
        let told = state.withLock { state in
            state.machine.drain().compactMap { state.running[$0] }
        }
        tell(told, cause)
        exchangeWake.raise(.ended)
        // Only the receipt's words depend on the answer, so the stop does not wait for it.
        let until = [time ?? settings.drainMaxAlone, settings.drainMax].compactMap(\.self).min().map { store.now + $0 }
        UnstructuredTask.start { [self] in
            await lookForPeers()
            guard let drainsAfter = settings.drainsAfter else { return }
            await drainsAfter()
            // What somebody else handles too he takes over; with the rest it does what it can.
            let now = store.now
            state.withLock { state in
                let kinds = settings.description.kinds.filter { !state.coveredKinds.contains($0) }
                state.machine.goOnClaiming(kinds, since: now, until: until)
            }
            exchangeWake.raise(.work)
        }
    }

    private func tell(_ jobs: [RunningJob], _ cause: ShutdownCause) {
        for job in jobs {
            job.context.evict(cause)
            if job.context.evictionPolicy == .requeue { job.cancel() }
        }
    }

    /// Whether another worker may claim what this one gives back.
    func lookForPeers() async {
        do {
            let own = state.withLock { $0.identities }
            let queues = Set(settings.description.queues)
            let peers = try await store.workers().filter { peer in
                peer.isAlive && !own.contains(peer.id) && !queues.isDisjoint(with: peer.worker.queues)
            }
            let covered = Set(peers.flatMap(\.worker.kinds)).intersection(settings.description.kinds)
            state.withLock { state in
                state.coveredKinds = covered
                state.hasPeers = !covered.isEmpty
            }
        } catch {
            logger.debug("the other workers could not be looked up", metadata: ["error": "\(error)"])
        }
    }

    /// The worker's time is over: jobs are cancelled, and what does not end is given back as it is.
    ///
    /// - Parameters:
    ///   - cause: Why it stops.
    ///   - time: How long until it is abandoned; a second where nobody knows.
    func handOver(_ cause: ShutdownCause?, within time: Duration?) {
        let running = state.withLock { state in
            state.machine.handOver().compactMap { state.running[$0] }
        }
        let cause = cause ?? ShutdownCause(kind: .cancelled, detail: "its task was cancelled")
        for job in running {
            job.context.evict(cause)
            job.cancel()
        }
        exchangeWake.raise(.ended)
        let time = time ?? .seconds(1)
        let waitUntilLeft = Self.alarm(in: time, settings.handOverClock)
        // The member's own task is cancelled and cannot wait; these two ends are reached in any case.
        UnstructuredTask.start { [self] in
            await waitUntilLeft(time / 2)
            giveBackWhatRuns(cause) { !$0.handler.keepsTime }
            // Programs get SIGKILL so long before the member's end that their pipes can be read; see `CommandSettings`.
            let reading = min(.milliseconds(500), time / 4)
            let waitsForPrograms = state.withLock { $0.running.values.contains { $0.handler.keepsTime } }
            if waitsForPrograms {
                await waitUntilLeft(reading / 2)
                giveBackWhatRuns(cause) { _ in true }
            }
            await waitUntilLeft(waitsForPrograms ? reading / 4 : time / 8)
            giveUp()
        }
    }

    /// How long its jobs have to end when its store is gone.
    private static let lossTime = Duration.seconds(5)

    /// Its store is gone, or its name is somebody else's: its jobs are ended, and it ends with this error.
    func lose(_ error: WorkError) {
        let isNews = state.withLock { state in
            let isNews = state.failure == nil
            // Whose name is gone can still write; whose store is gone cannot.
            if isNews || error.code == .storeGone { state.failure = error }
            return isNews
        }
        guard isNews else { return }
        // Why, `run` throws.
        let why = error.code == .storeGone ? "its store is gone" : "its name is somebody else's by now"
        logger.critical("the worker ends its jobs and itself: \(why)")
        handOver(ShutdownCause(kind: .cancelled, detail: why), within: Self.lossTime)
    }

    /// Waits until so much is left of a time that begins now.
    private static func alarm<C: Clock<Duration>>(in time: Duration, _ clock: C) -> @Sendable (Duration) async -> Void {
        let end = clock.now.advanced(by: time)
        return { left in
            try? await clock.sleep(until: end.advanced(by: .zero - left), tolerance: nil)  // nobody cancels this task
        }
    }

    /// What still runs is settled as evicted, with what it has written; its task is left behind.
    private func giveBackWhatRuns(_ cause: ShutdownCause, where isDue: (RunningJob) -> Bool) {
        for job in state.withLock({ Array($0.running.values) }) where isDue(job) {
            let ending = JobEnding.evicted(job.context.evictionPolicy, detail: "did not end in time after \(cause)")
            end(job, ending, nil)
            job.context.overtake()
        }
    }

    /// The store does not answer: what could not be settled stays as it is there, for a rescue.
    func giveUp() {
        let isNew = state.withLock { state in
            guard !state.machine.isOver, !state.isGivenUp else { return false }
            state.isGivenUp = true
            let held = state.machine.heldCount
            if losesWhatItGivesBack || state.failure?.code == .storeGone {
                state.ledger.cut += held
                state.cut += state.machine.claims.map { LedgerItem("job \($0.id) eviction") }
            } else {
                state.ledger.kept += held
            }
            state.running = [:]
            state.machine = WorkerStateMachine(queues: [], kinds: [], concurrency: 0)
            return held > 0 && state.failure?.code != .storeGone
        }
        if isNew { logger.error("the store did not take what became of jobs in time; the next worker rescues them") }
        exchangeWake.raise(.ended)
        finished.open()
    }
}
