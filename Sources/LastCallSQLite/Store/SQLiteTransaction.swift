import LastCall
import LastCallConcurrency
public import LastCallWork

extension SQLiteStore {
    /// Runs a transaction over the program's own tables and the work that follows from it: all of it is on the disk when this returns, or
    /// nothing ever was.
    ///
    /// ```swift
    /// try await store.transaction { transaction in
    ///     try transaction.execute("INSERT INTO seen (paper) VALUES (?)", .text("P2300R11"))
    ///     try transaction.send(Message("slack", to: "C024BE91L", text: "P2300R11 is out"), through: outbox)
    /// }
    /// ```
    ///
    /// The program's tables lie in the store's file, under names of their own; begin them with a prefix. The body runs on the store's writer
    /// thread and may share its commit with others, so it is short, does not wait, and changes nothing but the transaction: it may be
    /// run again where a commit that it shared failed.
    ///
    /// - Throws: What the body throws, then nothing of it was done; `WorkError`.
    @discardableResult
    public func transaction<Value: Sendable>(
        _ body: @escaping @Sendable (SQLiteTransaction) throws -> Value
    ) async throws -> Value {
        let holds = Mutex(SentMessages())
        let value = try await write(.full) { stored in
            holds.withLock { $0 = SentMessages() }
            let transaction = SQLiteTransaction(stored, self)
            defer { transaction.isOver = true }
            let value = try body(transaction)
            stored = transaction.stored
            let sent = transaction.sent
            holds.withLock { $0 = sent }
            return value
        }
        // Committed: only now it counts, and only now a drain stops waiting for it.
        holds.withLock { $0.note() }
        return value
    }
}

extension SQLiteStore {
    /// Reads a program's own tables, beside whoever writes.
    ///
    /// - Parameters:
    ///   - sql: One statement that reads, with `?` for values.
    ///   - values: The values, in their order.
    ///   - transform: Reads a row; the row is of use only inside.
    /// - Throws: `WorkError.Code.statementFailed`, also for a statement that writes; what `transform` throws.
    public func query<Value: Sendable>(
        _ sql: String, _ values: SQLiteValue..., as transform: @escaping @Sendable (SQLiteRow) throws -> Value
    ) async throws -> [Value] {
        try await read { db in
            try ProgramStatement.check(sql, values.count, in: db)
            return try ProgramStatement.translating { try db.all(text: sql, values, as: transform) }
        }
    }
}

/// A transaction over a program's own tables and its work; see ``SQLiteStore/transaction(_:)``.
///
/// It is of use only while the body that was given it runs.
public final class SQLiteTransaction {
    /// The store's side of it.
    fileprivate var stored: StoreTransaction
    /// What was sent.
    fileprivate var sent = SentMessages()
    /// Whether the body has returned.
    fileprivate var isOver = false
    private let store: SQLiteStore

    fileprivate init(_ stored: StoreTransaction, _ store: SQLiteStore) {
        self.stored = stored
        self.store = store
    }

    /// The time on the store's clock.
    public var now: WorkInstant { stored.instant }

    /// Runs a statement that returns nothing.
    ///
    /// - Parameters:
    ///   - sql: One statement, with `?` for values.
    ///   - values: The values, in their order.
    /// - Returns: How many rows it changed.
    /// - Throws: `WorkError.Code.statementFailed`.
    @discardableResult
    public func execute(_ sql: String, _ values: SQLiteValue...) throws -> Int {
        try check()
        try ProgramStatement.check(sql, values.count, in: stored.db)
        let count = try ProgramStatement.translating {
            try stored.db.run(text: sql, values)
            return stored.db.changes
        }
        try check()
        return count
    }

    /// Runs a statement that returns rows.
    ///
    /// - Parameters:
    ///   - sql: One statement, with `?` for values.
    ///   - values: The values, in their order.
    ///   - transform: Reads a row; the row is of use only inside.
    /// - Throws: `WorkError.Code.statementFailed`; what `transform` throws.
    public func query<Value>(
        _ sql: String, _ values: SQLiteValue..., as transform: (SQLiteRow) throws -> Value
    ) throws -> [Value] {
        try check()
        try ProgramStatement.check(sql, values.count, in: stored.db)
        let rows = try ProgramStatement.translating { try stored.db.all(text: sql, values, as: transform) }
        try check()
        return rows
    }

    /// Nothing goes on behind a transaction that a statement, or SQLite itself, has taken back: it would be written by itself.
    private func check() throws {
        precondition(!isOver, "a transaction was used after its body returned")
        guard stored.db.isInTransaction else {
            throw WorkError(
                .statementFailed,
                "the transaction was taken back by an earlier statement; let that statement's error end the body")
        }
    }

    /// Accepts records.
    @discardableResult
    public func accept(_ submissions: [Submission]) throws -> [Acceptance] {
        try check()
        for submission in submissions { try submission.validate(payloadBytesMax: store.traits.payloadBytesMax) }
        return try stored.accept(submissions)
    }

    /// Enqueues a job.
    ///
    /// - Returns: Its identity.
    @discardableResult
    public func enqueue(_ job: some Job, options: EnqueueOptions = EnqueueOptions()) throws -> WorkID {
        try accept([Submission(try JobEncoder().draft(job, options))])[0].ids[0]
    }

    /// Accepts a message, to be sent by an outbox once this is committed.
    ///
    /// - Returns: Its identity.
    /// - Throws: As `Outbox.send`; also where the policy is to wait for room, which a transaction does not. Let it end the transaction, so
    ///   that what the message tells of is not written either.
    @discardableResult
    public func send(_ message: Message, through outbox: Outbox) throws -> WorkID {
        guard outbox.store as? SQLiteStore === store else {
            throw WorkError(
                .invalidConfiguration, "the outbox keeps its messages in another store; use the one of this transaction"
            )
        }
        let token = try outbox.enter(message)
        let acceptance = try accept([Submission(try outbox.draft(of: message))])[0]
        sent.entries.append(SentMessages.Entry(outbox, message, acceptance, token))
        return acceptance.ids[0]
    }
}

extension WorkError.Code {
    /// A statement of the program's own failed in a transaction.
    public static let statementFailed = WorkError.Code(description: "statementFailed")
}

/// What a transaction sent: noted when it is committed; until then the outbox's drain waits for it.
private struct SentMessages: Sendable {
    /// One message.
    final class Entry: Sendable {
        /// Who sends it.
        private let outbox: Outbox
        /// The message.
        private let message: Message
        /// What the store said.
        private let acceptance: Acceptance
        /// Leaves when this goes away.
        private let token: InFlightToken

        init(_ outbox: Outbox, _ message: Message, _ acceptance: Acceptance, _ token: consuming InFlightToken) {
            self.outbox = outbox
            self.message = message
            self.acceptance = acceptance
            self.token = token
        }

        /// It is committed.
        func note() { outbox.noteAccepted([message], [acceptance]) }
    }

    /// All of them.
    var entries: [Entry] = []

    /// They are committed.
    mutating func note() {
        for entry in entries { entry.note() }
        entries = []
    }
}
