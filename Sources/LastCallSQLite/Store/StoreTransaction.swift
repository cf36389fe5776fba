import LastCallWork

/// One transaction on a store's tables: the same rules as `WorkTables` in LastCallWork, in statements.
///
/// It lives inside the body of a transaction on the writer's thread, or in a caller's own.
struct StoreTransaction {
    /// What follows from the end of something.
    enum FollowUp {
        /// Records are over, with what is known of them.
        case ended([EndedJob])
        /// A group is closed.
        case closed(StoredNode, GroupStateMachine.Action)
    }

    /// Where it is written.
    let db: SQLiteConnection
    /// The time on the store's clock.
    let now: Int64
    /// What changed, for those who listen.
    var change: StoreChange = []
    /// What follows from what happened and was not done yet.
    var followUps: [FollowUp] = []
    /// Whether somebody works on that list.
    var isFollowing = false

    init(_ db: SQLiteConnection, now: Int64) {
        self.db = db
        self.now = now
    }

    /// The time, as an instant.
    var instant: WorkInstant { WorkInstant(rawValue: now) }

    /// Runs a body in a transaction of the store, and says what it changed.
    static func perform<Value>(
        _ db: SQLiteConnection, _ clock: StoreClock, _ body: (inout StoreTransaction) throws -> Value
    ) throws -> Value {
        var transaction = StoreTransaction(db, now: try clock.now(in: db))
        let value = try body(&transaction)
        db.raise(BellHints(rawValue: transaction.change.rawValue))
        return value
    }

    // MARK: numbers

    private static let takeJobs = SQLiteQuery("UPDATE sequence SET job = job + ? RETURNING job")
    private static let takeNodes = SQLiteQuery("UPDATE sequence SET node = node + ? RETURNING node")
    private static let takeWorker = SQLiteQuery("UPDATE sequence SET worker = worker + 1 RETURNING worker")

    /// The first of so many new record numbers.
    func takeJobIDs(_ count: Int) throws -> Int64 {
        let last = try db.first(Self.takeJobs, .integer(Int64(count))) { $0.integer(0) } ?? 0
        return last - Int64(count) + 1
    }

    /// The first of so many new group numbers.
    func takeNodeIDs(_ count: Int) throws -> Int64 {
        let last = try db.first(Self.takeNodes, .integer(Int64(count))) { $0.integer(0) } ?? 0
        return last - Int64(count) + 1
    }

    /// A new worker number.
    func takeWorkerID() throws -> Int64 { try db.first(Self.takeWorker) { $0.integer(0) } ?? 0 }
}

/// A record that is over, as far as its group, its lane and those who wait for it are concerned.
struct EndedJob {
    /// The record.
    let id: Int64
    /// Which handler ran it.
    let kind: String
    /// How it ended.
    let state: WorkState
    /// Its flags from before its end.
    let flags: JobFlags
    /// The group that counts it.
    let node: Int64?
    /// Its lane.
    let lane: String?
    /// Its unique key.
    let key: String?
    /// Whether it waited for its turn in its lane.
    var waitedInLane = false
}

/// A group as it is stored.
struct StoredNode {
    /// The group.
    let id: Int64
    /// Counts its members.
    var machine: GroupStateMachine
    /// The group that counts it.
    let parent: Int64?
}
