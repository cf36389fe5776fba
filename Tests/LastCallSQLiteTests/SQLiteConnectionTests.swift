import CSQLite
import Testing

@testable import LastCallSQLite

@Suite struct SQLiteConnectionTests {
    private static let echo = SQLiteQuery("SELECT ?, ?, ?, ?, ?")

    @Test("What is bound comes back, short and long, empty and missing", arguments: [0, 1, 1023, 1024, 1025, 300_000])
    func roundTrip(count: Int) throws {
        let store = try ScratchStore()
        let connection = try store.file.connectForWriting()
        let text = String(repeating: "ä", count: count)
        let bytes = [UInt8](repeating: 0, count: count) + [1]
        let long: [SQLiteValue] = [.text(text), .integer(.min), .bytes(bytes), .real(0.5), .null]
        let found = try #require(
            try connection.first(text: Self.echo.text, long) {
                ($0.text(0), $0.integer(1), $0.bytes(2), $0.real(3), $0.textIfAny(4))
            })
        #expect(found.0 == text)
        #expect(found.1 == .min)
        #expect(found.2 == bytes)
        #expect(found.3 == 0.5)
        #expect(found.4 == nil)
    }

    @Test("Empty text and empty bytes are not NULL")
    func emptyIsNotNull() throws {
        let store = try ScratchStore()
        let connection = try store.file.connectForWriting()
        let kinds = try connection.first(
            text: "SELECT typeof(?), typeof(?), typeof(?)", [.text(""), .bytes([]), .null]
        ) { [$0.text(0), $0.text(1), $0.text(2)] }
        #expect(kinds == ["text", "blob", "null"])
    }

    @Test("A query is prepared once, and again only inside its own rows")
    func statementCache() throws {
        let store = try ScratchStore()
        let connection = try store.file.connectForWriting()
        let query = SQLiteQuery("SELECT value FROM (SELECT 1 AS value UNION SELECT 2) ORDER BY value")
        let before = connection.cachedStatementCount
        let pairs = try connection.all(query) { outer in
            (outer.integer(0), try connection.all(query) { $0.integer(0) })
        }
        #expect(pairs.map(\.0) == [1, 2])
        #expect(pairs.map(\.1) == [[1, 2], [1, 2]])
        #expect(connection.cachedStatementCount == before + 1)
        #expect(try connection.statement(query) === connection.statement(query))
    }

    @Test("Statements that are put together at run time do not pile up")
    func textCacheIsBounded() throws {
        let store = try ScratchStore()
        let connection = try store.file.connectForWriting()
        for number in 0..<500 {
            #expect(try connection.first(text: "SELECT \(number)") { $0.integer(0) } == Int64(number))
        }
        #expect(connection.cachedStatementCount <= 70)
    }

    @Test("An error names the statement and what to do, and none of the values")
    func errorText() throws {
        let store = try ScratchStore()
        let connection = try store.file.connectForReading()
        let error = try #require(throws: SQLiteError.self) {
            try connection.run(text: "INSERT INTO note (text) VALUES (?)", [.text("secret")])
        }
        #expect(error.code == SQLITE_READONLY)
        #expect(error.description.contains("INSERT INTO note (text) VALUES (?)"))
        #expect(error.description.contains("check its owner and mode"))
        #expect(!error.description.contains("secret"))
    }

    @Test(
        "Errors that somebody can do something about say what",
        arguments: [
            SQLITE_FULL, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_BUSY, SQLITE_IOERR,
        ])
    func remedies(code: Int32) {
        let error = SQLiteError(extendedCode: code | 3 << 8, message: "words", sql: "SELECT 1")
        #expect(error.code == code)
        #expect(error.remedy != nil)
        #expect(error.description.contains(error.remedy ?? "-"))
    }

    @Test("A borrowed connection takes part in its owner's transaction and leaves it open")
    func borrowed() throws {
        let store = try ScratchStore()
        var opened: OpaquePointer?
        try #require(sqlite3_open_v2(store.file.path, &opened, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
        let owner = try #require(opened)
        try #require(sqlite3_exec(owner, "BEGIN IMMEDIATE", nil, nil, nil) == SQLITE_OK)
        do {
            let guest = SQLiteConnection(borrowing: owner)
            try guest.run(text: "INSERT INTO note (text) VALUES (?)", [.text("a")])
            #expect(guest.isInTransaction)
            #expect(guest.changes == 1)
            #expect(guest.lastInsertRowID == 1)
        }
        #expect(sqlite3_next_stmt(owner, nil) == nil)
        #expect(sqlite3_exec(owner, "ROLLBACK", nil, nil, nil) == SQLITE_OK)
        // This form refuses while a statement is left.
        #expect(sqlite3_close(owner) == SQLITE_OK)
    }

    @Test("A connection's settings are the store's")
    func settings() throws {
        let store = try ScratchStore()
        let connection = try store.file.connectForWriting()
        func pragma(_ name: String) throws -> String? { try connection.first(text: "PRAGMA \(name)") { $0.text(0) } }
        #expect(try pragma("journal_mode") == "wal")
        #expect(try pragma("synchronous") == "2")
        #expect(try pragma("mmap_size") == "0")
        #expect(try pragma("trusted_schema") == "0")
        #expect(try pragma("foreign_keys") == "0")
        #expect(try pragma("secure_delete") == "0")
        #expect(try pragma("temp_store") == "2")
        #expect(try pragma("busy_timeout") == "0")
        try connection.set(.normal)
        #expect(try pragma("synchronous") == "1")
    }
}
