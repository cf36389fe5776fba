import HeapModule

// Workers, what is due, what people ask for.
extension WorkTables {
    /// See ``WorkStore/register(_:)``.
    package mutating func register(_ worker: WorkerDescription, at now: WorkInstant) throws(WorkError) -> WorkerID {
        if let other = workers.values.first(where: { $0.description.name == worker.name && !isDead($0, at: now) }) {
            throw .init(
                .nameTaken,
                "a worker named \"\(worker.name)\" runs already (pid \(other.description.process.pid)); stop it or choose another name"
            )
        }
        lastWorker += 1
        let id = WorkerID(rawValue: lastWorker)
        workers[id] = WorkerEntry(description: worker, startedAt: now, leaseUntil: now + worker.lease)
        return id
    }

    /// See ``WorkStore/deregister(_:)``.
    package mutating func deregister(_ id: WorkerID) {
        guard let worker = workers[id] else { return }
        guard worker.held.isEmpty else {
            workers[id]?.isDead = true
            change.insert(.death)
            return
        }
        workers[id] = nil
    }

    /// A worker's lock was seen free.
    package mutating func declareDead(_ id: WorkerID) {
        workers[id]?.isDead = true
        change.insert(.death)
    }

    private func isDead(_ worker: WorkerEntry, at now: WorkInstant) -> Bool { worker.isDead || worker.leaseUntil < now }

    /// See ``WorkStore/lostWorkers()``; the dead that hold nothing are forgotten.
    package mutating func lostWorkers(at now: WorkInstant) -> [LostWorker] {
        var lost: [LostWorker] = []
        for (id, worker) in workers.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where isDead(worker, at: now) {
            guard !worker.held.isEmpty else {
                if worker.isDead { workers[id] = nil }
                continue
            }
            workers[id]?.isDead = true
            let records = worker.held.sorted().map { record in
                let entry = entry(record)
                return LostRecord(
                    claim: ClaimKey(id: record, epoch: entry.facts.epoch), kind: entry.draft.kind, facts: entry.facts,
                    process: entry.process)
            }
            lost.append(LostWorker(id: id, worker: worker.description, records: records))
        }
        return lost
    }

    /// See ``WorkStore/sweep(_:)``.
    package mutating func sweep(_ orders: SweepOrders, at now: WorkInstant) -> SweepResult {
        var result = SweepResult()
        while let next = due.min, next.at <= now {
            due.removeMin()
            if next.number > 0 {
                let id = WorkID(rawValue: next.number)
                guard let entry = records[id], entry.facts.state == .scheduled, entry.dueAt == next.at else { continue }
                makeReady(id, dueAt: next.at)
                change.insert(.work)
                result.promoted += 1
            } else if closeByDeadline(NodeID(rawValue: -next.number), at: now) {
                result.closed += 1
            }
        }
        if let retention = orders.retention {
            result.forgotten = forget(retention, orders.kinds, most: orders.forgetMax, at: now)
            forgetIdleLanes(at: now)
        }
        if orders.recounts { result.mended = recount(at: now) }
        result.nextDue = nextDue
        return result
    }

    /// Ends all members of a group that are not over; returns whether there were any.
    private mutating func closeByDeadline(_ id: NodeID, at now: WorkInstant) -> Bool {
        guard nodes[id]?.machine.state == .open else { return false }
        let family = family(of: id)
        let ended = family.records.filter { endByDeadline($0, at: now) }
        stepAll(ended, at: now)
        // Empty groups in it have no member to end, and wait for what comes before the group.
        for other in family.nodes where other != id && nodes[other]?.machine.state == .open {
            nodes[other]?.isHeldBack = false
            closeIfComplete(other, at: now)
        }
        // It may be empty itself, and wait for an earlier step.
        nodes[id]?.isHeldBack = false
        closeIfComplete(id, at: now)
        change.insert(.cancel)
        return true
    }

    /// The records and groups that a group counts, directly, through groups in it, or as earlier steps of a chain in it, in the order of their ids.
    private func family(of node: NodeID) -> (records: [WorkID], nodes: [NodeID]) {
        var found: Set<WorkID> = []
        var nodesFound: [NodeID] = []
        // What the group itself waits for is no part of it.
        var seen = Set([node, nodes[node]?.waitsForNode].compactMap(\.self))
        var open = [node]
        while let next = open.popLast(), let node = nodes[next] {
            found.formUnion(node.records)
            nodesFound.append(next)
            let before = node.records.compactMap { records[$0]?.waitsForNode } + [node.waitsForNode].compactMap(\.self)
            for other in node.nodes + before where seen.insert(other).inserted { open.append(other) }
        }
        return (found.sorted(), nodesFound.sorted())
    }

    private mutating func endByDeadline(_ id: WorkID, at now: WorkInstant) -> Bool {
        guard var entry = records[id] else { return false }
        var machine = RecordStateMachine(entry.facts)
        guard let change = machine.deadlinePassed() else { return false }
        entry.facts = machine.facts
        entry.reason = change.reason
        entry.detail = change.detail
        entry.isHeldBack = false
        entry.finishedAt = now
        if let worker = entry.worker { workers[worker]?.held.remove(id) }
        entry.worker = nil
        entry.process = nil
        records[id] = entry
        // It may have been the one that a half-open breaker let through.
        _ = heed(nil, of: entry, at: now)
        return true
    }

    private mutating func forget(
        _ retention: Retention, _ kinds: Set<String>?, most: Int, at now: WorkInstant
    ) -> Int {
        let old = records.values.filter { entry in
            guard let end = entry.finishedAt, let keep = retention[entry.facts.state] else { return false }
            return end + keep <= now
        }
        let oldIDs = Set(old.map(\.id))
        let wanted = old.isEmpty ? [] : wantedWorkflows
        var count = 0
        for entry in old.sorted(by: { $0.id < $1.id }) where count < most {
            let family = workflows[entry.workflow] ?? [entry.id]
            // Later records of a workflow that was forgotten just now are gone already.
            guard records[entry.id] != nil, entry.id == family[0], kinds?.contains(entry.draft.kind) ?? true,
                !wanted.contains(entry.workflow),
                family.allSatisfy({ oldIDs.contains($0) || records[$0] == nil })
            else {
                continue
            }
            for id in family {
                forget(id)
                count += 1
            }
            workflows[entry.workflow] = nil
            for node in workflowNodes.removeValue(forKey: entry.workflow) ?? [] { nodes[node] = nil }
        }
        return count
    }

    /// The workflows of which others tell that are not over, or that are dead letters and may run again.
    private var wantedWorkflows: Set<WorkID> {
        var wanted: Set<WorkID> = []
        var nodes: Set<NodeID> = []
        for entry in records.values where !entry.facts.state.isTerminal || entry.facts.state == .dead {
            if let other = entry.draft.waitsForRecord, let workflow = records[other]?.workflow,
                workflow != entry.workflow
            {
                wanted.insert(workflow)
            }
            if entry.draft.standsAlone, let node = entry.waitsForNode { nodes.insert(node) }
        }
        guard !nodes.isEmpty else { return wanted }
        return wanted.union(workflowNodes.filter { !nodes.isDisjoint(with: $0.value) }.keys)
    }

    private mutating func forget(_ id: WorkID) {
        guard let entry = records.removeValue(forKey: id) else { return }
        if entry.holdsKey, let key = entry.draft.key { keys[KeySlot(kind: entry.draft.kind, text: key.text)] = nil }
    }

    /// Compares the counters of open groups with their members; returns how many were wrong.
    private mutating func recount(at now: WorkInstant) -> Int {
        var mended = 0
        for (id, node) in nodes.sorted(by: { $0.key < $1.key }) where node.machine.state == .open && !node.isHeldBack {
            let over = node.records.filter { records[$0]?.facts.state.isTerminal ?? true }
            let missing =
                node.machine.pending - (node.records.count - over.count)
                - node.nodes.count(where: { nodes[$0]?.machine.state == .open })
            guard missing > 0 else { continue }
            mended += 1
            let failed = over.count(where: { !(records[$0]?.facts.state.countsAsDone ?? true) }) - node.machine.failed
            let action = nodes[id]?.machine.membersEnded(missing, failed: max(0, min(failed, missing))) ?? .none
            for record in over { records[record]?.isCounted = true }
            follow(action, of: id, at: now)
        }
        return mended
    }

    /// See ``WorkStore/perform(_:)``.
    package mutating func perform(_ action: WorkAction, at now: WorkInstant) -> WorkActionResult {
        var result = WorkActionResult()
        switch action {
        case .cancel(let ids): cancel(ids, at: now, into: &result)
        case .cancelWorkflow(let id):
            let family = workflows[id] ?? [id]
            cancel(family, at: now, into: &result)
            result.refused = [:]
        case .retry(let ids): retry(ids, at: now, into: &result)
        case .pause(let queue): paused.insert(queue)
        case .resume(let queue):
            paused.remove(queue)
            change.insert(.work)
        }
        return result
    }

    private mutating func cancel(_ ids: [WorkID], at now: WorkInstant, into result: inout WorkActionResult) {
        for id in ids {
            guard let entry = records[id] else {
                result.missing.append(id)
                continue
            }
            var machine = RecordStateMachine(entry.facts)
            switch machine.cancel(.requested, detail: "cancelled on request") {
            case .refuse: result.refused[id] = entry.facts.state
            case .ask:
                records[id]?.facts = machine.facts
                result.asked.append(id)
                change.insert(.cancel)
            case .cancelled:
                if cancelWaiting(id, .requested, "cancelled on request", at: now) { result.changed.append(id) }
            }
        }
        stepAll(result.changed, at: now)
    }

    private mutating func retry(_ ids: [WorkID], at now: WorkInstant, into result: inout WorkActionResult) {
        for id in ids {
            guard var entry = records[id] else {
                result.missing.append(id)
                continue
            }
            var machine = RecordStateMachine(entry.facts)
            guard let change = machine.retry() else {
                result.refused[id] = entry.facts.state
                continue
            }
            entry.facts = machine.facts
            entry.facts.state = .blocked
            entry.reason = change.reason
            entry.detail = nil
            entry.result = nil
            entry.finishedAt = nil
            if let key = entry.draft.key, !entry.holdsKey {
                let slot = KeySlot(kind: entry.draft.kind, text: key.text)
                entry.holdsKey = keys[slot] == nil
                if entry.holdsKey { keys[slot] = id }
            }
            records[id] = entry
            release(id, isAnew: true, at: now)
            result.changed.append(id)
        }
    }
}
