// What always holds between two transactions; asked by the simulation.
extension WorkTables {
    /// What the simulation looks at after every step.
    package struct Glimpse: Sendable, Hashable {
        /// The record.
        package let id: WorkID
        /// What decides about its way.
        package let facts: RecordFacts
        /// The group whose end it waits for.
        package let waitsForNode: NodeID?
        /// Why it is in its state.
        package let reason: WorkReason?
        /// How many runs wrote lines.
        package let runsWithOutput: Int
        /// The size of what it came to.
        package let resultSize: Int?
    }

    /// A record, as far as the simulation looks at it.
    package func glimpse(_ id: WorkID) -> Glimpse? {
        guard let entry = records[id] else { return nil }
        return Glimpse(
            id: id, facts: entry.facts, waitsForNode: entry.waitsForNode, reason: entry.reason,
            runsWithOutput: entry.output.count, resultSize: entry.result?.count)
    }

    /// The last record that was accepted; their numbers are dense.
    package var lastID: WorkID { WorkID(rawValue: lastRecord) }

    /// Whether nothing is left of anything that was accepted.
    package var isForgotten: Bool {
        records.isEmpty && nodes.isEmpty && keys.isEmpty && lanes.isEmpty && dependents.isEmpty && workflows.isEmpty
            && workflowNodes.isEmpty
    }

    /// What is wrong, in words.
    ///
    /// - Parameter isRetried: Whether somebody let a record run again, so that its group no longer knows how it ends.
    package func audit(isRetried: (WorkID) -> Bool) -> [String] {
        var wrong: [String] = []
        var keyHolders = 0
        var heldCount = 0
        var inLanes: [String: Int] = [:]
        var depths: [String: Int] = [:]
        for (id, entry) in records {
            let state = entry.facts.state
            if entry.holdsKey { keyHolders += 1 }
            if state.isHeld { heldCount += 1 }
            if let lane = entry.draft.lane, entry.isInLane { depths[lane, default: 0] += 1 }
            if let lane = entry.draft.lane, !state.isTerminal, state != .blocked { inLanes[lane, default: 0] += 1 }
            wrong += audit(entry, id)
        }
        for (lane, count) in inLanes where count > 1 {
            wrong.append("\(count) records have their turn in lane \(lane)")
        }
        for (lane, count) in depths where lanes[lane]?.depth != count {
            wrong.append("lane \(lane) counts \(lanes[lane]?.depth ?? 0) records, a recount says \(count)")
        }
        for (lane, turn) in lanes where turn.depth > 0 || turn.head != nil {
            guard let head = turn.head, let entry = records[head] else {
                wrong.append("lane \(lane) has nobody's turn")
                continue
            }
            if entry.facts.state.isTerminal { wrong.append("record \(head) is over and has its turn in lane \(lane)") }
        }
        for (kind, gate) in gates {
            guard let probe = gate.breaker.probe, records[probe]?.facts.state.isHeld != true else { continue }
            wrong.append("the probe \(probe) of \(kind) is held by nobody")
        }
        if keyHolders != keys.count { wrong.append("\(keyHolders) records hold \(keys.count) keys") }
        let held = workers.values.reduce(0) { $0 + $1.held.count }
        if held != heldCount { wrong.append("workers hold \(held) records, \(heldCount) are held") }
        for (id, node) in nodes { wrong += audit(node, id, isRetried) }
        return wrong
    }

    private func audit(_ entry: Entry, _ id: WorkID) -> [String] {
        var wrong: [String] = []
        let facts = entry.facts
        if let worker = entry.worker {
            if workers[worker]?.held.contains(id) != true { wrong.append("record \(id) is held by nobody known") }
        }
        if facts.state.isHeld != (entry.worker != nil) {
            wrong.append("record \(id) is \(facts.state), and its worker wrong")
        }
        if facts.state.isTerminal != (entry.finishedAt != nil) { wrong.append("record \(id) ended at a wrong time") }
        if facts.attempt > facts.attemptsMax {
            wrong.append("record \(id) ran \(facts.attempt) of \(facts.attemptsMax) times")
        }
        if let most = facts.lossesMax, facts.losses > max(1, most) {
            wrong.append("record \(id) lost \(facts.losses) of \(most)")
        }
        if entry.holdsKey, let key = entry.draft.key, keys[KeySlot(kind: entry.draft.kind, text: key.text)] != id {
            wrong.append("record \(id) holds a key that is another's")
        }
        if entry.holdsKey, facts.state.isTerminal, entry.draft.key?.scope == .unfinished {
            wrong.append("record \(id) is over and holds its key")
        }
        switch facts.state {
        case .blocked where !entry.isHeldBack:
            if !entry.isInLane { wrong.append("record \(id) waits and is in no lane") }
            let head = entry.draft.lane.flatMap { lanes[$0]?.head }
            if head == nil || head == id { wrong.append("record \(id) is blocked by nothing") }
        case .blocked: if !isWaitedFor(entry) { wrong.append("record \(id) waits for what is over") }
        case .scheduled:
            if let dueAt = entry.dueAt, let next = nextDue, next <= dueAt { break }
            wrong.append("record \(id) is scheduled and never due")
        case .ready, .running, .stopping, .succeeded, .partial, .failed, .cancelled, .dead:
            if entry.isHeldBack { wrong.append("record \(id) is \(facts.state) and held back") }
        }
        return wrong
    }

    /// Whether what holds a record back is still to come.
    private func isWaitedFor(_ entry: Entry) -> Bool {
        if let node = entry.waitsForNode { return nodes[node]?.machine.state == .open }
        guard let other = entry.draft.waitsForRecord else { return false }
        return records[other]?.facts.state.isTerminal == false && dependents[other]?.contains(entry.id) == true
    }

    private func audit(_ node: Node, _ id: NodeID, _ isRetried: (WorkID) -> Bool) -> [String] {
        var wrong: [String] = []
        var pending = 0
        var failed = 0
        var isExact = true
        for record in node.records {
            guard let entry = records[record] else { continue }
            if !entry.isCounted && !entry.facts.state.isTerminal { pending += 1 }
            if entry.facts.state.isTerminal && !entry.facts.state.countsAsDone { failed += 1 }
            if isRetried(record) { isExact = false }
        }
        for other in node.nodes {
            guard let inner = nodes[other]?.machine else { continue }
            if inner.state == .open { pending += 1 } else if !inner.countsAsDone { failed += 1 }
        }
        let machine = node.machine
        guard !machine.isSkipped else { return [] }
        if machine.pending != pending {
            wrong.append("group \(id) waits for \(machine.pending), a recount says \(pending)")
        }
        if isExact, machine.failed != failed {
            wrong.append("group \(id) counts \(machine.failed) failed, a recount says \(failed)")
        }
        if machine.state == .open, pending == 0, !node.isHeldBack || !(node.records.isEmpty && node.nodes.isEmpty) {
            wrong.append("group \(id) is complete and open")
        }
        return wrong
    }
}
