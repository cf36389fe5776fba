import LastCallWork

// Workers, what is due, what people ask for.
extension StoreTransaction {
    private static let buryNamesake = SQLiteQuery("UPDATE worker SET is_dead = 1 WHERE name = ?")
    private static let addWorker = SQLiteQuery(
        """
        INSERT INTO worker (id, name, host, boot_id, pid, start_time, kinds, queues, started_at, lease, lease_until)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)

    private static let leaseOfNamesake = SQLiteQuery(
        "SELECT max(lease_until) FROM worker WHERE name = ? AND is_dead = 0")

    /// Makes a worker known whose lock is held already; one of its name that was there before is dead.
    ///
    /// - Parameter unlessLeased: Whether one of its name lives while its lease lasts, because the lock says nothing of it.
    /// - Throws: `nameTaken`.
    mutating func register(_ worker: WorkerDescription, unlessLeased: Bool = false) throws -> WorkerID {
        if unlessLeased, let lease = try db.first(Self.leaseOfNamesake, .text(worker.name), as: { $0.integerIfAny(0) }),
            let lease, lease > now
        {
            let seconds = (lease - now + 999) / 1000
            throw WorkError(
                .nameTaken,
                "a worker named \"\(worker.name)\" seems to run: its lock's file was removed, and its lease lasts \(seconds) s more; stop it, wait, or choose another name"
            )
        }
        try db.run(Self.buryNamesake, .text(worker.name))
        let id = try takeWorkerID()
        try db.run(
            Self.addWorker, .integer(id), .text(worker.name), .text(worker.host), .text(worker.process.bootID),
            .integer(Int64(worker.process.pid)), .integer(Int64(bitPattern: worker.process.startTime)),
            .text(StoredFields.encode(names: worker.kinds)), .text(StoredFields.encode(names: worker.queues)),
            .integer(now), .integer(worker.lease.wholeMilliseconds), .integer((instant + worker.lease).rawValue))
        change.insert(.death)
        return WorkerID(rawValue: id)
    }

    private static let dropWorker = SQLiteQuery(
        "DELETE FROM worker WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM job WHERE worker = ?1)")
    private static let buryWorker = SQLiteQuery("UPDATE worker SET is_dead = 1 WHERE id = ?")

    /// From now on a worker claims nothing, and its lease is not renewed.
    func bury(_ worker: Int64) throws { try db.run(Self.buryWorker, .integer(worker)) }

    /// Forgets a worker; one that holds something is dead.
    mutating func deregister(_ worker: Int64) throws {
        try db.run(Self.dropWorker, .integer(worker))
        if db.changes == 0 { try db.run(Self.buryWorker, .integer(worker)) }
        change.insert(.death)
    }

    // MARK: what is due

    private static let dueJobs = SQLiteQuery(
        "UPDATE job SET state = 2 WHERE state = 1 AND due_at <= ? RETURNING id")
    private static let dueNodes = SQLiteQuery(
        "SELECT id FROM node WHERE deadline IS NOT NULL AND state = 0 AND deadline <= ? ORDER BY deadline, id")

    /// See `WorkStore.sweep`; what to look at for the slower parts of it was found by readers before.
    mutating func sweep(_ orders: SweepOrders, _ findings: SweepFindings) throws -> SweepResult {
        var result = SweepResult()
        try db.run(Self.dueJobs, .integer(now))
        result.promoted = db.changes
        if result.promoted > 0 { change.insert(.work) }
        for node in try db.all(Self.dueNodes, .integer(now), as: { $0.integer(0) }) {
            if try closeByDeadline(node) { result.closed += 1 }
        }
        if let retention = orders.retention {
            for workflow in findings.old where result.forgotten < orders.forgetMax {
                result.forgotten += try forget(workflow, retention)
            }
        }
        if findings.hasIdleLanes { try forgetIdleLanes() }
        for node in findings.miscounted where try mend(node) { result.mended += 1 }
        result.nextDue = try nextDue
        return result
    }

    /// The groups of a group: those that it counts, those in them, and the earlier steps of chains in it; not what it waits for itself.
    private static let parts = """
        WITH RECURSIVE own (waits) AS (SELECT waits_node FROM node WHERE id = ?1),
        part (id) AS (
            SELECT ?1
            UNION SELECT node.id FROM part JOIN node ON node.parent = part.id
            UNION SELECT job.waits_node FROM part JOIN job ON job.node = part.id
                WHERE job.waits_node IS NOT NULL AND job.waits_node IS NOT (SELECT waits FROM own)
            UNION SELECT node.waits_node FROM part JOIN node ON node.id = part.id
                WHERE node.waits_node IS NOT NULL AND node.waits_node IS NOT (SELECT waits FROM own)
        )
        """
    private static let family = SQLiteQuery(
        parts + "SELECT job.id FROM part JOIN job ON job.node = part.id WHERE job.finished_at IS NULL ORDER BY job.id")
    private static let openParts = SQLiteQuery(
        parts
            + "SELECT node.id FROM part JOIN node ON node.id = part.id WHERE node.id <> ?1 AND state = 0 ORDER BY node.id"
    )
    private static let letPartGo = SQLiteQuery("UPDATE node SET hold = \(JobHold.none) WHERE id = ?")

    /// Ends all members of a group that are not over; returns whether it was open.
    private mutating func closeByDeadline(_ id: Int64) throws -> Bool {
        guard try node(id)?.machine.state == .open else { return false }
        var ended: [EndedJob] = []
        for id in try db.all(Self.family, .integer(id), as: { $0.integer(0) }) {
            guard let job = try job(id) else { continue }
            var machine = RecordStateMachine(job.facts)
            if let change = machine.deadlinePassed() { ended.append(try end(job, change)) }
        }
        try step(ended)
        // Empty groups in it have no member to end, and wait for what comes before the group.
        for other in try db.all(Self.openParts, .integer(id), as: { $0.integer(0) }) {
            try db.run(Self.letPartGo, .integer(other))
            try closeIfComplete(other)
        }
        // It may be empty itself, and wait for an earlier step.
        try db.run(Self.letPartGo, .integer(id))
        try closeIfComplete(id)
        change.insert(.cancel)
        return true
    }

    private static let membersOf = SQLiteQuery(
        """
        SELECT (SELECT count(*) FROM job WHERE job.node = node.id AND finished_at IS NULL)
                + (SELECT count(*) FROM node AS inner WHERE inner.parent = node.id AND inner.state = 0),
            (SELECT count(*) FROM job WHERE job.node = node.id AND state IN (7, 8, 9))
        FROM node WHERE id = ? AND state = 0 AND hold = 0
        """)

    /// Mends the counter of a group that counts members which are over; returns whether it did.
    private mutating func mend(_ id: Int64) throws -> Bool {
        let counts = try db.first(Self.membersOf, .integer(id)) { (open: Int($0.integer(0)), bad: Int($0.integer(1))) }
        guard let counts, var node = try node(id), node.machine.pending > counts.open else { return false }
        let missing = node.machine.pending - counts.open
        let failed = max(0, min(counts.bad - node.machine.failed, missing))
        try follow(node.machine.membersEnded(missing, failed: failed), of: node)
        return true
    }

    // MARK: forgetting

    private static let familyOf = SQLiteQuery(
        "SELECT id, state, finished_at FROM job WHERE id = ?1 UNION SELECT id, state, finished_at FROM job WHERE workflow = ?1 AND workflow <> id"
    )

    /// Forgets a workflow whose records are all over for long enough; returns how many it had.
    private func forget(_ workflow: Int64, _ retention: Retention) throws -> Int {
        let members = try db.all(Self.familyOf, .integer(workflow)) { row in
            (id: row.integer(0), state: WorkState(rawValue: Int(row.integer(1))) ?? .blocked, end: row.integerIfAny(2))
        }
        let isOld = members.allSatisfy { member in
            guard let end = member.end, let keep = retention[member.state] else { return false }
            return end + keep.wholeMilliseconds <= now
        }
        guard isOld, try db.first(Self.isWanted, .integer(workflow), as: { $0.integer(0) }) == 0 else { return 0 }
        for member in members {
            for query in Self.forgetJob { try db.run(query, .integer(member.id)) }
        }
        try db.run(Self.forgetNodes, .integer(workflow))
        return members.count
    }

    private static let isWanted = SQLiteQuery("SELECT \(StoreQueries.isWanted("?1"))")
    private static let forgetJob = [
        "DELETE FROM slot WHERE (kind, key) = (SELECT kind, key FROM job WHERE id = ?1) AND job = ?1",
        "DELETE FROM output WHERE job = ?", "DELETE FROM journal WHERE job = ?", "DELETE FROM attachment WHERE job = ?",
        "DELETE FROM job WHERE id = ?",
    ].map { SQLiteQuery($0) }
    private static let forgetNodes = SQLiteQuery("DELETE FROM node WHERE workflow = ?")

    // MARK: what people ask for

    private static let pauseQuery = SQLiteQuery("INSERT OR IGNORE INTO paused (queue) VALUES (?)")
    private static let resumeQuery = SQLiteQuery("DELETE FROM paused WHERE queue = ?")

    /// See `WorkStore.perform`.
    mutating func perform(_ action: WorkAction) throws -> WorkActionResult {
        var result = WorkActionResult()
        switch action {
        case .cancel(let ids): try cancel(ids.map(\.rawValue), into: &result)
        case .cancelWorkflow(let id):
            let family = try db.all(Self.familyOf, .integer(id.rawValue), as: { $0.integer(0) })
            try cancel(family.isEmpty ? [id.rawValue] : family, into: &result)
            result.refused = [:]
        case .retry(let ids): for id in ids { try retry(id, into: &result) }
        case .pause(let queue): try db.run(Self.pauseQuery, .text(queue))
        case .resume(let queue):
            try db.run(Self.resumeQuery, .text(queue))
            change.insert(.work)
        }
        return result
    }

    private static let askCancel = SQLiteQuery(
        "UPDATE job SET flags = flags | \(JobFlags.cancelRequested.rawValue) WHERE id = ?")

    private mutating func cancel(_ ids: [Int64], into result: inout WorkActionResult) throws {
        var ended: [EndedJob] = []
        for number in ids {
            let id = WorkID(rawValue: number)
            guard let job = try job(number) else {
                result.missing.append(id)
                continue
            }
            var machine = RecordStateMachine(job.facts)
            switch machine.cancel(.requested, detail: "cancelled on request") {
            case .refuse: result.refused[id] = job.facts.state
            case .ask:
                try db.run(Self.askCancel, .integer(number))
                result.asked.append(id)
                change.insert(.cancel)
            case .cancelled(let change):
                ended.append(try end(job, change))
                result.changed.append(id)
            }
        }
        try step(ended)
    }

    private static let findSlot = SQLiteQuery("SELECT job FROM slot WHERE kind = ? AND key = ?")
    private static let takeSlot = SQLiteQuery("INSERT INTO slot (kind, key, job) VALUES (?, ?, ?)")
    private static let again = SQLiteQuery(
        """
        UPDATE job SET state = 0, hold = 0, attempt = ?, losses = ?, output_from = ?, flags = ?, reason = NULL, detail = NULL, result = NULL,
            finished_at = NULL WHERE id = ?
        """)

    private mutating func retry(_ id: WorkID, into result: inout WorkActionResult) throws {
        guard let job = try job(id.rawValue) else {
            result.missing.append(id)
            return
        }
        var machine = RecordStateMachine(job.facts)
        guard let change = machine.retry() else {
            result.refused[id] = job.facts.state
            return
        }
        var flags = job.flags.subtracting([.cancelRequested, .hasLargeResult])
        if let key = job.key, !flags.contains(.holdsKey),
            try db.first(Self.findSlot, .text(job.kind), .text(key), as: { _ in true }) == nil
        {
            try db.run(Self.takeSlot, .text(job.kind), .text(key), .integer(job.id))
            flags.insert(.holdsKey)
        }
        try db.run(
            Self.again, .integer(Int64(change.attempt)), .integer(Int64(change.losses)), .integer(change.outputFrom),
            .integer(flags.rawValue), .integer(job.id))
        try release(job.id, isAnew: true)
        result.changed.append(id)
    }
}
