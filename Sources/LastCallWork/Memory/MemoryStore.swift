import LastCall
import LastCallConcurrency

/// Keeps work in memory: for tests, and for work that may die with its process.
///
/// It forgets everything when the process ends. Run it as a member of the last stage, and the receipt lists what was still waiting as
/// cut, also what a worker gave back; without it, the worker's own line counts what it gave back as cut.
public final class MemoryStore: WorkStore, Sendable {
    private let tables: Mutex<WorkTables>
    private let listeners = StoreListeners()
    private let clock: StoreClock
    private let isClosed = Mutex(false)
    /// Whether it runs as a member, and what it lost at its end.
    private let membership = Mutex(Membership())

    /// What a store that is a member keeps of that.
    private struct Membership {
        /// Whether its line is in the receipt.
        var isMember = false
        /// What still waited at its end.
        var lost: [LedgerItem]?
        /// How many that were.
        var lostCount = 0
    }
    /// What the store is.
    public let traits: StoreTraits

    /// Creates an empty store.
    ///
    /// - Parameters:
    ///   - name: What it calls itself in logs.
    ///   - clock: The clock that delays and deadlines are measured with.
    ///   - payloadBytesMax: The largest payload, result, checkpoint or journal entry, in bytes; 1 MiB by default.
    public init(
        name: String = "memory:", clock: any Clock<Duration> = ContinuousClock(), payloadBytesMax: Int = 1 << 20
    ) {
        traits = StoreTraits(name: name, durability: .process, payloadBytesMax: payloadBytesMax)
        tables = Mutex(WorkTables())
        self.clock = StoreClock(clock)
    }

    /// The time on the store's clock.
    public var now: WorkInstant { clock.now }

    /// Runs a transaction and tells whoever listens.
    private func transact<Result: Sendable>(
        _ body: @Sendable (inout WorkTables, WorkInstant) throws(WorkError) -> Result
    ) throws(WorkError) -> Result {
        guard !isClosed.withLock({ $0 }) else { throw WorkError(.closed, "the store \(traits.name) was closed") }
        let now = clock.now
        let (outcome, change) = tables.withLock { tables -> (Swift.Result<Result, WorkError>, StoreChange) in
            do throws(WorkError) {
                return (.success(try body(&tables, now)), tables.takeChange())
            } catch {
                return (.failure(error), tables.takeChange())
            }
        }
        listeners.raise(change)
        return try outcome.get()
    }

    /// See ``WorkStore/accept(_:)``.
    public func accept(_ submissions: [Submission]) async throws -> [Acceptance] {
        let most = traits.payloadBytesMax
        return try transact { tables, now throws(WorkError) in
            try tables.accept(submissions, payloadBytesMax: most, at: now)
        }
    }

    /// See ``WorkStore/register(_:)``.
    public func register(_ worker: WorkerDescription) async throws -> WorkerID {
        try transact { tables, now throws(WorkError) in try tables.register(worker, at: now) }
    }

    /// See ``WorkStore/deregister(_:)``.
    public func deregister(_ worker: WorkerID) async throws { try transact { tables, _ in tables.deregister(worker) } }

    /// Treats a worker as dead, as its lock would tell; for tests.
    public func declareDead(_ worker: WorkerID) async throws {
        try transact { tables, _ in tables.declareDead(worker) }
    }

    /// See ``WorkStore/exchange(_:)``.
    public func exchange(_ request: ExchangeRequest) async throws -> ExchangeResult {
        try transact { tables, now in tables.exchange(request, at: now) }
    }

    /// See ``WorkStore/beat(_:)``.
    public func beat(_ request: BeatRequest) async throws -> BeatResult {
        try transact { tables, now in tables.beat(request, at: now) }
    }

    /// See ``WorkStore/journal(_:for:)``.
    public func journal(_ entry: JournalEntry, for claim: ClaimKey) async throws {
        try transact { tables, _ throws(WorkError) in try tables.journal(entry, for: claim) }
    }

    /// See ``WorkStore/journalEntries(of:)``.
    public func journalEntries(of id: WorkID) async throws -> [JournalEntry] {
        try transact { tables, _ in tables.journalEntries(of: id) }
    }

    /// See ``WorkStore/lostWorkers()``.
    public func lostWorkers() async throws -> [LostWorker] {
        try transact { tables, now in tables.lostWorkers(at: now) }
    }

    /// See ``WorkStore/sweep(_:)``.
    public func sweep(_ orders: SweepOrders) async throws -> SweepResult {
        try transact { tables, now in tables.sweep(orders, at: now) }
    }

    /// See ``WorkStore/perform(_:)``.
    public func perform(_ action: WorkAction) async throws -> WorkActionResult {
        try transact { tables, now in tables.perform(action, at: now) }
    }

    /// See ``WorkStore/records(_:)``.
    public func records(_ query: WorkQuery) async throws -> [WorkRecord] {
        try transact { tables, _ in tables.records(query) }
    }

    /// See ``WorkStore/members(of:)``.
    public func members(of node: NodeID) async throws -> [WorkMember] {
        try transact { tables, _ in tables.members(of: node) }
    }

    /// See ``WorkStore/output(of:from:linesMax:)``.
    public func output(of id: WorkID, from position: OutputPosition, linesMax: Int) async throws -> OutputPage {
        try transact { tables, _ throws(WorkError) in
            try tables.output(of: id, from: position, linesMax: linesMax)
        }
    }

    /// See ``WorkStore/counts()``.
    public func counts() async throws -> [WorkCount] { try transact { tables, _ in tables.counts() } }

    /// See ``WorkStore/workers()``.
    public func workers() async throws -> [WorkerReport] { try transact { tables, now in tables.reports(at: now) } }

    /// See ``WorkStore/lanes(prefix:)``.
    public func lanes(prefix: String) async throws -> [LaneReport] {
        try transact { tables, now in tables.laneReports(prefix: prefix, at: now) }
    }

    /// See ``WorkStore/gates()``.
    public func gates() async throws -> [GateReport] { try transact { tables, now in tables.gateReports(at: now) } }

    /// See ``WorkStore/tick(_:)``.
    public func tick(_ tick: ScheduleTick) async throws -> TickResult {
        let most = traits.payloadBytesMax
        return try transact { tables, now throws(WorkError) in try tables.tick(tick, payloadBytesMax: most, at: now) }
    }

    /// See ``WorkStore/schedules()``.
    public func schedules() async throws -> [ScheduleReport] { try transact { tables, _ in tables.scheduleReports } }

    /// See ``WorkStore/pausedQueues()``.
    public func pausedQueues() async throws -> Set<String> { try transact { tables, _ in tables.pausedQueues } }

    /// See ``WorkStore/changes()``.
    public func changes() -> StoreChanges { listeners.add() }

    /// See ``WorkStore/close()``.
    public func close() async {
        isClosed.withLock { $0 = true }
        listeners.finish()
    }
}

// As a member.
extension MemoryStore {
    /// Whether it runs as a member, so that its own line in the receipt counts what is lost with it.
    package var isMember: Bool { membership.withLock { $0.isMember } }

    func joined() { membership.withLock { $0.isMember = true } }

    /// Counts what is lost, and closes.
    func end() async {
        let (count, items) = tables.withLock { ($0.openCount, $0.openItems(itemsMax: 1000)) }
        membership.withLock {
            $0.lost = items
            $0.lostCount = count
        }
        await close()
    }

    var counted: Ledger {
        let lost = membership.withLock { $0.lost == nil ? nil : $0.lostCount }
        return tables.withLock { tables in
            let open = tables.openCount
            return Ledger(
                held: lost == nil ? open : 0, accepted: tables.acceptedCount, done: tables.acceptedCount - open,
                cut: lost ?? 0)
        }
    }

    func waitingItems(itemsMax: Int) -> [LedgerItem] { tables.withLock { $0.openItems(itemsMax: itemsMax) } }

    func cutAtTheEnd(itemsMax: Int) -> [LedgerItem] {
        membership.withLock { Array(($0.lost ?? []).suffix(itemsMax)) }
    }
}

/// The time of a store in memory: the wall clock when it was made, moved on by a clock that never goes back.
private struct StoreClock: Sendable {
    /// What the clock says now, counted from the store's making.
    private let elapsed: @Sendable () -> Duration
    /// The wall clock when the store was made.
    private let start = WorkInstant(rawValue: Timestamp.nowMilliseconds)

    init(_ clock: any Clock<Duration>) { elapsed = Self.elapsed(on: clock) }

    private static func elapsed<Base: Clock<Duration>>(on clock: Base) -> @Sendable () -> Duration {
        let start = clock.now
        return { start.duration(to: clock.now) }
    }

    /// The time, to the millisecond, rounded up.
    var now: WorkInstant { start + elapsed() }
}
