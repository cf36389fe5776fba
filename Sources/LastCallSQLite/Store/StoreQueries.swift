import LastCallWork

/// What is asked of a store and changes nothing; each in a read transaction of its own.
enum StoreQueries {
    /// The columns of a record as people see it.
    private static let columns = """
        job.id, kind, queue, priority, state, reason, detail, payload, result, progress, attempt, attempts_max, losses,
        evictions, epoch, key, lane, workflow, node, member, waits_node, waits_job,
        (SELECT name FROM worker WHERE worker.id = job.worker), flags, line_count, accepted_at, due_at, job.started_at,
        finished_at
        """

    /// See `WorkStore.records`.
    static func records(_ query: WorkQuery, in db: SQLiteConnection) throws -> [WorkRecord] {
        var conditions: [String] = []
        var values: [SQLiteValue] = []
        if let ids = query.ids {
            // Few ids are bound one by one; a list of many is put into the text, as numbers.
            conditions.append("job.id IN (\(ids.map { String($0.rawValue) }.joined(separator: ",")))")
        }
        if let states = query.states {
            conditions.append("state IN (\(states.map { String($0.rawValue) }.sorted().joined(separator: ",")))")
        }
        if let kinds = query.kinds { conditions.append(list("kind", kinds, &values)) }
        if let queues = query.queues { conditions.append(list("queue", queues, &values)) }
        if let workflow = query.workflow {
            conditions.append("((job.id = ? AND workflow = job.id) OR (workflow = ? AND workflow <> job.id))")
            values += [.integer(workflow.rawValue), .integer(workflow.rawValue)]
        }
        if let beyond = query.beyond {
            conditions.append(query.newestFirst ? "job.id < ?" : "job.id > ?")
            values.append(.integer(beyond.rawValue))
        }
        let condition = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND "))"
        values.append(.integer(Int64(max(0, query.limit))))
        let text = """
            SELECT \(columns) FROM job \(condition) ORDER BY job.id \(query.newestFirst ? "DESC" : "ASC") LIMIT ?
            """
        let records = try db.all(text: text, values, as: record)
        return try records.map { try completed($0, in: db) }
    }

    private static func list(_ column: String, _ names: Set<String>, _ values: inout [SQLiteValue]) -> String {
        values += names.sorted().map { .text($0) }
        return "\(column) IN (\(names.map { _ in "?" }.joined(separator: ",")))"
    }

    /// A record, and what of it lies beside it.
    private static func record(_ row: SQLiteRow) -> (record: WorkRecord, flags: JobFlags) {
        let state = WorkState(rawValue: Int(row.integer(4))) ?? .blocked
        let flags = JobFlags(rawValue: row.integer(23))
        let record = WorkRecord(
            id: WorkID(rawValue: row.integer(0)), kind: row.text(1), queue: row.text(2),
            priority: Int(row.integer(3)), state: state, reason: row.textIfAny(5).map { WorkReason(rawValue: $0) },
            detail: row.textIfAny(6), payload: row.bytes(7), result: row.bytesIfAny(8),
            progress: StoredFields.progress(row.textIfAny(9)), attempt: Int(row.integer(10)),
            attemptsMax: Int(row.integer(11)), losses: Int(row.integer(12)), evictions: Int(row.integer(13)),
            epoch: row.integer(14), key: row.textIfAny(15), lane: row.textIfAny(16),
            workflow: WorkID(rawValue: row.integer(17)), node: row.integerIfAny(18).map { NodeID(rawValue: $0) },
            member: Int(row.integer(19)), waitsForNode: row.integerIfAny(20).map { NodeID(rawValue: $0) },
            waitsForRecord: row.integerIfAny(21).map { WorkID(rawValue: $0) }, worker: row.textIfAny(22),
            cancelRequested: flags.contains(.cancelRequested), lineCount: Int(row.integer(24)),
            acceptedAt: WorkInstant(rawValue: row.integer(25)),
            dueAt: state.isWaiting ? WorkInstant(rawValue: row.integer(26)) : nil,
            startedAt: row.integerIfAny(27).map { WorkInstant(rawValue: $0) },
            finishedAt: row.integerIfAny(28).map { WorkInstant(rawValue: $0) })
        return (record, flags)
    }

    private static let findAttachment = SQLiteQuery("SELECT bytes FROM attachment WHERE job = ? AND part = ?")

    private static func completed(
        _ found: (record: WorkRecord, flags: JobFlags), in db: SQLiteConnection
    ) throws -> WorkRecord {
        var record = found.record
        func part(_ part: Int64) throws -> [UInt8]? {
            try db.first(Self.findAttachment, .integer(record.id.rawValue), .integer(part)) { $0.bytes(0) }
        }
        if found.flags.contains(.hasLargePayload) { record.payload = try part(AttachmentPart.payload) ?? [] }
        if found.flags.contains(.hasLargeResult) { record.result = try part(AttachmentPart.result) }
        return record
    }

    private static let nodeRecords = SQLiteQuery(
        "SELECT \(columns) FROM job WHERE node = ? ORDER BY member, job.id")
    private static let nodeNodes = SQLiteQuery("SELECT id, member FROM node WHERE parent = ? ORDER BY member, id")

    /// See `WorkStore.members`.
    static func members(of node: Int64, prefix: String = "", in db: SQLiteConnection) throws -> [WorkMember] {
        var places: [(place: Int, members: [WorkMember])] = []
        for found in try db.all(nodeRecords, .integer(node), as: record) {
            let record = try completed(found, in: db)
            places.append((record.member, [WorkMember(path: "\(prefix)\(record.member)", record: record)]))
        }
        for inner in try db.all(nodeNodes, .integer(node), as: { (id: $0.integer(0), member: Int($0.integer(1))) }) {
            let members = try members(of: inner.id, prefix: "\(prefix)\(inner.member).", in: db)
            places.append((inner.member, members))
        }
        return places.sorted { $0.place < $1.place }.flatMap(\.members)
    }

    private static let outputFacts = SQLiteQuery("SELECT output_from, state FROM job WHERE id = ?")
    private static let chunks = SQLiteQuery(
        """
        SELECT epoch, line, count, bytes FROM output
        WHERE job = ?1 AND (epoch, line) >= (?2, (SELECT ifnull(max(line), 0) FROM output WHERE job = ?1 AND epoch = ?2 AND line <= ?3))
            AND (epoch > ?2 OR line + count > ?3)
        ORDER BY epoch, line
        """)

    /// See `WorkStore.output`.
    static func output(
        of id: Int64, from position: OutputPosition, linesMax: Int, in db: SQLiteConnection
    ) throws -> OutputPage {
        guard
            var page = try db.first(
                outputFacts, .integer(id),
                as: { row in
                    OutputPage(
                        next: position, resultFrom: row.integer(0),
                        isOver: WorkState(rawValue: Int(row.integer(1)))?.isTerminal ?? false)
                })
        else { throw WorkError(.notFound, "record \(id) is not in the store") }
        let statement = try db.statement(chunks)
        try statement.step([.integer(id), .integer(position.epoch), .integer(Int64(position.line))]) { row in
            guard page.lines.count < linesMax else {
                page.hasMore = true
                return false
            }
            let (epoch, first) = (row.integer(0), Int(row.integer(1)))
            let skipped = epoch == position.epoch ? max(0, position.line - first) : 0
            let chunk = OutputChunk(lineCount: Int(row.integer(2)), bytes: row.bytes(3))
            let lines = chunk.lines.dropFirst(skipped).prefix(linesMax - page.lines.count)
            page.lines += lines
            page.next = OutputPosition(epoch: epoch, line: first + skipped + lines.count)
            page.hasMore = skipped + lines.count < chunk.lineCount
            return !page.hasMore
        }
        return page
    }

    private static let countsQuery = SQLiteQuery(
        "SELECT queue, kind, state, count(*) FROM job GROUP BY queue, kind, state ORDER BY queue, kind, state")

    /// See `WorkStore.counts`.
    static func counts(in db: SQLiteConnection) throws -> [WorkCount] {
        try db.all(countsQuery) { row in
            WorkCount(
                queue: row.text(0), kind: row.text(1), state: WorkState(rawValue: Int(row.integer(2))) ?? .blocked,
                count: Int(row.integer(3)))
        }
    }

    private static let journalQuery = SQLiteQuery("SELECT name, value FROM journal WHERE job = ? ORDER BY rowid")

    /// See `WorkStore.journalEntries`.
    static func journal(of id: Int64, in db: SQLiteConnection) throws -> [JournalEntry] {
        try db.all(journalQuery, .integer(id)) { JournalEntry(name: $0.text(0), value: $0.bytes(1)) }
    }

    private static let pausedQuery = SQLiteQuery("SELECT queue FROM paused")

    /// See `WorkStore.pausedQueues`.
    static func paused(in db: SQLiteConnection) throws -> Set<String> { Set(try db.all(pausedQuery) { $0.text(0) }) }

    private static let workersQuery = SQLiteQuery(
        """
        SELECT id, name, host, boot_id, pid, start_time, kinds, queues, started_at, lease, lease_until, is_dead,
            (SELECT count(*) FROM job WHERE job.worker = worker.id)
        FROM worker ORDER BY id
        """)

    /// See `WorkStore.workers`; whether one is alive its lock tells, and its lease where somebody removed the lock's file.
    static func workers(in db: SQLiteConnection, _ locks: WorkerLocks, at now: Int64) throws -> [WorkerReport] {
        try db.all(workersQuery) { row in
            let isAlive =
                switch row.integer(11) == 0 ? locks.presence(row.text(1)) : .free {
                case .held: true
                case .free: false
                case .missing: row.integer(10) > now
                }
            let process = ProcessIdentity(
                bootID: row.text(3), pid: Int32(truncatingIfNeeded: row.integer(4)),
                startTime: UInt64(bitPattern: row.integer(5)))
            let worker = WorkerDescription(
                name: row.text(1), host: row.text(2), process: process, kinds: StoredFields.names(row.text(6)),
                queues: StoredFields.names(row.text(7)), lease: .milliseconds(row.integer(9)))
            return WorkerReport(
                id: WorkerID(rawValue: row.integer(0)), worker: worker,
                startedAt: WorkInstant(rawValue: row.integer(8)), leaseUntil: WorkInstant(rawValue: row.integer(10)),
                isAlive: isAlive, held: Int(row.integer(12)))
        }
    }

    private static let terminalStates = WorkState.allCases.filter(\.isTerminal)
    /// Whether a record of another workflow that is not over, or is a dead letter and may run again, tells of a workflow.
    static func isWanted(_ workflow: String) -> String {
        let isOver = terminalStates.filter { $0 != .dead }.map { "\($0.rawValue)" }.joined(separator: ", ")
        let others = "other.workflow <> \(workflow) AND other.state NOT IN (\(isOver))"
        return """
            (EXISTS (SELECT 1 FROM job AS other WHERE other.waits_job = \(workflow) AND \(others))
                OR EXISTS (SELECT 1 FROM job AS step JOIN job AS other ON other.waits_job = step.id
                    WHERE step.workflow = \(workflow) AND step.workflow <> step.id AND \(others))
                OR EXISTS (SELECT 1 FROM node JOIN job AS other ON other.waits_node = node.id
                    WHERE node.workflow = \(workflow) AND \(others)))
            """
    }

    private static let oldWorkflows: String = {
        let ends = terminalStates.enumerated().map { "WHEN \($1.rawValue) THEN ?\(4 + $0)" }.joined(separator: " ")
        return """
            SELECT id FROM job WHERE state = ?1 AND finished_at <= ?2 AND workflow = id
                AND NOT EXISTS (SELECT 1 FROM job AS member WHERE member.workflow = job.id AND member.workflow <> member.id
                    AND (member.finished_at IS NULL OR member.finished_at > CASE member.state \(ends) END))
                AND NOT \(isWanted("job.id"))
            ORDER BY finished_at LIMIT ?3
            """
    }()
    private static let miscountedNodes = SQLiteQuery(
        """
        SELECT id FROM node WHERE state = 0 AND hold = 0
            AND pending > (SELECT count(*) FROM job WHERE job.node = node.id AND finished_at IS NULL)
                + (SELECT count(*) FROM node AS inner WHERE inner.parent = node.id AND inner.state = 0)
        """)

    /// What a sweep has to look at: workflows of which each record is over for as long as its own state is remembered, and groups that
    /// wait for members which are over.
    static func findings(for orders: SweepOrders, at now: Int64, in db: SQLiteConnection) throws -> SweepFindings {
        var findings = SweepFindings()
        if let retention = orders.retention {
            // What is kept for ever is never old enough.
            let ends = terminalStates.map { retention[$0].map { now - $0.wholeMilliseconds } ?? Int64.min }
            for (state, end) in zip(terminalStates, ends) where end > .min {
                var values = ([Int64(state.rawValue), end, Int64(orders.forgetMax)] + ends).map {
                    SQLiteValue.integer($0)
                }
                var text = oldWorkflows
                if let kinds = orders.kinds {
                    text = text.replacing("ORDER BY", with: "AND \(list("kind", kinds, &values)) ORDER BY")
                }
                findings.old += try db.all(text: text, values) { $0.integer(0) }
            }
            findings.hasIdleLanes = try StoreTransaction(db, now: now).hasIdleLanes
        }
        if orders.recounts { findings.miscounted = try db.all(miscountedNodes) { $0.integer(0) } }
        return findings
    }

    private static let somethingDue = SQLiteQuery(
        """
        SELECT EXISTS (SELECT 1 FROM job WHERE state = 1 AND due_at <= ?1)
            OR EXISTS (SELECT 1 FROM node WHERE deadline IS NOT NULL AND state = 0 AND deadline <= ?1)
        """)

    /// Whether a sweep would find something due, and what is due next.
    static func isDue(at now: Int64, in db: SQLiteConnection) throws -> (isDue: Bool, next: WorkInstant?) {
        let isDue = try db.first(somethingDue, .integer(now)) { $0.integer(0) != 0 } ?? false
        return (isDue, try StoreTransaction(db, now: now).nextDue)
    }
}

/// What readers found for a sweep, which looks again before it changes anything.
struct SweepFindings: Sendable {
    /// Workflows that may be forgotten.
    var old: [Int64] = []
    /// Groups whose counter is wrong.
    var miscounted: [Int64] = []
    /// Whether there are lanes that hold nothing and do not rest.
    var hasIdleLanes = false
}
