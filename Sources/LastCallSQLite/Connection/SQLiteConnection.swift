import CSQLite

/// A connection to a SQLite file, with its prepared statements.
///
/// It is used by one thread at a time and is not `Sendable`, which is how the compiler holds it to that. The file is opened without SQLite's
/// own locking of connections.
package final class SQLiteConnection {
    /// How a file is opened.
    package enum Access: Sendable {
        /// For reading and writing; the file must be there.
        case readWrite
        /// For reading only.
        case readOnly
    }

    /// How many statements are kept that were put together at run time.
    private static let textsMax = 64
    /// How long a lock of another program is waited for.
    package static let patienceDefault = Duration.seconds(30)

    /// The connection itself; `nil` once it is closed.
    private var pointer: OpaquePointer?
    /// Whether it was opened here, and is closed here.
    private let isOwned: Bool
    /// Who waits for locks; a borrowed connection has its owner's.
    private let busyHandler: SQLiteBusyHandler?
    /// The prepared forms of the program's own queries, by place.
    private var statements: [SQLiteStatement?] = []
    /// The prepared forms of other texts.
    private var texts: [String: SQLiteStatement] = [:]
    /// What the present transaction has changed, for those who wait for it.
    private(set) var raised: BellHints = []

    /// Opens a file that is there.
    ///
    /// - Parameters:
    ///   - path: An absolute path: SQLite may take others for a URI.
    ///   - patience: How long a lock of another program is waited for.
    package init(path: String, access: Access, patience: Duration = patienceDefault) throws {
        precondition(path.hasPrefix("/"), "a relative path to a store: \(path)")
        let mode = access == .readWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard code == SQLITE_OK, let opened else {
            let error = SQLiteError(of: opened, code: code)
            sqlite3_close_v2(opened)
            throw error
        }
        pointer = opened
        isOwned = true
        let busyHandler = SQLiteBusyHandler(patience: patience)
        busyHandler.install(on: opened)
        self.busyHandler = busyHandler
    }

    /// Takes part in a connection that somebody else has opened and closes.
    ///
    /// Its transactions, settings and waiting stay the owner's; only the statements that are prepared here are given back here.
    package init(borrowing connection: OpaquePointer) {
        pointer = connection
        isOwned = false
        busyHandler = nil
    }

    deinit { close() }

    /// Gives back the statements, and closes the file if it was opened here; a second call does nothing.
    package func close() {
        guard let pointer else { return }
        for statement in statements { statement?.finalise() }
        for statement in texts.values { statement.finalise() }
        statements = []
        texts = [:]
        self.pointer = nil
        guard isOwned else { return }
        // The second form also works while a statement that the cache does not know is still there.
        sqlite3_close_v2(pointer)
    }

    /// SQLite's own handle.
    var handle: OpaquePointer {
        guard let pointer else { preconditionFailure("a connection that is closed") }
        return pointer
    }

    /// How long a lock of another program is waited for.
    var patience: Duration {
        get { busyHandler?.patience ?? .zero }
        set { busyHandler?.patience = newValue }
    }
}

// What is asked of a connection.
extension SQLiteConnection {
    /// The prepared form of one of the program's own queries.
    package func statement(_ query: SQLiteQuery) throws -> SQLiteStatement {
        if query.place < statements.count, let statement = statements[query.place] {
            // Inside its own rows a query needs a second form, which lives as long as that use.
            guard statement.isInUse else { return statement }
            return try SQLiteStatement(query.text, in: handle, isKept: false)
        }
        let statement = try SQLiteStatement(query.text, in: handle, isKept: true)
        while statements.count <= query.place { statements.append(nil) }
        statements[query.place] = statement
        return statement
    }

    /// The prepared form of a text that was put together at run time.
    package func statement(text: String) throws -> SQLiteStatement {
        if let statement = texts[text] {
            guard statement.isInUse else { return statement }
            return try SQLiteStatement(text, in: handle, isKept: false)
        }
        let statement = try SQLiteStatement(text, in: handle, isKept: true)
        if texts.count >= Self.textsMax, let victim = texts.first(where: { !$0.value.isInUse }) {
            texts[victim.key] = nil
        }
        texts[text] = statement
        return statement
    }

    /// Runs a statement and passes over its rows.
    package func run(_ query: SQLiteQuery, _ values: SQLiteValue...) throws {
        try statement(query).step(values) { _ in true }
    }

    /// Runs a statement that was put together at run time and passes over its rows.
    package func run(text: String, _ values: [SQLiteValue] = []) throws {
        try statement(text: text).step(values) { _ in true }
    }

    /// The first row of a query, as `transform` reads it.
    package func first<Value>(_ query: SQLiteQuery, _ values: SQLiteValue..., as transform: (SQLiteRow) throws -> Value)
        throws -> Value?
    {
        var found: Value?
        try statement(query).step(values) {
            found = try transform($0)
            return false
        }
        return found
    }

    /// The first row of a query that was put together at run time, as `transform` reads it.
    package func first<Value>(
        text: String, _ values: [SQLiteValue] = [], as transform: (SQLiteRow) throws -> Value
    ) throws -> Value? {
        var found: Value?
        try statement(text: text).step(values) {
            found = try transform($0)
            return false
        }
        return found
    }

    /// All rows of a query, as `transform` reads them.
    package func all<Value>(_ query: SQLiteQuery, _ values: SQLiteValue..., as transform: (SQLiteRow) throws -> Value)
        throws -> [Value]
    {
        var found: [Value] = []
        try statement(query).step(values) {
            found.append(try transform($0))
            return true
        }
        return found
    }

    /// All rows of a query that was put together at run time, as `transform` reads them.
    package func all<Value>(
        text: String, _ values: [SQLiteValue] = [], as transform: (SQLiteRow) throws -> Value
    ) throws -> [Value] {
        var found: [Value] = []
        try statement(text: text).step(values) {
            found.append(try transform($0))
            return true
        }
        return found
    }

    /// Runs any number of statements, without values and without a cache.
    package func execute(_ sql: String) throws {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw SQLiteError(of: handle, code: code, sql: sql) }
    }

    /// How many rows the last INSERT, UPDATE or DELETE changed.
    package var changes: Int { Int(sqlite3_changes64(handle)) }

    /// The row id of the last INSERT.
    package var lastInsertRowID: Int64 { sqlite3_last_insert_rowid(handle) }

    /// Whether a transaction is open.
    package var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// How many statements are kept prepared.
    var cachedStatementCount: Int { statements.count(where: { $0 != nil }) + texts.count }
}

// Who is to be told of a transaction.
extension SQLiteConnection {
    /// Says what the present transaction changes, so that those who wait for it are woken once it is committed.
    package func raise(_ hints: BellHints) { raised.formUnion(hints) }

    /// Forgets what was raised, and returns it.
    func takeRaised() -> BellHints {
        defer { raised = [] }
        return raised
    }
}
