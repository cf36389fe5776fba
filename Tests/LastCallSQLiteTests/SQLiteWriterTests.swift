import CSQLite
import Dispatch
import LastCall
import LastCallConcurrency
import LastCallTesting
import Testing

@testable import LastCallSQLite

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct SQLiteWriterTests {
    private struct Refusal: Error, Equatable {}

    private static func insert(_ text: String, in connection: SQLiteConnection) throws {
        try connection.run(text: "INSERT INTO note (text) VALUES (?)", [.text(text)])
    }

    private static func notes(_ store: ScratchStore) throws -> [String] {
        try store.file.connectForReading().all(text: "SELECT text FROM note ORDER BY id") { $0.text(0) }
    }

    /// Operations that all lie before the writer before it takes the first.
    private static func queued(
        _ writer: SQLiteWriter, _ bodies: [@Sendable (SQLiteConnection) throws -> Void]
    ) async -> [Result<Void, any Error>] {
        let gate = DispatchSemaphore(value: 0)
        let isBusy = Latch<Void>()
        return await withTaskGroup { group in
            group.addTask {
                do {
                    try await writer.write(.normal) { _ in
                        isBusy.open()
                        gate.wait()
                    }
                } catch { Issue.record(error) }
                return (-1, Result<Void, any Error>.success(()))
            }
            await isBusy.waitThroughCancellation()
            for (index, body) in bodies.enumerated() {
                group.addTask {
                    do {
                        try await writer.write(.full, body)
                        return (index, .success(()))
                    } catch { return (index, .failure(error)) }
                }
                while writer.queuedCount < index + 1 { await Task.yield() }
            }
            gate.signal()
            var results: [(Int, Result<Void, any Error>)] = []
            for await result in group where result.0 >= 0 { results.append(result) }
            return results.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private static func error(_ result: Result<Void, any Error>) -> (any Error)? {
        if case .failure(let error) = result { error } else { nil }
    }

    @Test("What waited while a commit ran shares the next one")
    func sharedCommit() async throws {
        let store = try ScratchStore()
        let commits = Mutex(0)
        let writer = try await SQLiteWriter.open(store.file.connectForWriting) { _ in commits.withLock { $0 += 1 } }
        let results = await Self.queued(
            writer,
            (0..<20).map { number in
                { connection in
                    try Self.insert("\(number)", in: connection)
                    connection.raise(.work)
                }
            })
        #expect(results.allSatisfy { Self.error($0) == nil })
        #expect(commits.withLock { $0 } == 1)
        #expect(try Self.notes(store) == (0..<20).map(String.init))
        await writer.close()
    }

    @Test("One that throws gets its error alone, and the others keep their order")
    func isolation() async throws {
        let store = try ScratchStore()
        let writer = try await SQLiteWriter.open(store.file.connectForWriting) { _ in }
        let results = await Self.queued(
            writer,
            (0..<9).map { number in
                { connection in
                    try Self.insert("\(number)", in: connection)
                    if number % 4 == 2 { throw Refusal() }
                }
            })
        for (number, result) in results.enumerated() {
            #expect((Self.error(result) is Refusal) == (number % 4 == 2), "\(number)")
        }
        #expect(try Self.notes(store) == ["0", "1", "3", "4", "5", "7", "8"])
        await writer.close()
    }

    @Test("Nobody is told of success when the commit fails")
    func commitFails() async throws {
        let store = try ScratchStore()
        // A deferred constraint is looked at by COMMIT alone.
        let writer = try await SQLiteWriter.open {
            let connection = try store.file.connectForWriting()
            try connection.execute(
                """
                PRAGMA foreign_keys = ON;
                CREATE TABLE debt (owner INTEGER REFERENCES note (id) DEFERRABLE INITIALLY DEFERRED) STRICT;
                """)
            return connection
        } onCommit: { _ in
            Issue.record("a commit that failed was told")
        }
        let results = await Self.queued(
            writer,
            [
                { connection in
                    try Self.insert("a", in: connection)
                    connection.raise(.work)
                }, { connection in try connection.execute("INSERT INTO debt VALUES (99)") },
            ])
        for result in results { #expect((Self.error(result) as? SQLiteError)?.code == SQLITE_CONSTRAINT) }
        #expect(try Self.notes(store).isEmpty)
        try await writer.write(.full) { try Self.insert("b", in: $0) }
        #expect(try Self.notes(store) == ["b"])
        await writer.close()
    }

    @Test("A full disk is an error of those who wanted to write, and the writer goes on")
    func full() async throws {
        let store = try ScratchStore()
        let writer = try await SQLiteWriter.open {
            let connection = try store.file.connectForWriting()
            try connection.execute("PRAGMA max_page_count = 10")
            return connection
        } onCommit: { _ in
        }
        let large = String(repeating: "x", count: 100_000)
        let results = await Self.queued(
            writer,
            [
                { try Self.insert("small", in: $0) }, { try Self.insert(large, in: $0) },
                { try Self.insert("after", in: $0) },
            ])
        #expect(Self.error(results[0]) == nil)
        let error = try #require(Self.error(results[1]) as? SQLiteError)
        #expect(error.code == SQLITE_FULL)
        #expect(error.description.contains("make room"))
        #expect(!error.description.contains("xxx"))
        #expect(Self.error(results[2]) == nil)
        #expect(try Self.notes(store) == ["small", "after"])
        await writer.close()
    }

    @Test("A body that ends the transaction is told, and what it shared it with is done again")
    func endedTransaction() async throws {
        let store = try ScratchStore()
        let writer = try await SQLiteWriter.open(store.file.connectForWriting) { _ in }
        let results = await Self.queued(
            writer,
            [
                { try Self.insert("a", in: $0) }, { try $0.execute("ROLLBACK") }, { try Self.insert("b", in: $0) },
            ])
        #expect((Self.error(results[1]) as? SQLiteError)?.code == SQLITE_ABORT)
        #expect(try Self.notes(store) == ["a", "b"])
        await writer.close()
    }

    @Test("The bell is told after the commit, with what all bodies raised, and never of what was taken back")
    func hints() async throws {
        let store = try ScratchStore()
        let told = Mutex<[BellHints]>([])
        let writer = try await SQLiteWriter.open(store.file.connectForWriting) { hints in
            told.withLock { $0.append(hints) }
        }
        let results = await Self.queued(
            writer,
            [
                { $0.raise(.work) }, { $0.raise(.outcome) }, { _ in },
            ])
        #expect(results.count == 3)
        #expect(told.withLock { $0 } == [[.work, .outcome]])
        await #expect(throws: Refusal.self) {
            try await writer.write(.full) { connection in
                connection.raise(.control)
                throw Refusal()
            }
        }
        try await writer.write(.full) { _ in }
        #expect(told.withLock { $0 } == [[.work, .outcome]])
        await writer.close()
    }

    @Test("A commit is full if any of its operations is")
    func durability() async throws {
        let store = try ScratchStore()
        let writer = try await SQLiteWriter.open(store.file.connectForWriting) { _ in }
        func level(_ durability: SQLiteConnection.Durability) async throws -> Int64? {
            try await writer.write(durability) { try $0.first(text: "PRAGMA synchronous") { $0.integer(0) } }
        }
        #expect(try await level(.normal) == 1)
        #expect(try await level(.full) == 2)
        #expect(try await level(.normal) == 1)
        let seen = Mutex<[Int64?]>([])
        _ = await Self.queued(
            writer,
            [
                { connection in
                    let level = try connection.first(text: "PRAGMA synchronous") { $0.integer(0) }
                    seen.withLock { $0.append(level) }
                }
            ])
        #expect(seen.withLock { $0 } == [2])
        await writer.close()
    }

    @Test("Closing finishes what was taken, and later calls are told so")
    func closing() async throws {
        let store = try ScratchStore()
        let writer = try await SQLiteWriter.open(store.file.connectForWriting) { _ in }
        let gate = DispatchSemaphore(value: 0)
        let isBusy = Latch<Void>()
        async let first: Void = writer.write(.full) { connection in
            isBusy.open()
            gate.wait()
            try Self.insert("a", in: connection)
        }
        await isBusy.waitThroughCancellation()
        async let second: Void = writer.write(.full) { try Self.insert("b", in: $0) }
        while writer.queuedCount < 1 { await Task.yield() }
        async let closed: Void = writer.close()
        while !writer.isClosing { await Task.yield() }
        await #expect(throws: StoreClosedError.self) { try await writer.write(.full) { _ in } }
        gate.signal()
        try await first
        try await second
        await closed
        #expect(try Self.notes(store) == ["a", "b"])
    }

    @Test("A cancelled caller still learns what became of its commit")
    func cancelled() async throws {
        let store = try ScratchStore()
        let writer = try await SQLiteWriter.open(store.file.connectForWriting) { _ in }
        let value = await withTaskGroup(of: Int?.self) { group in
            group.addTask {
                do {
                    return try await writer.write(.full) { connection in
                        try Self.insert("a", in: connection)
                        return 7
                    }
                } catch { return nil }
            }
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(value == 7)
        #expect(try Self.notes(store) == ["a"])
        await writer.close()
    }

    @Test("Writers of several processes all come through")
    func severalProcesses() async throws {
        let store = try ScratchStore()
        let programs = try (0..<4).map { _ in try ScratchStore.fixture("write", store.file.path, "200") }
        for program in programs { try await program.line("ready") }
        for program in programs { program.write("go\n") }
        for program in programs {
            try await program.line("wrote 200")
            #expect(try await program.exit() == 0)
        }
        #expect(try Self.notes(store).count == 800)
    }

    @Test("A file that another program locks is an error that says so, after the patience")
    func lockedFile() async throws {
        let store = try ScratchStore(patience: .milliseconds(20))
        let writer = try await SQLiteWriter.open(store.file.connectForWriting) { _ in }
        let script = """
            import sqlite3, sys
            c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute("BEGIN IMMEDIATE"); print("locked")
            sys.stdin.readline(); c.execute("ROLLBACK"); print("unlocked")
            """
        let other = try ScratchStore.python(script, store.file.path)
        try await other.line("locked")
        let error = try await #require(throws: SQLiteError.self) { try await writer.write(.full) { _ in } }
        #expect(error.isBusy)
        #expect(error.description.contains("locked by another program"))
        other.write("\n")
        try await other.line("unlocked")
        try await writer.write(.full) { try Self.insert("a", in: $0) }
        await writer.close()
    }

    @Test("The log begins anew although somebody keeps writing")
    func logStaysBounded() async throws {
        let store = try ScratchStore()
        let writer = try await SQLiteWriter.open(store.file.connectForWriting) { _ in }
        let text = String(repeating: "x", count: 400_000)
        for _ in 0..<60 { try await writer.write(.normal) { try Self.insert(text, in: $0) } }
        let size = try #require(fileStatus(store.file.path + "-wal")).st_size
        // 24 MB were written.
        #expect(size < 12_000_000)
        await writer.close()
    }
}

@Suite struct CheckpointPolicyTests {
    @Test("A log is brought back at its size, then at each further step, and by force where it grows")
    func steps() {
        var policy = CheckpointPolicy()
        #expect(policy.due(atPages: 1_999) == nil)
        #expect(policy.due(atPages: 2_000) == .passing)
        #expect(policy.due(atPages: 2_500) == nil)
        #expect(policy.due(atPages: 3_000) == .passing)
        #expect(policy.due(atPages: 16_000) == .restarting)
        #expect(policy.due(atPages: 16_001) == nil)
        #expect(policy.due(atPages: 10) == nil)
        #expect(policy.due(atPages: 2_000) == .passing)
    }
}

@Suite struct SQLiteReadersTests {
    @Test("A read sees one state, whatever is committed meanwhile")
    func oneState() async throws {
        let store = try ScratchStore()
        let writer = try await SQLiteWriter.open(store.file.connectForWriting) { _ in }
        let readers = try await SQLiteReaders.open(store.file.connectForReading)
        let looked = Latch<Void>()
        let gate = DispatchSemaphore(value: 0)
        async let counts = readers.read { connection in
            let before = try connection.first(text: "SELECT count(*) FROM note") { $0.integer(0) }
            looked.open()
            gate.wait()
            return [before, try connection.first(text: "SELECT count(*) FROM note") { $0.integer(0) }]
        }
        await looked.waitThroughCancellation()
        try await writer.write(.full) { try $0.execute("INSERT INTO note (text) VALUES ('a')") }
        gate.signal()
        #expect(try await counts == [0, 0])
        #expect(try await readers.read { try $0.first(text: "SELECT count(*) FROM note") { $0.integer(0) } } == 1)
        await #expect(throws: SQLiteError.self) {
            try await readers.read { try $0.execute("INSERT INTO note (text) VALUES ('b')") }
        }
        await readers.close()
        await #expect(throws: StoreClosedError.self) { try await readers.read { _ in } }
        await writer.close()
    }
}
