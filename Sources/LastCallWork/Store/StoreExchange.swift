/// A claim on a record: the record and the epoch that is ours.
public struct ClaimKey: Sendable, Hashable {
    /// The record.
    public var id: WorkID
    /// How often it was claimed, this time included.
    public var epoch: Int64

    /// Creates a key.
    public init(id: WorkID, epoch: Int64) {
        self.id = id
        self.epoch = epoch
    }
}

/// What a worker writes and wants in one transaction.
public struct ExchangeRequest: Sendable {
    /// The worker that claims, `nil` where nothing is claimed; one that is not registered claims nothing.
    public var worker: WorkerID?
    /// What became of claimed records.
    public var settlements: [Settlement]
    /// Claims whose owner was told to stop, to be shown as ``WorkState/stopping``.
    public var stopping: [ClaimKey]
    /// What the worker wants, each queue once.
    public var demands: [QueueDemand]

    /// Creates a request.
    public init(
        worker: WorkerID? = nil, settlements: [Settlement] = [], stopping: [ClaimKey] = [], demands: [QueueDemand] = []
    ) {
        self.worker = worker
        self.settlements = settlements
        self.stopping = stopping
        self.demands = demands
    }
}

/// How many records of a queue a worker can take.
public struct QueueDemand: Sendable, Hashable {
    /// The queue.
    public var queue: String
    /// The kinds that the worker handles.
    public var kinds: [String]
    /// The most to claim.
    public var limit: Int
    /// The kinds that have a gate: a rate and a breaker over all lanes.
    public var gates: [KindGate]
    /// Since when the worker drains, where it does: what waits for a breaker or after a failure of before then may be tried once more.
    public var drainingSince: WorkInstant?

    /// Creates a demand.
    public init(
        queue: String, kinds: [String], limit: Int, gates: [KindGate] = [], drainingSince: WorkInstant? = nil
    ) {
        self.queue = queue
        self.kinds = kinds
        self.limit = limit
        self.gates = gates
        self.drainingSince = drainingSince
    }
}

/// What an exchange came to.
public struct ExchangeResult: Sendable {
    /// Settlements and marks that were void, because their claim was overtaken.
    public var overtaken: [ClaimKey] = []
    /// The records that are now the worker's, in the order in which they should start.
    public var claimed: [ClaimedRecord] = []
    /// When the next waiting record or deadline is due, where the store knows of one.
    public var nextDue: WorkInstant?
    /// When a claim that a gate held back may succeed.
    public var gateOpensAt: WorkInstant?
    /// When the next record of a draining worker's demands may run, where one waits for an instant; nothing else of them is to come by itself.
    public var demandDue: WorkInstant?
    /// Whether the worker that asked for work is known and not taken for dead; one that is not claims nothing until it registers anew.
    public var isRegistered = true

    /// Creates a result.
    public init() {}
}

/// A record that a worker has just claimed.
public struct ClaimedRecord: Sendable {
    /// The record.
    public var id: WorkID
    /// The claim's number.
    public var epoch: Int64
    /// Which handler runs it.
    public var kind: String
    /// What the handler is given.
    public var payload: [UInt8]
    /// Which version of its own encoding the payload has.
    public var payloadVersion: Int
    /// The queue it was claimed from.
    public var queue: String
    /// The workflow it belongs to: the first record that was submitted with it.
    public var workflow: WorkID
    /// The group that counts it.
    public var node: NodeID?
    /// The group whose end it waited for, whose members it may read.
    public var waitsForNode: NodeID?
    /// What decides about its way.
    public var facts: RecordFacts
    /// How long one run may take, where its submitter said so.
    public var timeout: Duration?
    /// The unique key, where it has one.
    public var key: String?
    /// What an earlier run left to go on from.
    public var checkpoint: [UInt8]?
    /// Whether an earlier run journaled steps.
    public var hasJournal: Bool
    /// How many lines are stored already.
    public var lineCount: Int
    /// The trace context of whoever submitted it.
    public var trace: [String: String]
    /// When it was accepted.
    public var acceptedAt: WorkInstant
    /// When its turn came: its delay was over, and nothing it waited for was left.
    public var dueAt: WorkInstant
    /// When it was claimed.
    public var claimedAt: WorkInstant
    /// When it might first run, but for its turn in its lane: nothing it waited for was left, and its delay was over.
    ///
    /// Somebody who lets it run again sets this anew.
    public var eligibleAt: WorkInstant

    /// Creates a claimed record.
    public init(
        id: WorkID, epoch: Int64, kind: String, payload: [UInt8], payloadVersion: Int, queue: String,
        workflow: WorkID, node: NodeID?, waitsForNode: NodeID?, facts: RecordFacts, timeout: Duration?, key: String?,
        checkpoint: [UInt8]?, hasJournal: Bool, lineCount: Int, trace: [String: String], acceptedAt: WorkInstant,
        dueAt: WorkInstant, claimedAt: WorkInstant, eligibleAt: WorkInstant? = nil
    ) {
        self.eligibleAt = eligibleAt ?? acceptedAt
        self.id = id
        self.epoch = epoch
        self.kind = kind
        self.payload = payload
        self.payloadVersion = payloadVersion
        self.queue = queue
        self.workflow = workflow
        self.node = node
        self.waitsForNode = waitsForNode
        self.facts = facts
        self.timeout = timeout
        self.key = key
        self.checkpoint = checkpoint
        self.hasJournal = hasJournal
        self.lineCount = lineCount
        self.trace = trace
        self.acceptedAt = acceptedAt
        self.dueAt = dueAt
        self.claimedAt = claimedAt
    }

    /// The claim.
    public var claim: ClaimKey { ClaimKey(id: id, epoch: epoch) }
}

/// What became of a claimed record: the one way out of a claim, for jobs, evictions, losses and deadlines alike.
public struct Settlement: Sendable {
    /// The claim.
    public var claim: ClaimKey
    /// What the record becomes, as ``RecordStateMachine`` decided.
    public var change: RecordChange
    /// The handler's result, in its own encoding.
    public var result: [UInt8]?
    /// Lines that were not written with a beat before.
    public var output: OutputChunk?
    /// What a later run goes on from; `nil` leaves the stored one.
    public var checkpoint: [UInt8]?
    /// What it says of the record's lane and kind.
    public var news: LaneNews?

    /// Creates a settlement.
    public init(
        claim: ClaimKey, change: RecordChange, result: [UInt8]? = nil, output: OutputChunk? = nil,
        checkpoint: [UInt8]? = nil, news: LaneNews? = nil
    ) {
        self.claim = claim
        self.change = change
        self.result = result
        self.output = output
        self.checkpoint = checkpoint
        self.news = news
    }
}

/// What a worker writes while its jobs run.
public struct BeatRequest: Sendable {
    /// The worker whose lease is renewed; `nil` renews none.
    public var worker: WorkerID?
    /// What its jobs have to say.
    public var updates: [JobUpdate]
    /// All claims of the worker, to learn which of them are not its own any more or were cancelled.
    public var held: [ClaimKey]

    /// Creates a request.
    public init(worker: WorkerID? = nil, updates: [JobUpdate] = [], held: [ClaimKey] = []) {
        self.worker = worker
        self.updates = updates
        self.held = held
    }
}

/// What one running job has to say.
public struct JobUpdate: Sendable {
    /// The claim.
    public var claim: ClaimKey
    /// Lines that it wrote.
    public var output: OutputChunk?
    /// How far it is.
    public var progress: JobProgress?
    /// What a later run goes on from.
    public var checkpoint: [UInt8]?
    /// The process that does the work, so that whoever rescues the job can end it.
    public var process: ProcessIdentity?

    /// Creates an update.
    public init(
        claim: ClaimKey, output: OutputChunk? = nil, progress: JobProgress? = nil, checkpoint: [UInt8]? = nil,
        process: ProcessIdentity? = nil
    ) {
        self.claim = claim
        self.output = output
        self.progress = progress
        self.checkpoint = checkpoint
        self.process = process
    }
}

/// How far a job is.
public struct JobProgress: Sendable, Hashable, Codable {
    /// The share that is done, from 0 to 1, where the job knows.
    public var fraction: Double?
    /// What it is doing, in its own words.
    public var message: String?

    /// Creates a progress.
    public init(fraction: Double? = nil, message: String? = nil) {
        self.fraction = fraction
        self.message = message
    }
}

/// What a worker learns from a beat.
public struct BeatResult: Sendable {
    /// Claims that are not the worker's any more: stop the job, discard its result.
    public var overtaken: [ClaimKey] = []
    /// Claims whose job somebody cancelled.
    public var cancelRequested: [ClaimKey] = []
    /// Whether the worker whose lease was to be renewed is known and not taken for dead.
    public var isRegistered = true

    /// Creates a result.
    public init() {}
}

/// A process on some host.
public struct ProcessIdentity: Sendable, Hashable, Codable {
    /// The boot of the host that it runs on.
    public var bootID: String
    /// Its process id, which is also its group's.
    public var pid: Int32
    /// Its start time in clock ticks since the boot (proc_pid_stat(5), field 22): pids are used again.
    public var startTime: UInt64

    /// Creates an identity.
    public init(bootID: String, pid: Int32, startTime: UInt64) {
        self.bootID = bootID
        self.pid = pid
        self.startTime = startTime
    }
}

/// The value of a step that must not run twice.
public struct JournalEntry: Sendable, Hashable {
    /// The step's name, unique in its job.
    public var name: String
    /// What it came to, encoded.
    public var value: [UInt8]

    /// Creates an entry.
    public init(name: String, value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

/// What a sweep came to.
public struct SweepResult: Sendable, Hashable {
    /// How many records became ready.
    public var promoted = 0
    /// How many groups were closed by their deadline.
    public var closed = 0
    /// How many records were forgotten.
    public var forgotten = 0
    /// How many group counters were wrong and were mended, which is a bug.
    public var mended = 0
    /// When the next waiting record or deadline is due.
    public var nextDue: WorkInstant?

    /// Creates a result.
    public init() {}
}
