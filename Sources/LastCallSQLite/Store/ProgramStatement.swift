import LastCallWork

/// A statement of the program's own: what it may not do, and whose fault it is where it fails.
enum ProgramStatement {
    /// What a statement may not do: end a transaction that others share, or reach beyond the file.
    private static let reserved: Set<String> = [
        "begin", "commit", "end", "rollback", "savepoint", "release", "pragma", "attach", "detach", "vacuum",
    ]

    /// Refuses what cannot be run, before anything is.
    static func check(_ sql: String, _ valueCount: Int, in db: SQLiteConnection) throws {
        let word = firstWord(of: sql)
        guard !reserved.contains(word) else {
            throw WorkError(
                .statementFailed,
                "\(word.uppercased()) cannot be used inside a store's transaction, which commits by itself")
        }
        let statement = try translating { try db.statement(text: sql) }
        guard !statement.hasMore else {
            throw WorkError(.statementFailed, "the text holds more than one statement; run them one by one")
        }
        guard statement.parameterCount == valueCount else {
            throw WorkError(
                .statementFailed, "\(valueCount) values for a statement with \(statement.parameterCount) parameters")
        }
    }

    /// The first word of a statement, in lower case, behind spaces and comments.
    private static func firstWord(of sql: String) -> String {
        var rest = Substring(sql)
        while true {
            rest = rest.drop { $0.isWhitespace || $0 == ";" }
            if rest.hasPrefix("--") {
                rest = rest.drop { !$0.isNewline }
            } else if rest.hasPrefix("/*") {
                guard let end = rest.dropFirst(2).firstRange(of: "*/") else { return "" }
                rest = rest[end.upperBound...]
            } else {
                return rest.prefix { $0.isLetter }.lowercased()
            }
        }
    }

    /// Tells an error of the program's own statement from one of the store.
    static func translating<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as SQLiteError where !error.isFull {
            throw WorkError(.statementFailed, "a statement of the program failed", underlying: error)
        }
    }
}
