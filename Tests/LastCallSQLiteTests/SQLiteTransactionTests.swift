import LastCall
import LastCallConcurrency
import LastCallTesting
import LastCallWork
import Logging
import Testing

@testable import LastCallSQLite

/// A program's own tables and the work that follows from them, in one transaction.
@Suite(.timeLimit(.minutes(1))) struct SQLiteTransactionTests {
    /// What a body throws.
    private struct Broken: Error {}

    /// Delivers to a list.
    private final class ListTransport: Transport {
        let name = "list"
        let policy: TransportPolicy
        private let texts = Mutex<[String]>([])
        private let isIll: Bool

        init(_ policy: TransportPolicy = TransportPolicy(), isIll: Bool = false) {
            self.policy = policy
            self.isIll = isIll
        }

        var delivered: [String] { texts.withLock { $0 } }

        func deliver(_ delivery: Delivery) async throws -> DeliveryReceipt {
            if isIll { throw DeliveryFailure("503") }
            texts.withLock { $0.append(String(decoding: delivery.message.body, as: UTF8.self)) }
            return DeliveryReceipt()
        }
    }

    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A store with a table of papers, and an outbox on it.
    private func with(
        _ transport: ListTransport = ListTransport(),
        _ body: (SQLiteStore, Outbox) async throws -> Void
    ) async throws {
        let scratch = try ScratchDirectory()
        let store = try await SQLiteStore.open("\(scratch.path)/bot.sqlite")
        let outbox = try Outbox(store, transports: [transport], configuration: .init(logger: Self.quiet))
        try await store.transaction { try $0.execute("CREATE TABLE seen (paper TEXT PRIMARY KEY)") }
        try await body(store, outbox)
        await store.close()
    }

    private func seen(_ store: SQLiteStore) async throws -> [String] {
        try await store.transaction { try $0.query("SELECT paper FROM seen ORDER BY paper") { $0.text(0) } }
    }

    @Test("P37 what is seen and its message are written together") func together() async throws {
        try await with { store, outbox in
            let id = try await store.transaction { transaction in
                let count = try transaction.execute("INSERT INTO seen VALUES (?)", .text("P1"))
                #expect(count == 1)
                return try transaction.send(Message("list", to: "all", text: "P1 is out"), through: outbox)
            }
            #expect(try await seen(store) == ["P1"])
            #expect(try await store.records(WorkQuery()).map(\.id) == [id])
            #expect(outbox.ledger.accepted == 1)
        }
    }

    @Test("P37 where the message is refused nothing is marked as seen, and the other way round", arguments: 0..<4)
    func neither(step: Int) async throws {
        let policy = TransportPolicy(waitingMax: 1)
        try await with(ListTransport(policy)) { store, outbox in
            if step == 1 { outbox.stop() }
            if step == 2 { try await outbox.send(Message("list", to: "all", text: "P0")) }
            let before = try await store.records(WorkQuery()).count
            await #expect(throws: (any Error).self) {
                try await store.transaction { transaction in
                    try transaction.execute("INSERT INTO seen VALUES ('P1')")
                    try transaction.send(Message("list", to: "all", text: "P1"), through: outbox)
                    if step == 0 { throw Broken() }
                    if step == 3 { try transaction.execute("INSERT INTO seen VALUES ('P1')") }
                }
            }
            #expect(try await seen(store).isEmpty)
            #expect(try await store.records(WorkQuery()).count == before)
            #expect(outbox.ledger.accepted == before)
        }
    }

    @Test("P18 P37 an open breaker refuses the message and the caller's transaction with it") func breaker()
        async throws
    {
        let policy = TransportPolicy(breaker: .init(failuresMax: 1, coolDown: .seconds(3600)))
        try await with(ListTransport(policy, isIll: true)) { store, outbox in
            async let run: Void = outbox.run()
            try await outbox.waitUntilReady()
            let first = try await outbox.send(Message("list", to: "all", text: "P0")).id
            let changes = store.changes()
            while try await WorkClient(store).record(first).state != .scheduled { _ = await changes.next() }
            let error = await #expect(throws: WorkError.self) {
                try await store.transaction { transaction in
                    try transaction.execute("INSERT INTO seen VALUES ('P1')")
                    try transaction.send(Message("list", to: "all", text: "P1"), through: outbox)
                }
            }
            #expect(error?.code == .breakerOpen)
            #expect(try await seen(store).isEmpty)
            _ = await outbox.drain(within: .seconds(30))
            try await run
        }
    }

    @Test("P13 P37 a drain waits for a transaction that was let in, and sends what it accepted") func drainWaits()
        async throws
    {
        let transport = ListTransport()
        try await with(transport) { store, outbox in
            async let run: Void = outbox.run()
            try await outbox.waitUntilReady()
            let isInside = Latch<Void>()
            let isStopped = Latch<Void>()
            async let accepted = store.transaction { transaction in
                let id = try transaction.send(Message("list", to: "all", text: "P1"), through: outbox)
                isInside.open()
                // The writer's own thread waits here, as for a slow disk.
                while isStopped.value == nil {}
                return id
            }
            await isInside.waitThroughCancellation()
            outbox.stop()
            async let drained = outbox.drain(within: .seconds(30))
            isStopped.open()
            _ = try await accepted
            #expect(await drained.isComplete)
            try await run
            #expect(transport.delivered == ["P1"])
        }
    }

    @Test(
        "a statement that would end the shared transaction, or reach beyond the file, is refused",
        arguments: [
            "COMMIT", " begin", "-- so\nROLLBACK", "/* so */ SAVEPOINT x", "PRAGMA synchronous = OFF", ";END",
            "ATTACH 'x' AS y",
        ])
    func reserved(statement: String) async throws {
        try await with { store, _ in
            let error = await #expect(throws: WorkError.self) {
                try await store.transaction { transaction in
                    try transaction.execute("INSERT INTO seen VALUES ('P1')")
                    try transaction.execute(statement)
                }
            }
            #expect(error?.code == .statementFailed)
            let left = try await seen(store)
            #expect(left.isEmpty)
        }
    }

    @Test("a statement that fails says so, without its values, and the store lives on") func failing() async throws {
        try await with { store, _ in
            let error = await #expect(throws: WorkError.self) {
                try await store.transaction { transaction in
                    try transaction.execute("INSERT INTO seen VALUES (?), (?)", .text("secret"), .text("secret"))
                }
            }
            #expect(error?.code == .statementFailed)
            #expect(error?.description.contains("UNIQUE") == true)
            #expect(error?.description.contains("secret") == false)
            let two = await #expect(throws: WorkError.self) {
                try await store.transaction { try $0.execute("INSERT INTO seen VALUES ('a'); COMMIT") }
            }
            #expect(two?.message.contains("one by one") == true)
            let three = await #expect(throws: WorkError.self) {
                try await store.transaction { try $0.execute("INSERT INTO seen VALUES (?)") }
            }
            #expect(three?.message.contains("0 values") == true)
            let four = await #expect(throws: WorkError.self) { try await store.transaction { try $0.execute(" ") } }
            #expect(four?.code == .statementFailed)
            let left = try await seen(store)
            #expect(left.isEmpty)
        }
    }

    @Test(
        "P37 behind a statement that took the transaction back nothing is written, also where its error was swallowed")
    func rolledBack() async throws {
        try await with { store, outbox in
            try await store.transaction { try $0.execute("INSERT INTO seen VALUES ('P1')") }
            let error = await #expect(throws: WorkError.self) {
                try await store.transaction { transaction in
                    try transaction.execute("INSERT INTO seen VALUES ('P2')")
                    do { try transaction.execute("INSERT OR ROLLBACK INTO seen VALUES ('P1')") } catch {
                        // A program that passes over it.
                    }
                    try transaction.send(Message("list", to: "all", text: "P2"), through: outbox)
                }
            }
            #expect(error != nil)
            let left = try await seen(store)
            #expect(left == ["P1"])
            #expect(try await store.records(WorkQuery()).isEmpty)
        }
    }

    @Test("an outbox on another store is refused") func otherStore() async throws {
        try await with { store, _ in
            let other = try Outbox(MemoryStore(), transports: [ListTransport()])
            let error = await #expect(throws: WorkError.self) {
                try await store.transaction { try $0.send(Message("list", to: "all", text: "x"), through: other) }
            }
            #expect(error?.code == .invalidConfiguration)
        }
    }

    @Test("a job is enqueued with what it follows from") func job() async throws {
        try await with { store, _ in
            try await store.transaction { transaction in
                try transaction.execute("INSERT INTO seen VALUES ('P1')")
                _ = try transaction.accept([Submission(RecordDraft(kind: "fetch"))])
            }
            #expect(try await store.records(WorkQuery()).map(\.kind) == ["fetch"])
        }
    }

    @Test("a program reads its own tables beside whoever writes, and cannot write so") func queries() async throws {
        try await with { store, _ in
            try await store.transaction { try $0.execute("INSERT INTO seen VALUES ('P1'), ('P2')") }
            let isInside = Latch<Void>()
            let isRead = Latch<Void>()
            async let writing: Void = store.transaction { transaction in
                try transaction.execute("INSERT INTO seen VALUES ('P3')")
                isInside.open()
                while isRead.value == nil {}
            }
            await isInside.waitThroughCancellation()
            let papers = try await store.query("SELECT paper FROM seen WHERE paper > ? ORDER BY paper", "P1") {
                $0.text(0)
            }
            #expect(papers == ["P2"])
            isRead.open()
            try await writing
            for statement in ["INSERT INTO seen VALUES ('P4')", "DELETE FROM seen", "COMMIT", "SELECT ?"] {
                let error = await #expect(throws: WorkError.self) { try await store.query(statement) { $0.text(0) } }
                #expect(error?.code == .statementFailed)
            }
            let left = try await seen(store)
            #expect(left == ["P1", "P2", "P3"])
        }
    }
}
