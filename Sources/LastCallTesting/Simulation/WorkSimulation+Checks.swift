import LastCall
import LastCallWork

// What must hold.
extension WorkSimulation {
    /// Checks every record against what was last seen of it, and the tables against themselves.
    mutating func check() {
        let last = Int(tables.lastID.rawValue)
        var isSame = seen.count == last
        for index in 0..<last {
            let id = WorkID(rawValue: Int64(index + 1))
            guard let after = tables.glimpse(id) else {
                outcome.violations.append("record \(id) vanished")
                continue
            }
            if index < seen.count {
                guard after != seen[index] else { continue }
                isSame = false
                check(seen[index], after)
                seen[index] = after
            } else {
                seen.append(after)
                if after.facts.state.isTerminal { isOver(id) }
            }
        }
        guard !isSame || !outcome.violations.isEmpty else { return }
        let again = retries
        outcome.violations += tables.audit { again[$0] != nil }
        let violations = outcome.violations
        if !violations.isEmpty { note("violated: \(violations)") }
    }

    /// A record changed.
    private mutating func check(_ before: WorkTables.Glimpse, _ after: WorkTables.Glimpse) {
        let id = before.id
        let (old, new) = (before.facts, after.facts)
        if new.epoch < old.epoch { outcome.violations.append("the epoch of \(id) went back") }
        if new.losses < old.losses, retries[id] == nil { outcome.violations.append("losses of \(id) were forgotten") }
        if new.evictions > old.evictions {
            count("evictions")
            // What is given back was charged with its claim.
            let isCharged = new.attempt != (new.state.isWaiting ? old.attempt - 1 : old.attempt)
            if isCharged || new.losses != old.losses {
                outcome.violations.append("an eviction of \(id) cost something")
            }
        }
        if old.state.isTerminal != new.state.isTerminal {
            if new.state.isTerminal {
                isOver(id)
            } else if (endings[id] ?? 0) > (retries[id] ?? 0) {
                outcome.violations.append("record \(id) was over and goes on, though nobody asked for it")
            }
        } else if old.state.isTerminal, old.state != new.state {
            outcome.violations.append("record \(id) was \(old.state) and became \(new.state)")
        }
    }

    /// A record came to an end.
    private mutating func isOver(_ id: WorkID) {
        wereOver.insert(id)
        endings[id, default: 0] += 1
        if endings[id] ?? 0 > 1 + (retries[id] ?? 0) {
            outcome.violations.append("record \(id) ended \(endings[id] ?? 0) times")
        }
    }

    /// Something runs: all that it waits for has to be over.
    mutating func checkClaim(_ claimed: ClaimedRecord) {
        guard let node = claimed.waitsForNode, retries[claimed.id] == nil else { return }
        if claimed.epoch == 1 { count("callbacks") }
        if !isComplete(node) { outcome.violations.append("record \(claimed.id) runs before group \(node) is complete") }
    }

    /// Whether all members are over; an empty group waits for the group before it, unless a deadline around it passed.
    private func isComplete(_ node: NodeID, isTimed: Bool = false) -> Bool {
        guard let group = groups[node] else { return true }
        let isTimed = isTimed || group.hasDeadline
        guard !group.records.isEmpty || !group.groups.isEmpty || isTimed else {
            return group.before.map { isComplete($0) } ?? true
        }
        return group.records.allSatisfy(wereOver.contains)
            && group.groups.allSatisfy { isComplete($0, isTimed: isTimed) }
    }

    /// In the end everything is over, once, and can be forgotten without a trace.
    mutating func checkEnd() {
        for record in seen where endings[record.id] ?? 0 != 1 + (retries[record.id] ?? 0) {
            outcome.violations.append("record \(record.id) ended \(endings[record.id] ?? 0) times in the end")
        }
        let mended = transact { tables, now in tables.sweep(SweepOrders(recounts: true), at: now).mended }
        if mended > 0 { outcome.violations.append("\(mended) group counters had to be mended in the end") }
        for record in seen { count("ended \(record.facts.state)") }
        // Long enough for all that rests.
        now = now + .seconds(1000)
        let zero = Retention(succeeded: .zero, partial: .zero, failed: .zero, cancelled: .zero, dead: .zero)
        // One after the other: what a dead letter tells of goes after it.
        var forgotten = 0
        while true {
            let more = tables.sweep(SweepOrders(retention: zero), at: now).forgotten
            guard more > 0 else { break }
            forgotten += more
        }
        if forgotten != seen.count { outcome.violations.append("\(forgotten) of \(seen.count) records were forgotten") }
        if !tables.isForgotten { outcome.violations.append("something is left of what was forgotten") }
    }
}
