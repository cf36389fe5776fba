import CSQLite

/// A prepared statement, used by the thread of its connection only.
package final class SQLiteStatement {
    /// Up to this many bytes SQLite keeps a copy, which is cheaper than keeping the original in place.
    private static let copiedBytesMax = 1024
    /// SQLITE_TRANSIENT, a cast that Swift does not import: "copy it before you return".
    private static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    /// The statement's text.
    package let text: String
    /// The statement itself; `nil` once it was finalised.
    private var pointer: OpaquePointer?
    /// Whether the text goes on behind the first statement, which is all that is run.
    let hasMore: Bool
    /// Whether it is being stepped: a second use at the same time needs a statement of its own.
    private(set) var isInUse = false

    init(_ text: String, in connection: OpaquePointer, isKept: Bool) throws {
        self.text = text
        var text = text
        var statement: OpaquePointer?
        let (code, rest) = text.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) { characters in
                var tail: UnsafePointer<CChar>?
                let code = sqlite3_prepare_v3(
                    connection, characters.baseAddress, Int32(characters.count),
                    isKept ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0, &statement, &tail)
                guard let tail, let start = characters.baseAddress else { return (code, ArraySlice<CChar>()) }
                return (code, Array(characters)[(tail - start)...])
            }
        }
        guard code == SQLITE_OK else { throw SQLiteError(of: connection, code: code, sql: text) }
        guard let statement else {
            throw SQLiteError(extendedCode: SQLITE_MISUSE, message: "there is no statement in the text", sql: text)
        }
        hasMore = rest.contains { byte in !" \t\r\n;".utf8.contains(UInt8(bitPattern: byte)) }
        pointer = statement
    }

    deinit { finalise() }

    /// How many values it takes.
    var parameterCount: Int { pointer.map { Int(sqlite3_bind_parameter_count($0)) } ?? 0 }

    /// Gives it back to SQLite; it cannot be used any more.
    func finalise() {
        sqlite3_finalize(pointer)
        pointer = nil
    }

    /// Steps through all rows.
    ///
    /// - Parameters:
    ///   - values: One for each parameter.
    ///   - onRow: Is given each row; returns whether to go on.
    package func step(_ values: [SQLiteValue], _ onRow: (SQLiteRow) throws -> Bool) throws {
        guard let pointer else { preconditionFailure("a statement of a closed connection: \(text)") }
        precondition(
            Int(sqlite3_bind_parameter_count(pointer)) == values.count,
            "\(values.count) values for \(sqlite3_bind_parameter_count(pointer)) parameters: \(text)")
        precondition(!isInUse, "a statement inside itself: \(text)")
        isInUse = true
        defer {
            sqlite3_reset(pointer)
            // Nothing may point to a value that is gone, and none is kept in memory for longer than needed.
            if !values.isEmpty { sqlite3_clear_bindings(pointer) }
            isInUse = false
        }
        try bind(values, from: 0, to: pointer) {
            while true {
                let code = sqlite3_step(pointer)
                switch code {
                case SQLITE_ROW:
                    guard try onRow(SQLiteRow(statement: pointer)) else { return }
                case SQLITE_DONE: return
                default: throw SQLiteError(of: sqlite3_db_handle(pointer), code: code, sql: text)
                }
            }
        }
    }

    /// Binds the values from an index on and runs `body` while all of them are in place.
    private func bind(_ values: [SQLiteValue], from first: Int, to statement: OpaquePointer, _ body: () throws -> Void)
        throws
    {
        var index = first
        while index < values.count {
            let parameter = Int32(index + 1)
            var code = SQLITE_OK
            switch values[index] {
            case .null: code = sqlite3_bind_null(statement, parameter)
            case .integer(let value): code = sqlite3_bind_int64(statement, parameter, value)
            case .real(let value): code = sqlite3_bind_double(statement, parameter, value)
            case .text(var value):
                let isCopied = value.utf8.count <= Self.copiedBytesMax
                let next = index + 1
                try value.withUTF8 { utf8 in
                    let code = Self.bind(text: utf8, to: statement, parameter, isCopied ? Self.copied : nil)
                    try check(code)
                    if !isCopied { try bind(values, from: next, to: statement, body) }
                }
                guard isCopied else { return }
            case .bytes(let value):
                let isCopied = value.count <= Self.copiedBytesMax
                let next = index + 1
                try value.withUnsafeBytes { bytes in
                    let code = Self.bind(bytes: bytes, to: statement, parameter, isCopied ? Self.copied : nil)
                    try check(code)
                    if !isCopied { try bind(values, from: next, to: statement, body) }
                }
                guard isCopied else { return }
            }
            try check(code)
            index += 1
        }
        try body()
    }

    private static func bind(
        text: UnsafeBufferPointer<UInt8>, to statement: OpaquePointer, _ parameter: Int32,
        _ keeping: sqlite3_destructor_type?
    ) -> Int32 {
        // A null pointer would bind NULL.
        guard let start = text.baseAddress, !text.isEmpty else {
            return sqlite3_bind_text(statement, parameter, "", 0, copied)
        }
        return start.withMemoryRebound(to: CChar.self, capacity: text.count) {
            sqlite3_bind_text64(statement, parameter, $0, UInt64(text.count), keeping, UInt8(SQLITE_UTF8))
        }
    }

    private static func bind(
        bytes: UnsafeRawBufferPointer, to statement: OpaquePointer, _ parameter: Int32,
        _ keeping: sqlite3_destructor_type?
    ) -> Int32 {
        // A null pointer would bind NULL.
        guard let start = bytes.baseAddress, !bytes.isEmpty else {
            return sqlite3_bind_zeroblob(statement, parameter, 0)
        }
        return sqlite3_bind_blob64(statement, parameter, start, UInt64(bytes.count), keeping)
    }

    private func check(_ code: Int32) throws {
        guard code != SQLITE_OK else { return }
        throw SQLiteError(of: pointer.flatMap { sqlite3_db_handle($0) }, code: code, sql: text)
    }
}
