import LastCall
import LastCallConcurrency
import LastCallWork

/// A store in memory that can be made to fail, to wait, to tell of nothing, and to say that it is durable.
final class WrappedStore: WorkStore {
    /// What a call is preceded by; it may wait or throw.
    typealias Hook<Request> = @Sendable (Request) async throws -> Void

    /// What fails or waits.
    private struct Hooks {
        /// Before an exchange.
        var exchange: Hook<ExchangeRequest>?
        /// After an exchange was committed and before its caller hears of it.
        var exchanged: Hook<ExchangeResult>?
        /// Before a beat.
        var beat: Hook<BeatRequest>?
        /// Before a worker is registered.
        var register: Hook<WorkerDescription>?
        /// Before something is accepted.
        var accept: Hook<[Submission]>?
        /// Before a step is journaled.
        var journal: Hook<JournalEntry>?
        /// Before a tick is decided on.
        var tick: Hook<ScheduleTick>?
    }

    let base: MemoryStore
    let traits: StoreTraits
    /// Whether it tells of no change.
    private let isMute: Bool
    /// Whether no worker is ever late.
    private let isLenient: Bool
    private let hooks = Mutex(Hooks())

    init(
        _ base: MemoryStore = MemoryStore(), durability: StoreTraits.Durability = .durable, isMute: Bool = false,
        isLenient: Bool = false
    ) {
        self.base = base
        self.isMute = isMute
        self.isLenient = isLenient
        traits = StoreTraits(name: "wrapped:", durability: durability)
    }

    func beforeExchange(_ hook: Hook<ExchangeRequest>?) { hooks.withLock { $0.exchange = hook } }
    func afterExchange(_ hook: Hook<ExchangeResult>?) { hooks.withLock { $0.exchanged = hook } }
    func beforeBeat(_ hook: Hook<BeatRequest>?) { hooks.withLock { $0.beat = hook } }
    func beforeRegister(_ hook: Hook<WorkerDescription>?) { hooks.withLock { $0.register = hook } }
    func beforeAccept(_ hook: Hook<[Submission]>?) { hooks.withLock { $0.accept = hook } }
    func beforeTick(_ hook: Hook<ScheduleTick>?) { hooks.withLock { $0.tick = hook } }
    func beforeJournal(_ hook: Hook<JournalEntry>?) { hooks.withLock { $0.journal = hook } }

    var now: WorkInstant { base.now }

    func exchange(_ request: ExchangeRequest) async throws -> ExchangeResult {
        try await hooks.withLock { $0.exchange }?(request)
        let result = try await base.exchange(request)
        try await hooks.withLock { $0.exchanged }?(result)
        return result
    }

    func beat(_ request: BeatRequest) async throws -> BeatResult {
        try await hooks.withLock { $0.beat }?(request)
        return try await base.beat(request)
    }

    func journal(_ entry: JournalEntry, for claim: ClaimKey) async throws {
        try await hooks.withLock { $0.journal }?(entry)
        try await base.journal(entry, for: claim)
    }

    func accept(_ submissions: [Submission]) async throws -> [Acceptance] {
        try await hooks.withLock { $0.accept }?(submissions)
        return try await base.accept(submissions)
    }
    func register(_ worker: WorkerDescription) async throws -> WorkerID {
        try await hooks.withLock { $0.register }?(worker)
        return try await base.register(worker)
    }
    func deregister(_ worker: WorkerID) async throws { try await base.deregister(worker) }
    func journalEntries(of id: WorkID) async throws -> [JournalEntry] { try await base.journalEntries(of: id) }
    func lostWorkers() async throws -> [LostWorker] { isLenient ? [] : try await base.lostWorkers() }
    func sweep(_ orders: SweepOrders) async throws -> SweepResult { try await base.sweep(orders) }
    func perform(_ action: WorkAction) async throws -> WorkActionResult { try await base.perform(action) }
    func records(_ query: WorkQuery) async throws -> [WorkRecord] { try await base.records(query) }
    func members(of node: NodeID) async throws -> [WorkMember] { try await base.members(of: node) }
    func output(of id: WorkID, from position: OutputPosition, linesMax: Int) async throws -> OutputPage {
        try await base.output(of: id, from: position, linesMax: linesMax)
    }
    func counts() async throws -> [WorkCount] { try await base.counts() }
    func workers() async throws -> [WorkerReport] { try await base.workers() }
    func lanes(prefix: String) async throws -> [LaneReport] { try await base.lanes(prefix: prefix) }
    func gates() async throws -> [GateReport] { try await base.gates() }
    func tick(_ tick: ScheduleTick) async throws -> TickResult {
        try await hooks.withLock { $0.tick }?(tick)
        return try await base.tick(tick)
    }
    func schedules() async throws -> [ScheduleReport] { try await base.schedules() }
    func pausedQueues() async throws -> Set<String> { try await base.pausedQueues() }
    func changes() -> StoreChanges { isMute ? StoreChanges() : base.changes() }
    func close() async { await base.close() }
}

/// What a store throws that does not answer.
struct StoreIsDown: Error {}
