import LastCallWork

/// A fresh store, and the few sentences in which checks speak to it.
///
/// Where nothing else is said, records are of the kind `job`, and workers claim from the queue `default` one at a time.
struct StoreTrial: Sendable {
    /// The store and what is around it.
    let subject: StoreConformance.Subject
    /// The store.
    let store: any WorkStore
    /// The second handle on it.
    let other: any WorkStore

    init(_ subject: StoreConformance.Subject) {
        self.subject = subject
        store = subject.store
        other = subject.other
    }

    // MARK: what has to hold

    /// Two values are the same.
    func equal<Value: Equatable>(_ found: Value, _ wanted: Value, _ what: String) throws {
        guard found != wanted else { return }
        throw StoreConformance.Violation(description: "\(what): found \(found), not \(wanted)")
    }

    /// Something holds.
    func expect(_ holds: Bool, _ what: String) throws {
        guard !holds else { return }
        throw StoreConformance.Violation(description: "not so: \(what)")
    }

    /// Something is there.
    func require<Value>(_ value: Value?, _ what: String) throws -> Value {
        guard let value else { throw StoreConformance.Violation(description: "there is no \(what)") }
        return value
    }

    /// Something is refused with this code.
    func refused<Value>(
        _ code: WorkError.Code, _ what: String, _ body: () async throws -> Value
    ) async throws {
        do { _ = try await body() } catch let error as WorkError {
            return try equal(error.code, code, "the code of \(what), \(error)")
        }
        throw StoreConformance.Violation(description: "\(what) was not refused with \(code)")
    }

    // MARK: what goes in

    /// A draft of the usual kind.
    func job(_ payload: String = "", _ change: (inout RecordDraft) -> Void = { _ in }) -> RecordDraft {
        var draft = RecordDraft(kind: "job", payload: Array(payload.utf8))
        change(&draft)
        return draft
    }

    /// The same as a workflow.
    func step(_ payload: String = "", _ change: (inout RecordDraft) -> Void = { _ in }) -> Workflow {
        .record(job(payload, change))
    }

    /// Accepts records, each of its own.
    func accept(_ drafts: RecordDraft...) async throws -> [WorkID] {
        try await store.accept(drafts.map { Submission($0) }).flatMap(\.ids)
    }

    /// Accepts a record.
    func acceptOne(_ change: (inout RecordDraft) -> Void = { _ in }) async throws -> WorkID {
        try await accept(job("", change))[0]
    }

    /// Accepts a workflow.
    func submit(_ workflow: Workflow) async throws -> [WorkID] {
        let submission = try WorkflowFlattening.flatten(workflow, with: JobEncoder())
        let accepted = try await store.accept([submission])
        return try require(accepted.first, "acceptance").ids
    }

    // MARK: what workers do

    /// How a worker describes itself.
    func description(_ name: String, lease: Duration = .seconds(15)) -> WorkerDescription {
        WorkerDescription(
            name: name, host: "bench", process: ProcessIdentity(bootID: "boot", pid: 4711, startTime: 17),
            kinds: ["job"], queues: ["default"], lease: lease)
    }

    /// Registers a worker.
    func worker(_ name: String = "w1", lease: Duration = .seconds(15)) async throws -> WorkerID {
        try await store.register(description(name, lease: lease))
    }

    /// Claims at most so many records.
    func claim(
        _ worker: WorkerID, _ limit: Int = 1, kinds: [String] = ["job"], queue: String = "default"
    ) async throws -> [ClaimedRecord] {
        let demand = QueueDemand(queue: queue, kinds: kinds, limit: limit)
        return try await store.exchange(ExchangeRequest(worker: worker, demands: [demand])).claimed
    }

    /// Claims a record, which has to be there.
    func claimOne(_ worker: WorkerID, _ wanted: WorkID? = nil) async throws -> ClaimedRecord {
        let claimed = try require(
            try await claim(worker).first, "record to claim\(wanted.map { ", not even \($0)" } ?? "")")
        if let wanted { try equal(claimed.id, wanted, "the record that was claimed") }
        return claimed
    }

    /// What settles a claim, as the machine decides.
    func settlement(
        _ claimed: ClaimedRecord, _ ending: JobEnding, result: String? = nil, output: [String] = [],
        checkpoint: String? = nil
    ) throws -> Settlement {
        try settlement(
            claimed.claim, claimed.facts, ending, result: result, output: output, checkpoint: checkpoint)
    }

    /// What settles a claim, as the machine decides over these facts.
    func settlement(
        _ claim: ClaimKey, _ facts: RecordFacts, _ ending: JobEnding, result: String? = nil, output: [String] = [],
        checkpoint: String? = nil
    ) throws -> Settlement {
        var facts = facts
        facts.hasCheckpoint = facts.hasCheckpoint || checkpoint != nil
        var machine = RecordStateMachine(facts)
        return Settlement(
            claim: claim, change: try require(machine.ended(ending), "change: nobody holds \(claim.id)"),
            result: result.map { Array($0.utf8) },
            output: output.isEmpty ? nil : OutputChunk(output.map { WorkLine($0) }),
            checkpoint: checkpoint.map { Array($0.utf8) })
    }

    /// Writes settlements; returns the claims that were void.
    func settle(_ settlements: Settlement..., on handle: (any WorkStore)? = nil) async throws -> [ClaimKey] {
        try await (handle ?? store).exchange(ExchangeRequest(settlements: settlements)).overtaken
    }

    /// Ends a claim, which has to stand.
    func end(
        _ claimed: ClaimedRecord, _ ending: JobEnding = .succeeded, result: String? = nil, output: [String] = [],
        checkpoint: String? = nil
    ) async throws {
        let settlement = try settlement(claimed, ending, result: result, output: output, checkpoint: checkpoint)
        try equal(try await settle(settlement), [], "void settlements of record \(claimed.id)")
    }

    /// Claims the next record, which has to be this one, and ends it.
    func run(_ id: WorkID, _ worker: WorkerID, _ ending: JobEnding = .succeeded, output: [String] = []) async throws {
        try await end(try await claimOne(worker, id), ending, output: output)
    }

    /// Claims and ends records until there are none, in the way that is asked for; returns their ids in the order of their claims.
    func runAll(
        _ worker: WorkerID, _ ending: (ClaimedRecord) -> JobEnding = { _ in .succeeded }
    ) async throws -> [WorkID] {
        var order: [WorkID] = []
        while let next = try await claim(worker).first {
            order.append(next.id)
            try await end(next, ending(next))
            try expect(order.count < 10_000, "an end to what can be claimed")
        }
        return order
    }

    // MARK: what is seen

    /// A record, which has to be there.
    func record(_ id: WorkID) async throws -> WorkRecord {
        try require(try await store.records(WorkQuery(ids: [id])).first, "record \(id)")
    }

    /// Where records are.
    func states(_ ids: [WorkID]) async throws -> [WorkState] {
        let found = try await store.records(WorkQuery(ids: ids, limit: ids.count))
        let states = Dictionary(uniqueKeysWithValues: found.map { ($0.id, $0.state) })
        return try ids.map { try require(states[$0], "record \($0)") }
    }

    /// All lines of a record, as text.
    func lines(_ id: WorkID) async throws -> [String] {
        try await store.output(of: id, from: .start, linesMax: 1000).lines.map(\.text)
    }

    /// Moves the clock on and does what is due.
    @discardableResult
    func advance(_ duration: Duration) async throws -> SweepResult {
        await subject.advance(duration)
        return try await store.sweep(SweepOrders())
    }
}
