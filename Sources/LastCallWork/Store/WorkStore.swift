/// Where accepted work is kept: the protocol behind memory, SQLite and PostgreSQL.
///
/// Each call is one transaction, or takes part in one together with other calls. When a call returns, what it did is as
/// durable as the store is; when it throws, it did nothing. Every write about a claimed record names the record's epoch, and is void where the record is held by nobody or by
/// somebody else. A store decides nothing about a record's way: ``RecordStateMachine`` and ``GroupStateMachine`` do.
///
/// The conformance suite in `LastCallTesting` says what else holds.
public protocol WorkStore: Sendable {
    /// What the store is and how long it keeps things.
    var traits: StoreTraits { get }

    /// The time on the store's clock, which all its workers share and which never goes back.
    var now: WorkInstant { get }

    /// Accepts submissions, each whole or not at all.
    ///
    /// - Throws: ``WorkError/Code/duplicateKey`` and ``WorkError/Code/invalidSubmission``; then none of them was accepted.
    func accept(_ submissions: [Submission]) async throws -> [Acceptance]

    /// Makes a worker known and takes the lock that its death will release.
    ///
    /// A worker that was taken for dead though it lives registers anew in the same way; what it still holds stays its own until somebody
    /// rescues it.
    ///
    /// - Throws: ``WorkError/Code/nameTaken`` where a live worker has the name.
    func register(_ worker: WorkerDescription) async throws -> WorkerID

    /// Forgets a worker that holds nothing.
    func deregister(_ worker: WorkerID) async throws

    /// Writes what became of claimed records, steps their groups, and claims others, all in one transaction.
    func exchange(_ request: ExchangeRequest) async throws -> ExchangeResult

    /// Renews a worker's lease and writes what its jobs streamed.
    func beat(_ request: BeatRequest) async throws -> BeatResult

    /// Remembers the value of a journaled step, durably, before it returns.
    ///
    /// - Throws: ``WorkError/Code/overtaken``.
    func journal(_ entry: JournalEntry, for claim: ClaimKey) async throws

    /// The journaled steps of a record, in the order in which they were written.
    func journalEntries(of id: WorkID) async throws -> [JournalEntry]

    /// The workers that died holding records, with those records; from then on they claim nothing.
    func lostWorkers() async throws -> [LostWorker]

    /// Makes ready what is due, closes groups whose deadline passed, and forgets what was kept long enough.
    ///
    /// Any worker may do it at any time, several at once.
    ///
    /// - Parameter orders: How long what is over is remembered, and whether group counters are compared with their members.
    func sweep(_ orders: SweepOrders) async throws -> SweepResult

    /// Does what a person asked for.
    func perform(_ action: WorkAction) async throws -> WorkActionResult

    /// Looks for records.
    func records(_ query: WorkQuery) async throws -> [WorkRecord]

    /// The members of a group, its groups' members in their place, in the order of the workflow.
    func members(of node: NodeID) async throws -> [WorkMember]

    /// What a record wrote, from a place on.
    ///
    /// - Parameters:
    ///   - id: The record.
    ///   - position: Where to begin; ``OutputPosition/start`` for all of it.
    ///   - linesMax: About how many lines to return.
    func output(of id: WorkID, from position: OutputPosition, linesMax: Int) async throws -> OutputPage

    /// How many records there are, by queue, kind and state.
    func counts() async throws -> [WorkCount]

    /// The workers that are known, alive or not.
    func workers() async throws -> [WorkerReport]

    /// The lanes that hold something or rest, by name.
    ///
    /// - Parameter prefix: What their names begin with; empty is all.
    func lanes(prefix: String) async throws -> [LaneReport]

    /// The gates of kinds that rest or whose breaker has something to remember, by kind.
    func gates() async throws -> [GateReport]

    /// Makes a schedule known, or fires a tick of it, which happens once however many say so.
    ///
    /// - Throws: As ``accept(_:)``; then the tick was not decided on.
    func tick(_ tick: ScheduleTick) async throws -> TickResult

    /// The schedules that were ever made known, by name.
    func schedules() async throws -> [ScheduleReport]

    /// The queues that are paused.
    func pausedQueues() async throws -> Set<String>

    /// Tells whoever listens that something changed, in this process or in another.
    func changes() -> StoreChanges

    /// Finishes what was begun and lets go of everything.
    func close() async
}

/// What a store is.
public struct StoreTraits: Sendable, Hashable {
    /// How long a store keeps what it accepted.
    public enum Durability: Sendable, Hashable {
        /// As long as the process lives.
        case process
        /// As long as a place lives that is not the process: `until this container is deleted`.
        case ephemeral(String)
        /// Until it is told to forget it.
        case durable
    }

    /// What the store calls itself in logs, without secrets: `sqlite:/srv/queue.sqlite`.
    public var name: String
    /// How long it keeps things.
    public var durability: Durability
    /// What goes into fencing tokens; see ``FencingToken``.
    public var incarnation: Int64
    /// The largest payload, result, checkpoint or journal entry, in bytes.
    public var payloadBytesMax: Int

    /// Creates traits.
    public init(name: String, durability: Durability, incarnation: Int64 = 0, payloadBytesMax: Int = 1 << 20) {
        self.name = name
        self.durability = durability
        self.incarnation = incarnation
        self.payloadBytesMax = payloadBytesMax
    }
}
