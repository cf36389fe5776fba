/// The identity of a registered worker within a store.
public struct WorkerID: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
    /// The number.
    public let rawValue: Int64

    /// Creates an id from its number.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// The number in decimal.
    public var description: String { String(rawValue) }
}

/// A worker as it makes itself known.
public struct WorkerDescription: Sendable, Hashable {
    /// Its name, unique among the living: letters, digits, `.`, `_` and `-`, at most 64.
    public var name: String
    /// The host's name.
    public var host: String
    /// The process; its pid is shown, never trusted.
    public var process: ProcessIdentity
    /// The kinds that it handles.
    public var kinds: [String]
    /// The queues that it works on.
    public var queues: [String]
    /// How long its claims hold without a beat, where its death cannot be seen.
    public var lease: Duration

    /// Creates a description.
    public init(
        name: String, host: String, process: ProcessIdentity, kinds: [String], queues: [String],
        lease: Duration = .seconds(15)
    ) {
        self.name = name
        self.host = host
        self.process = process
        self.kinds = kinds
        self.queues = queues
        self.lease = lease
    }
}

/// A worker as the store knows it.
public struct WorkerReport: Sendable, Hashable {
    /// Its id.
    public var id: WorkerID
    /// What it said of itself.
    public var worker: WorkerDescription
    /// When it was registered.
    public var startedAt: WorkInstant
    /// Until when its lease runs.
    public var leaseUntil: WorkInstant
    /// Whether it holds its lock, or its lease where the store has no lock.
    public var isAlive: Bool
    /// How many records it holds.
    public var held: Int

    /// Creates a report.
    public init(
        id: WorkerID, worker: WorkerDescription, startedAt: WorkInstant, leaseUntil: WorkInstant, isAlive: Bool,
        held: Int
    ) {
        self.id = id
        self.worker = worker
        self.startedAt = startedAt
        self.leaseUntil = leaseUntil
        self.isAlive = isAlive
        self.held = held
    }
}

/// A worker that died without handing over.
public struct LostWorker: Sendable {
    /// Its id.
    public var id: WorkerID
    /// What it said of itself.
    public var worker: WorkerDescription
    /// What it held.
    public var records: [LostRecord]

    /// Creates a lost worker.
    public init(id: WorkerID, worker: WorkerDescription, records: [LostRecord]) {
        self.id = id
        self.worker = worker
        self.records = records
    }
}

/// A record whose worker died.
public struct LostRecord: Sendable {
    /// The dead worker's claim.
    public var claim: ClaimKey
    /// Which handler ran it.
    public var kind: String
    /// What decides about its way.
    public var facts: RecordFacts
    /// What its worker may have left running.
    public var process: ProcessIdentity?

    /// Creates a lost record.
    public init(claim: ClaimKey, kind: String, facts: RecordFacts, process: ProcessIdentity?) {
        self.claim = claim
        self.kind = kind
        self.facts = facts
        self.process = process
    }
}
