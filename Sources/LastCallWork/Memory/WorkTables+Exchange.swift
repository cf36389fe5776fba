import HeapModule

extension WorkTables {
    /// See ``WorkStore/exchange(_:)``.
    package mutating func exchange(_ request: ExchangeRequest, at now: WorkInstant) -> ExchangeResult {
        var result = ExchangeResult()
        var ended: [WorkID] = []
        for settlement in request.settlements {
            if settle(settlement, at: now) {
                if settlement.change.state.isTerminal { ended.append(settlement.claim.id) }
            } else {
                result.overtaken.append(settlement.claim)
            }
        }
        stepAll(ended, at: now)
        for claim in request.stopping where !mark(stopping: claim) { result.overtaken.append(claim) }
        if let worker = request.worker {
            result.isRegistered = workers[worker].map { !$0.isDead } ?? false
        }
        if let worker = request.worker, result.isRegistered {
            for demand in request.demands { claim(demand, worker, at: now, into: &result) }
        }
        result.nextDue = nextDue
        return result
    }

    /// Whether a claim still stands.
    func stands(_ claim: ClaimKey) -> Bool {
        guard let facts = records[claim.id]?.facts else { return false }
        if fault == .unfencedSettlement { return facts.state.isHeld || !facts.state.isTerminal }
        return facts.state.isHeld && facts.epoch == claim.epoch
    }

    /// Writes what became of a claimed record; returns whether the claim stood.
    private mutating func settle(_ settlement: Settlement, at now: WorkInstant) -> Bool {
        let id = settlement.claim.id
        guard stands(settlement.claim), var entry = records[id] else { return false }
        var change = settlement.change
        precondition(!change.state.isHeld, "settle: a claim ends in a state that nobody holds")
        if let worker = entry.worker { workers[worker]?.held.remove(id) }
        entry.worker = nil
        entry.process = nil
        entry.reason = change.reason
        entry.detail = change.detail
        entry.facts.state = change.state
        entry.facts.attempt = change.attempt
        entry.facts.losses = change.losses
        entry.facts.evictions = change.evictions
        entry.facts.outputFrom = change.outputFrom
        if let output = settlement.output, !output.isEmpty {
            entry.output[settlement.claim.epoch, default: OutputChunk()].append(output)
        }
        if let result = settlement.result { entry.result = result }
        if let checkpoint = settlement.checkpoint {
            entry.checkpoint = checkpoint
            entry.facts.hasCheckpoint = true
        }
        if change.state.isTerminal { entry.finishedAt = now }
        records[id] = entry
        if let until = heed(settlement.news, of: entry, at: now), change.state == .scheduled || change.state == .ready {
            change.state = .scheduled
            change.keepsPlace = false
            change.delay = max(change.delay, until - now)
        }
        if change.keepsPlace, let dueAt = entry.dueAt {
            makeReady(id, dueAt: dueAt)
            self.change.insert(.work)
        } else if !change.state.isTerminal {
            place(id, delay: change.delay, heedsLane: false, at: now)
        }
        self.change.insert(.ended)
        return true
    }

    private mutating func mark(stopping claim: ClaimKey) -> Bool {
        guard stands(claim) else { return false }
        records[claim.id]?.facts.state = .stopping
        return true
    }

    /// Claims what a worker can take of a queue, in the order of priority, due time and id over all its kinds.
    private mutating func claim(
        _ demand: QueueDemand, _ worker: WorkerID, at now: WorkInstant, into result: inout ExchangeResult
    ) {
        // What nobody known holds, nobody could rescue.
        guard workers[worker] != nil, !paused.contains(demand.queue) else { return }
        if let since = demand.drainingSince { hurry(demand, since: since, at: now) }
        var allowances: [String: Allowance] = [:]
        for gate in demand.gates {
            allowances[gate.kind] = allowance(gate, isDraining: demand.drainingSince != nil, at: now)
        }
        for _ in 0..<max(0, demand.limit) {
            var best: (place: Place, turn: Turn)?
            for kind in demand.kinds where allowances[kind]?.limit != 0 {
                let place = Place(queue: demand.queue, kind: kind)
                guard let turn = nextTurn(at: place) else { continue }
                if best.map({ turn < $0.turn }) ?? true { best = (place, turn) }
            }
            guard let best else { break }
            ready[best.place]?.removeMin()
            result.claimed.append(claim(best.turn.id, worker, at: now))
            guard let gate = demand.gates.first(where: { $0.kind == best.place.kind }),
                var allowance = allowances[gate.kind]
            else { continue }
            passed(gate, best.turn.id, &allowance, at: now)
            allowances[gate.kind] = allowance
        }
        for (kind, allowance) in allowances where allowance.limit == 0 {
            guard let opensAt = allowance.opensAt, nextTurn(at: Place(queue: demand.queue, kind: kind)) != nil else {
                continue
            }
            result.gateOpensAt = min(opensAt, result.gateOpensAt ?? opensAt)
        }
        guard demand.drainingSince != nil else { return }
        result.demandDue = [result.demandDue, demandDue(demand), result.gateOpensAt].compactMap(\.self).min()
    }

    /// The first record of a place that is still ready; those that are not are dropped.
    private mutating func nextTurn(at place: Place) -> Turn? {
        while let turn = ready[place]?.min {
            if let entry = records[turn.id], entry.facts.state == .ready, entry.dueAt == turn.dueAt { return turn }
            ready[place]?.removeMin()
        }
        ready[place] = nil
        return nil
    }

    private mutating func claim(_ id: WorkID, _ worker: WorkerID, at now: WorkInstant) -> ClaimedRecord {
        var entry = entry(id)
        var machine = RecordStateMachine(entry.facts)
        let isClaimed = machine.claim()
        precondition(isClaimed, "claim: \(id) was not ready")
        entry.facts = machine.facts
        entry.worker = worker
        entry.startedAt = now
        entry.progress = nil
        records[id] = entry
        workers[worker]?.held.insert(id)
        let draft = entry.draft
        return ClaimedRecord(
            id: id, epoch: entry.facts.epoch, kind: draft.kind, payload: draft.payload,
            payloadVersion: draft.payloadVersion, queue: draft.queue, workflow: entry.workflow, node: entry.node,
            waitsForNode: entry.waitsForNode, facts: entry.facts, timeout: draft.timeout, key: draft.key?.text,
            checkpoint: entry.checkpoint, hasJournal: !entry.journal.isEmpty, lineCount: entry.lineCount,
            trace: draft.trace, acceptedAt: entry.acceptedAt, dueAt: entry.dueAt ?? entry.acceptedAt, claimedAt: now,
            eligibleAt: entry.eligibleAt)
    }

    /// See ``WorkStore/beat(_:)``.
    package mutating func beat(_ request: BeatRequest, at now: WorkInstant) -> BeatResult {
        var result = BeatResult()
        if let worker = request.worker {
            let entry = workers[worker]
            result.isRegistered = entry.map { !$0.isDead } ?? false
            if let entry, !entry.isDead { workers[worker]?.leaseUntil = now + entry.description.lease }
        }
        for update in request.updates {
            guard stands(update.claim), var entry = records[update.claim.id] else {
                result.overtaken.append(update.claim)
                continue
            }
            if let output = update.output, !output.isEmpty {
                entry.output[update.claim.epoch, default: OutputChunk()].append(output)
                change.insert(.output)
            }
            if let checkpoint = update.checkpoint {
                entry.checkpoint = checkpoint
                entry.facts.hasCheckpoint = true
            }
            if let progress = update.progress {
                entry.progress = progress
                change.insert(.output)
            }
            entry.process = update.process ?? entry.process
            records[update.claim.id] = entry
        }
        let told = Set(result.overtaken)
        for claim in request.held {
            if !stands(claim) {
                if !told.contains(claim) { result.overtaken.append(claim) }
            } else if records[claim.id]?.facts.cancelRequested == true {
                result.cancelRequested.append(claim)
            }
        }
        return result
    }

    /// See ``WorkStore/journal(_:for:)``.
    package mutating func journal(_ step: JournalEntry, for claim: ClaimKey) throws(WorkError) {
        guard stands(claim) else {
            throw .init(.overtaken, "record \(claim.id) belongs to somebody else now; the step was not written")
        }
        records[claim.id]?.journal.removeAll { $0.name == step.name }
        records[claim.id]?.journal.append(step)
    }

    /// The first instant at which something is due.
    var nextDue: WorkInstant? { due.min?.at }
}

extension WorkTables.Entry {
    /// How many lines it wrote in all its runs.
    var lineCount: Int { output.values.reduce(0) { $0 + $1.lineCount } }
}
