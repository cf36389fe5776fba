import LastCall

/// A few connections that read, each on a thread of its own.
package final class SQLiteReaders: Sendable {
    /// How many there are by default.
    package static let countDefault = 2

    private let intake = Intake<@Sendable (SQLiteConnection) -> Void>()
    /// Each opens when its connection is closed.
    private let closed: [Latch<Void>]

    private init(count: Int) { closed = (0..<count).map { _ in Latch() } }

    /// Opens the readers.
    ///
    /// - Parameter makeConnection: Opens one connection, on its thread.
    package static func open(
        count: Int = countDefault, _ makeConnection: @escaping @Sendable () throws -> SQLiteConnection
    ) async throws -> SQLiteReaders {
        let readers = SQLiteReaders(count: count)
        var failure: (any Error)?
        for latch in readers.closed {
            do {
                try await withCheckedThrowingContinuation { (opened: CheckedContinuation<Void, any Error>) in
                    DedicatedThread.start(name: "lastcall-read") {
                        readers.run(makeConnection, opened)
                        latch.open()
                    }
                }
            } catch {
                failure = error
            }
        }
        guard let failure else { return readers }
        await readers.close()
        throw failure
    }

    private func run(_ makeConnection: () throws -> SQLiteConnection, _ opened: CheckedContinuation<Void, any Error>) {
        let connection: SQLiteConnection
        do {
            connection = try makeConnection()
        } catch {
            opened.resume(throwing: error)
            return
        }
        opened.resume()
        while let work = intake.fetch(1) {
            for body in work { body(connection) }
        }
        connection.close()
    }

    /// Runs `body` in a read transaction of its own: everything it reads is of one state.
    ///
    /// It is short, and long lists are read in pieces: the write-ahead log cannot begin anew while somebody reads an old state.
    ///
    /// - Throws: What `body` throws; ``SQLiteError``; ``StoreClosedError`` after ``close()``.
    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let isTaken = intake.put { connection in
                continuation.resume(
                    with: Result {
                        try connection.beginReading()
                        defer { connection.rollBack() }
                        return try body(connection)
                    })
            }
            if !isTaken { continuation.resume(throwing: StoreClosedError()) }
        }
    }

    /// Takes nothing more, finishes what was taken, and closes the connections.
    package func close() async {
        intake.close()
        for latch in closed { await latch.waitThroughCancellation() }
    }
}
