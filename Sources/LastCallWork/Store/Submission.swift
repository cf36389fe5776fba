/// What a store accepts in one transaction: a record, or all records and groups of a workflow.
///
/// Records and nodes refer to each other by their place in the lists; the store gives them their ids.
public struct Submission: Sendable {
    /// The records, in the order of their ids.
    public var records: [RecordDraft]
    /// The groups.
    public var nodes: [NodeDraft]

    /// Creates a submission.
    public init(records: [RecordDraft], nodes: [NodeDraft] = []) {
        self.records = records
        self.nodes = nodes
    }

    /// A single record.
    public init(_ record: RecordDraft) { self.init(records: [record]) }
}

/// A record that is to be accepted.
public struct RecordDraft: Sendable {
    /// Which handler runs it.
    public var kind: String
    /// What the handler is given, in its own encoding.
    public var payload: [UInt8]
    /// Which version of its own encoding the payload has.
    public var payloadVersion = 1
    /// The queue it waits in.
    public var queue = "default"
    /// Lower numbers run first, as with nice(1): −100 to 100.
    public var priority = 0
    /// How long it waits before it may run.
    public var delay = Duration.zero
    /// What there may be only one of.
    public var key: UniqueKey?
    /// The destination whose records run one after the other.
    public var lane: String?
    /// What is asked of its lane first; nothing where it is `nil`, or where the record waits for others.
    public var laneTerms: LaneTerms?
    /// How often it may run in all; 1 never retries.
    public var attemptsMax = 1
    /// After how many losses it is given up; `nil` is never.
    public var lossesMax: Int? = 3
    /// What the death of its worker means.
    public var onLost = LossPolicy.requeue
    /// How long one run may take, where the submitter and not the handler says so.
    public var timeout: Duration?
    /// Whether an eviction that would finish it with a partial result gives the remainder back instead.
    public var awaitsRemainder = false
    /// The trace context of whoever submitted it.
    public var trace: [String: String] = [:]
    /// The group that counts it, by its place in ``Submission/nodes``.
    public var node: Int?
    /// Its place among the members of that group.
    public var member = 0
    /// The group whose end it waits for.
    public var waitsForNode: Int?
    /// The record whose end it waits for.
    public var waitsForRecord: WorkID?
    /// Whether it runs however that record ends; otherwise it is cancelled where the record did not end well.
    public var runsAfterFailure = false
    /// Whether it is no part of the workflow that it is submitted with: cancelling that one does not cancel it.
    public var standsAlone = false
    /// Records that are accepted with it and wait for its end, however it ends; they have none of their own.
    ///
    /// Where it is there already, under its key, they are not accepted either.
    public var followers: [RecordDraft] = []

    /// Creates a draft.
    public init(kind: String, payload: [UInt8] = []) {
        self.kind = kind
        self.payload = payload
    }
}

/// A key of which a store holds one record of a kind.
public struct UniqueKey: Sendable, Hashable {
    /// How long the key is taken.
    public enum Scope: Int, Sendable, Hashable, Codable {
        /// Until its record is over.
        case unfinished = 0
        /// As long as the store remembers its record.
        case retained = 1
    }

    /// The key; at most 512 bytes.
    public var text: String
    /// How long it is taken.
    public var scope: Scope

    /// Creates a key.
    public init(_ text: String, scope: Scope = .unfinished) {
        self.text = text
        self.scope = scope
    }
}

/// A group that is to be accepted.
public struct NodeDraft: Sendable {
    /// When what waits for it may run.
    public var policy: GroupPolicy
    /// How many records and groups it counts.
    public var membersCount: Int
    /// The time from its acceptance to the end of its members.
    public var deadline: Duration?
    /// The group that counts it, by its place in ``Submission/nodes``.
    public var parent: Int?
    /// Its place among the members of that group.
    public var member: Int
    /// The group for which it and its members wait; where that one cancels what follows, this one is skipped.
    public var waitsForNode: Int?

    /// Creates a draft.
    public init(
        policy: GroupPolicy = .always, membersCount: Int, deadline: Duration? = nil, parent: Int? = nil,
        member: Int = 0, waitsForNode: Int? = nil
    ) {
        self.policy = policy
        self.membersCount = membersCount
        self.deadline = deadline
        self.parent = parent
        self.member = member
        self.waitsForNode = waitsForNode
    }
}

/// When what waits for a group runs.
public enum GroupPolicy: Int, Sendable, Hashable, Codable, CaseIterable {
    /// Once all members are over, however they ended.
    case always = 0
    /// Once all members ended well or partial; otherwise it is cancelled.
    case all = 1
}

/// What a group does about members that an eviction cuts short.
public enum PartialMembers: String, Sendable, Hashable, Codable, CaseIterable {
    /// It goes on with what they have.
    case proceed
    /// It waits until another worker has done the remainder.
    case awaitRemainder
}

/// What became of a submission.
public struct Acceptance: Sendable, Hashable {
    /// The ids of the records, in the order of ``Submission/records``.
    public var ids: [WorkID]
    /// Whether the record was there already, under the same key: nothing was added, and the id is its.
    public var isDuplicate: Bool
    /// The records that had to leave their lane to make room, to the dead letters.
    public var dropped: [WorkID]

    /// Creates an acceptance.
    public init(ids: [WorkID], isDuplicate: Bool = false, dropped: [WorkID] = []) {
        self.ids = ids
        self.isDuplicate = isDuplicate
        self.dropped = dropped
    }
}
