import LastCall
import LastCallConcurrency
import LastCallTesting
import Logging
import ServiceLifecycle
import ServiceLifecycleTestKit
import Testing

@testable import LastCallWork

/// A real worker that is told to stop with jobs running.
@Suite(.timeLimit(.minutes(1))) struct WorkerEvictionTests {
    /// The time that a job goes on for after it was told, once it has come to where the test wants it.
    private struct Overrun {
        let clock = ManualClock()
        let from: Latch<Void>

        /// Lets it go by as soon as the worker waits for it.
        func goesBy() async {
            await from.waitThroughCancellation()
            await clock.waitForSleepers(1)
            clock.advance(by: .milliseconds(500))
        }
    }

    /// Runs a job until it has begun, then stops the worker; returns the job as it is then, and the worker's line.
    private func evict(
        _ policy: EvictionPolicy, handsOver: Bool = false,
        change: @Sendable (inout RecordDraft) -> Void = { _ in },
        store: any WorkStore = WrappedStore(), overrun: Overrun? = nil,
        _ body: @escaping @Sendable (JobContext) async throws -> [UInt8]?
    ) async throws -> (record: WorkRecord, lines: [String], line: Receipt.Member) {
        let begun = Latch<WorkID>()
        let handler = JobHandler("job", evictionPolicy: policy) { context in
            begun.open(context.id)
            return try await body(context)
        }
        var configuration = Worker.Configuration.quiet()
        // Where nobody overruns, no time goes by.
        configuration.handOverClock = overrun?.clock ?? ManualClock()
        let run = try WorkerRun(
            store, [handler], configuration: configuration, budget: handsOver ? .seconds(12) : .seconds(20))
        async let timeGoesBy: Void? = overrun?.goesBy()
        let line = try await run.run(handsOver: handsOver) { run in
            try await run.enqueue("job", change)
            _ = try await begun.wait()
        }
        await timeGoesBy
        let id = try await begun.wait()
        return (try await run.client.record(id), try await run.lines(id), line)
    }

    @Test("C1 C3 C9 a running job learns of the stop by push, with its cause and nothing switched on") func pushed()
        async throws
    {
        let told = Latch<ShutdownCause>()
        let (record, _, line) = try await evict(.finish) { context in
            told.open(try await context.evicted())
            return [7]
        }
        #expect(told.value?.detail == "the test is over")
        #expect(record.state == .succeeded)
        #expect(record.result == [7])
        #expect(line.ends == [1, 0, 0, 0, 0, 0])
    }

    @Test("B5 finish lets a job go on to its end") func finish() async throws {
        let (record, lines, line) = try await evict(.finish) { context in
            try await context.evicted()
            #expect(!Task.isCancelled)
            await context.emit("whole")
            return nil
        }
        #expect(record.state == .succeeded)
        #expect(record.evictions == 0)
        #expect(lines == ["whole"])
        #expect(line.outcome == .drained)
    }

    @Test("B5 C24 what finishes too late is given back, uncounted, and starts again elsewhere") func finishTooLate()
        async throws
    {
        let (record, _, line) = try await evict(.finish, handsOver: true) { _ in
            try await Latch<Void>().wait()
            return nil
        }
        #expect(record.state == .ready)
        #expect(record.reason == .eviction)
        #expect(record.attempt == 0)
        #expect(record.losses == 0)
        #expect(record.evictions == 1)
        #expect(line.ends == [0, 0, 1, 0, 0, 0])
    }

    @Test("B5 C5 C6 C8 finalize ends as partial with its result, its lines and the reason in words") func finalize()
        async throws
    {
        let (record, lines, line) = try await evict(.finalize) { context in
            await context.emit("found")
            try await context.evicted()
            await context.emit("saved")
            context.cutShort()
            return [1, 2]
        }
        #expect(record.state == .partial)
        #expect(record.reason == .eviction)
        #expect(record.detail == "cut short by eviction: the test is over")
        #expect(record.result == [1, 2])
        #expect(record.evictions == 1)
        #expect(lines == ["found", "saved"])
        #expect(line.ends == [1, 0, 0, 0, 0, 0])
    }

    @Test(
        "C6 an error that follows from the stop is an eviction and no failure",
        arguments: [EvictionPolicy.finalize, .requeue, .continue])
    func errorAfterEviction(policy: EvictionPolicy) async throws {
        let (record, lines, _) = try await evict(policy, change: { $0.attemptsMax = 1 }) { context in
            await context.emit("found")
            // Whoever is to start again hears of it as a cancellation too.
            _ = try? await context.evicted()  // cancelled is told as well
            throw Broken()
        }
        #expect(record.state == (policy == .finalize ? .partial : .ready))
        #expect(record.reason == .eviction)
        #expect(record.attempt == (policy == .finalize ? 1 : 0))
        #expect(lines == (policy == .requeue ? [] : ["found"]))
    }

    @Test("B5 C24 requeue is cancelled at once and starts again, from its checkpoint where it has one") func requeue()
        async throws
    {
        let store = WrappedStore()
        let (record, _, line) = try await evict(.requeue, store: store) { context in
            await context.emit("first")
            try context.saveCheckpoint([4])
            try await Latch<Void>().wait()
            return nil
        }
        #expect(record.state == .ready)
        #expect(record.attempt == 0)
        #expect(line.ends == [0, 0, 1, 0, 0, 0])
        let handler = JobHandler("job") { context in
            #expect(context.checkpoint == [4])
            #expect(context.attempt == 1)
            await context.emit("second")
            return nil
        }
        let again = try WorkerRun(store, [handler])
        try await again.run { try await $0.ended(record.id) }
        let ended = try await again.client.record(record.id)
        #expect(ended.state == .succeeded)
        #expect(ended.attempt == 1)
        #expect(ended.evictions == 1)
        #expect(ended.epoch == 2)
        // It went on from a checkpoint, so what it wrote before it belongs to the result.
        #expect(try await again.lines(record.id) == ["first", "second"])
    }

    @Test("B5 requeue without a checkpoint starts anew, and only the last run's lines are the result")
    func requeueAnew()
        async throws
    {
        let store = WrappedStore()
        let (record, lines, _) = try await evict(.requeue, store: store) { context in
            await context.emit("first")
            try await Latch<Void>().wait()
            return nil
        }
        #expect(lines == [])
        let handler = JobHandler("job") { context in
            await context.emit("second")
            return nil
        }
        let again = try WorkerRun(store, [handler])
        try await again.run { try await $0.ended(record.id) }
        #expect(try await again.lines(record.id) == ["second"])
        #expect(try await again.client.record(record.id).lineCount == 2)
    }

    @Test("B5 continue keeps what it has and gives the remainder back; what is written then is added") func continues()
        async throws
    {
        let store = WrappedStore()
        let (record, _, _) = try await evict(.continue, store: store) { context in
            await context.emit("first")
            try await context.evicted()
            try context.saveCheckpoint([9])
            context.cutShort()
            return nil
        }
        #expect(record.state == .ready)
        #expect(record.reason == .eviction)
        let handler = JobHandler("job") { context in
            #expect(context.checkpoint == [9])
            await context.emit("second")
            return nil
        }
        let again = try WorkerRun(store, [handler])
        try await again.run { try await $0.ended(record.id) }
        #expect(try await again.lines(record.id) == ["first", "second"])
    }

    @Test("B5 a group that awaits the remainder has a finalizing member given back, and its callback waits for it")
    func awaitRemainder() async throws {
        let store = WrappedStore()
        let begun = Latch<Void>()
        let member = JobHandler("member", evictionPolicy: .finalize) { context in
            await context.emit("first")
            begun.open()
            try await context.evicted()
            context.cutShort()
            return nil
        }
        let callback = JobHandler("callback") { _ in nil }
        let run = try WorkerRun(store, [member, callback])
        let ids = Latch<[WorkID]>()
        try await run.run { run in
            ids.open(
                try await run.client.submit(
                    .group(
                        [Workflow.record(RecordDraft(kind: "member"))],
                        then: Workflow.record(RecordDraft(kind: "callback")),
                        partialMembers: .awaitRemainder)))
            try await begun.wait()
        }
        let both = try await ids.wait()
        #expect(try await run.client.record(both[0]).state == .ready)
        #expect(try await run.client.record(both[1]).state == .blocked)
        let rest = JobHandler("member") { context in
            await context.emit("second")
            return nil
        }
        let again = try WorkerRun(store, [rest, callback])
        try await again.run { try await $0.ended(both[1]) }
        #expect(try await again.lines(both[0]) == ["first", "second"])
        #expect(try await again.client.record(both[0]).state == .succeeded)
    }

    @Test("C10 a job that never returns and ignores its eviction does not hold the stop; it is given back") func deaf()
        async throws
    {
        let never = Latch<Void>()
        let emitted = Latch<Void>()
        let returned = Latch<Void>()
        let overrun = Overrun(from: emitted)
        let (record, lines, line) = try await evict(.finalize, handsOver: true, overrun: overrun) { context in
            await context.emit("kept")
            emitted.open()
            await never.waitThroughCancellation()
            await context.emit("too late")
            returned.open()
            return [1]
        }
        #expect(record.state == .partial)
        #expect(record.reason == .eviction)
        #expect(record.result == nil)
        #expect(lines == ["kept"])
        #expect(line.ends == [1, 0, 0, 0, 0, 0])
        never.open()
        // What it says now is void.
        try await returned.wait()
    }

    @Test("C11 C12 what was claimed and not started goes back at once, uncounted, whatever its policy") func unstarted()
        async throws
    {
        let store = WrappedStore()
        let inExchange = Latch<Void>()
        let release = Latch<Void>()
        let started = Notes<WorkID>()
        let handler = JobHandler("job", evictionPolicy: .finalize) { context in
            started.add(context.id)
            return nil
        }
        let run = try WorkerRun(store, [handler])
        let id = Latch<WorkID>()
        async let receipt = run.lifecycle.runUntilStopped()
        try await run.worker.waitUntilReady()
        store.afterExchange { result in
            guard !result.claimed.isEmpty else { return }
            inExchange.open()
            await release.waitThroughCancellation()
        }
        id.open(try await run.enqueue("job"))
        try await inExchange.wait()
        run.lifecycle.stop()
        // The worker's own drain is what the held answer has to come after.
        while !run.worker.isStopping { await Task.yield() }
        release.open()
        let line = await receipt.stages[0].members[0]
        let record = try await run.client.record(try await id.wait())
        #expect(started.values.isEmpty)
        #expect(record.state == .ready)
        #expect(record.attempt == 0)
        #expect(record.evictions == 0)
        #expect(line.ends == [0, 0, 1, 0, 0, 0])
    }

    @Test("C11 C12 a stop between a job's claim and its start is not missed: it goes back unstarted")
    func betweenClaimAndStart()
        async throws
    {
        let store = MemoryStore()
        let handler = JobHandler("job") { _ in
            Issue.record("it ran")
            return nil
        }
        let engine = WorkerEngine(store: store, handlers: [handler], settings: try WorkerSettings(.quiet(), [handler]))
        let worker = try await store.register(engine.settings.description)
        try await WorkClient(store).enqueue(RecordDraft(kind: "job"))
        let claims = engine.state.withLock { $0.machine.nextExchange(for: worker) }
        let request = try #require(claims)
        let result = try await store.exchange(request)
        let outcome = engine.state.withLock { $0.machine.exchanged(request, result) }
        engine.drain(.unknown)
        for record in outcome.start { engine.start(record) }
        let next = engine.state.withLock { $0.machine.nextExchange(for: worker) }
        #expect(next?.settlements.map(\.change.state) == [.ready])
        #expect(next?.settlements.map(\.change.evictions) == [0])
    }

    @Test("C5 cutting oneself short without a stop is partial, and does not run again") func cutShortAlone()
        async throws
    {
        let handler = JobHandler("job") { context in
            context.cutShort(.memory, detail: "enough")
            return [1]
        }
        let bare = JobHandler("bare", evictionPolicy: .requeue) { context in
            context.cutShort()
            return nil
        }
        try await WorkerRun(MemoryStore(), [handler, bare]).run { run in
            let record = try await run.ended(try await run.enqueue("job"))
            #expect(record.state == .partial)
            #expect(record.reason == .memory)
            #expect(record.detail == "enough")
            #expect(record.result == [1])
            let other = try await run.ended(try await run.enqueue("bare"))
            #expect(other.state == .partial)
            #expect(other.evictions == 0)
        }
    }

    @Test("C3 inside the ecosystem's own graceful shutdown it is the same, without a cause") func gracefulShutdown()
        async throws
    {
        let begun = Latch<WorkID>()
        let handler = JobHandler("job", evictionPolicy: .finalize) { context in
            begun.open(context.id)
            try await context.evicted()
            context.cutShort()
            return nil
        }
        let store = MemoryStore()
        let worker = try Worker(store, handlers: [handler], configuration: .quiet())
        try await WorkClient(store).enqueue(RecordDraft(kind: "job"))
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                _ = try await begun.wait()
                trigger.triggerGracefulShutdown()
                try await group.waitForAll()
            }
        }
        let record = try await WorkClient(store).record(try await begun.wait())
        #expect(record.state == .partial)
        #expect(record.detail == "cut short by eviction: unknown")
    }

    @Test("C12 a worker that is told before it runs starts nothing") func toldBefore() async throws {
        let store = MemoryStore()
        let handler = JobHandler("job") { _ in
            Issue.record("it ran")
            return nil
        }
        let worker = try Worker(store, handlers: [handler], configuration: .quiet())
        let id = try await WorkClient(store).enqueue(RecordDraft(kind: "job")).id
        try await testGracefulShutdown { trigger in
            trigger.triggerGracefulShutdown()
            try await worker.run()
        }
        #expect(try await WorkClient(store).record(id).state == .ready)
    }

    @Test("C24 the eviction that a job hears of before its worker does stops the worker's claims too") func heardFirst()
        async throws
    {
        let runs = Notes<Int64>()
        let handler = JobHandler("job", evictionPolicy: .requeue) { context in
            runs.add(context.record.epoch)
            // As a program does that hears of the lifecycle's stop by itself.
            context.evict(ShutdownCause(kind: .signal, detail: "SIGTERM"))
            throw CancellationError()
        }
        let store = WrappedStore()
        let run = try WorkerRun(store, [handler])
        let line = try await run.run { run in
            let id = try await run.enqueue("job")
            try await run.until(id) { $0.evictions > 0 && $0.state == .ready }
        }
        #expect(runs.values == [1])
        #expect(line.unaccounted == 0)
    }

    // MARK: jobs that did not begin

    @Test(
        "B5 a job that the stop kept from beginning is given back as it was, whatever its policy",
        arguments: EvictionPolicy.allCases)
    func notBegun(policy: EvictionPolicy) async throws {
        let (record, _, line) = try await evict(policy) { context in
            try await context.evicted()
            throw JobNotStarted("the stop came first")
        }
        #expect(record.state == .ready)
        #expect([record.attempt, record.losses, record.evictions] == [0, 0, 0])
        #expect(record.reason == nil)
        #expect(line.ends == [0, 0, 1, 0, 0, 0])
    }

    @Test("a job that its machine has no room for waits, costs no attempt, and says why") func noRoom() async throws {
        let runs = Notes<Int64>()
        let handler = JobHandler("job") { context in
            guard runs.add(context.record.epoch) > 1 else { throw JobNotStarted("no room in /tmp") }
            return nil
        }
        try await WorkerRun(MemoryStore(), [handler]).run { run in
            let id = try await run.enqueue("job")
            let waiting = try await run.until(id) { $0.state == .scheduled }
            #expect(waiting.detail == "no room in /tmp")
            #expect(waiting.attempt == 0)
        }
        #expect(runs.values == [1])
    }
}
