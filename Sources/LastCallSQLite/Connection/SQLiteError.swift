import CSQLite

/// What SQLite refused to do, and what to do about it.
///
/// The error names the statement's own text and never the values that were bound to it.
public struct SQLiteError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The primary result code, such as 13 for `SQLITE_FULL` (sqlite.org/rescode.html).
    public let code: Int32
    /// The extended result code, which says more, such as 778 for `SQLITE_IOERR_WRITE`.
    public let extendedCode: Int32
    /// SQLite's own words.
    public let message: String
    /// The statement, without its values; `nil` where there was none.
    public let sql: String?

    /// Creates an error from an extended result code.
    public init(extendedCode: Int32, message: String, sql: String? = nil) {
        code = extendedCode & 0xFF
        self.extendedCode = extendedCode
        self.message = message
        self.sql = sql
    }

    /// The last error of a connection.
    init(of connection: OpaquePointer?, code: Int32, sql: String? = nil) {
        let words = connection.map { String(cString: sqlite3_errmsg($0)) }
        self.init(extendedCode: code, message: words ?? String(cString: sqlite3_errstr(code)), sql: sql)
    }

    /// What happened, where, and what to do next.
    public var description: String {
        var text = "SQLite: \(message) (code \(code)"
        if extendedCode != code { text += ", extended \(extendedCode)" }
        text += ")"
        if let remedy { text += ". \(remedy)" }
        if let sql { text += " [\(sql)]" }
        return text
    }

    /// What to do next, for the errors that somebody can do something about.
    public var remedy: String? {
        switch code {
        case SQLITE_FULL:
            "The disk or the file's own limit is full: make room; what was not committed is still with its caller."
        case SQLITE_READONLY:
            "The file may not be written: check its owner and mode, and whether the disk is mounted read-only."
        case SQLITE_CANTOPEN:
            "The file cannot be opened: check that its directory exists and that this user may write to it."
        case SQLITE_CORRUPT:
            "The file is damaged: stop its users, keep a copy, and restore a backup or use `sqlite3 FILE .recover`."
        case SQLITE_NOTADB: "The file is no SQLite database: name another one."
        case SQLITE_BUSY, SQLITE_LOCKED:
            "The file is locked by another program: end its transaction, or that program, and try again."
        case SQLITE_IOERR: "The disk failed to read or write: look at the kernel's log and at the disk."
        default: nil
        }
    }

    /// Whether the file was locked by another program for longer than this one was ready to wait.
    public var isBusy: Bool { code == SQLITE_BUSY || code == SQLITE_LOCKED }
}

extension SQLiteError {
    /// Whether there is no room left.
    public var isFull: Bool { code == SQLITE_FULL }
}
