/// A record as a person or a program sees it.
public struct WorkRecord: Sendable {
    /// Its identity.
    public var id: WorkID
    /// Which handler runs it.
    public var kind: String
    /// The queue it waits or waited in.
    public var queue: String
    /// Lower numbers run first.
    public var priority: Int
    /// Where it is on its way.
    public var state: WorkState
    /// Why it is there.
    public var reason: WorkReason?
    /// The reason in words, such as the last error.
    public var detail: String?
    /// What its handler is given.
    public var payload: [UInt8]
    /// What its handler returned.
    public var result: [UInt8]?
    /// How far it says it is.
    public var progress: JobProgress?
    /// How often it ran, losses and evictions not counted.
    public var attempt: Int
    /// How often it may run.
    public var attemptsMax: Int
    /// How often it lost its worker.
    public var losses: Int
    /// How often its worker was told to stop.
    public var evictions: Int
    /// How often it was claimed.
    public var epoch: Int64
    /// The unique key, where it has one.
    public var key: String?
    /// The destination whose records run one after the other.
    public var lane: String?
    /// The workflow it belongs to: the first record that was submitted with it.
    public var workflow: WorkID
    /// The group that counts it.
    public var node: NodeID?
    /// Its place among the members of that group.
    public var member: Int
    /// The group whose end it waits or waited for.
    public var waitsForNode: NodeID?
    /// The record whose end it waits or waited for.
    public var waitsForRecord: WorkID?
    /// The name of the worker that has it.
    public var worker: String?
    /// Whether somebody asked for its cancellation while it ran.
    public var cancelRequested: Bool
    /// How many lines it wrote.
    public var lineCount: Int
    /// When it was accepted.
    public var acceptedAt: WorkInstant
    /// When it may run, where it waits for that.
    public var dueAt: WorkInstant?
    /// When it was last claimed.
    public var startedAt: WorkInstant?
    /// When it ended.
    public var finishedAt: WorkInstant?

    /// Creates a record.
    public init(
        id: WorkID, kind: String, queue: String, priority: Int, state: WorkState, reason: WorkReason? = nil,
        detail: String? = nil, payload: [UInt8], result: [UInt8]? = nil, progress: JobProgress? = nil, attempt: Int,
        attemptsMax: Int, losses: Int, evictions: Int, epoch: Int64, key: String? = nil, lane: String? = nil,
        workflow: WorkID, node: NodeID? = nil, member: Int = 0, waitsForNode: NodeID? = nil,
        waitsForRecord: WorkID? = nil, worker: String? = nil, cancelRequested: Bool, lineCount: Int,
        acceptedAt: WorkInstant, dueAt: WorkInstant? = nil, startedAt: WorkInstant? = nil,
        finishedAt: WorkInstant? = nil
    ) {
        self.id = id
        self.kind = kind
        self.queue = queue
        self.priority = priority
        self.state = state
        self.reason = reason
        self.detail = detail
        self.payload = payload
        self.result = result
        self.progress = progress
        self.attempt = attempt
        self.attemptsMax = attemptsMax
        self.losses = losses
        self.evictions = evictions
        self.epoch = epoch
        self.key = key
        self.lane = lane
        self.workflow = workflow
        self.node = node
        self.member = member
        self.waitsForNode = waitsForNode
        self.waitsForRecord = waitsForRecord
        self.worker = worker
        self.cancelRequested = cancelRequested
        self.lineCount = lineCount
        self.acceptedAt = acceptedAt
        self.dueAt = dueAt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
    }
}

/// Which records to look for; what is left empty does not matter.
public struct WorkQuery: Sendable, Hashable {
    /// These records.
    public var ids: [WorkID]?
    /// In one of these states.
    public var states: Set<WorkState>?
    /// For one of these handlers.
    public var kinds: Set<String>?
    /// In one of these queues.
    public var queues: Set<String>?
    /// Of this workflow.
    public var workflow: WorkID?
    /// With ids beyond this one, in the direction of the order.
    public var beyond: WorkID?
    /// Whether the newest come first.
    public var newestFirst: Bool
    /// The most to return.
    public var limit: Int

    /// Creates a query.
    public init(
        ids: [WorkID]? = nil, states: Set<WorkState>? = nil, kinds: Set<String>? = nil, queues: Set<String>? = nil,
        workflow: WorkID? = nil, beyond: WorkID? = nil, newestFirst: Bool = false, limit: Int = 1000
    ) {
        self.ids = ids
        self.states = states
        self.kinds = kinds
        self.queues = queues
        self.workflow = workflow
        self.beyond = beyond
        self.newestFirst = newestFirst
        self.limit = limit
    }
}

/// A member of a group, as what waits for the group sees it.
public struct WorkMember: Sendable {
    /// Its place in the group: `3`, or `3.0` for a member of a group in the group.
    public var path: String
    /// The record.
    public var record: WorkRecord

    /// Creates a member.
    public init(path: String, record: WorkRecord) {
        self.path = path
        self.record = record
    }
}

/// How many records of a queue and kind are in a state.
public struct WorkCount: Sendable, Hashable {
    /// The queue.
    public var queue: String
    /// Which handler runs them.
    public var kind: String
    /// Where they are.
    public var state: WorkState
    /// How many there are.
    public var count: Int

    /// Creates a count.
    public init(queue: String, kind: String, state: WorkState, count: Int) {
        self.queue = queue
        self.kind = kind
        self.state = state
        self.count = count
    }
}

/// What a person can ask of a store.
public enum WorkAction: Sendable, Hashable {
    /// Cancel records: what waits is cancelled at once, what runs is told.
    case cancel([WorkID])
    /// Cancel all records of a workflow that are not over.
    case cancelWorkflow(WorkID)
    /// Let records that are over run again, with all their attempts; a group that counted them is not told again.
    case retry([WorkID])
    /// Claim nothing from a queue.
    case pause(queue: String)
    /// Claim from a queue again.
    case resume(queue: String)
}

/// What an action came to.
public struct WorkActionResult: Sendable, Hashable {
    /// The records that were changed at once.
    public var changed: [WorkID] = []
    /// The records whose worker was asked.
    public var asked: [WorkID] = []
    /// The records that were in the wrong state, with that state.
    public var refused: [WorkID: WorkState] = [:]
    /// The records that are not there.
    public var missing: [WorkID] = []

    /// Creates a result.
    public init() {}
}
