import LastCall

/// The one connection of a process that writes, on a thread of its own.
///
/// Commits gather by themselves: whatever was asked for while the last commit ran goes into the next. One writer alone has its
/// commit at once; a thousand share a few. There is no timer and nothing to tune.
package final class SQLiteWriter: Sendable {
    /// How many operations share a commit.
    static let batchMax = 256

    private let intake = Intake<WriteOperation>()
    /// Opens when the connection is closed.
    private let closed = Latch<Void>()

    private init() {}

    /// Opens a writer.
    ///
    /// - Parameters:
    ///   - makeConnection: Opens the connection, on the writer's thread.
    ///   - onCommit: Is told, on the writer's thread, what each commit has changed, before anybody is told of its success. It must
    ///     return at once. A commit that raised nothing is not told.
    package static func open(
        _ makeConnection: @escaping @Sendable () throws -> SQLiteConnection,
        onCommit: @escaping @Sendable (BellHints) -> Void
    ) async throws -> SQLiteWriter {
        let writer = SQLiteWriter()
        try await withCheckedThrowingContinuation { (opened: CheckedContinuation<Void, any Error>) in
            DedicatedThread.start(name: "lastcall-write") {
                let loop: SQLiteWriterLoop
                do {
                    loop = try SQLiteWriterLoop(makeConnection(), onCommit: onCommit)
                } catch {
                    opened.resume(throwing: error)
                    return
                }
                opened.resume()
                while let batch = writer.intake.fetch(batchMax) { loop.perform(batch) }
                loop.close()
                writer.closed.open()
            }
        }
        return writer
    }

    /// Runs `body` in a transaction and returns its result once it is committed.
    ///
    /// The result is always that of the commit: cancelling the waiting task changes nothing.
    ///
    /// - Parameters:
    ///   - durability: How sure the commit is at least; others in the same commit may ask for more.
    ///   - body: What to do. It may be run more than once, because a transaction it shares can fail on account of another, so it
    ///     changes nothing but the connection's file. It neither begins nor ends transactions.
    /// - Throws: What `body` throws, then nothing it did is kept; ``SQLiteError`` when the commit failed, then nothing in the
    ///   same commit is kept; ``StoreClosedError`` after ``close()``.
    package func write<Value: Sendable>(
        _ durability: SQLiteConnection.Durability,
        _ body: @escaping @Sendable (SQLiteConnection) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let operation = WriteOperation(
                durability: durability,
                attempt: { connection in
                    let value = try body(connection)
                    return { continuation.resume(returning: value) }
                },
                fail: { continuation.resume(throwing: $0) })
            if !intake.put(operation) { continuation.resume(throwing: StoreClosedError()) }
        }
    }

    /// How many operations wait for the next commit.
    var queuedCount: Int { intake.count }
    /// Whether nothing is taken any more.
    var isClosing: Bool { intake.isClosed }

    /// Takes nothing more, finishes what was taken, and closes the file.
    package func close() async {
        intake.close()
        await closed.waitThroughCancellation()
    }
}

/// One thing to write, and how its caller is told.
struct WriteOperation: Sendable {
    /// How sure its commit has to be.
    let durability: SQLiteConnection.Durability
    /// Does it; returns how to tell the caller of the success, once it is committed.
    let attempt: @Sendable (SQLiteConnection) throws -> @Sendable () -> Void
    /// Tells the caller that it failed.
    let fail: @Sendable (any Error) -> Void
}
