import LastCall
import LastCallConcurrency
public import LastCallWork

extension SQLiteStore {
    /// The time on the store's clock, the same for all processes of this boot; setting the wall clock back does not move it back.
    public var now: WorkInstant { WorkInstant(rawValue: clock.now) }

    /// Accepts submissions; they are on the disk when this returns.
    public func accept(_ submissions: [Submission]) async throws -> [Acceptance] {
        guard !submissions.isEmpty else { return [] }
        for submission in submissions { try submission.validate(payloadBytesMax: traits.payloadBytesMax) }
        // What is refused is refused before anything is written, so it need not take back what others write in the same commit.
        let outcome = try await write(.full) { transaction -> Result<[Acceptance], WorkError> in
            do {
                return .success(try transaction.accept(submissions))
            } catch let error as WorkError {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    /// Makes a worker known and takes its lock; one that was taken for dead has its lock still.
    public func register(_ worker: WorkerDescription) async throws -> WorkerID {
        if let (former, lock) = workerLocks.withLock({ $0.first { $0.value.name == worker.name } }) {
            let id = try await register(worker, instead: former, lock)
            await watchPeers()
            return id
        }
        let lock: WorkerLock
        // Without the file only the lease tells whether one of this name lives.
        let isLockMissing = locks.presence(worker.name) == .missing
        do {
            lock = try locks.acquire(worker.name)
        } catch let error as WorkerLockError where error.code == .taken {
            let holder = error.holder.map { " (pid \($0))" } ?? ""
            throw WorkError(
                .nameTaken,
                "a worker named \"\(worker.name)\" runs already\(holder); stop it or choose another name",
                underlying: error
            )
        } catch let error as WorkerLockError where error.code == .badName {
            throw WorkError(.invalidConfiguration, "\(error)")
        } catch {
            throw WorkError(.storeUnusable, "the worker \"\(worker.name)\" could not take its lock", underlying: error)
        }
        do {
            let id = try await write(.normal) { try $0.register(worker, unlessLeased: isLockMissing) }
            workerLocks.withLock { $0[id] = lock }
            await watchPeers()
            return id
        } catch {
            lock.release(removing: true)
            throw error
        }
    }

    /// Registers anew a worker of this process that was taken for dead.
    private func register(
        _ worker: WorkerDescription, instead former: WorkerID, _ lock: WorkerLock
    ) async throws -> WorkerID {
        let isMine = try await Self.translating(path) {
            guard try await workers().contains(where: { $0.id == former && $0.isAlive }) == false else { return false }
            // Somebody else may have the name by now.
            try lock.restore()
            return true
        }
        guard isMine else {
            throw WorkError(
                .nameTaken,
                "a worker named \"\(worker.name)\" runs already (pid \(worker.process.pid)); stop it or choose another name"
            )
        }
        let id = try await write(.normal) { try $0.register(worker) }
        workerLocks.withLock { $0[id] = $0.removeValue(forKey: former) }
        return id
    }

    /// Forgets a worker that holds nothing, and lets go of its lock.
    public func deregister(_ worker: WorkerID) async throws {
        try await write(.full) { try $0.deregister(worker.rawValue) }
        workerLocks.withLock { $0.removeValue(forKey: worker) }?.release(removing: true)
    }

    /// Writes what became of claimed records and claims others; see `WorkStore`.
    ///
    /// With settlements it is on the disk when this returns. A claim alone may be forgotten by a power failure; the record then runs
    /// again, under another incarnation.
    public func exchange(_ request: ExchangeRequest) async throws -> ExchangeResult {
        try await write(request.settlements.isEmpty ? .normal : .full) { try $0.exchange(request) }
    }

    /// Renews a lease and writes what jobs streamed; the worker's lock gets its file back where somebody removed it.
    public func beat(_ request: BeatRequest) async throws -> BeatResult {
        // One that only looks must not be a change that others look for.
        guard request.worker != nil || !request.updates.isEmpty else {
            let now = clock.now
            return try await read {
                var transaction = StoreTransaction($0, now: now)
                return try transaction.beat(request)
            }
        }
        let result = try await write(.normal) { try $0.beat(request) }
        if let worker = request.worker, let lock = workerLocks.withLock({ $0[worker] }) {
            // What was written stands. Without the file the lease says that the worker lives, and the next beat tries again.
            do { try lock.restore() } catch is WorkerLockError { return result }
        }
        return result
    }

    /// Remembers a journaled step; it is on the disk when this returns.
    public func journal(_ entry: JournalEntry, for claim: ClaimKey) async throws {
        try await write(.full) { try $0.journal(entry, for: claim) }
    }

    /// The journaled steps of a record.
    public func journalEntries(of id: WorkID) async throws -> [JournalEntry] {
        try await read { try StoreQueries.journal(of: id.rawValue, in: $0) }
    }

    /// The workers whose lock nobody holds, with what they held; those that held nothing are forgotten.
    public func lostWorkers() async throws -> [LostWorker] {
        guard try await workers().contains(where: { !$0.isAlive }) else { return [] }
        let (dead, lost) = try await write(.normal) { [locks] transaction in
            // Looked at again, because one that was slow may have renewed its lease meanwhile.
            let dead = try StoreQueries.workers(in: transaction.db, locks, at: transaction.now).filter { !$0.isAlive }
            var lost: [LostWorker] = []
            for report in dead {
                try transaction.bury(report.id.rawValue)
                let jobs = try transaction.jobs(heldBy: report.id.rawValue)
                guard !jobs.isEmpty else {
                    try transaction.deregister(report.id.rawValue)
                    continue
                }
                let records = jobs.map { job in
                    LostRecord(
                        claim: ClaimKey(id: WorkID(rawValue: job.id), epoch: job.facts.epoch), kind: job.kind,
                        facts: job.facts, process: StoredFields.process(job.process))
                }
                lost.append(LostWorker(id: report.id, worker: report.worker, records: records))
            }
            return (dead, lost)
        }
        let names = Set(lost.map(\.worker.name))
        for report in dead where !names.contains(report.worker.name) { locks.remove(report.worker.name) }
        return lost
    }

    /// Makes ready what is due and forgets what is old; it writes only where something is.
    public func sweep(_ orders: SweepOrders) async throws -> SweepResult {
        let now = clock.now
        let (isDue, next) = try await read { try StoreQueries.isDue(at: now, in: $0) }
        var findings = SweepFindings()
        if orders.retention != nil || orders.recounts {
            findings = try await read { try StoreQueries.findings(for: orders, at: now, in: $0) }
        }
        guard isDue || !findings.old.isEmpty || !findings.miscounted.isEmpty || findings.hasIdleLanes else {
            var result = SweepResult()
            result.nextDue = next
            return result
        }
        return try await write(.normal) { [findings] in try $0.sweep(orders, findings) }
    }

    /// Does what a person asked for.
    public func perform(_ action: WorkAction) async throws -> WorkActionResult {
        try await write(.full) { try $0.perform(action) }
    }

    /// Looks for records.
    public func records(_ query: WorkQuery) async throws -> [WorkRecord] {
        try await read { try StoreQueries.records(query, in: $0) }
    }

    /// The members of a group.
    public func members(of node: NodeID) async throws -> [WorkMember] {
        try await read { try StoreQueries.members(of: node.rawValue, in: $0) }
    }

    /// What a record wrote.
    public func output(of id: WorkID, from position: OutputPosition, linesMax: Int) async throws -> OutputPage {
        try await read { try StoreQueries.output(of: id.rawValue, from: position, linesMax: linesMax, in: $0) }
    }

    /// How many records there are, by queue, kind and state.
    public func counts() async throws -> [WorkCount] { try await read(StoreQueries.counts) }

    /// The workers that are known; one whose lock is held is alive.
    public func workers() async throws -> [WorkerReport] {
        try await read { [locks, clock] in try StoreQueries.workers(in: $0, locks, at: clock.now) }
    }

    /// The lanes that hold something or rest.
    public func lanes(prefix: String) async throws -> [LaneReport] {
        try await read { [clock] in try StoreQueries.lanes(prefix: prefix, at: clock.now, in: $0) }
    }

    /// The gates of kinds that rest or whose breaker has something to remember.
    public func gates() async throws -> [GateReport] {
        try await read { [clock] in try StoreQueries.gates(at: clock.now, in: $0) }
    }

    /// Makes a schedule known, or fires a tick of it; its record is on the disk when this returns.
    public func tick(_ tick: ScheduleTick) async throws -> TickResult {
        if let draft = tick.draft { try Submission(draft).validate(payloadBytesMax: traits.payloadBytesMax) }
        return try await write(tick.draft == nil ? .normal : .full) { try $0.tick(tick) }
    }

    /// The schedules that were ever made known.
    public func schedules() async throws -> [ScheduleReport] { try await read(StoreQueries.schedules) }

    /// The queues that are paused.
    public func pausedQueues() async throws -> Set<String> { try await read(StoreQueries.paused) }
}

extension SQLiteStore {
    /// Lets go of a worker's lock as its death does, for tests.
    package func dropLock(of worker: WorkerID) {
        workerLocks.withLock { $0.removeValue(forKey: worker) }?.release(removing: false)
    }
}
