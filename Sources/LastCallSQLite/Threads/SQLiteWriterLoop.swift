import CSQLite
import LastCall

/// What the writer's thread does: batches into transactions, and the log back into the file.
final class SQLiteWriterLoop {
    private let connection: SQLiteConnection
    private let onCommit: @Sendable (BellHints) -> Void
    /// What `synchronous` is set to.
    private var durability = SQLiteConnection.Durability.full
    private var policy = CheckpointPolicy()
    /// How many pages the log had at the last commit; SQLite writes it (sqlite.org/c3ref/wal_hook.html).
    private let logPages = UnsafeMutablePointer<Int32>.allocate(capacity: 1)

    init(_ connection: SQLiteConnection, onCommit: @escaping @Sendable (BellHints) -> Void) throws {
        self.connection = connection
        self.onCommit = onCommit
        logPages.initialize(to: 0)
        sqlite3_wal_hook(
            connection.handle,
            { context, _, _, pages in
                context?.assumingMemoryBound(to: Int32.self).pointee = pages
                return SQLITE_OK
            }, logPages)
        try connection.set(durability)
    }

    deinit {
        connection.close()
        logPages.deallocate()
    }

    /// Closes the file.
    func close() { connection.close() }

    /// Commits all of a batch, in their order.
    ///
    /// Where one throws, what came before it is done again without it, it is done again alone so that its error is its own, and
    /// what comes after it follows: two more transactions for each that throws, however long the batch is.
    func perform(_ batch: [WriteOperation]) {
        var rest = [batch[...]]
        while let part = rest.popLast() {
            guard let index = commit(part) else { continue }
            rest += [part[(index + 1)...], part[index...index], part[..<index]].filter { !$0.isEmpty }
        }
        checkpointIfDue()
    }

    /// Does a part of a batch in one transaction and tells its callers.
    ///
    /// - Returns: Which one threw, where others shared the transaction; then nobody was told anything.
    private func commit(_ part: ArraySlice<WriteOperation>) -> Int? {
        var deliveries: [@Sendable () -> Void] = []
        deliveries.reserveCapacity(part.count)
        do {
            try prepare(part.contains { $0.durability == .full } ? .full : .normal)
            try connection.begin()
        } catch {
            for operation in part { operation.fail(error) }
            return nil
        }
        for index in part.indices {
            do {
                deliveries.append(try part[index].attempt(connection))
                // What runs after a transaction has ended by itself would be committed statement by statement.
                guard connection.isInTransaction else { throw SQLiteConnection.transactionGone }
            } catch {
                connection.rollBack()
                guard part.count == 1 else { return index }
                part[index].fail(error)
                return nil
            }
        }
        do {
            try connection.commit()
        } catch {
            connection.rollBack()
            for operation in part { operation.fail(error) }
            return nil
        }
        let hints = connection.takeRaised()
        if !hints.isEmpty { onCommit(hints) }
        for deliver in deliveries { deliver() }
        return nil
    }

    private func prepare(_ needed: SQLiteConnection.Durability) throws {
        guard needed != durability else { return }
        try connection.set(needed)
        durability = needed
    }

    /// Brings the log back into the file, after the callers were told: nobody waits for it who needs not.
    private func checkpointIfDue() {
        guard let kind = policy.due(atPages: Int(logPages.pointee)) else { return }
        let patience = connection.patience
        connection.patience = CheckpointPolicy.patience
        defer { connection.patience = patience }
        let mode = kind == .passing ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_RESTART
        // One that does not come through costs nothing but a longer log, and is tried again; a disk that has failed tells the
        // next commit.
        sqlite3_wal_checkpoint_v2(connection.handle, nil, mode, nil, nil)
    }
}
