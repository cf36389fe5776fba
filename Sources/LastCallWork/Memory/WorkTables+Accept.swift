import HeapModule

extension WorkTables {
    /// See ``WorkStore/accept(_:)``.
    package mutating func accept(
        _ submissions: [Submission], payloadBytesMax: Int, at now: WorkInstant
    ) throws(WorkError) -> [Acceptance] {
        for submission in submissions { try submission.validate(payloadBytesMax: payloadBytesMax) }
        try checkReferences(submissions)
        try checkTerms(submissions, at: now)
        return submissions.map { submission in
            if let first = submission.records.first, submission.records.count == 1, let owner = keyOwner(first) {
                return Acceptance(ids: [owner], isDuplicate: true)
            }
            return insert(submission, at: now)
        }
    }

    /// Who holds the key that a draft wants.
    private func keyOwner(_ draft: RecordDraft) -> WorkID? {
        draft.key.flatMap { keys[KeySlot(kind: draft.kind, text: $0.text)] }
    }

    /// Refuses what cannot be inserted, before anything is.
    private func checkReferences(_ submissions: [Submission]) throws(WorkError) {
        var added: Set<KeySlot> = []
        for submission in submissions {
            for draft in submission.records {
                if let other = draft.waitsForRecord, records[other] == nil {
                    throw .init(
                        .notFound, "record \(other), which \"\(draft.kind)\" is to wait for, is not in the store")
                }
                guard let key = draft.key else { continue }
                let slot = KeySlot(kind: draft.kind, text: key.text)
                let isFree = keys[slot] == nil && added.insert(slot).inserted
                // A record of its own finds the one that is there.
                guard isFree || submission.records.count == 1 else {
                    throw .init(
                        .duplicateKey,
                        "a record \"\(draft.kind)\" of the workflow has a key that is taken; wait for its holder, or leave the key out"
                    )
                }
            }
        }
    }

    private mutating func insert(_ submission: Submission, at now: WorkInstant) -> Acceptance {
        let dropped = submission.records.flatMap { makeRoom(for: $0, at: now) }
        let nodeIDs = insertNodes(submission.nodes, at: now)
        let ids = submission.records.indices.map { WorkID(rawValue: lastRecord + 1 + Int64($0)) }
        lastRecord += Int64(ids.count)
        let family = zip(ids, submission.records).filter { !$1.standsAlone }.map(\.0)
        if family.count > 1 { workflows[ids[0]] = family }
        if !nodeIDs.isEmpty { workflowNodes[ids[0]] = nodeIDs }
        for (id, draft) in zip(ids, submission.records) {
            insert(draft, id: id, workflow: draft.standsAlone ? id : ids[0], nodeIDs: nodeIDs, at: now)
        }
        // Only now: what a record waits for may be over, and that may be the end of others here.
        for (id, draft) in zip(ids, submission.records) {
            if let other = draft.waitsForRecord {
                waitFor(other, id, at: now)
            } else if draft.waitsForNode == nil {
                release(id, at: now)
            }
        }
        for id in nodeIDs {
            guard let node = nodes[id], !node.isHeldBack else { continue }
            closeIfComplete(id, at: now)
        }
        for (id, draft) in zip(ids, submission.records) {
            for var follower in draft.followers {
                follower.waitsForRecord = id
                follower.runsAfterFailure = true
                _ = insert(Submission(follower), at: now)
            }
        }
        return Acceptance(ids: ids, dropped: dropped)
    }

    private mutating func insertNodes(_ drafts: [NodeDraft], at now: WorkInstant) -> [NodeID] {
        let ids = drafts.indices.map { NodeID(rawValue: lastNode + 1 + Int64($0)) }
        lastNode += Int64(ids.count)
        for (id, draft) in zip(ids, drafts) {
            nodes[id] = Node(
                machine: GroupStateMachine(pending: draft.membersCount, policy: draft.policy),
                parent: draft.parent.map { ids[$0] }, member: draft.member,
                waitsForNode: draft.waitsForNode.map { ids[$0] }, deadline: draft.deadline.map { now + $0 },
                isHeldBack: draft.waitsForNode != nil)
            if let deadline = nodes[id]?.deadline { due.insert(Due(at: deadline, number: -id.rawValue)) }
        }
        for (id, draft) in zip(ids, drafts) {
            if let parent = draft.parent { nodes[ids[parent]]?.nodes.append(id) }
            if let before = draft.waitsForNode { nodes[ids[before]]?.waitingNodes.append(id) }
        }
        if drafts.contains(where: { $0.deadline != nil }) { change.insert(.due) }
        return ids
    }

    /// Adds a record, which nothing lets go yet.
    private mutating func insert(
        _ draft: RecordDraft, id: WorkID, workflow: WorkID, nodeIDs: [NodeID], at now: WorkInstant
    ) {
        var facts = RecordFacts(state: .blocked)
        facts.attemptsMax = draft.attemptsMax
        facts.lossesMax = draft.lossesMax
        facts.onLost = draft.onLost
        facts.awaitsRemainder = draft.awaitsRemainder
        let entry = Entry(
            id: id, draft: draft, facts: facts, workflow: workflow, node: draft.node.map { nodeIDs[$0] },
            waitsForNode: draft.waitsForNode.map { nodeIDs[$0] },
            isHeldBack: draft.waitsForNode != nil || draft.waitsForRecord != nil, holdsKey: draft.key != nil,
            acceptedAt: now)
        records[id] = entry
        if let key = draft.key { keys[KeySlot(kind: draft.kind, text: key.text)] = id }
        if let node = entry.node { nodes[node]?.records.append(id) }
        if let node = entry.waitsForNode { nodes[node]?.waitingRecords.append(id) }
    }

    /// Lets a record wait for another, unless that one is over.
    private mutating func waitFor(_ other: WorkID, _ id: WorkID, at now: WorkInstant) {
        let facts = entry(other).facts
        if facts.state.isTerminal {
            releaseDependent(id, of: other, endedWell: facts.state.countsAsDone, at: now)
        } else {
            dependents[other, default: []].append(id)
        }
    }

    /// A record waits for no group and no record any more: it takes its turn in its lane, waits for its instant, or is ready.
    ///
    /// - Parameter isAnew: Whether somebody lets it run again, without its delay.
    mutating func release(_ id: WorkID, isAnew: Bool = false, at now: WorkInstant) {
        guard let draft = records[id]?.draft else { return }
        let delay = isAnew ? .zero : max(.zero, draft.delay)
        records[id]?.isHeldBack = false
        records[id]?.eligibleAt = now + delay
        if let lane = draft.lane, !enterLane(id, lane) { return }
        place(id, delay: delay, at: now)
    }

    /// A record is scheduled, or ready.
    ///
    /// - Parameter heedsLane: Whether it waits as long as its lane rests.
    mutating func place(_ id: WorkID, delay: Duration, heedsLane: Bool = true, at now: WorkInstant) {
        let opensAt = heedsLane ? laneOpensAt(id, after: now) : nil
        let dueAt = max(delay > .zero ? now + delay : now, opensAt ?? now)
        let state = RecordStateMachine.accepted(waits: false, delay: dueAt - now)
        records[id]?.facts.state = state
        records[id]?.dueAt = dueAt
        if state == .scheduled {
            due.insert(Due(at: dueAt, number: id.rawValue))
            change.insert(.due)
        } else {
            makeReady(id, dueAt: dueAt)
            change.insert(.work)
        }
    }

    /// A record may be claimed.
    mutating func makeReady(_ id: WorkID, dueAt: WorkInstant) {
        let draft = entry(id).draft
        records[id]?.facts.state = .ready
        records[id]?.dueAt = dueAt
        let turn = Turn(priority: draft.priority, dueAt: dueAt, id: id)
        ready[Place(queue: draft.queue, kind: draft.kind), default: Heap()].insert(turn)
    }
}
