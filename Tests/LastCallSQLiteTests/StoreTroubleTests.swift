import LastCall
import LastCallConcurrency
import LastCallTesting
import LastCallWork
import Logging
import Testing

@testable import LastCallSQLite

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What becomes of work when something is wrong with its store: a full disk, a lock, a file that somebody removes, a clock that is set.
@Suite(.timeLimit(.minutes(2))) struct StoreTroubleTests {
    private let scratch: ScratchDirectory
    private var path: String { "\(scratch.path)/queue.sqlite" }

    init() throws { scratch = try ScratchDirectory() }

    /// A worker's description.
    private func worker(_ name: String, lease: Duration = .seconds(15)) -> WorkerDescription {
        WorkerDescription(
            name: name, host: "here", process: .current, kinds: ["job"], queues: ["default"], lease: lease)
    }

    /// A job of so many bytes.
    private func draft(_ kind: String = "job", bytes: Int = 0) -> RecordDraft {
        RecordDraft(kind: kind, payload: [UInt8](repeating: 1, count: bytes))
    }

    /// Which error a body throws.
    private func code(_ body: () async throws -> Void) async throws -> WorkError {
        try await #require(throws: WorkError.self) { try await body() }
    }

    // MARK: a full disk

    /// Leaves a store's writer so many pages beyond those that it has, or as many as it likes.
    private func limit(_ store: SQLiteStore, to pages: Int64?) async throws {
        try await store.write(.normal) { transaction in
            let now = try transaction.db.first(text: "PRAGMA page_count") { $0.integer(0) } ?? 0
            _ = try transaction.db.first(text: "PRAGMA max_page_count = \(pages.map { now + $0 } ?? 1 << 30)") {
                $0.integer(0)
            }
        }
    }

    @Test(
        "B3 a full store refuses what is submitted and says what to do; a finished job is kept and settled once there is room"
    )
    func full() async throws {
        let store = try await SQLiteStore.open(path)
        let begun = Latch<Void>()
        let isFull = Latch<Void>()
        let handler = JobHandler("job") { _ in
            begun.open()
            try await isFull.wait()
            return [UInt8](repeating: 7, count: 300_000)
        }
        let refused = Latch<Void>()
        var logger = Logger(label: "test") { _ in ListeningLogHandler(words: "what became of jobs") { refused.open() } }
        logger.logLevel = .error
        let worker = try Worker(store, handlers: [handler], configuration: .init(name: "w", logger: logger))
        let client = WorkClient(store)
        let id = try await client.enqueue(draft()).id
        try await withThrowingTaskGroup { group in
            group.addTask { try await worker.run() }
            try await begun.wait()
            try await limit(store, to: 4)
            let error = try await code { _ = try await client.enqueue(draft(bytes: 300_000)) }
            #expect(error.code == .storeFull)
            #expect("\(error)".contains("make room"))
            isFull.open()
            try await refused.wait()
            #expect(try await client.record(id).state == .running)
            try await limit(store, to: nil)
            let record = try await client.wait(for: id)
            #expect(record.state == .succeeded)
            #expect(record.result?.count == 300_000)
            group.cancelAll()
            try await group.waitForAll()
        }
        await store.close()
    }

    // MARK: a lock of another program

    @Test("a file that another program locks is waited for, then told, and serves again once the lock is gone")
    func locked() async throws {
        let store = try await SQLiteStore.open(path, configuration: .init(patience: .milliseconds(30)))
        let script =
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN EXCLUSIVE'); print('locked'); input(); c.execute('ROLLBACK'); print('free'); input()"
        let other = try ScratchStore.python(script, path)
        try await other.line("locked")
        let error = try await code { _ = try await WorkClient(store).enqueue(draft()) }
        #expect(error.code == .storeUnusable)
        #expect("\(error)".contains("locked by another program: end its transaction"))
        other.write("\n")
        try await other.line("free")
        #expect(try await WorkClient(store).enqueue(draft()).id.rawValue == 1)
        other.signal(SIGKILL)
        _ = try await other.exit()
        await store.close()
    }

    // MARK: files that somebody removes

    @Test(
        "a store whose file or log was deleted, moved or replaced accepts nothing and says so",
        arguments: ["delete", "replace", "log"])
    func gone(how: String) async throws {
        let store = try await SQLiteStore.open(path)
        _ = try await WorkClient(store).enqueue(draft())
        switch how {
        case "delete": try #require(unlink(path) == 0)
        case "replace":
            try #require(rename(path, path + ".old") == 0)
            try scratch.write("", to: "queue.sqlite")
        default: try #require(unlink(path + "-wal") == 0)
        }
        let error = try await code { _ = try await WorkClient(store).enqueue(draft()) }
        #expect(error.code == .storeGone)
        #expect("\(error)".contains("restore a backup"))
        #expect(try await code { _ = try await store.counts() }.code == .storeGone)
        await store.close()
    }

    @Test("C23 losses are counted across the death of every process that had the store open")
    func lossesSurvive() async throws {
        let id = try await { [path] in
            let store = try await SQLiteStore.open(path)
            var job = draft()
            job.lossesMax = 3
            let id = try await WorkClient(store).enqueue(job).id
            await store.close()
            return id
        }()
        for losses in 0..<3 {
            let store = try await SQLiteStore.open(path)
            let dead = try await store.register(worker("w\(losses)"))
            let demand = QueueDemand(queue: "default", kinds: ["job"], limit: 1)
            let claimed = try #require(
                try await store.exchange(ExchangeRequest(worker: dead, demands: [demand])).claimed.first)
            #expect(claimed.facts.losses == losses)
            #expect(claimed.facts.attempt == 1)
            store.dropLock(of: dead)
            let lost = try #require(try await store.lostWorkers().first?.records.first)
            var machine = RecordStateMachine(lost.facts)
            let ended = machine.ended(.lost(detail: "killed"))
            let change = try #require(ended)
            _ = try await store.exchange(
                ExchangeRequest(settlements: [Settlement(claim: lost.claim, change: change)]))
            await store.close()
        }
        let store = try await SQLiteStore.open(path)
        let record = try await WorkClient(store).record(id)
        #expect(record.state == .dead)
        #expect(record.losses == 3)
        await store.close()
    }

    @Test(
        "B6 C27 a worker whose lock's file was cleaned away lives by its lease, and its next beat makes the file again")
    func lockRemoved() async throws {
        let clocks = SettableClocks()
        let store = try await SQLiteStore.open(path, configuration: clocks.configuration)
        let other = try await SQLiteStore.open(path, configuration: clocks.configuration)
        let id = try await store.register(worker("w"))
        _ = try await WorkClient(store).enqueue(draft())
        let claim = try #require(
            try await store.exchange(
                ExchangeRequest(
                    worker: id, demands: [QueueDemand(queue: "default", kinds: ["job"], limit: 1)])
            ).claimed.first
        ).claim
        let lock = "\(path)-workers/w.lock"
        for directoryGoesToo in [false, true] {
            try #require(unlink(lock) == 0)
            if directoryGoesToo { try removeDirectory("\(path)-workers") }
            #expect(try await other.lostWorkers().isEmpty)
            let error = try await code { _ = try await other.register(worker("w")) }
            #expect(error.code == .nameTaken)
            #expect("\(error)".contains("its lease lasts 15 s more"))
            _ = try await store.beat(BeatRequest(worker: id, held: [claim]))
            #expect(mode(lock) == 0o600)
            #expect(try await code { _ = try await other.register(worker("w")) }.code == .nameTaken)
        }
        // Nothing renews the lease any more.
        try #require(unlink(lock) == 0)
        clocks.advance(by: .seconds(16))
        #expect(try await other.lostWorkers().map(\.id) == [id])
        // It was taken for dead, and registers anew with the lock that it holds.
        #expect(try await !store.beat(BeatRequest(worker: id, held: [claim])).isRegistered)
        let again = try await store.register(worker("w"))
        #expect(again != id)
        #expect(mode(lock) == 0o600)
        #expect(try await other.workers().filter(\.isAlive).map(\.id) == [again])
        #expect(try await code { _ = try await store.register(worker("w")) }.code == .nameTaken)
        #expect(try await code { _ = try await other.register(worker("w")) }.code == .nameTaken)
        await store.close()
        await other.close()
    }

    private func removeDirectory(_ path: String) throws {
        for name in try #require(directoryNames(path)) { unlink("\(path)/\(name)") }
        try #require(rmdir(path) == 0)
    }

    // MARK: clocks that are set

    @Test("a wall clock set back an hour makes no delay and no lease longer, and one set forward is followed")
    func clockIsSet() async throws {
        let clocks = SettableClocks()
        let store = try await SQLiteStore.open(path, configuration: clocks.configuration)
        let id = try await store.register(worker("w", lease: .seconds(10)))
        func enqueue(after delay: Duration) async throws -> WorkID {
            var draft = draft()
            draft.delay = delay
            return try await WorkClient(store).enqueue(draft).id
        }
        func isDue(_ id: WorkID) async throws -> Bool {
            _ = try await store.sweep(SweepOrders())
            return try await WorkClient(store).record(id).state == .ready
        }
        let first = try await enqueue(after: .seconds(60))
        clocks.setWall(by: .seconds(-3600))
        _ = try await store.beat(BeatRequest(worker: id))
        let lease = try #require(try await store.workers().first).leaseUntil
        #expect(lease - store.now == .seconds(10))
        let second = try await enqueue(after: .seconds(60))
        clocks.advance(by: .seconds(59))
        #expect(try await !isDue(first))
        clocks.advance(by: .seconds(1))
        #expect(try await isDue(first))
        #expect(try await isDue(second))
        // Back where it was, it has not moved; an hour beyond that, it has.
        let third = try await enqueue(after: .seconds(1800))
        clocks.setWall(by: .seconds(3600))
        #expect(try await !isDue(third))
        clocks.setWall(by: .seconds(3600))
        _ = try await store.beat(BeatRequest(worker: id))
        #expect(try await isDue(third))
        await store.close()
    }

    // MARK: a job that takes its worker with it

    @Test(
        "C21 C22 C26 a job that traps is a loss, runs again elsewhere, is given up after lossesMax, and its chord goes on"
    )
    func trap() async throws {
        let store = try await SQLiteStore.open(path)
        var draft = RecordDraft(kind: "trap")
        draft.lossesMax = 2
        let finish = Workflow.record(RecordDraft(kind: "finish"))
        let chord = Workflow.group([.record(draft), finish], then: Workflow.record(RecordDraft(kind: "callback")))
        let ids = try await WorkClient(store).submit(chord)
        func start(_ name: String) throws -> ProgramUnderTest {
            try ProgramUnderTest(
                BuiltProgram.path("WorkFixture"), ["worker", path, name],
                environment: ["PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no"])
        }
        for name in ["w1", "w2"] {
            let worker = try start(name)
            #expect(try await worker.exit() < 0)
        }
        let survivor = try start("w3")
        let callback = try #require(ids.last)
        #expect(try await WorkClient(store).wait(for: callback).state == .succeeded)
        let given = try await WorkClient(store).record(ids[0])
        #expect(given.state == .dead)
        #expect(given.reason == .workerLost)
        #expect(given.losses == 2)
        #expect(try await WorkClient(store).record(ids[1]).state == .succeeded)
        survivor.signal(SIGTERM)
        #expect(try await survivor.exit() == ExitCode.clean)
        await store.close()
    }
}

/// The machine's clocks as a test sets them: standing still between its moves.
private final class SettableClocks: Sendable {
    /// What they say.
    private let reading = Mutex(StoreClockReading(wall: 1_700_000_000_000, boot: 1_000_000, bootID: "boot"))

    /// A store that reads them.
    var configuration: SQLiteStore.Configuration {
        var configuration = SQLiteStore.Configuration()
        configuration.reading = { self.reading.withLock { $0 } }
        return configuration
    }

    /// Time passes.
    func advance(by duration: Duration) {
        reading.withLock {
            $0.wall += duration.wholeMilliseconds
            $0.boot += duration.wholeMilliseconds
        }
    }

    /// Somebody sets the wall clock.
    func setWall(by step: Duration) { reading.withLock { $0.wall += step.wholeMilliseconds } }
}

/// Tells when a worker says something.
private struct ListeningLogHandler: LogHandler {
    /// What is waited for.
    let words: String
    /// Is told.
    let onHearing: @Sendable () -> Void
    var logLevel = Logger.Level.error
    var metadata: Logger.Metadata = [:]

    init(words: String, onHearing: @escaping @Sendable () -> Void) {
        self.words = words
        self.onHearing = onHearing
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { if "\(event.message)".contains(words) { onHearing() } }
}
