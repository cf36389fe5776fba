package import LastCall
// What is asked, and changes nothing.
extension WorkTables {
    /// See ``WorkStore/records(_:)``.
    package func records(_ query: WorkQuery) -> [WorkRecord] {
        let ids: [WorkID]
        if let wanted = query.ids {
            ids = Set(wanted).filter { records[$0] != nil }
        } else if let workflow = query.workflow {
            ids = (workflows[workflow] ?? [workflow]).filter { records[$0] != nil }
        } else {
            ids = Array(records.keys)
        }
        let sorted = ids.sorted { query.newestFirst ? $0 > $1 : $0 < $1 }
        var found: [WorkRecord] = []
        for id in sorted where found.count < query.limit {
            let entry = entry(id)
            if let beyond = query.beyond, query.newestFirst ? id >= beyond : id <= beyond { continue }
            if let states = query.states, !states.contains(entry.facts.state) { continue }
            if let kinds = query.kinds, !kinds.contains(entry.draft.kind) { continue }
            if let queues = query.queues, !queues.contains(entry.draft.queue) { continue }
            if let workflow = query.workflow, entry.workflow != workflow { continue }
            found.append(record(entry))
        }
        return found
    }

    private func record(_ entry: Entry) -> WorkRecord {
        let draft = entry.draft
        let facts = entry.facts
        return WorkRecord(
            id: entry.id, kind: draft.kind, queue: draft.queue, priority: draft.priority, state: facts.state,
            reason: entry.reason, detail: entry.detail, payload: draft.payload, result: entry.result,
            progress: entry.progress, attempt: facts.attempt, attemptsMax: facts.attemptsMax, losses: facts.losses,
            evictions: facts.evictions, epoch: facts.epoch, key: draft.key?.text, lane: draft.lane,
            workflow: entry.workflow, node: entry.node, member: draft.member, waitsForNode: entry.waitsForNode,
            waitsForRecord: draft.waitsForRecord,
            worker: entry.worker.flatMap { workers[$0]?.description.name }, cancelRequested: facts.cancelRequested,
            lineCount: entry.lineCount, acceptedAt: entry.acceptedAt, dueAt: facts.state.isWaiting ? entry.dueAt : nil,
            startedAt: entry.startedAt, finishedAt: entry.finishedAt)
    }

    /// See ``WorkStore/members(of:)``.
    package func members(of node: NodeID) -> [WorkMember] { members(of: node, prefix: "") }

    private func members(of id: NodeID, prefix: String) -> [WorkMember] {
        guard let node = nodes[id] else { return [] }
        var places: [(place: Int, members: [WorkMember])] = []
        for record in node.records {
            guard let entry = records[record] else { continue }
            let path = "\(prefix)\(entry.draft.member)"
            places.append((entry.draft.member, [WorkMember(path: path, record: self.record(entry))]))
        }
        for other in node.nodes {
            guard let inner = nodes[other] else { continue }
            places.append((inner.member, members(of: other, prefix: "\(prefix)\(inner.member).")))
        }
        return places.sorted { $0.place < $1.place }.flatMap(\.members)
    }

    /// See ``WorkStore/output(of:from:linesMax:)``.
    package func output(of id: WorkID, from position: OutputPosition, linesMax: Int) throws(WorkError) -> OutputPage {
        guard let entry = records[id] else { throw .init(.notFound, "record \(id) is not in the store") }
        var page = OutputPage(
            next: position, resultFrom: entry.facts.outputFrom, isOver: entry.facts.state.isTerminal)
        for (epoch, chunk) in entry.output.sorted(by: { $0.key < $1.key }) where epoch >= position.epoch {
            let skipped = epoch == position.epoch ? position.line : 0
            guard skipped < chunk.lineCount else { continue }
            guard page.lines.count < linesMax else {
                page.hasMore = true
                break
            }
            let lines = chunk.lines.dropFirst(skipped).prefix(linesMax - page.lines.count)
            page.lines += lines
            page.next = OutputPosition(epoch: epoch, line: skipped + lines.count)
            page.hasMore = skipped + lines.count < chunk.lineCount
        }
        return page
    }

    /// See ``WorkStore/counts()``.
    package func counts() -> [WorkCount] {
        /// What is counted together.
        struct Bin: Hashable {
            /// The queue.
            let queue: String
            /// Which handler runs them.
            let kind: String
            /// Where they are.
            let state: WorkState
        }
        var bins: [Bin: Int] = [:]
        for entry in records.values {
            bins[Bin(queue: entry.draft.queue, kind: entry.draft.kind, state: entry.facts.state), default: 0] += 1
        }
        return bins.map { WorkCount(queue: $0.queue, kind: $0.kind, state: $0.state, count: $1) }
            .sorted { ($0.queue, $0.kind, $0.state.rawValue) < ($1.queue, $1.kind, $1.state.rawValue) }
    }

    /// See ``WorkStore/workers()``.
    package func reports(at now: WorkInstant) -> [WorkerReport] {
        workers.sorted { $0.key.rawValue < $1.key.rawValue }.map { id, worker in
            WorkerReport(
                id: id, worker: worker.description, startedAt: worker.startedAt, leaseUntil: worker.leaseUntil,
                isAlive: !worker.isDead && worker.leaseUntil >= now, held: worker.held.count)
        }
    }

    /// See ``WorkStore/journalEntries(of:)``.
    package func journalEntries(of id: WorkID) -> [JournalEntry] { records[id]?.journal ?? [] }

    /// The queues from which nothing is claimed.
    package var pausedQueues: Set<String> { paused }

    /// How many records were ever accepted.
    package var acceptedCount: Int { Int(lastRecord) }

    /// How many records are not over.
    package var openCount: Int { records.values.count { !$0.facts.state.isTerminal } }

    /// The first records that are not over.
    package func openItems(itemsMax: Int) -> [LedgerItem] {
        let open = records.values.filter { !$0.facts.state.isTerminal }.sorted { $0.id < $1.id }
        return open.prefix(itemsMax).map { LedgerItem("job \($0.id) \($0.draft.kind) \($0.facts.state)") }
    }
}
