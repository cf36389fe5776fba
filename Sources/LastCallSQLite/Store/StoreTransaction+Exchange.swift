import LastCallWork

extension StoreTransaction {
    /// See `WorkStore.exchange`.
    mutating func exchange(_ request: ExchangeRequest) throws -> ExchangeResult {
        var result = ExchangeResult()
        var ended: [EndedJob] = []
        for settlement in request.settlements {
            switch try settle(settlement) {
            case .overtaken: result.overtaken.append(settlement.claim)
            case .givenBack: break
            case .ended(let job): ended.append(job)
            }
        }
        try step(ended)
        for claim in request.stopping {
            try db.run(Self.markStopping, .integer(claim.id.rawValue), .integer(claim.epoch))
            if db.changes == 0 { result.overtaken.append(claim) }
        }
        if let worker = request.worker {
            result.isRegistered =
                try db.first(Self.workerIsThere, .integer(worker.rawValue), as: { _ in true }) == true
        }
        if let worker = request.worker, result.isRegistered {
            for demand in request.demands { try claim(demand, worker.rawValue, into: &result) }
        }
        result.nextDue = try nextDue
        return result
    }

    private static let markStopping = SQLiteQuery(
        "UPDATE job SET state = 4 WHERE id = ? AND epoch = ? AND state IN (3, 4)")
    private static let workerIsThere = SQLiteQuery("SELECT 1 FROM worker WHERE id = ? AND is_dead = 0")

    // MARK: settling

    /// What became of a settlement.
    private enum Settled {
        /// The claim did not stand.
        case overtaken
        /// The record waits again.
        case givenBack
        /// The record is over.
        case ended(EndedJob)
    }

    private static let heldQuery = SQLiteQuery(
        "SELECT kind, flags, node, lane, key FROM job WHERE id = ? AND epoch = ? AND state IN (3, 4)")
    private static let settleQuery = SQLiteQuery(
        """
        UPDATE job SET state = ?, due_at = ifnull(?, due_at), attempt = ?, losses = ?, evictions = ?, output_from = ?, reason = ?, detail = ?,
            flags = ?, result = ?, worker = NULL, process = NULL, finished_at = ? WHERE id = ?
        """)
    private static let settleKeepingResult = SQLiteQuery(
        """
        UPDATE job SET state = ?, due_at = ifnull(?, due_at), attempt = ?, losses = ?, evictions = ?, output_from = ?, reason = ?, detail = ?,
            flags = ?, worker = NULL, process = NULL, finished_at = ? WHERE id = ?
        """)

    /// Writes what became of a claimed record.
    private mutating func settle(_ settlement: Settlement) throws -> Settled {
        let id = settlement.claim.id.rawValue
        var settlement = settlement
        precondition(!settlement.change.state.isHeld, "settle: a claim ends in a state that nobody holds")
        let found = try db.first(Self.heldQuery, .integer(id), .integer(settlement.claim.epoch)) { row in
            EndedJob(
                id: id, kind: row.text(0), state: settlement.change.state, flags: JobFlags(rawValue: row.integer(1)),
                node: row.integerIfAny(2), lane: row.textIfAny(3), key: row.textIfAny(4))
        }
        guard let job = found else { return .overtaken }
        if let until = try heed(settlement.news, of: job), !settlement.change.state.isTerminal {
            settlement.change.state = .scheduled
            settlement.change.keepsPlace = false
            settlement.change.delay = max(settlement.change.delay, until - instant)
        }
        let change = settlement.change
        var flags = job.flags.subtracting(.isProbe)
        if change.state.isTerminal {
            flags.insert(.isCounted)
            if !flags.contains(.keepsKey) { flags.remove(.holdsKey) }
        }
        if let output = settlement.output { try append(output, to: settlement.claim) }
        if let checkpoint = settlement.checkpoint {
            try attach(checkpoint, AttachmentPart.checkpoint, to: id)
            flags.insert(.hasCheckpoint)
        }
        try write(settlement, flags)
        self.change.insert(.ended)
        guard !change.state.isTerminal else { return .ended(job) }
        self.change.insert(change.state == .ready ? .work : .due)
        return .givenBack
    }

    private func write(_ settlement: Settlement, _ flags: JobFlags) throws {
        let id = settlement.claim.id.rawValue
        let change = settlement.change
        var flags = flags
        let due = change.keepsPlace ? SQLiteValue.null : .integer((instant + change.delay).rawValue)
        let finished = change.state.isTerminal ? SQLiteValue.integer(now) : .null
        guard let result = settlement.result else {
            try db.run(
                Self.settleKeepingResult, .integer(Int64(change.state.rawValue)), due,
                .integer(Int64(change.attempt)), .integer(Int64(change.losses)), .integer(Int64(change.evictions)),
                .integer(change.outputFrom), SQLiteValue(change.reason?.rawValue), SQLiteValue(change.detail),
                .integer(flags.rawValue), finished, .integer(id))
            return
        }
        let isLarge = result.count > StoreSchema.inlineBytesMax
        if isLarge {
            try attach(result, AttachmentPart.result, to: id)
            flags.insert(.hasLargeResult)
        } else {
            flags.remove(.hasLargeResult)
        }
        try db.run(
            Self.settleQuery, .integer(Int64(change.state.rawValue)), due, .integer(Int64(change.attempt)),
            .integer(Int64(change.losses)), .integer(Int64(change.evictions)), .integer(change.outputFrom),
            SQLiteValue(change.reason?.rawValue), SQLiteValue(change.detail), .integer(flags.rawValue),
            isLarge ? .null : .bytes(result), finished, .integer(id))
    }

    private static let lastChunk = SQLiteQuery(
        "SELECT line + count FROM output WHERE job = ? AND epoch = ? ORDER BY line DESC LIMIT 1")
    private static let addChunk = SQLiteQuery(
        "INSERT INTO output (job, epoch, line, count, bytes) VALUES (?, ?, ?, ?, ?)")
    private static let addLines = SQLiteQuery("UPDATE job SET line_count = line_count + ? WHERE id = ?")

    /// Adds lines to a run.
    private func append(_ output: OutputChunk, to claim: ClaimKey) throws {
        guard !output.isEmpty else { return }
        let id = SQLiteValue.integer(claim.id.rawValue)
        let line = try db.first(Self.lastChunk, id, .integer(claim.epoch)) { $0.integer(0) } ?? 0
        try db.run(
            Self.addChunk, id, .integer(claim.epoch), .integer(line), .integer(Int64(output.lineCount)),
            .bytes(output.bytes))
        try db.run(Self.addLines, .integer(Int64(output.lineCount)), id)
    }

    // MARK: claiming

    private static let isPaused = SQLiteQuery("SELECT 1 FROM paused WHERE queue = ?")
    /// Records whose turn it is, each with all that its worker needs to know.
    ///
    /// One query for all of them and an update for each: an `UPDATE … RETURNING` for each would make and drop a table for its one row.
    private static let turns = SQLiteQuery(
        """
        SELECT id, priority, due_at, kind, \(RecordFacts.columns),
            node, waits_node, timeout, key, line_count, trace, accepted_at, payload_version, payload, workflow,
            ifnull(eligible_at, accepted_at + delay)
        FROM job WHERE state = 2 AND queue = ? AND kind = ? ORDER BY priority, due_at, id LIMIT ?
        """)
    /// What `RecordStateMachine.claim` makes of a ready record.
    private static let claimQuery = SQLiteQuery(
        """
        UPDATE job SET state = 3, epoch = epoch + 1, attempt = attempt + 1, worker = ?, started_at = ?, progress = NULL,
            reason = NULL, detail = NULL
        WHERE id = ?
        """)

    /// Claims what a worker can take of a queue, in the order of priority, due time and id over all its kinds.
    private mutating func claim(
        _ demand: QueueDemand, _ worker: Int64, into result: inout ExchangeResult
    ) throws {
        guard demand.limit > 0,
            try db.first(Self.isPaused, .text(demand.queue), as: { _ in true }) == nil
        else { return }
        if let since = demand.drainingSince { try hurry(demand, since: since) }
        // Each kind has its own part of the index, so that kinds nobody handles cost nothing, however many wait.
        var turns: [Turn] = []
        for kind in demand.kinds {
            guard let gate = demand.gates.first(where: { $0.kind == kind }) else {
                turns += try self.turns(of: kind, demand, demand.limit)
                continue
            }
            turns += try self.turns(of: kind, through: gate, demand, into: &result)
        }
        if demand.kinds.count > 1 {
            turns.sort {
                ($0.priority, $0.record.dueAt, $0.record.id) < ($1.priority, $1.record.dueAt, $1.record.id)
            }
        }
        result.claimed.reserveCapacity(result.claimed.count + min(turns.count, demand.limit))
        for turn in turns.prefix(demand.limit) {
            var record = turn.record
            let id = record.id.rawValue
            try db.run(Self.claimQuery, .integer(worker), .integer(now), .integer(id))
            if turn.isLarge { record.payload = try attachment(AttachmentPart.payload, of: id) ?? [] }
            if record.facts.hasCheckpoint { record.checkpoint = try attachment(AttachmentPart.checkpoint, of: id) }
            result.claimed.append(record)
            if let gate = turn.gate { try passed(gate, record.id) }
        }
        guard demand.drainingSince != nil else { return }
        result.demandDue = [result.demandDue, try demandDue(demand), result.gateOpensAt].compactMap(\.self).min()
    }

    /// A record whose turn it is.
    private struct Turn {
        /// Lower first.
        let priority: Int64
        /// Whether its payload lies beside it.
        let isLarge: Bool
        /// The record as it is once it is claimed.
        let record: ClaimedRecord
        /// The gate that it passes.
        var gate: KindGate?
    }

    /// The first records of a kind.
    private func turns(of kind: String, _ demand: QueueDemand, _ limit: Int) throws -> [Turn] {
        try db.all(Self.turns, .text(demand.queue), .text(kind), .integer(Int64(limit))) {
            let flags = JobFlags(rawValue: $0.integer(11))
            return Turn(
                priority: $0.integer(1), isLarge: flags.contains(.hasLargePayload),
                record: record(of: demand.queue, flags, $0))
        }
    }

    /// The first records of a kind that its gate lets through; notes when it lets more through.
    private func turns(
        of kind: String, through gate: KindGate, _ demand: QueueDemand, into result: inout ExchangeResult
    ) throws -> [Turn] {
        let allowance = try allowance(gate, isDraining: demand.drainingSince != nil)
        let most = min(allowance.limit, demand.limit)
        // One more tells whether something waits at the gate.
        let found = try turns(of: kind, demand, most + 1)
        if found.count > allowance.limit {
            let next = gate.spacing > .zero && allowance.limit > 0 ? instant + gate.spacing : allowance.opensAt
            if let next { result.gateOpensAt = min(next, result.gateOpensAt ?? next) }
        }
        return found.prefix(most).map { turn in
            var turn = turn
            turn.gate = gate
            return turn
        }
    }

    /// A ready record as it is once it is claimed.
    private func record(of queue: String, _ flags: JobFlags, _ row: SQLiteRow) -> ClaimedRecord {
        var facts = RecordFacts(.running, row, from: 4)
        facts.epoch += 1
        facts.attempt += 1
        return ClaimedRecord(
            id: WorkID(rawValue: row.integer(0)), epoch: facts.epoch, kind: row.text(3), payload: row.bytes(21),
            payloadVersion: Int(row.integer(20)), queue: queue, workflow: WorkID(rawValue: row.integer(22)),
            node: row.integerIfAny(13).map { NodeID(rawValue: $0) },
            waitsForNode: row.integerIfAny(14).map { NodeID(rawValue: $0) },
            facts: facts, timeout: row.integerIfAny(15).map { .milliseconds($0) }, key: row.textIfAny(16),
            checkpoint: nil, hasJournal: flags.contains(.hasJournal), lineCount: Int(row.integer(17)),
            trace: StoredFields.trace(row.textIfAny(18)), acceptedAt: WorkInstant(rawValue: row.integer(19)),
            dueAt: WorkInstant(rawValue: row.integer(2)), claimedAt: instant,
            eligibleAt: WorkInstant(rawValue: row.integer(23)))
    }

    private static let findAttachment = SQLiteQuery("SELECT bytes FROM attachment WHERE job = ? AND part = ?")

    /// What lies beside a record.
    func attachment(_ part: Int64, of id: Int64) throws -> [UInt8]? {
        try db.first(Self.findAttachment, .integer(id), .integer(part)) { $0.bytes(0) }
    }

    // MARK: beats

    private static let renew = SQLiteQuery(
        "UPDATE worker SET lease_until = ? + lease WHERE id = ? AND is_dead = 0")
    private static let flagsOfClaim = SQLiteQuery(
        "SELECT flags FROM job WHERE id = ? AND epoch = ? AND state IN (3, 4)")
    private static let noteProgress = SQLiteQuery("UPDATE job SET progress = ? WHERE id = ?")
    private static let noteProcess = SQLiteQuery("UPDATE job SET process = ? WHERE id = ?")
    private static let addFlags = SQLiteQuery("UPDATE job SET flags = flags | ? WHERE id = ?")

    /// See `WorkStore.beat`.
    mutating func beat(_ request: BeatRequest) throws -> BeatResult {
        var result = BeatResult()
        if let worker = request.worker {
            try db.run(Self.renew, .integer(now), .integer(worker.rawValue))
            result.isRegistered = db.changes > 0
        }
        for update in request.updates {
            guard try flags(of: update.claim) != nil else {
                result.overtaken.append(update.claim)
                continue
            }
            let id = update.claim.id.rawValue
            if let output = update.output, !output.isEmpty {
                try append(output, to: update.claim)
                change.insert(.output)
            }
            if let checkpoint = update.checkpoint {
                try attach(checkpoint, AttachmentPart.checkpoint, to: id)
                try db.run(Self.addFlags, .integer(JobFlags.hasCheckpoint.rawValue), .integer(id))
            }
            if let progress = update.progress {
                try db.run(Self.noteProgress, SQLiteValue(StoredFields.encode(progress)), .integer(id))
                change.insert(.output)
            }
            if let process = update.process {
                try db.run(Self.noteProcess, SQLiteValue(StoredFields.encode(process)), .integer(id))
            }
        }
        let told = Set(result.overtaken)
        for claim in request.held {
            guard let flags = try flags(of: claim) else {
                if !told.contains(claim) { result.overtaken.append(claim) }
                continue
            }
            if flags.contains(.cancelRequested) { result.cancelRequested.append(claim) }
        }
        return result
    }

    /// The flags of a claimed record, or `nil` where the claim does not stand.
    private func flags(of claim: ClaimKey) throws -> JobFlags? {
        try db.first(Self.flagsOfClaim, .integer(claim.id.rawValue), .integer(claim.epoch)) {
            JobFlags(rawValue: $0.integer(0))
        }
    }

    private static let addStep = SQLiteQuery(
        """
        INSERT INTO journal (job, name, value) VALUES (?, ?, ?)
        ON CONFLICT (job, name) DO UPDATE SET value = excluded.value
        """)

    /// See `WorkStore.journal`.
    func journal(_ entry: JournalEntry, for claim: ClaimKey) throws {
        guard try flags(of: claim) != nil else {
            throw WorkError(.overtaken, "record \(claim.id) belongs to somebody else now; the step was not written")
        }
        try db.run(Self.addStep, .integer(claim.id.rawValue), .text(entry.name), .bytes(entry.value))
        try db.run(Self.addFlags, .integer(JobFlags.hasJournal.rawValue), .integer(claim.id.rawValue))
    }

    private static let nextScheduled = SQLiteQuery("SELECT min(due_at) FROM job WHERE state = 1")
    private static let nextDeadline = SQLiteQuery(
        "SELECT min(deadline) FROM node WHERE deadline IS NOT NULL AND state = 0")

    /// The first instant at which something is due.
    var nextDue: WorkInstant? {
        get throws {
            let scheduled = try db.first(Self.nextScheduled) { $0.integerIfAny(0) } ?? nil
            let deadline = try db.first(Self.nextDeadline) { $0.integerIfAny(0) } ?? nil
            return [scheduled, deadline].compactMap(\.self).min().map { WorkInstant(rawValue: $0) }
        }
    }
}
