import HeapModule

/// The records, groups and workers of a store, and every transaction on them, as a value: what ``MemoryStore`` keeps under a lock,
/// and what the simulation plays with.
///
/// Each transaction takes the time as an argument and returns what changed for those who listen.
package struct WorkTables: Sendable {
    /// A way in which a store could be wrong; the simulation has to notice.
    package enum Fault: Sendable, Hashable {
        /// Late owners may write.
        case unfencedSettlement
        /// A member's end and its group's count are two transactions.
        case counterOutsideTransaction
    }

    /// A record as it is kept.
    struct Entry: Sendable {
        /// Its identity.
        let id: WorkID
        /// What was accepted.
        let draft: RecordDraft
        /// What decides about its way.
        var facts: RecordFacts
        /// The workflow it belongs to.
        let workflow: WorkID
        /// The group that counts it.
        let node: NodeID?
        /// The group whose end it waits for.
        let waitsForNode: NodeID?
        /// Whether it still waits for a group or a record.
        var isHeldBack: Bool
        /// Whether it has its turn in its lane, or waits for it.
        var isInLane = false
        /// Whether it holds its unique key.
        var holdsKey: Bool
        /// Whether its group has counted it.
        var isCounted = false
        /// Why it is in its state.
        var reason: WorkReason?
        /// The same in words.
        var detail: String?
        /// What its handler returned.
        var result: [UInt8]?
        /// What a later run goes on from.
        var checkpoint: [UInt8]?
        /// How far it says it is.
        var progress: JobProgress?
        /// The process that does the work.
        var process: ProcessIdentity?
        /// Who has it.
        var worker: WorkerID?
        /// The lines of each run, by epoch.
        var output: [Int64: OutputChunk] = [:]
        /// Its journaled steps.
        var journal: [JournalEntry] = []
        /// When it was accepted.
        let acceptedAt: WorkInstant
        /// When it may run.
        var dueAt: WorkInstant?
        /// When it might first run, but for its turn in its lane.
        var eligibleAt: WorkInstant?
        /// When it was claimed.
        var startedAt: WorkInstant?
        /// When it ended.
        var finishedAt: WorkInstant?
    }

    /// A group as it is kept.
    struct Node: Sendable {
        /// Counts its members.
        var machine: GroupStateMachine
        /// The group that counts it.
        let parent: NodeID?
        /// Its place among the members of that group.
        let member: Int
        /// The group whose end it waits for.
        let waitsForNode: NodeID?
        /// Until when its members may run.
        let deadline: WorkInstant?
        /// The records that it counts.
        var records: [WorkID] = []
        /// The groups that it counts.
        var nodes: [NodeID] = []
        /// The records that wait for it.
        var waitingRecords: [WorkID] = []
        /// The groups that wait for it.
        var waitingNodes: [NodeID] = []
        /// Whether it waits for another group.
        var isHeldBack: Bool
    }

    /// A worker as it is kept.
    struct WorkerEntry: Sendable {
        /// What it said of itself.
        let description: WorkerDescription
        /// When it was registered.
        let startedAt: WorkInstant
        /// Until when its lease runs.
        var leaseUntil: WorkInstant
        /// Whether its lock was seen free.
        var isDead = false
        /// What it holds.
        var held: Set<WorkID> = []
    }

    /// Where a ready record waits.
    struct Place: Hashable, Sendable {
        /// The queue.
        let queue: String
        /// Which handler runs it.
        let kind: String
    }

    /// The order of ready records.
    struct Turn: Comparable, Sendable {
        /// Lower first.
        let priority: Int
        /// When it became due.
        let dueAt: WorkInstant
        /// The record.
        let id: WorkID

        static func < (lhs: Turn, rhs: Turn) -> Bool {
            (lhs.priority, lhs.dueAt, lhs.id) < (rhs.priority, rhs.dueAt, rhs.id)
        }
    }

    /// What is due when: a record, or a group's deadline.
    struct Due: Comparable, Sendable {
        /// When.
        let at: WorkInstant
        /// The record's number, or the group's, negative.
        let number: Int64

        static func < (lhs: Due, rhs: Due) -> Bool { (lhs.at, lhs.number) < (rhs.at, rhs.number) }
    }

    /// A unique key of a kind.
    struct KeySlot: Hashable, Sendable {
        /// The kind.
        let kind: String
        /// The key.
        let text: String
    }

    /// What follows from the end of something.
    enum FollowUp: Sendable {
        /// Records are over.
        case ended([WorkID])
        /// A group is closed.
        case closed(NodeID, GroupStateMachine.Action)
    }

    /// All records.
    var records: [WorkID: Entry] = [:]
    /// All groups.
    var nodes: [NodeID: Node] = [:]
    /// All workers.
    var workers: [WorkerID: WorkerEntry] = [:]
    /// What may be claimed; what left in another way is skipped when it is met.
    var ready: [Place: Heap<Turn>] = [:]
    /// What is due later; what left in another way is skipped when it is met.
    var due = Heap<Due>()
    /// The lanes.
    var lanes: [String: Lane] = [:]
    /// The gates of kinds.
    var gates: [String: Gate] = [:]
    /// The schedules.
    var schedules: [String: ScheduleReport] = [:]
    /// What follows from what happened in this transaction and was not done yet.
    var followUps: [FollowUp] = []
    /// Whether somebody works on that list.
    var isFollowing = false
    /// Who holds which key.
    var keys: [KeySlot: WorkID] = [:]
    /// Who waits for which record.
    var dependents: [WorkID: [WorkID]] = [:]
    /// The records of workflows with more than one.
    var workflows: [WorkID: [WorkID]] = [:]
    /// The groups of each workflow that has any.
    var workflowNodes: [WorkID: [NodeID]] = [:]
    /// Queues from which nothing is claimed.
    var paused: Set<String> = []
    /// The last numbers that were given.
    var lastRecord: Int64 = 0
    var lastNode: Int64 = 0
    var lastWorker: Int64 = 0
    /// What this transaction changed for those who listen.
    var change: StoreChange = []
    /// How this store is wrong, in a simulation.
    let fault: Fault?
    /// Group steps that a wrong store has not written yet.
    var deferredSteps: [WorkID] = []

    /// Creates an empty store.
    package init(fault: Fault? = nil) { self.fault = fault }

    /// What changed since the last call.
    package mutating func takeChange() -> StoreChange {
        defer { change = [] }
        return change
    }

    /// The record, which has to be there.
    func entry(_ id: WorkID) -> Entry {
        guard let entry = records[id] else { preconditionFailure("record \(id) is referred to and not there") }
        return entry
    }
}
