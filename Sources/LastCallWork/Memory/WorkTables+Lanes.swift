import HeapModule

// Lanes and gates: whose turn it is, how long nothing is run, and what is refused.
extension WorkTables {
    /// A destination whose records run one after the other.
    struct Lane: Sendable {
        /// The record whose turn it is.
        var head: WorkID?
        /// The others; what left in another way is skipped when it is met.
        var waiting = Heap<WorkID>()
        /// How many records are in it, the head included.
        var depth = 0
        /// Until when it rests.
        var restsUntil: WorkInstant?
        /// Whether its destination is left alone.
        var breaker = BreakerStateMachine()

        /// From when on its next record may run, where that is later than now.
        func opensAt(after now: WorkInstant) -> WorkInstant? {
            [restsUntil, breaker.openUntil].compactMap(\.self).filter { $0 > now }.max()
        }
    }

    /// What holds for all records of a kind.
    struct Gate: Sendable {
        /// Until when nothing of it is claimed.
        var restsUntil: WorkInstant?
        /// Whether it is left alone.
        var breaker = BreakerStateMachine()
    }

    // MARK: accepting

    /// Refuses what the terms of its lane refuse, before anything is inserted.
    func checkTerms(_ submissions: [Submission], at now: WorkInstant) throws(WorkError) {
        var added: [String: Int] = [:]
        for submission in submissions where !isDuplicate(submission) {
            for draft in submission.records {
                guard let name = draft.lane, let terms = draft.laneTerms, !draft.waits else { continue }
                if terms.refusesWhileOpen, let until = openUntil(name, draft.kind, at: now) {
                    throw WorkError.breakerOpen(draft.kind, until - now)
                }
                guard !terms.dropsOldest else { continue }
                added[name, default: 0] += 1
                if waitingCount(name) + added[name, default: 0] > terms.waitingMax {
                    throw WorkError.laneFull(draft.kind, terms.waitingMax)
                }
            }
        }
    }

    private func isDuplicate(_ submission: Submission) -> Bool {
        guard submission.records.count == 1, let draft = submission.records.first, let key = draft.key else {
            return false
        }
        return keys[KeySlot(kind: draft.kind, text: key.text)] != nil
    }

    /// Until when the breaker of a lane or of a kind is open.
    private func openUntil(_ lane: String, _ kind: String, at now: WorkInstant) -> WorkInstant? {
        for breaker in [lanes[lane]?.breaker, gates[kind]?.breaker] {
            if case .open(let until) = breaker?.state(at: now) { return until }
        }
        return nil
    }

    /// How many records of a lane wait, the head included unless somebody has it.
    private func waitingCount(_ name: String) -> Int {
        guard let lane = lanes[name] else { return 0 }
        let isRun = lane.head.flatMap { records[$0] }?.facts.state.isHeld == true
        return lane.depth - (isRun ? 1 : 0)
    }

    /// Drops the oldest that wait until there is room for one more; returns what was dropped.
    mutating func makeRoom(for draft: RecordDraft, at now: WorkInstant) -> [WorkID] {
        guard let name = draft.lane, let terms = draft.laneTerms, terms.dropsOldest, !draft.waits else { return [] }
        var dropped: [WorkID] = []
        while waitingCount(name) >= terms.waitingMax, let victim = oldestWaiting(name) {
            guard var entry = records[victim] else { break }
            var machine = RecordStateMachine(entry.facts)
            guard let change = machine.overflowed() else { break }
            entry.facts = machine.facts
            entry.reason = change.reason
            entry.detail = change.detail
            entry.finishedAt = now
            records[victim] = entry
            stepAll([victim], at: now)
            dropped.append(victim)
        }
        return dropped
    }

    /// The oldest record of a lane that nobody has.
    private mutating func oldestWaiting(_ name: String) -> WorkID? {
        if let head = lanes[name]?.head, records[head]?.facts.state.isWaiting == true { return head }
        while let next = lanes[name]?.waiting.min {
            if isWaitingInLane(next) { return next }
            lanes[name]?.waiting.removeMin()
        }
        return nil
    }

    private func isWaitingInLane(_ id: WorkID) -> Bool {
        guard let entry = records[id] else { return false }
        return entry.isInLane && entry.facts.state == .blocked
    }

    // MARK: turns

    /// A record takes its place in its lane; returns whether it is its turn.
    mutating func enterLane(_ id: WorkID, _ name: String) -> Bool {
        if records[id]?.isInLane == false {
            records[id]?.isInLane = true
            lanes[name, default: Lane()].depth += 1
        }
        if let head = lanes[name]?.head, head != id {
            lanes[name]?.waiting.insert(id)
            return false
        }
        lanes[name]?.head = id
        return true
    }

    /// A record that is over leaves its lane; where it was its turn, the next one takes it.
    mutating func leaveLane(_ entry: Entry, at now: WorkInstant) {
        guard let name = entry.draft.lane, entry.isInLane else { return }
        records[entry.id]?.isInLane = false
        lanes[name]?.depth -= 1
        guard lanes[name]?.head == entry.id else { return }
        lanes[name]?.head = nil
        while let next = lanes[name]?.waiting.popMin() {
            guard isWaitingInLane(next), let waiting = records[next] else { continue }
            lanes[name]?.head = next
            place(next, delay: (waiting.eligibleAt ?? now) - now, at: now)
            return
        }
        dropIfIdle(name, at: now)
    }

    private mutating func dropIfIdle(_ name: String, at now: WorkInstant) {
        guard let lane = lanes[name], lane.depth == 0, lane.opensAt(after: now) == nil else { return }
        lanes[name] = nil
    }

    /// Forgets lanes and gates that hold nothing and do not rest.
    mutating func forgetIdleLanes(at now: WorkInstant) {
        for name in lanes.filter({ $0.value.depth == 0 }).keys { dropIfIdle(name, at: now) }
        gates = gates.filter { !$0.value.breaker.isPristine || $0.value.restsUntil.map { $0 > now } ?? false }
    }

    /// From when on a record of a lane may run, where that is later than now.
    func laneOpensAt(_ id: WorkID, after now: WorkInstant) -> WorkInstant? {
        records[id]?.draft.lane.flatMap { lanes[$0]?.opensAt(after: now) }
    }

    // MARK: news

    /// Notes what the end of a claim says of its lane and kind.
    ///
    /// - Returns: Until when the record waits at least, where it is tried again.
    mutating func heed(_ news: LaneNews?, of entry: Entry, at now: WorkInstant) -> WorkInstant? {
        let kind = entry.draft.kind
        if gates[kind]?.breaker.probe == entry.id {
            gates[kind]?.breaker.ended(entry.id)
            change.insert(.work)
        }
        guard let news else { return nil }
        if let name = entry.draft.lane, var lane = lanes[name] {
            if news.laneRest > .zero { lane.restsUntil = Self.later(lane.restsUntil, now + news.laneRest) }
            _ = lane.breaker.heed(news.lane, of: entry.id, at: now)
            lanes[name] = lane
        }
        if news.kindRest > .zero || news.kind != .none {
            var gate = gates[kind] ?? Gate()
            if news.kindRest > .zero { gate.restsUntil = Self.later(gate.restsUntil, now + news.kindRest) }
            if gate.breaker.heed(news.kind, of: entry.id, at: now) { change.insert(.work) }
            gates[kind] = gate
        }
        let gate = gates[kind]
        return [laneOpensAt(entry.id, after: now), gate?.restsUntil, gate?.breaker.openUntil].compactMap(\.self)
            .filter { $0 > now }.max()
    }

    private static func later(_ one: WorkInstant?, _ other: WorkInstant) -> WorkInstant {
        one.map { max($0, other) } ?? other
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
    func allowance(_ gate: KindGate, isDraining: Bool, at now: WorkInstant) -> Allowance {
        let limit = gate.spacing > .zero ? 1 : Int.max
        guard let kept = gates[gate.kind] else { return Allowance(limit: limit) }
        if let until = kept.restsUntil, until > now { return Allowance(limit: 0, opensAt: until) }
        guard !isDraining else { return Allowance(limit: limit) }
        switch kept.breaker.state(at: now) {
        case .closed: return Allowance(limit: limit)
        case .open(let until): return Allowance(limit: 0, opensAt: until)
        case .halfOpen: return Allowance(limit: 1)
        case .probing: return Allowance(limit: 0)
        }
    }

    /// A record of a kind that has a gate was claimed.
    mutating func passed(_ gate: KindGate, _ id: WorkID, _ allowance: inout Allowance, at now: WorkInstant) {
        allowance.limit -= 1
        if gate.spacing > .zero {
            gates[gate.kind, default: Gate()].restsUntil = now + gate.spacing
            allowance.opensAt = now + gate.spacing
        }
        gates[gate.kind]?.breaker.attempted(id, at: now)
    }

    /// Lets run what waits for a breaker or after a failure, once more for a worker that drains; what somebody else asked to wait for stays.
    mutating func hurry(_ demand: QueueDemand, since: WorkInstant, at now: WorkInstant) {
        let kinds = Set(demand.kinds)
        for lane in lanes.values {
            guard let head = lane.head, let entry = records[head], entry.facts.state == .scheduled else { continue }
            guard entry.draft.queue == demand.queue, kinds.contains(entry.draft.kind) else { continue }
            guard entry.startedAt.map({ $0 < since }) ?? (entry.eligibleAt.map { $0 <= now } ?? true) else { continue }
            guard lane.restsUntil.map({ $0 <= now }) ?? true else { continue }
            makeReady(head, dueAt: now)
        }
    }

    /// When the first record of a demand is due that waits for an instant.
    func demandDue(_ demand: QueueDemand) -> WorkInstant? {
        let kinds = Set(demand.kinds)
        return lanes.values.compactMap { lane -> WorkInstant? in
            guard let entry = lane.head.flatMap({ records[$0] }), entry.facts.state == .scheduled else { return nil }
            return entry.draft.queue == demand.queue && kinds.contains(entry.draft.kind) ? entry.dueAt : nil
        }.min()
    }

    // MARK: reports

    /// See ``WorkStore/lanes(prefix:)``.
    package func laneReports(prefix: String, at now: WorkInstant) -> [LaneReport] {
        lanes.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }.map { name, lane in
            LaneReport(
                name: name, depth: lane.depth, head: lane.head,
                restsUntil: lane.restsUntil.flatMap { $0 > now ? $0 : nil },
                breaker: lane.breaker)
        }
    }

    /// See ``WorkStore/gates()``.
    package func gateReports(at now: WorkInstant) -> [GateReport] {
        gates.filter { !$0.value.breaker.isPristine || $0.value.restsUntil.map { $0 > now } ?? false }
            .sorted { $0.key < $1.key }.map { kind, gate in
                GateReport(
                    kind: kind, restsUntil: gate.restsUntil.flatMap { $0 > now ? $0 : nil }, breaker: gate.breaker)
            }
    }
}

extension BreakerStateMachine {
    /// Takes a verdict in; returns whether more is admitted now than before.
    package mutating func heed(_ verdict: LaneNews.Verdict, of record: WorkID, at now: WorkInstant) -> Bool {
        switch verdict {
        case .none: return false
        case .succeeded: return succeeded()
        case .failed(let failuresMax, let coolDown):
            failed(record, at: now, failuresMax: failuresMax, coolDown: coolDown)
            return false
        }
    }
}

extension RecordDraft {
    /// Whether it waits for a group or another record before it enters its lane.
    package var waits: Bool { waitsForNode != nil || waitsForRecord != nil }
}

extension WorkError {
    /// A lane is full.
    package static func laneFull(_ kind: String, _ waitingMax: Int) -> WorkError {
        WorkError(
            .laneFull,
            "\(waitingMax) of \"\(kind)\" wait for the destination already, as many as may; try again later, or let the oldest be dropped"
        )
    }

    /// A breaker is open.
    package static func breakerOpen(_ kind: String, _ time: Duration) -> WorkError {
        WorkError(
            .breakerOpen,
            "what \"\(kind)\" goes to keeps failing and is left alone for \(max(1, (time.wholeMilliseconds + 999) / 1000)) s; try again then"
        )
    }
}
