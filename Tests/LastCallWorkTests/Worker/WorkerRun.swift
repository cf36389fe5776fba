import LastCall
import LastCallConcurrency
import LastCallTesting
import LastCallWork
import Logging
import ServiceLifecycle
import Testing

/// A worker in a lifecycle of its own, and what a test asks of it.
struct WorkerRun: Sendable {
    /// Where the jobs are.
    let store: any WorkStore
    /// The worker.
    let worker: Worker
    /// What stops it.
    let lifecycle: Lifecycle

    /// Looks after the jobs.
    var client: WorkClient { WorkClient(store) }

    /// Makes a worker that writes nothing anywhere.
    ///
    /// The lifecycle's clock stands still, so that no stage's end depends on how busy the machine is. The worker takes the time that it
    /// is told to have, `budget`, by the real clock.
    init(
        _ store: any WorkStore, _ handlers: [JobHandler], configuration: Worker.Configuration? = nil,
        budget: Duration = .seconds(20)
    ) throws {
        self.store = store
        worker = try Worker(store, handlers: handlers, configuration: configuration ?? .quiet())
        let worker = worker
        let plan = try ShutdownPlan(grace: .stated(.seconds(60)), environment: [:]) {
            Stage("work", budget: budget) { worker.named("worker") }
        }
        lifecycle = Lifecycle(
            plan,
            configuration: .init(
                name: "test", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, showsReceipt: .never,
                clock: ManualClock(), environment: [:]))
    }

    /// Runs the worker while `body` runs, and stops it then unless the body did.
    ///
    /// - Parameter handsOver: Whether the stop is one that cancels at once.
    /// - Returns: The worker's line in the receipt.
    @discardableResult
    func run(
        handsOver: Bool = false, _ body: @Sendable (WorkerRun) async throws -> Void
    ) async throws -> Receipt.Member {
        async let receipt = lifecycle.runUntilStopped()
        do {
            try await worker.waitUntilReady()
            try await body(self)
        } catch {
            lifecycle.handOver("the test failed")
            _ = await receipt
            throw error
        }
        if handsOver { lifecycle.handOver("the test is over") } else { lifecycle.stop("the test is over") }
        return await receipt.stages[0].members[0]
    }

    /// Enqueues a job by its name.
    @discardableResult
    func enqueue(_ kind: String, _ change: (inout RecordDraft) -> Void = { _ in }) async throws -> WorkID {
        var draft = RecordDraft(kind: kind)
        change(&draft)
        return try await client.enqueue(draft).id
    }

    /// Waits until a job is over.
    @discardableResult
    func ended(_ id: WorkID) async throws -> WorkRecord { try await client.wait(for: id) }

    /// Waits until a job satisfies a condition.
    @discardableResult
    func until(_ id: WorkID, _ condition: @Sendable (WorkRecord) -> Bool) async throws -> WorkRecord {
        try await store.until(id, condition)
    }

    /// The texts of what a job wrote and what belongs to its result.
    func lines(_ id: WorkID) async throws -> [String] { try await client.resultLines(of: id).map(\.text) }
}

extension WorkStore {
    /// Waits until a record satisfies a condition.
    @discardableResult
    func until(_ id: WorkID, _ condition: @Sendable (WorkRecord) -> Bool) async throws -> WorkRecord {
        let changes = changes()
        while true {
            let record = try await WorkClient(self).record(id)
            if condition(record) { return record }
            _ = try #require(await changes.next())
        }
    }
}

extension Worker.Configuration {
    /// A configuration that logs nowhere.
    static func quiet(
        name: String? = nil, concurrency: Int = 10, queues: [Worker.Queue] = ["default"],
        retention: Retention? = nil, abandonsAfter: Duration = .seconds(5), leftovers: (any LeftoverEnding)? = nil
    ) -> Worker.Configuration {
        Worker.Configuration(
            name: name, concurrency: concurrency, queues: queues, retention: retention, abandonsAfter: abandonsAfter,
            leftovers: leftovers, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}

/// Values that several tasks add, in the order in which they came.
final class Notes<Value: Sendable>: Sendable {
    private let state = Mutex<[Value]>([])

    var values: [Value] { state.withLock { $0 } }

    /// Adds a value.
    ///
    /// - Returns: How many there are now.
    @discardableResult
    func add(_ value: Value) -> Int {
        state.withLock { state in
            state.append(value)
            return state.count
        }
    }
}

extension Logger {
    /// Logs nowhere.
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// What a test's job throws.
struct Broken: Error {}

extension Receipt.Member {
    /// The five ends and the difference: done, handed over, kept, dead-lettered, cut, unaccounted.
    var ends: [Int] { [done, handedOver, kept, deadLettered, cut, unaccounted] }
}
