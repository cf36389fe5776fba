import LastCallWork

extension StoreTransaction {
    /// See `WorkStore.accept`.
    mutating func accept(_ submissions: [Submission]) throws -> [Acceptance] {
        try checkReferences(submissions)
        try checkTerms(submissions)
        // Records of their own take their numbers together, in the order of the call.
        var results: [Acceptance] = []
        results.reserveCapacity(submissions.count)
        let count = submissions.reduce(0) { $0 + $1.records.count }
        var next = try takeJobIDs(count)
        for submission in submissions {
            if submission.records.count == 1, let draft = submission.records.first, let owner = try keyOwner(draft) {
                results.append(Acceptance(ids: [WorkID(rawValue: owner)], isDuplicate: true))
                next += 1
                continue
            }
            if submission.records.count == 1, submission.nodes.isEmpty, submission.records[0].isPlain {
                try insertPlain(submission.records[0], id: next)
                results.append(Acceptance(ids: [WorkID(rawValue: next)]))
            } else {
                results.append(try insert(submission, first: next))
            }
            next += Int64(submission.records.count)
        }
        return results
    }

    private static let findSlot = SQLiteQuery("SELECT job FROM slot WHERE kind = ? AND key = ?")
    private static let takeSlot = SQLiteQuery("INSERT INTO slot (kind, key, job) VALUES (?, ?, ?)")
    private static let jobExists = SQLiteQuery("SELECT 1 FROM job WHERE id = ?")

    /// Who holds the key that a draft wants.
    func keyOwner(_ draft: RecordDraft) throws -> Int64? {
        guard let key = draft.key else { return nil }
        return try db.first(Self.findSlot, .text(draft.kind), .text(key.text)) { $0.integer(0) }
    }

    /// Refuses what cannot be inserted, before anything is.
    private func checkReferences(_ submissions: [Submission]) throws {
        /// A key of a kind.
        struct Slot: Hashable {
            /// The kind.
            let kind: String
            /// The key.
            let key: String
        }
        var added: Set<Slot> = []
        for submission in submissions {
            for draft in submission.records {
                if let other = draft.waitsForRecord,
                    try db.first(Self.jobExists, .integer(other.rawValue), as: { _ in true }) == nil
                {
                    throw WorkError(
                        .notFound, "record \(other), which \"\(draft.kind)\" is to wait for, is not in the store")
                }
                guard let key = draft.key else { continue }
                let isNew = added.insert(Slot(kind: draft.kind, key: key.text)).inserted
                guard submission.records.count > 1 else { continue }
                guard isNew, try keyOwner(draft) == nil else {
                    throw WorkError(
                        .duplicateKey,
                        "a record \"\(draft.kind)\" of the workflow has a key that is taken; wait for its holder, or leave the key out"
                    )
                }
            }
        }
    }

    // MARK: records of their own

    private static let plain = SQLiteQuery(
        """
        INSERT INTO job (id, kind, queue, priority, state, flags, due_at, attempts_max, losses_max, on_lost, delay, timeout,
            workflow, accepted_at, payload_version, trace, payload)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)

    private mutating func insertPlain(_ draft: RecordDraft, id: Int64) throws {
        let state = RecordStateMachine.accepted(waits: false, delay: draft.delay)
        change.insert(state == .ready ? .work : .due)
        let isLarge = draft.payload.count > StoreSchema.inlineBytesMax
        try db.run(
            Self.plain, .integer(id), .text(draft.kind), .text(draft.queue), .integer(Int64(draft.priority)),
            .integer(Int64(state.rawValue)), .integer(draft.flags.rawValue),
            .integer((instant + draft.delay).rawValue), .integer(Int64(draft.attemptsMax)),
            SQLiteValue(draft.lossesMax.map(Int64.init)), .integer(draft.onLost.number),
            .integer(draft.delay.wholeMilliseconds), SQLiteValue(draft.timeout?.wholeMilliseconds), .integer(id),
            .integer(now), .integer(Int64(draft.payloadVersion)), SQLiteValue(StoredFields.encode(trace: draft.trace)),
            isLarge ? .null : .bytes(draft.payload))
        if isLarge { try attach(draft.payload, AttachmentPart.payload, to: id) }
    }

    // MARK: workflows, keys, lanes

    private mutating func insert(_ submission: Submission, first: Int64) throws -> Acceptance {
        let dropped = try submission.records.flatMap { try makeRoom(for: $0) }
        let firstNode = try insertNodes(submission.nodes, workflow: first)
        for (offset, draft) in submission.records.enumerated() {
            let id = first + Int64(offset)
            try insert(draft, id: id, workflow: draft.standsAlone ? id : first, firstNode: firstNode)
        }
        // Only now: what a record waits for may be over, and that may be the end of others here.
        for (offset, draft) in submission.records.enumerated() {
            let id = first + Int64(offset)
            if let other = draft.waitsForRecord {
                try wait(id, for: other.rawValue)
            } else if draft.waitsForNode == nil {
                try release(id)
            }
        }
        for offset in submission.nodes.indices where submission.nodes[offset].waitsForNode == nil {
            try closeIfComplete(firstNode + Int64(offset))
        }
        for (offset, draft) in submission.records.enumerated() {
            for var follower in draft.followers {
                follower.waitsForRecord = WorkID(rawValue: first + Int64(offset))
                follower.runsAfterFailure = true
                _ = try insert(Submission(follower), first: takeJobIDs(1))
            }
        }
        return Acceptance(
            ids: submission.records.indices.map { WorkID(rawValue: first + Int64($0)) }, dropped: dropped)
    }

    private static let addNode = SQLiteQuery(
        """
        INSERT INTO node (id, workflow, state, pending, policy, parent, member, waits_node, hold, deadline)
        VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?)
        """)

    private mutating func insertNodes(_ drafts: [NodeDraft], workflow: Int64) throws -> Int64 {
        guard !drafts.isEmpty else { return 0 }
        let first = try takeNodeIDs(drafts.count)
        for (offset, draft) in drafts.enumerated() {
            try db.run(
                Self.addNode, .integer(first + Int64(offset)), .integer(workflow),
                .integer(Int64(draft.membersCount)), .integer(Int64(draft.policy.rawValue)),
                SQLiteValue(draft.parent.map { first + Int64($0) }), .integer(Int64(draft.member)),
                SQLiteValue(draft.waitsForNode.map { first + Int64($0) }),
                .integer(draft.waitsForNode == nil ? JobHold.none : JobHold.dependency),
                SQLiteValue(draft.deadline.map { (instant + $0).rawValue }))
            if draft.deadline != nil { change.insert(.due) }
        }
        return first
    }

    private static let full = SQLiteQuery(
        """
        INSERT INTO job (id, kind, queue, priority, state, hold, flags, due_at, attempts_max, losses_max, on_lost, delay, timeout,
            workflow, node, member, waits_node, waits_job, lane, key, accepted_at, payload_version, trace, payload)
        VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)

    /// Adds a record, which nothing lets go yet.
    private mutating func insert(_ draft: RecordDraft, id: Int64, workflow: Int64, firstNode: Int64) throws {
        let isLarge = draft.payload.count > StoreSchema.inlineBytesMax
        let waits = draft.waitsForNode != nil || draft.waitsForRecord != nil
        try db.run(
            Self.full, .integer(id), .text(draft.kind), .text(draft.queue), .integer(Int64(draft.priority)),
            .integer(waits ? JobHold.dependency : JobHold.none), .integer(draft.flags.rawValue), .integer(now),
            .integer(Int64(draft.attemptsMax)), SQLiteValue(draft.lossesMax.map(Int64.init)),
            .integer(draft.onLost.number), .integer(draft.delay.wholeMilliseconds),
            SQLiteValue(draft.timeout?.wholeMilliseconds), .integer(workflow),
            SQLiteValue(draft.node.map { firstNode + Int64($0) }), .integer(Int64(draft.member)),
            SQLiteValue(draft.waitsForNode.map { firstNode + Int64($0) }),
            SQLiteValue(draft.waitsForRecord?.rawValue), SQLiteValue(draft.lane), SQLiteValue(draft.key?.text),
            .integer(now), .integer(Int64(draft.payloadVersion)), SQLiteValue(StoredFields.encode(trace: draft.trace)),
            isLarge ? .null : .bytes(draft.payload))
        if isLarge { try attach(draft.payload, AttachmentPart.payload, to: id) }
        if let key = draft.key { try db.run(Self.takeSlot, .text(draft.kind), .text(key.text), .integer(id)) }
    }

    private static let attachQuery = SQLiteQuery(
        """
        INSERT INTO attachment (job, part, bytes) VALUES (?, ?, ?)
        ON CONFLICT (job, part) DO UPDATE SET bytes = excluded.bytes
        """)

    /// Puts something beside a record.
    func attach(_ bytes: [UInt8], _ part: Int64, to id: Int64) throws {
        try db.run(Self.attachQuery, .integer(id), .integer(part), .bytes(bytes))
    }

    private static let stateOf = SQLiteQuery("SELECT state FROM job WHERE id = ?")
    private static let noteDependents = SQLiteQuery(
        "UPDATE job SET flags = flags | \(JobFlags.hasDependents.rawValue) WHERE id = ?")

    /// Lets a record wait for another, unless that one is over.
    private mutating func wait(_ id: Int64, for other: Int64) throws {
        let state = try db.first(Self.stateOf, .integer(other)) { WorkState(rawValue: Int($0.integer(0))) } ?? nil
        if let state, state.isTerminal {
            try releaseDependent(id, of: other, endedWell: state.countsAsDone)
        } else {
            try db.run(Self.noteDependents, .integer(other))
        }
    }

    // MARK: letting go

    private static let laneOf = SQLiteQuery("SELECT lane, delay FROM job WHERE id = ?")

    /// A record waits for no group and no record any more: it takes its turn in its lane, waits for its instant, or is ready.
    ///
    /// - Parameter isAnew: Whether somebody lets it run again, without its delay.
    mutating func release(_ id: Int64, isAnew: Bool = false) throws {
        guard let (lane, delay) = try db.first(Self.laneOf, .integer(id), as: { ($0.textIfAny(0), $0.integer(1)) })
        else { return }
        let eligibleAt = isAnew ? now : (instant + .milliseconds(max(0, delay))).rawValue
        var opensAt: Int64 = 0
        if let lane {
            guard let turn = try enterLane(id, lane, eligibleAt: eligibleAt) else { return }
            opensAt = turn
        }
        try place(id, eligibleAt: eligibleAt, opensAt: opensAt)
    }

    private static let placeQuery = SQLiteQuery(
        "UPDATE job SET state = ?, hold = \(JobHold.none), due_at = ?, eligible_at = ? WHERE id = ?")

    /// A record is scheduled, or ready.
    ///
    /// - Parameters:
    ///   - eligibleAt: When it may run, but for its lane.
    ///   - opensAt: From when on its lane lets it run.
    mutating func place(_ id: Int64, eligibleAt: Int64, opensAt: Int64 = 0) throws {
        let due = max(now, eligibleAt, opensAt)
        let state = RecordStateMachine.accepted(waits: false, delay: .milliseconds(due - now))
        try db.run(Self.placeQuery, .integer(Int64(state.rawValue)), .integer(due), .integer(eligibleAt), .integer(id))
        change.insert(state == .ready ? .work : .due)
    }
}

extension RecordDraft {
    /// Whether it belongs to nothing and waits for nothing but an instant.
    fileprivate var isPlain: Bool {
        key == nil && lane == nil && node == nil && waitsForNode == nil && waitsForRecord == nil
            && followers.isEmpty
    }

    /// What is true or false of it.
    var flags: JobFlags {
        var flags: JobFlags = []
        if awaitsRemainder { flags.insert(.awaitsRemainder) }
        if runsAfterFailure { flags.insert(.runsAfterFailure) }
        if let key { flags.formUnion(key.scope == .retained ? [.holdsKey, .keepsKey] : .holdsKey) }
        if payload.count > StoreSchema.inlineBytesMax { flags.insert(.hasLargePayload) }
        return flags
    }
}

extension LossPolicy {
    /// How it is stored.
    var number: Int64 {
        switch self {
        case .requeue: 0
        case .finalize: 1
        case .fail: 2
        }
    }

    /// Reads what was stored.
    init(number: Int64) { self = number == 1 ? .finalize : number == 2 ? .fail : .requeue }
}
