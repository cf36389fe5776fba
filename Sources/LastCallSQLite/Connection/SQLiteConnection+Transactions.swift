import CSQLite

extension SQLiteConnection {
    /// How sure a commit is before its caller is told.
    package enum Durability: Sendable, Comparable {
        /// It survives the process. A power failure may take it back; the next full commit makes it sure.
        case normal
        /// It is on the disk.
        case full

        /// The value of `PRAGMA synchronous`.
        fileprivate var pragma: String { self == .full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL" }
    }

    /// Runs `body` in a transaction that takes the write lock first, and commits.
    ///
    /// Waiting for the lock at the beginning is the only wait there is: a transaction that reads first and writes later is
    /// refused at once when somebody else wrote in between.
    package func transaction<Value>(_ body: () throws -> Value) throws -> Value {
        try begin()
        do {
            let value = try body()
            try commit()
            return value
        } catch {
            rollBack()
            throw error
        }
    }

    /// Sets how sure the next commits are; not inside a transaction.
    package func set(_ durability: Durability) throws { try execute(durability.pragma) }

    func begin() throws {
        _ = takeRaised()
        try run(Self.beginQuery)
    }

    /// Commits.
    ///
    /// - Throws: Also where the transaction is gone already, because SQLite rolled it back or somebody ended it.
    func commit() throws {
        guard isInTransaction else { throw Self.transactionGone }
        try run(Self.commitQuery)
    }

    /// Takes everything back since the transaction began.
    func rollBack() {
        _ = takeRaised()
        // A full disk, a failed one and the like end the transaction by themselves.
        guard isInTransaction else { return }
        do {
            try run(Self.rollBackQuery)
        } catch {
            // The only reason left is that it is gone after all (sqlite.org/lang_transaction.html).
            precondition(!isInTransaction, "ROLLBACK failed with the transaction open: \(error)")
        }
    }

    /// Begins a transaction that reads.
    func beginReading() throws { try run(Self.beginReadingQuery) }

    static let transactionGone = SQLiteError(
        extendedCode: SQLITE_ABORT,
        message: "the transaction was ended before its time, by SQLite or by one of its statements")
    private static let beginQuery = SQLiteQuery("BEGIN IMMEDIATE")
    private static let beginReadingQuery = SQLiteQuery("BEGIN DEFERRED")
    private static let commitQuery = SQLiteQuery("COMMIT")
    private static let rollBackQuery = SQLiteQuery("ROLLBACK")
}
