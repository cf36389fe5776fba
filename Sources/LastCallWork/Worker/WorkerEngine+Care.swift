import LastCall
import LastCallConcurrency
import Logging

// Beats, leases, what is due, and the dead.
extension WorkerEngine {
    /// Writes what jobs stream, and renews the lease, whenever there is something.
    func beat() async {
        var failures = 0
        while !isLost, let change = await beatWake.next() {
            var reason: WorkerStateMachine.BeatReason =
                change.contains(.death) ? .renews : change.contains(.cancel) ? .looks : .writes
            while !isLost, let request = state.withLock({ [reason] in $0.nextBeat(reason) }) {
                do {
                    let result = try await store.beat(request)
                    failures = 0
                    // What failed is asked for again, for the same reason.
                    reason = .writes
                    beaten(request, result)
                } catch {
                    state.withLock { $0.machine.beatFailed(request) }
                    exchangeWake.raise(.ended)
                    failures += 1
                    await waitAfterFailure(failures, "the store did not take what jobs wrote; it is tried again", error)
                    if Task.isCancelled { return }
                }
            }
        }
    }

    private func beaten(_ request: BeatRequest, _ result: BeatResult) {
        let (outcome, jobs) = state.withLock { state in
            let outcome = state.machine.beaten(request, result)
            for claim in outcome.cancelRequested where state.running[claim] == nil {
                state.cancelledEarly.insert(claim)
            }
            // What is heard late may be about an identity that was replaced meanwhile.
            if !result.isRegistered, request.worker == state.identities.last { state.isUnregistered = true }
            let jobs = state.running
            for claim in outcome.overtaken { state.running[claim] = nil }
            state.ledger.handedOver += outcome.overtaken.count
            return (outcome, jobs)
        }
        for update in request.updates {
            if let size = update.output?.bytes.count { jobs[update.claim]?.context.wrote(bytes: size) }
        }
        for claim in outcome.cancelRequested { cancel(jobs[claim]) }
        for claim in outcome.overtaken {
            jobs[claim]?.end()
            wasOvertaken(claim, jobs[claim])
        }
        exchangeWake.raise(.ended)
    }

    /// Somebody cancelled a job that runs here.
    private func cancel(_ job: RunningJob?) {
        guard let job, !job.context.isCancelRequested else { return }
        cancelOnRequest(job)
    }

    /// Asks for a beat three times in a lease.
    func renewLease() async {
        while !Task.isCancelled {
            try? await ContinuousClock().sleep(for: settings.description.lease / 3)  // cancelled: the worker is over
            beatWake.raise(.death)
            careWake.raise(.death)
        }
    }

    /// Makes ready what is due, forgets what is old, and rescues what the dead held.
    func care() async {
        await rescue()
        var sweptAt = ContinuousClock.now
        var hasMore = await sweep(forgets: true, recounts: true)
        while !isLost {
            // What is old may be more than one sweep takes; the dead come between two.
            if hasMore { careWake.raise(.due) }
            guard let change = await careWake.next() else { return }
            if change.contains(.death) { await rescue() }
            let isTime = sweptAt.duration(to: .now) > .seconds(30)
            if isTime { sweptAt = .now }
            hasMore = await sweep(forgets: isTime || hasMore, recounts: isTime)
        }
    }

    /// Sweeps once; returns whether there is more to forget.
    private func sweep(forgets: Bool, recounts: Bool) async -> Bool {
        var orders = SweepOrders(retention: forgets ? settings.retention : nil, recounts: recounts)
        if settings.forgetsOwnKindsOnly { orders.kinds = Set(settings.description.kinds) }
        do {
            let result = try await store.sweep(orders)
            if result.mended > 0 {
                metrics.mended(result.mended)
                logger.error("group counters were wrong and were mended", metadata: ["groups": "\(result.mended)"])
            }
            if let due = result.nextDue { dueAt(due) }
            return result.forgotten >= orders.forgetMax && state.withLock { $0.machine.phase == .working }
        } catch {
            await waitAfterFailure(1, "the store could not be swept; it is tried again", error)
            return false
        }
    }

    /// Something is due at an instant: care is woken then.
    func dueAt(_ instant: WorkInstant) { set(alarm, to: instant) { $0.alarmRang(instant) } }

    /// A gate opens at an instant: something may be claimed then.
    func claimAgain(at instant: WorkInstant) { set(gateAlarm, to: instant) { $0.gateOpened(instant) } }

    /// Sets an alarm, unless it rings earlier.
    private func set(
        _ alarm: borrowing Mutex<Alarm>, to instant: WorkInstant, _ rings: @escaping @Sendable (WorkerEngine) -> Void
    ) {
        let isNew = alarm.withLock { alarm in
            guard alarm.at.map({ instant < $0 }) ?? true else { return false }
            alarm.at = instant
            alarm.task?.cancel()
            return true
        }
        guard isNew else { return }
        let wait = max(.zero, instant - store.now)
        // A timer that the next earlier one cancels; it holds nothing that has to be waited for.
        let task = UnstructuredTask.start { [weak self] in
            do { try await ContinuousClock().sleep(for: wait) } catch { return }  // An earlier alarm took its place.
            if let self { rings(self) }
        }
        alarm.withLock { if $0.at == instant { $0.task = task } }
    }

    private func gateOpened(_ instant: WorkInstant) {
        gateAlarm.withLock { if $0.at == instant { $0 = Alarm() } }
        state.withLock { $0.machine.workMayBeThere() }
        exchangeWake.raise(.work)
    }

    private func alarmRang(_ instant: WorkInstant) {
        alarm.withLock { if $0.at == instant { $0 = Alarm() } }
        careWake.raise(.due)
    }

    /// Settles what dead workers held, after what they left running on this host was ended.
    func rescue() async {
        do {
            // A worker that was taken for dead is not dead to itself: it ends what it holds.
            let own = state.withLock { $0.identities }
            for lost in try await store.lostWorkers() where !own.contains(lost.id) {
                let name = lost.worker.name
                logger.warning("worker died", metadata: ["worker": "\(name)", "jobs": "\(lost.records.count)"])
                await settings.leftovers?.endLeftovers(of: lost.worker, lost.records)
                let settlements = lost.records.compactMap { record -> Settlement? in
                    var machine = RecordStateMachine(record.facts)
                    return machine.ended(.lost(detail: "its worker \"\(name)\" died")).map {
                        Settlement(claim: record.claim, change: $0)
                    }
                }
                let result = try await store.exchange(ExchangeRequest(settlements: settlements))
                metrics.rescued(settlements.count - result.overtaken.count)
            }
            // Those that hold nothing any more are forgotten.
            _ = try await store.lostWorkers()
        } catch {
            await waitAfterFailure(1, "dead workers could not be looked for; it is tried again", error)
        }
    }
}

/// When care is due.
struct Alarm {
    /// The instant.
    var at: WorkInstant?
    /// Who waits for it.
    var task: Task<Void, Never>?
}
