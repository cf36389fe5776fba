import LastCallWork

// Lanes and gates: whose turn it is, how long nothing is run, and what is refused.
extension StoreTransaction {
    /// A lane as it is stored.
    private struct StoredLane {
        /// The record whose turn it is.
        let head: Int64?
        /// Until when it rests; 0 where it does not.
        let restsUntil: Int64
        /// Whether its destination is left alone.
        let breaker: BreakerStateMachine
        /// How many records are in it.
        let depth: Int64

        /// From when on its next record may run; 0 where that is long ago.
        var opensAt: Int64 { max(restsUntil, breaker.openUntil?.rawValue ?? 0) }
    }

    /// The gate of a kind as it is stored.
    private struct StoredGate {
        /// Until when nothing of it is claimed; 0 where it does not rest.
        var restsUntil: Int64 = 0
        /// Whether it is left alone.
        var breaker = BreakerStateMachine()
    }

    private static let findLane = SQLiteQuery(
        "SELECT head, not_before, failures, open_until, depth FROM lane WHERE name = ?")
    private static let findGate = SQLiteQuery(
        "SELECT not_before, failures, open_until, probe FROM gate WHERE kind = ?")

    private func lane(_ name: String) throws -> StoredLane? {
        try db.first(Self.findLane, .text(name)) { row in
            StoredLane(
                head: row.integerIfAny(0), restsUntil: row.integer(1),
                breaker: BreakerStateMachine(
                    failures: Int(row.integer(2)), openUntil: row.integerIfAny(3).map { WorkInstant(rawValue: $0) }),
                depth: row.integer(4))
        }
    }

    private func gate(_ kind: String) throws -> StoredGate? {
        try db.first(Self.findGate, .text(kind)) { row in
            StoredGate(
                restsUntil: row.integer(0),
                breaker: BreakerStateMachine(
                    failures: Int(row.integer(1)), openUntil: row.integerIfAny(2).map { WorkInstant(rawValue: $0) },
                    probe: row.integerIfAny(3).map { WorkID(rawValue: $0) }))
        }
    }

    // MARK: accepting

    /// Refuses what the terms of its lane refuse, before anything is inserted.
    func checkTerms(_ submissions: [Submission]) throws {
        var added: [String: Int] = [:]
        for submission in submissions {
            for draft in submission.records {
                guard let name = draft.lane, let terms = draft.laneTerms, !draft.waits else { continue }
                if submission.records.count == 1, try keyOwner(draft) != nil { continue }
                if terms.refusesWhileOpen {
                    for breaker in [try lane(name)?.breaker, try gate(draft.kind)?.breaker] {
                        guard case .open(let until) = breaker?.state(at: instant) else { continue }
                        throw WorkError.breakerOpen(draft.kind, until - instant)
                    }
                }
                guard !terms.dropsOldest else { continue }
                added[name, default: 0] += 1
                if try waitingCount(name) + added[name, default: 0] > terms.waitingMax {
                    throw WorkError.laneFull(draft.kind, terms.waitingMax)
                }
            }
        }
    }

    private static let isHeld = SQLiteQuery("SELECT state IN (3, 4) FROM job WHERE id = ?")

    /// How many records of a lane wait, the head included unless somebody has it.
    private func waitingCount(_ name: String) throws -> Int {
        guard let lane = try lane(name) else { return 0 }
        return Int(lane.depth) - (try isRun(lane) ? 1 : 0)
    }

    private func isRun(_ lane: StoredLane) throws -> Bool {
        guard let head = lane.head else { return false }
        return try db.first(Self.isHeld, .integer(head), as: { $0.integer(0) != 0 }) == true
    }

    private static let firstInLane = SQLiteQuery(
        "SELECT id, ifnull(eligible_at, accepted_at + delay) FROM job WHERE lane = ? AND state = 0 AND hold = \(JobHold.lane) ORDER BY id LIMIT 1"
    )

    /// Drops the oldest that wait until there is room for one more; returns what was dropped.
    mutating func makeRoom(for draft: RecordDraft) throws -> [WorkID] {
        guard let name = draft.lane, let terms = draft.laneTerms, terms.dropsOldest, !draft.waits else { return [] }
        var dropped: [WorkID] = []
        while let lane = try lane(name) {
            let isRun = try isRun(lane)
            guard Int(lane.depth) - (isRun ? 1 : 0) >= terms.waitingMax else { break }
            let victim =
                isRun ? try db.first(Self.firstInLane, .text(name), as: { $0.integer(0) }) : lane.head
            guard let victim, let job = try job(victim) else { break }
            var machine = RecordStateMachine(job.facts)
            guard let change = machine.overflowed() else { break }
            try step([end(job, change)])
            dropped.append(WorkID(rawValue: victim))
        }
        return dropped
    }

    // MARK: turns

    private static let enterAsHead = SQLiteQuery(
        """
        INSERT INTO lane (name, head, depth) VALUES (?, ?, 1)
        ON CONFLICT (name) DO UPDATE SET head = excluded.head, depth = depth + 1
        """)
    private static let enterBehind = SQLiteQuery("UPDATE lane SET depth = depth + 1 WHERE name = ?")
    private static let waitInLane = SQLiteQuery(
        "UPDATE job SET state = 0, hold = \(JobHold.lane), eligible_at = ? WHERE id = ?")

    /// A record takes its place in its lane.
    ///
    /// - Returns: Whether it is its turn, and from when on; `nil` where it waits.
    func enterLane(_ id: Int64, _ name: String, eligibleAt: Int64) throws -> Int64? {
        let lane = try lane(name)
        if lane?.head != nil {
            try db.run(Self.enterBehind, .text(name))
            try db.run(Self.waitInLane, .integer(eligibleAt), .integer(id))
            return nil
        }
        try db.run(Self.enterAsHead, .text(name), .integer(id))
        return lane?.opensAt ?? 0
    }

    private static let passOn = SQLiteQuery("UPDATE lane SET head = ?, depth = depth - 1 WHERE name = ?")
    private static let leaveBehind = SQLiteQuery("UPDATE lane SET depth = depth - 1 WHERE name = ?")
    private static let dropLane = SQLiteQuery("DELETE FROM lane WHERE name = ?")

    /// A record that is over leaves its lane; where it was its turn, the next one takes it.
    mutating func leaveLane(_ name: String, _ job: EndedJob) throws {
        guard let lane = try lane(name) else { return }
        guard lane.head == job.id else {
            if job.waitedInLane { try db.run(Self.leaveBehind, .text(name)) }
            return
        }
        if let next = try db.first(
            Self.firstInLane, .text(name), as: { (id: $0.integer(0), eligibleAt: $0.integer(1)) })
        {
            try db.run(Self.passOn, .integer(next.id), .text(name))
            try place(next.id, eligibleAt: next.eligibleAt, opensAt: lane.opensAt)
        } else if lane.opensAt <= now {
            try db.run(Self.dropLane, .text(name))
        } else {
            try db.run(Self.passOn, .null, .text(name))
        }
    }

    private static let forgetLanes = SQLiteQuery(
        "DELETE FROM lane WHERE depth = 0 AND head IS NULL AND not_before <= ?1 AND ifnull(open_until, 0) <= ?1")
    private static let forgetGates = SQLiteQuery(
        "DELETE FROM gate WHERE not_before <= ? AND failures = 0 AND open_until IS NULL")
    private static let idleLanes = SQLiteQuery(
        """
        SELECT EXISTS (SELECT 1 FROM lane WHERE depth = 0 AND head IS NULL AND not_before <= ?1 AND ifnull(open_until, 0) <= ?1)
            OR EXISTS (SELECT 1 FROM gate WHERE not_before <= ?1 AND failures = 0 AND open_until IS NULL)
        """)

    /// Whether there are lanes and gates that hold nothing and do not rest.
    var hasIdleLanes: Bool {
        get throws { try db.first(Self.idleLanes, .integer(now), as: { $0.integer(0) != 0 }) == true }
    }

    /// Forgets lanes and gates that hold nothing and do not rest.
    func forgetIdleLanes() throws {
        try db.run(Self.forgetLanes, .integer(now))
        try db.run(Self.forgetGates, .integer(now))
    }

    // MARK: news

    private static let writeLane = SQLiteQuery(
        "UPDATE lane SET not_before = ?, failures = ?, open_until = ? WHERE name = ?")
    private static let writeGate = SQLiteQuery(
        """
        INSERT INTO gate (kind, not_before, failures, open_until, probe) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (kind) DO UPDATE SET not_before = excluded.not_before, failures = excluded.failures,
            open_until = excluded.open_until, probe = excluded.probe
        """)

    private func write(_ gate: StoredGate, _ kind: String) throws {
        try db.run(
            Self.writeGate, .text(kind), .integer(gate.restsUntil), .integer(Int64(gate.breaker.failures)),
            SQLiteValue(gate.breaker.openUntil?.rawValue), SQLiteValue(gate.breaker.probe?.rawValue))
    }

    /// Notes what the end of a claim says of its lane and kind.
    ///
    /// - Returns: Until when the record waits at least, where it is tried again.
    mutating func heed(_ news: LaneNews?, of job: EndedJob) throws -> WorkInstant? {
        guard news != nil || job.flags.contains(.isProbe) else { return nil }
        let record = WorkID(rawValue: job.id)
        var opensAt: Int64 = 0
        var gate = try gate(job.kind)
        let found = gate
        if job.flags.contains(.isProbe), gate?.breaker.probe == record {
            gate?.breaker.ended(record)
            change.insert(.work)
        }
        if let news {
            if let name = job.lane, let lane = try lane(name) {
                let restsUntil = news.laneRest > .zero ? (instant + news.laneRest).rawValue : 0
                var breaker = lane.breaker
                _ = breaker.heed(news.lane, of: record, at: instant)
                let rests = max(lane.restsUntil, restsUntil)
                if rests != lane.restsUntil || breaker != lane.breaker {
                    try db.run(
                        Self.writeLane, .integer(rests), .integer(Int64(breaker.failures)),
                        SQLiteValue(breaker.openUntil?.rawValue), .text(name))
                }
                opensAt = max(rests, breaker.openUntil?.rawValue ?? 0)
            }
            if news.kindRest > .zero || news.kind != .none {
                var noted = gate ?? StoredGate()
                if news.kindRest > .zero {
                    noted.restsUntil = max(noted.restsUntil, (instant + news.kindRest).rawValue)
                }
                if noted.breaker.heed(news.kind, of: record, at: instant) { change.insert(.work) }
                gate = noted
            }
        }
        if let gate, gate.restsUntil != found?.restsUntil || gate.breaker != found?.breaker {
            // A breaker that was never there and is closed needs no row.
            if found != nil || gate.restsUntil > 0 || !gate.breaker.isPristine { try write(gate, job.kind) }
        }
        guard news != nil else { return nil }
        opensAt = max(opensAt, gate?.restsUntil ?? 0, gate?.breaker.openUntil?.rawValue ?? 0)
        return opensAt > now ? WorkInstant(rawValue: opensAt) : nil
    }

    // MARK: claiming

    /// What may be claimed of a kind that has a gate.
    struct Allowance {
        /// How many records.
        var limit: Int
        /// When it may be more, where that is known.
        var opensAt: WorkInstant?
    }

    /// What the gate of a kind lets through.
    func allowance(_ gate: KindGate, isDraining: Bool) throws -> Allowance {
        let limit = gate.spacing > .zero ? 1 : Int.max
        guard let kept = try self.gate(gate.kind) else { return Allowance(limit: limit) }
        if kept.restsUntil > now { return Allowance(limit: 0, opensAt: WorkInstant(rawValue: kept.restsUntil)) }
        guard !isDraining else { return Allowance(limit: limit) }
        switch kept.breaker.state(at: instant) {
        case .closed: return Allowance(limit: limit)
        case .open(let until): return Allowance(limit: 0, opensAt: until)
        case .halfOpen: return Allowance(limit: 1)
        case .probing: return Allowance(limit: 0)
        }
    }

    private static let markProbe = SQLiteQuery(
        "UPDATE job SET flags = flags | \(JobFlags.isProbe.rawValue) WHERE id = ?")

    /// A record of a kind that has a gate was claimed.
    func passed(_ gate: KindGate, _ id: WorkID) throws {
        let found = try self.gate(gate.kind)
        guard found != nil || gate.spacing > .zero else { return }
        var kept = found ?? StoredGate()
        if gate.spacing > .zero { kept.restsUntil = (instant + gate.spacing).rawValue }
        kept.breaker.attempted(id, at: instant)
        if kept.breaker.probe == id { try db.run(Self.markProbe, .integer(id.rawValue)) }
        if kept.restsUntil != found?.restsUntil || kept.breaker != found?.breaker { try write(kept, gate.kind) }
    }

    private static let hurryQuery = SQLiteQuery(
        """
        UPDATE job SET state = 2, due_at = ?1 WHERE state = 1 AND queue = ?2 AND kind = ?3 AND lane IS NOT NULL
            AND (started_at < ?4 OR (started_at IS NULL AND ifnull(eligible_at, accepted_at + delay) <= ?1))
            AND (SELECT not_before FROM lane WHERE name = job.lane) <= ?1
        """)

    /// Lets run what waits for a breaker or after a failure, once more for a worker that drains; what somebody else asked to wait for stays.
    func hurry(_ demand: QueueDemand, since: WorkInstant) throws {
        for kind in demand.kinds {
            try db.run(
                Self.hurryQuery, .integer(now), .text(demand.queue), .text(kind), .integer(since.rawValue))
        }
    }

    private static let dueOfKind = SQLiteQuery(
        "SELECT min(due_at) FROM job WHERE state = 1 AND queue = ? AND kind = ? AND lane IS NOT NULL")

    /// When the first record of a demand is due that waits for an instant.
    func demandDue(_ demand: QueueDemand) throws -> WorkInstant? {
        try demand.kinds.compactMap { kind in
            try db.first(Self.dueOfKind, .text(demand.queue), .text(kind), as: { $0.integerIfAny(0) }) ?? nil
        }.min().map { WorkInstant(rawValue: $0) }
    }
}

extension StoreQueries {
    private static let lanesQuery = SQLiteQuery(
        """
        SELECT name, depth, head, not_before, failures, open_until FROM lane
        WHERE name >= ?1 AND name < ?2 ORDER BY name
        """)

    /// See `WorkStore.lanes`.
    static func lanes(prefix: String, at now: Int64, in db: SQLiteConnection) throws -> [LaneReport] {
        // No name goes on with the last character that there is.
        try db.all(lanesQuery, .text(prefix), .text(prefix + "\u{10FFFF}")) { row in
            LaneReport(
                name: row.text(0), depth: Int(row.integer(1)),
                head: row.integerIfAny(2).map { WorkID(rawValue: $0) },
                restsUntil: row.integer(3) > now ? WorkInstant(rawValue: row.integer(3)) : nil,
                breaker: BreakerStateMachine(
                    failures: Int(row.integer(4)), openUntil: row.integerIfAny(5).map { WorkInstant(rawValue: $0) }))
        }
    }

    private static let gatesQuery = SQLiteQuery(
        """
        SELECT kind, not_before, failures, open_until, probe FROM gate
        WHERE not_before > ? OR failures > 0 OR open_until IS NOT NULL ORDER BY kind
        """)

    /// See `WorkStore.gates`.
    static func gates(at now: Int64, in db: SQLiteConnection) throws -> [GateReport] {
        try db.all(gatesQuery, .integer(now)) { row in
            GateReport(
                kind: row.text(0), restsUntil: row.integer(1) > now ? WorkInstant(rawValue: row.integer(1)) : nil,
                breaker: BreakerStateMachine(
                    failures: Int(row.integer(2)), openUntil: row.integerIfAny(3).map { WorkInstant(rawValue: $0) },
                    probe: row.integerIfAny(4).map { WorkID(rawValue: $0) }))
        }
    }
}
