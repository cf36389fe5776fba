import LastCall
import LastCallCommand
import LastCallWork
import Logging
import ServiceLifecycle
import Testing

/// A worker in a lifecycle that runs programs as jobs.
struct JobRun: Sendable {
    /// Where the jobs are; its name is its own, so that tests beside it do not end its programs.
    let store: any WorkStore
    /// Runs them.
    let worker: Worker
    /// What stops it.
    let lifecycle: Lifecycle

    /// Looks after the jobs.
    var client: WorkClient { WorkClient(store) }

    /// A store that no other test has.
    static func makeStore() -> MemoryStore { MemoryStore(name: "memory:\(UInt64.random(in: 0 ... .max))") }

    init(
        _ handlers: [JobHandler], in store: any WorkStore = JobRun.makeStore(), budget: Duration = .seconds(20),
        leftovers: (any LeftoverEnding)? = nil
    ) throws {
        self.store = store
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        worker = try Worker(
            store, handlers: handlers,
            configuration: .init(retention: nil, leftovers: leftovers, logger: quiet))
        let worker = worker
        let plan = try ShutdownPlan(grace: .stated(.seconds(60)), environment: [:]) {
            Stage("work", budget: budget) { worker.named("worker") }
        }
        var configuration = Lifecycle.Configuration(
            name: "test", logger: quiet, showsReceipt: .never, environment: [:])
        // A program that is told to hand over may need more than the second, where hundreds of tests run beside it.
        configuration.handOverMax = .seconds(20)
        lifecycle = Lifecycle(plan, configuration: configuration)
    }

    /// Runs the worker while `body` runs; returns the worker's line in the receipt.
    @discardableResult
    func run(_ body: @Sendable (JobRun) async throws -> Void) async throws -> Receipt.Member {
        async let receipt = lifecycle.runUntilStopped()
        do {
            try await worker.waitUntilReady()
            try await body(self)
        } catch {
            lifecycle.handOver("the test failed")
            _ = await receipt
            throw error
        }
        lifecycle.stop("the test is over")
        return await receipt.stages[0].members[0]
    }

    /// Runs one job to its end, in a worker of its own.
    static func result(
        of command: Command, change: @Sendable (inout RecordDraft) -> Void = { _ in }
    ) async throws -> (record: WorkRecord, lines: [WorkLine]) {
        let run = try JobRun([.shell("job", command)])
        let id = try await run.enqueue("job", change)
        try await run.run { _ = try await $0.client.wait(for: id) }
        return (try await run.client.record(id), try await run.client.resultLines(of: id))
    }

    /// Enqueues a job by its name.
    @discardableResult
    func enqueue(_ kind: String, _ change: @Sendable (inout RecordDraft) -> Void = { _ in }) async throws -> WorkID {
        var draft = RecordDraft(kind: kind)
        change(&draft)
        return try await client.enqueue(draft).id
    }

    /// Waits until a job has written a line on standard output that begins so; returns the rest of it.
    @discardableResult
    func line(_ prefix: String, of id: WorkID) async throws -> String {
        let changes = store.changes()
        while true {
            let page = try await store.output(of: id, from: .start, linesMax: 1000)
            let found = page.lines.first { $0.source == .output && $0.text.hasPrefix(prefix) }
            if let found { return String(found.text.dropFirst(prefix.count)) }
            _ = try #require(await changes.next())
        }
    }

    /// The pid behind a prefix that a job wrote.
    func pid(_ prefix: String, of id: WorkID) async throws -> Int32 {
        try #require(Int32(try await line(prefix + " ", of: id)))
    }

    /// What a job wrote on standard output and what belongs to its result.
    func output(_ id: WorkID) async throws -> [String] {
        try await client.resultLines(of: id).filter { $0.source == .output }.map(\.text)
    }

    /// What the engine said about a job.
    func notices(_ id: WorkID) async throws -> [String] {
        try await client.resultLines(of: id).filter { $0.source == .notice }.map(\.text)
    }
}

extension JobHandler {
    /// Runs the same command for each job.
    static func shell(
        _ name: String, _ command: Command, evictionPolicy: EvictionPolicy = .finalize,
        retryPolicy: RetryPolicy = RetryPolicy()
    ) -> JobHandler {
        .command(name, evictionPolicy: evictionPolicy, retryPolicy: retryPolicy) { _ in command }
    }
}
