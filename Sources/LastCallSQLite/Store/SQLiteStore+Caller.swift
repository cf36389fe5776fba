import CSQLite
import LastCall
public import LastCallWork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension SQLiteStore {
    /// Accepts submissions in a transaction of the caller's own: they are there when it commits, and were never there when it does not.
    ///
    /// This is how a program's own state and the work that follows from it become one: mark something as seen and enqueue its message, both
    /// or neither. The program's tables lie in the store's file, under names of their own.
    ///
    /// ```swift
    /// try database.write { db in                                   // GRDB, or any other library over SQLite
    ///     try Seen(paper).insert(db)
    ///     try store.accept([Submission(draft)], inTransactionOf: db.sqliteConnection!)
    /// }
    /// store.announce()
    /// ```
    ///
    /// How durable that is, the caller's connection decides (`PRAGMA synchronous`); ``accept(_:)`` uses FULL. Use a busy handler that
    /// tries often on it, and begin with `BEGIN IMMEDIATE`.
    ///
    /// - Parameters:
    ///   - submissions: What to accept.
    ///   - connection: An open connection (`sqlite3 *`) to the store's file, with an open transaction, used by this thread alone.
    /// - Throws: `WorkError.Code.invalidConfiguration` where the connection is to another file or has no transaction; as ``accept(_:)``.
    @discardableResult
    public func accept(
        _ submissions: [Submission], inTransactionOf connection: OpaquePointer
    ) throws -> [Acceptance] {
        for submission in submissions { try submission.validate(payloadBytesMax: traits.payloadBytesMax) }
        let borrowed = SQLiteConnection(borrowing: connection)
        defer { borrowed.close() }
        guard let name = sqlite3_db_filename(connection, nil).map({ String(cString: $0) }), isThisFile(name) else {
            throw WorkError(.invalidConfiguration, "the connection is not to the store's file \(path); open that file")
        }
        guard borrowed.isInTransaction else {
            throw WorkError(
                .invalidConfiguration, "the connection has no open transaction; begin one with BEGIN IMMEDIATE")
        }
        return try StoreTransaction.perform(borrowed, clock) { try $0.accept(submissions) }
    }

    /// Tells all who wait that the caller's own transaction has added work; without it they look within 50 ms.
    public func announce() { tell([.work, .due]) }

    /// Whether a name is another one of the store's file.
    private func isThisFile(_ name: String) -> Bool {
        guard let own = fileStatus(path), let other = fileStatus(name) else { return false }
        return own.st_dev == other.st_dev && own.st_ino == other.st_ino
    }
}
