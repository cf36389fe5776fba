import LastCallTesting
import LastCallWork
import Testing

@testable import LastCallSQLite

/// A program's own transaction on the store's file.
@Suite struct SQLiteStoreCallerTests {
    /// A store, and a connection to its file as a program of its own has one.
    private struct Subject {
        /// Where the file is; removed with the value.
        let scratch: ScratchDirectory
        /// The store.
        let store: SQLiteStore
        /// The program's connection, with a table of its own.
        let own: SQLiteConnection

        init() async throws {
            scratch = try ScratchDirectory()
            store = try await SQLiteStore.open("\(scratch.path)/queue.sqlite")
            own = try SQLiteConnection(path: store.path, access: .readWrite)
            try own.execute("CREATE TABLE seen (paper TEXT PRIMARY KEY)")
        }

        /// Marks a paper as seen and enqueues its message, and ends the transaction so.
        func see(_ paper: String, end: String) throws {
            try own.execute("BEGIN IMMEDIATE")
            try own.run(text: "INSERT INTO seen VALUES (?)", [.text(paper)])
            try store.accept([Submission(RecordDraft(kind: "message"))], inTransactionOf: own.handle)
            try own.execute(end)
        }

        /// How many papers were seen, and how many messages accepted.
        func counts() async throws -> [Int] {
            let seen = try own.first(text: "SELECT count(*) FROM seen") { Int($0.integer(0)) } ?? -1
            return [seen, try await store.records(WorkQuery()).count]
        }
    }

    @Test("P37 B3 a program's own state and the work that follows are written both or not at all") func together()
        async throws
    {
        let subject = try await Subject()
        defer { subject.own.close() }
        try subject.see("P1", end: "ROLLBACK")
        #expect(try await subject.counts() == [0, 0])
        try subject.see("P2", end: "COMMIT")
        #expect(try await subject.counts() == [1, 1])
        await subject.store.close()
    }

    @Test("what a program's own transaction added can be claimed, and who waits is told") func claimed() async throws {
        let subject = try await Subject()
        defer { subject.own.close() }
        let changes = subject.store.changes()
        try subject.see("P1", end: "COMMIT")
        subject.store.announce()
        var heard: StoreChange = []
        while !heard.contains(.work) { heard.formUnion(try #require(await changes.next())) }
        let worker = try await subject.store.register(
            WorkerDescription(name: "w", host: "h", process: .current, kinds: ["message"], queues: ["default"]))
        let demand = QueueDemand(queue: "default", kinds: ["message"], limit: 1)
        let exchange = try await subject.store.exchange(ExchangeRequest(worker: worker, demands: [demand]))
        #expect(exchange.claimed.map(\.kind) == ["message"])
        await subject.store.close()
    }

    @Test("a connection without a transaction, or to another file, is refused and nothing is written") func refused()
        async throws
    {
        let subject = try await Subject()
        defer { subject.own.close() }
        let draft = [Submission(RecordDraft(kind: "message"))]
        let error = #expect(throws: WorkError.self) {
            try subject.store.accept(draft, inTransactionOf: subject.own.handle)
        }
        #expect(error?.code == .invalidConfiguration)
        let elsewhere = try ScratchStore()
        let other = try elsewhere.file.connectForWriting()
        defer { other.close() }
        try other.execute("BEGIN IMMEDIATE")
        #expect(throws: WorkError.self) { try subject.store.accept(draft, inTransactionOf: other.handle) }
        try other.execute("ROLLBACK")
        #expect(try await subject.counts() == [0, 0])
        await subject.store.close()
    }
}
