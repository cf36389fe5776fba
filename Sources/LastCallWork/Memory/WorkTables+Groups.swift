import HeapModule

// What follows, in the same transaction, from the end of records.
extension WorkTables {
    /// Records that are over leave their lanes and keys, step their groups, and let go of what waited for them.
    mutating func stepAll(_ ended: [WorkID], at now: WorkInstant) {
        guard !ended.isEmpty else { return }
        if fault == .counterOutsideTransaction {
            deferredSteps += ended
            return
        }
        step(ended, at: now)
    }

    /// Writes what a wrong store left out of its transactions.
    package mutating func writeDeferredSteps(at now: WorkInstant) {
        defer { deferredSteps = [] }
        step(deferredSteps, at: now)
    }

    /// Loses what a wrong store left out of its transactions, as a crash would.
    package mutating func loseDeferredSteps() { deferredSteps = [] }

    private mutating func step(_ ended: [WorkID], at now: WorkInstant) {
        followUps.append(.ended(ended))
        followUp(at: now)
    }

    /// Takes one step after the other until nothing follows: a list, because a chain may be longer than the stack is deep.
    private mutating func followUp(at now: WorkInstant) {
        guard !isFollowing else { return }
        isFollowing = true
        var next = 0
        while next < followUps.count {
            switch followUps[next] {
            case .ended(let records): count(records, at: now)
            case .closed(let node, let action): release(node, action, at: now)
            }
            next += 1
        }
        followUps = []
        isFollowing = false
    }

    private mutating func count(_ ended: [WorkID], at now: WorkInstant) {
        var counts: [NodeID: (ended: Int, failed: Int)] = [:]
        for id in ended {
            guard var entry = records[id], entry.facts.state.isTerminal else { continue }
            if entry.holdsKey, let key = entry.draft.key, key.scope == .unfinished {
                keys[KeySlot(kind: entry.draft.kind, text: key.text)] = nil
                entry.holdsKey = false
            }
            let isFirst = !entry.isCounted
            entry.isCounted = true
            records[id] = entry
            leaveLane(entry, at: now)
            // Also where it was counted before: it ran again, and somebody began to wait for it meanwhile.
            for dependent in dependents.removeValue(forKey: id) ?? [] {
                releaseDependent(dependent, of: id, endedWell: entry.facts.state.countsAsDone, at: now)
            }
            guard isFirst, let node = entry.node else { continue }
            counts[node, default: (0, 0)].ended += 1
            if !entry.facts.state.countsAsDone { counts[node, default: (0, 0)].failed += 1 }
        }
        change.insert(.ended)
        for (id, count) in counts.sorted(by: { $0.key < $1.key }) {
            follow(nodes[id]?.machine.membersEnded(count.ended, failed: count.failed) ?? .none, of: id, at: now)
        }
    }

    /// Closes a group that may be complete: an empty one.
    mutating func closeIfComplete(_ id: NodeID, at now: WorkInstant) {
        follow(nodes[id]?.machine.closeIfComplete() ?? .none, of: id, at: now)
    }

    /// Lets follow what a group's machine decided.
    mutating func follow(_ action: GroupStateMachine.Action, of id: NodeID, at now: WorkInstant) {
        guard action != .none else { return }
        followUps.append(.closed(id, action))
        followUp(at: now)
    }

    /// A group is closed: what waits for it runs or is cancelled, and the group around it counts it.
    private mutating func release(_ id: NodeID, _ action: GroupStateMachine.Action, at now: WorkInstant) {
        guard let node = nodes[id] else { return }
        switch action {
        case .none: return
        case .run:
            for record in node.waitingRecords where records[record]?.isHeldBack == true { release(record, at: now) }
            for other in node.waitingNodes {
                nodes[other]?.isHeldBack = false
                closeIfComplete(other, at: now)
            }
        case .cancel(let words):
            // The groups before their members: a group that never began does not let run what follows it.
            for other in node.waitingNodes {
                nodes[other]?.isHeldBack = false
                follow(nodes[other]?.machine.skip(words) ?? .none, of: other, at: now)
            }
            let waiting = node.waitingRecords.filter { records[$0]?.isHeldBack == true }
            stepAll(waiting.filter { cancelWaiting($0, .dependency, words, at: now) }, at: now)
        }
        guard let parent = node.parent else { return }
        let failed = node.machine.countsAsDone ? 0 : 1
        follow(nodes[parent]?.machine.membersEnded(1, failed: failed) ?? .none, of: parent, at: now)
    }

    /// What a record waited for is over.
    mutating func releaseDependent(_ id: WorkID, of other: WorkID, endedWell: Bool, at now: WorkInstant) {
        guard let entry = records[id], entry.isHeldBack else { return }
        if endedWell || entry.draft.runsAfterFailure {
            release(id, at: now)
        } else if cancelWaiting(id, .dependency, "record \(other), which it waited for, did not end well", at: now) {
            stepAll([id], at: now)
        }
    }

    /// Cancels a record that has not begun; returns whether it did.
    mutating func cancelWaiting(_ id: WorkID, _ reason: WorkReason, _ detail: String, at now: WorkInstant) -> Bool {
        guard var entry = records[id] else { return false }
        var machine = RecordStateMachine(entry.facts)
        guard case .cancelled(let change) = machine.cancel(reason, detail: detail) else { return false }
        entry.facts = machine.facts
        entry.reason = change.reason
        entry.detail = change.detail
        entry.isHeldBack = false
        entry.finishedAt = now
        records[id] = entry
        return true
    }
}
