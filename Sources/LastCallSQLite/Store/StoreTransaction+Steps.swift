import LastCallWork

// What follows, in the same transaction, from the end of records.
extension StoreTransaction {
    private static let dropSlot = SQLiteQuery("DELETE FROM slot WHERE kind = ? AND key = ? AND job = ?")
    private static let dependents = SQLiteQuery(
        "SELECT id FROM job WHERE waits_job = ? AND state = 0 AND hold = \(JobHold.dependency) ORDER BY id")

    /// Records that are over leave their lanes and keys, step their groups, and let go of what waited for them.
    ///
    /// Their rows say already that they are over, counted, and whether they still hold their keys.
    mutating func step(_ ended: [EndedJob]) throws {
        guard !ended.isEmpty else { return }
        change.insert(.ended)
        followUps.append(.ended(ended))
        try followUp()
    }

    /// Takes one step after the other until nothing follows: a list, because a chain may be longer than the stack is deep.
    private mutating func followUp() throws {
        guard !isFollowing else { return }
        isFollowing = true
        defer {
            isFollowing = false
            followUps = []
        }
        var next = 0
        while next < followUps.count {
            switch followUps[next] {
            case .ended(let jobs): try count(jobs)
            case .closed(let node, let action): try release(node, action)
            }
            next += 1
        }
    }

    private mutating func count(_ ended: [EndedJob]) throws {
        var counts: [Int64: (ended: Int, failed: Int)] = [:]
        for job in ended {
            if let key = job.key, job.flags.contains(.holdsKey), !job.flags.contains(.keepsKey) {
                try db.run(Self.dropSlot, .text(job.kind), .text(key), .integer(job.id))
            }
            if let lane = job.lane { try leaveLane(lane, job) }
            // Also where it was counted before: it ran again, and somebody began to wait for it meanwhile.
            if job.flags.contains(.hasDependents) {
                for id in try db.all(Self.dependents, .integer(job.id), as: { $0.integer(0) }) {
                    try releaseDependent(id, of: job.id, endedWell: job.state.countsAsDone)
                }
            }
            guard !job.flags.contains(.isCounted), let node = job.node else { continue }
            counts[node, default: (0, 0)].ended += 1
            if !job.state.countsAsDone { counts[node, default: (0, 0)].failed += 1 }
        }
        for (id, count) in counts.sorted(by: { $0.key < $1.key }) {
            guard var node = try node(id) else { continue }
            let action = node.machine.membersEnded(count.ended, failed: count.failed)
            try follow(action, of: node)
        }
    }

    // MARK: groups

    private static let findNode = SQLiteQuery("SELECT state, pending, failed, policy, parent FROM node WHERE id = ?")
    private static let writeNode = SQLiteQuery("UPDATE node SET state = ?, pending = ?, failed = ? WHERE id = ?")
    private static let letNodeGo = SQLiteQuery("UPDATE node SET hold = \(JobHold.none) WHERE id = ?")
    private static let waitingJobs = SQLiteQuery(
        "SELECT id FROM job WHERE waits_node = ? AND state = 0 AND hold = \(JobHold.dependency) ORDER BY id")
    private static let waitingNodes = SQLiteQuery("SELECT id FROM node WHERE waits_node = ? AND state = 0 ORDER BY id")

    /// A group as it is stored.
    func node(_ id: Int64) throws -> StoredNode? {
        try db.first(Self.findNode, .integer(id)) { row in
            StoredNode(
                id: id,
                machine: GroupStateMachine(
                    state: row.integer(0) == 0 ? .open : .closed, pending: Int(row.integer(1)),
                    failed: Int(row.integer(2)), policy: row.integer(3) == 0 ? .always : .all),
                parent: row.integerIfAny(4))
        }
    }

    /// Writes a group as its machine left it, and lets follow what the machine decided.
    mutating func follow(_ action: GroupStateMachine.Action, of node: StoredNode) throws {
        try db.run(
            Self.writeNode, .integer(Int64(node.machine.state.rawValue)), .integer(Int64(node.machine.pending)),
            .integer(Int64(node.machine.failed)), .integer(node.id))
        guard action != .none else { return }
        followUps.append(.closed(node, action))
        try followUp()
    }

    /// Closes a group that may be complete: an empty one.
    mutating func closeIfComplete(_ id: Int64) throws {
        guard var node = try node(id) else { return }
        let action = node.machine.closeIfComplete()
        guard action != .none else { return }
        try follow(action, of: node)
    }

    /// A group is closed: what waits for it runs or is cancelled, and the group around it counts it.
    private mutating func release(_ node: StoredNode, _ action: GroupStateMachine.Action) throws {
        switch action {
        case .none: return
        case .run:
            for id in try db.all(Self.waitingJobs, .integer(node.id), as: { $0.integer(0) }) { try release(id) }
            for id in try db.all(Self.waitingNodes, .integer(node.id), as: { $0.integer(0) }) {
                try db.run(Self.letNodeGo, .integer(id))
                try closeIfComplete(id)
            }
        case .cancel(let words):
            // The groups before their members: a group that never began does not let run what follows it.
            for id in try db.all(Self.waitingNodes, .integer(node.id), as: { $0.integer(0) }) {
                guard var other = try self.node(id) else { continue }
                try db.run(Self.letNodeGo, .integer(id))
                let action = other.machine.skip(words)
                try follow(action, of: other)
            }
            var cancelled: [EndedJob] = []
            for id in try db.all(Self.waitingJobs, .integer(node.id), as: { $0.integer(0) }) {
                if let job = try cancelWaiting(id, .dependency, words) { cancelled.append(job) }
            }
            try step(cancelled)
        }
        guard let parent = node.parent, var outer = try self.node(parent) else { return }
        let next = outer.machine.membersEnded(1, failed: node.machine.countsAsDone ? 0 : 1)
        try follow(next, of: outer)
    }

    // MARK: what waits

    /// What a record waited for is over.
    mutating func releaseDependent(_ id: Int64, of other: Int64, endedWell: Bool) throws {
        guard let flags = try db.first(Self.flagsOf, .integer(id), as: { JobFlags(rawValue: $0.integer(0)) }) else {
            return
        }
        if endedWell || flags.contains(.runsAfterFailure) {
            try release(id)
        } else if let job = try cancelWaiting(
            id, .dependency, "record \(other), which it waited for, did not end well")
        {
            try step([job])
        }
    }

    private static let flagsOf = SQLiteQuery("SELECT flags FROM job WHERE id = ?")
    private static let endJob = SQLiteQuery(
        """
        UPDATE job SET state = ?, hold = \(JobHold.none), attempt = ?, losses = ?, evictions = ?, output_from = ?, reason = ?,
            detail = ?, flags = ?, worker = NULL, process = NULL, finished_at = ? WHERE id = ?
        """)

    /// Ends a record outside a settlement, as its machine decided; its row then says that it is over and counted.
    mutating func end(_ job: StoredJob, _ change: RecordChange) throws -> EndedJob {
        var flags = job.flags.union(.isCounted).subtracting(.isProbe)
        if !flags.contains(.keepsKey) { flags.remove(.holdsKey) }
        try db.run(
            Self.endJob, .integer(Int64(change.state.rawValue)), .integer(Int64(change.attempt)),
            .integer(Int64(change.losses)), .integer(Int64(change.evictions)), .integer(change.outputFrom),
            SQLiteValue(change.reason?.rawValue), SQLiteValue(change.detail), .integer(flags.rawValue),
            .integer(now), .integer(job.id))
        let ended = EndedJob(
            id: job.id, kind: job.kind, state: change.state, flags: job.flags, node: job.node, lane: job.lane,
            key: job.key, waitedInLane: job.hold == JobHold.lane)
        // It may have been the one that a half-open breaker let through.
        _ = try heed(nil, of: ended)
        return ended
    }

    /// Cancels a record that has not begun.
    mutating func cancelWaiting(_ id: Int64, _ reason: WorkReason, _ detail: String) throws -> EndedJob? {
        guard let job = try job(id) else { return nil }
        var machine = RecordStateMachine(job.facts)
        guard case .cancelled(let change) = machine.cancel(reason, detail: detail) else { return nil }
        return try end(job, change)
    }
}

/// What decides about a record's way, as it is stored.
struct StoredJob {
    /// The record.
    let id: Int64
    /// Which handler runs it.
    let kind: String
    /// What decides.
    let facts: RecordFacts
    /// What is true or false of it.
    let flags: JobFlags
    /// The group that counts it.
    let node: Int64?
    /// Its lane.
    let lane: String?
    /// Its unique key.
    let key: String?
    /// What its worker may have left running.
    let process: String?
    /// Whether it waits for a group or a record.
    let hold: Int64
}

extension StoreTransaction {
    /// The columns of a ``StoredJob``.
    private static let columns = """
        id, kind, state, \(RecordFacts.columns), node, lane, key, process, hold
        """
    private static let findJob = SQLiteQuery("SELECT \(columns) FROM job WHERE id = ?")
    private static let heldJobs = SQLiteQuery("SELECT \(columns) FROM job WHERE worker = ? ORDER BY id")

    /// A record, where it is there.
    func job(_ id: Int64) throws -> StoredJob? { try db.first(Self.findJob, .integer(id), as: Self.storedJob) }

    /// What a worker holds.
    func jobs(heldBy worker: Int64) throws -> [StoredJob] {
        try db.all(Self.heldJobs, .integer(worker), as: Self.storedJob)
    }

    private static func storedJob(_ row: SQLiteRow) -> StoredJob {
        let flags = JobFlags(rawValue: row.integer(10))
        let facts = RecordFacts(WorkState(rawValue: Int(row.integer(2))) ?? .blocked, row, from: 3)
        return StoredJob(
            id: row.integer(0), kind: row.text(1), facts: facts, flags: flags, node: row.integerIfAny(12),
            lane: row.textIfAny(13), key: row.textIfAny(14), process: row.textIfAny(15), hold: row.integer(16))
    }
}

extension RecordFacts {
    /// The columns that ``init(_:_:from:)`` reads, in their order.
    static let columns = "epoch, attempt, attempts_max, losses, losses_max, evictions, on_lost, flags, output_from"

    /// Reads ``columns``, of which the first one is the row's column `first`.
    init(_ state: WorkState, _ row: SQLiteRow, from first: Int) {
        self.init(state: state)
        epoch = row.integer(first)
        attempt = Int(row.integer(first + 1))
        attemptsMax = Int(row.integer(first + 2))
        losses = Int(row.integer(first + 3))
        lossesMax = row.integerIfAny(first + 4).map(Int.init)
        evictions = Int(row.integer(first + 5))
        onLost = LossPolicy(number: row.integer(first + 6))
        read(JobFlags(rawValue: row.integer(first + 7)))
        outputFrom = row.integer(first + 8)
    }

    /// Takes over what the flags say.
    mutating func read(_ flags: JobFlags) {
        awaitsRemainder = flags.contains(.awaitsRemainder)
        cancelRequested = flags.contains(.cancelRequested)
        hasCheckpoint = flags.contains(.hasCheckpoint)
    }
}
