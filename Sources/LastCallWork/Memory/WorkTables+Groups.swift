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
            guard isFirst else { continue }
            if let node = entry.node {
                counts[node, default: (0, 0)].ended += 1
                if !entry.facts.state.countsAsDone { counts[node, default: (0, 0)].failed += 1 }
            }
            for dependent in dependents.removeValue(forKey: id) ?? [] {
                releaseDependent(dependent, of: id, endedWell: entry.facts.state.countsAsDone, at: now)
            }
        }
        change.insert(.ended)
        for (id, count) in counts.sorted(by: { $0.key < $1.key }) {
            let action = nodes[id]?.machine.membersEnded(count.ended, failed: count.failed) ?? .none
            follow(action, of: id, at: now)
        }
    }

    /// Closes a group that may be complete: an empty one.
    mutating func closeIfComplete(_ id: NodeID, at now: WorkInstant) {
        let action = nodes[id]?.machine.closeIfComplete() ?? .none
        follow(action, of: id, at: now)
    }

    mutating func follow(_ action: GroupStateMachine.Action, of id: NodeID, at now: WorkInstant) {
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
            stepAll(node.waitingRecords.filter { cancelWaiting($0, .dependency, words, at: now) }, at: now)
            for other in node.waitingNodes {
                nodes[other]?.isHeldBack = false
                closeIfComplete(other, at: now)
            }
        }
        guard let parent = node.parent, let machine = nodes[id]?.machine else { return }
        let next = nodes[parent]?.machine.membersEnded(1, failed: machine.countsAsDone ? 0 : 1) ?? .none
        follow(next, of: parent, at: now)
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

    /// The next of a lane takes its turn.
    private mutating func leaveLane(_ entry: Entry, at now: WorkInstant) {
        guard let name = entry.draft.lane, lanes[name]?.head == entry.id else { return }
        lanes[name]?.head = nil
        while let next = lanes[name]?.waiting.popMin() {
            guard let waiting = records[next], waiting.facts.state == .blocked, !waiting.isHeldBack else { continue }
            lanes[name]?.head = next
            place(next, delay: waiting.draft.delay, at: now)
            return
        }
        lanes[name] = nil
    }
}
