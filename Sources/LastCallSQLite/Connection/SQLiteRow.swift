import CSQLite

/// The row that a statement stands on, valid until the closure that was given it returns.
///
/// Columns count from 0. A column of another storage class is converted as SQLite does (sqlite.org/c3ref/column_blob.html).
public struct SQLiteRow {
    /// The statement.
    let statement: OpaquePointer

    /// How many columns there are.
    public var count: Int { Int(sqlite3_column_count(statement)) }

    /// Whether there is no value.
    public func isNull(_ column: Int) -> Bool { sqlite3_column_type(statement, Int32(column)) == SQLITE_NULL }

    /// An integer; 0 where there is no value.
    public func integer(_ column: Int) -> Int64 { sqlite3_column_int64(statement, Int32(column)) }

    /// A double; 0 where there is no value.
    public func real(_ column: Int) -> Double { sqlite3_column_double(statement, Int32(column)) }

    /// Text; empty where there is no value.
    public func text(_ column: Int) -> String {
        // The text is asked for first: the conversion it may need decides the number of bytes.
        guard let text = sqlite3_column_text(statement, Int32(column)) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, Int32(column)))
        return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
    }

    /// Bytes, copied; empty where there is no value.
    public func bytes(_ column: Int) -> [UInt8] { withBytes(column) { [UInt8]($0) } }

    /// Bytes without a copy, for as long as `body` runs.
    public func withBytes<Result>(_ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let start = sqlite3_column_blob(statement, Int32(column))
        let count = Int(sqlite3_column_bytes(statement, Int32(column)))
        return try body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }

    /// An integer that may be missing.
    public func integerIfAny(_ column: Int) -> Int64? { isNull(column) ? nil : integer(column) }
    /// A double that may be missing.
    public func realIfAny(_ column: Int) -> Double? { isNull(column) ? nil : real(column) }
    /// Text that may be missing.
    public func textIfAny(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
    /// Bytes that may be missing.
    public func bytesIfAny(_ column: Int) -> [UInt8]? { isNull(column) ? nil : bytes(column) }
}
