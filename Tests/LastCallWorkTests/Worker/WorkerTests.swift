import LastCall
import LastCallConcurrency
import LastCallTesting
import Logging
import ServiceLifecycle
import Testing

@testable import LastCallWork

/// A real worker that runs jobs.
@Suite(.timeLimit(.minutes(1))) struct WorkerTests {
    /// A job with a typed result.
    private struct Add: Job {
        static let name = "add"
        var left: Int
        var right: Int
        func run(_ context: JobContext) async throws -> Int { left + right }
    }

    @Test("C28 a job runs, its typed result is stored before it counts as done, and it can be waited for")
    func typedResult() async throws {
        let line = try await WorkerRun(MemoryStore(), [.job(Add.self)]).run { run in
            let id = try await run.client.enqueue(Add(left: 2, right: 3)).id
            #expect(try await run.client.result(of: id, as: Add.self) == 5)
            let record = try await run.client.record(id)
            #expect(record.state == .succeeded)
            #expect(record.attempt == 1)
            #expect(record.epoch == 1)
        }
        #expect(line.outcome == .drained)
        #expect(line.unaccounted == 0)
    }

    @Test("jobs that waited before the worker began run, and many of them run at once") func many() async throws {
        let run = try WorkerRun(MemoryStore(), [.job(Add.self)], configuration: .quiet(concurrency: 8))
        let ids = try await run.client.enqueue((0..<500).map { Add(left: $0, right: 1) }).map(\.id)
        try await run.run { run in
            for (number, id) in ids.enumerated() {
                let sum = try await run.client.result(of: id, as: Add.self)
                #expect(sum == number + 1)
            }
        }
    }

    @Test("a failed job is tried again after its backoff, and no more often than it may") func retries() async throws {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let policy = RetryPolicy(attemptsMax: 3, base: .seconds(10), factor: 3, jitter: 0)
        let handler = JobHandler("fail", retryPolicy: policy) { _ in throw JobFailure("no luck") }
        try await WorkerRun(store, [handler]).run { run in
            let id = try await run.enqueue("fail") { $0.attemptsMax = 3 }
            for (attempt, wait) in [(1, Duration.seconds(10)), (2, .seconds(30))] {
                let record = try await run.until(id) { $0.state == .scheduled && $0.attempt == attempt }
                #expect(record.reason == .error)
                #expect(record.detail == "no luck")
                let due = try #require(record.dueAt)
                #expect(due - store.now == wait)
                clock.advance(by: wait)
                _ = try await store.sweep(SweepOrders())
            }
            let record = try await run.ended(id)
            #expect(record.state == .failed)
            #expect(record.attempt == 3)
        }
    }

    @Test("a failure that no attempt can mend is final at once, also through the handler's own wait")
    func notRetryable() async throws {
        let handler = JobHandler("fail") { _ in throw JobFailure("bad address", isRetryable: false) }
        try await WorkerRun(MemoryStore(), [handler]).run { run in
            let record = try await run.ended(try await run.enqueue("fail") { $0.attemptsMax = 5 })
            #expect(record.state == .failed)
            #expect(record.attempt == 1)
            #expect(record.detail == "bad address")
        }
    }

    @Test("a failure that names its own wait is tried again then") func ownRetryAfter() async throws {
        let store = MemoryStore(clock: ManualClock())
        let handler = JobHandler("busy") { _ in throw JobFailure("busy", retryAfter: .seconds(77)) }
        try await WorkerRun(store, [handler]).run { run in
            let id = try await run.enqueue("busy") { $0.attemptsMax = 2 }
            let record = try await run.until(id) { $0.state == .scheduled }
            #expect(try #require(record.dueAt) - store.now == .seconds(77))
        }
    }

    @Test("a retried job is due by the worker's own timer, with nobody to wake it") func retryTimer() async throws {
        let runs = Notes<Int>()
        let handler = JobHandler("twice", retryPolicy: RetryPolicy(base: .milliseconds(5), jitter: 0)) { context in
            if runs.add(context.attempt) == 1 { throw Broken() }
            return nil
        }
        try await WorkerRun(MemoryStore(), [handler]).run { run in
            let record = try await run.ended(try await run.enqueue("twice") { $0.attemptsMax = 2 })
            #expect(record.state == .succeeded)
            #expect(runs.values == [1, 2])
        }
    }

    @Test("lower priorities run first") func priorities() async throws {
        let order = Notes<Int>()
        let handler = JobHandler("note") { context in
            order.add(Int(context.record.payload[0]))
            return nil
        }
        let run = try WorkerRun(MemoryStore(), [handler], configuration: .quiet(concurrency: 1))
        var last: WorkID?
        for priority in [3, 1, 2, 0] {
            last = try await run.enqueue("note") {
                $0.priority = priority
                $0.payload = [UInt8(priority)]
            }
        }
        _ = try #require(last)
        try await run.run { run in
            for record in try await run.store.records(WorkQuery()) { try await run.ended(record.id) }
        }
        #expect(order.values == [0, 1, 2, 3])
    }

    @Test("a queue runs as many jobs at once as it may, and the others are not held up by it") func queueLimits()
        async throws
    {
        let running = Mutex((now: 0, most: 0))
        let release = Latch<Void>()
        let begun = Latch<Void>()
        let slow = JobHandler("slow") { _ in
            running.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            begun.open()
            try await release.wait()
            running.withLock { $0.now -= 1 }
            return nil
        }
        let configuration = Worker.Configuration.quiet(
            concurrency: 4, queues: [.init("slow", concurrency: 1), .init("default")])
        try await WorkerRun(MemoryStore(), [slow, .job(Add.self)], configuration: configuration).run { run in
            var ids: [WorkID] = []
            for _ in 0..<3 { ids.append(try await run.enqueue("slow") { $0.queue = "slow" }) }
            try await begun.wait()
            let other = try await run.client.enqueue(Add(left: 1, right: 1)).id
            #expect(try await run.client.result(of: other, as: Add.self) == 2)
            release.open()
            for id in ids { try await run.ended(id) }
        }
        #expect(running.withLock { $0.most } == 1)
    }

    @Test("C25 a key names one unfinished job, and a new one once that is over") func uniqueness() async throws {
        let release = Latch<Void>()
        let begun = Latch<Void>()
        let handler = JobHandler("once") { _ in
            begun.open()
            try await release.wait()
            return nil
        }
        try await WorkerRun(MemoryStore(), [handler]).run { run in
            var draft = RecordDraft(kind: "once")
            draft.key = UniqueKey("k")
            let first = try await run.client.enqueue(draft)
            try await begun.wait()
            let second = try await run.client.enqueue(draft)
            #expect(second.isDuplicate)
            #expect(second.id == first.id)
            release.open()
            try await run.ended(first.id)
            #expect(try await !run.client.enqueue(draft).isDuplicate)
        }
    }

    @Test("a delayed job runs when it is due and not before") func delays() async throws {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        try await WorkerRun(store, [.job(Add.self)]).run { run in
            let id = try await run.client.enqueue(Add(left: 1, right: 2), delay: .seconds(60)).id
            let marker = try await run.client.enqueue(Add(left: 0, right: 0)).id
            try await run.ended(marker)
            #expect(try await run.client.record(id).state == .scheduled)
            clock.advance(by: .seconds(60))
            _ = try await store.sweep(SweepOrders())
            #expect(try await run.client.result(of: id, as: Add.self) == 3)
        }
    }

    @Test("C18 a Swift job whose time is over is cancelled, and that is a failed attempt that says so") func timeout()
        async throws
    {
        let handler = JobHandler("slow", timeout: .milliseconds(10)) { context in
            try await Latch<Void>().wait()
            return nil
        }
        try await WorkerRun(MemoryStore(), [handler]).run { run in
            let record = try await run.ended(try await run.enqueue("slow"))
            #expect(record.state == .failed)
            #expect(record.detail == "timed out after 10ms")
        }
    }

    @Test("the submitter's timeout goes before the handler's") func submittersTimeout() async throws {
        let handler = JobHandler("slow", timeout: .seconds(1000)) { context in
            try await Latch<Void>().wait()
            return nil
        }
        try await WorkerRun(MemoryStore(), [handler]).run { run in
            let record = try await run.ended(try await run.enqueue("slow") { $0.timeout = .milliseconds(5) })
            #expect(record.detail == "timed out after 5ms")
        }
    }

    @Test("a job that ignores its timeout loses its place, waits its backoff, and the rest goes on")
    func ignoredTimeout()
        async throws
    {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let never = Latch<Void>()
        let policy = RetryPolicy(base: .seconds(9), jitter: 0)
        let handler = JobHandler("deaf", retryPolicy: policy, timeout: .milliseconds(5)) { context in
            await never.waitThroughCancellation()
            await context.emit("too late")
            return [1]
        }
        let configuration = Worker.Configuration.quiet(concurrency: 1, abandonsAfter: .milliseconds(5))
        try await WorkerRun(store, [handler, .job(Add.self)], configuration: configuration).run { run in
            let deaf = try await run.enqueue("deaf") { $0.attemptsMax = 2 }
            let other = try await run.client.enqueue(Add(left: 4, right: 4)).id
            #expect(try await run.client.result(of: other, as: Add.self) == 8)
            let record = try await run.client.record(deaf)
            #expect(record.state == .scheduled)
            #expect(record.detail == "timed out, and did not end within 5ms")
            #expect(try #require(record.dueAt) > store.now)
            never.open()
        }
    }

    @Test("C8 a job that ignores its cancellation loses its place, ends as cancelled, and the rest goes on")
    func ignoredCancellation() async throws {
        let begun = Latch<Void>()
        let never = Latch<Void>()
        let handler = JobHandler("deaf") { context in
            begun.open()
            await never.waitThroughCancellation()
            await context.emit("too late")
            return [1]
        }
        let configuration = Worker.Configuration.quiet(concurrency: 1, abandonsAfter: .milliseconds(5))
        try await WorkerRun(MemoryStore(), [handler, .job(Add.self)], configuration: configuration).run { run in
            let deaf = try await run.enqueue("deaf") { $0.attemptsMax = 2 }
            try await begun.wait()
            let other = try await run.client.enqueue(Add(left: 4, right: 4)).id
            _ = try await run.client.cancel([deaf])
            #expect(try await run.client.result(of: other, as: Add.self) == 8)
            let record = try await run.client.record(deaf)
            #expect(record.state == .cancelled)
            #expect(record.detail == "cancelled on request, and did not end within 5ms")
            never.open()
        }
    }

    @Test("jobs that this worker cannot run wait, and cost the others nothing") func unhandledKinds() async throws {
        try await WorkerRun(MemoryStore(), [.job(Add.self)], configuration: .quiet(concurrency: 1)).run { run in
            var strangers: [WorkID] = []
            for _ in 0..<20 { strangers.append(try await run.enqueue("stranger") { $0.priority = -100 }) }
            let id = try await run.client.enqueue(Add(left: 1, right: 1)).id
            #expect(try await run.client.result(of: id, as: Add.self) == 2)
            for id in strangers {
                let record = try await run.client.record(id)
                #expect(record.state == .ready)
                #expect(record.epoch == 0)
            }
        }
    }

    @Test("a paused queue is not claimed from, and is as soon as it is resumed") func pause() async throws {
        try await WorkerRun(MemoryStore(), [.job(Add.self)]).run { run in
            try await run.client.pause(queue: "default")
            let id = try await run.client.enqueue(Add(left: 1, right: 1)).id
            #expect(try await run.client.record(id).state == .ready)
            try await run.client.resume(queue: "default")
            #expect(try await run.client.result(of: id, as: Add.self) == 2)
        }
    }

    @Test("a result that is too large to store fails the job for good and names both sizes") func largeResult()
        async throws
    {
        let handler = JobHandler("large") { _ in [UInt8](repeating: 0, count: 11) }
        try await WorkerRun(MemoryStore(payloadBytesMax: 10), [handler]).run { run in
            let record = try await run.ended(try await run.enqueue("large") { $0.attemptsMax = 5 })
            #expect(record.state == .failed)
            #expect(record.attempt == 1)
            #expect(record.detail?.contains("11 bytes, at most 10") == true)
        }
    }

    // MARK: setting one up

    @Test(
        "a worker's name is 1 to 64 of letters, digits, dot, underscore and hyphen",
        arguments: ["", "a b", "ä", "a/b", String(repeating: "x", count: 65), "a\n", ".p1"])
    func badNames(name: String) {
        let error = #expect(throws: WorkError.self) {
            try Worker(MemoryStore(), handlers: [], configuration: .quiet(name: name))
        }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test("names at the limits are taken, and the default name is one", arguments: ["a", "A.b_c-9"])
    func goodNames(name: String) throws {
        #expect(try Worker(MemoryStore(), handlers: [], configuration: .quiet(name: name)).name == name)
        let own = try Worker(MemoryStore(), handlers: [], configuration: .quiet()).name
        #expect(throws: Never.self) { try Worker(MemoryStore(), handlers: [], configuration: .quiet(name: own)) }
    }

    @Test("what cannot work is refused when a worker is made") func badConfigurations() {
        let bad: [Worker.Configuration] = [
            .quiet(concurrency: 0), .quiet(queues: []), .quiet(queues: ["a", "a"]),
            .quiet(queues: [.init("a", concurrency: 0)]),
        ]
        for configuration in bad {
            let error = #expect(throws: WorkError.self) {
                try Worker(MemoryStore(), handlers: [], configuration: configuration)
            }
            #expect(error?.code == .invalidConfiguration)
        }
        let handler = JobHandler("a") { _ in nil }
        #expect(throws: WorkError.self) { try Worker(MemoryStore(), handlers: [handler, handler]) }
    }

    @Test("a name that a living worker has is refused, and free again after that one stopped") func nameTaken()
        async throws
    {
        let store = MemoryStore()
        try await WorkerRun(store, [], configuration: .quiet(name: "one")).run { _ in
            let second = try Worker(store, handlers: [], configuration: .quiet(name: "one"))
            let error = await #expect(throws: WorkError.self) { try await second.run() }
            #expect(error?.code == .nameTaken)
            await #expect(throws: WorkError.self) { try await second.waitUntilReady() }
        }
        try await WorkerRun(store, [], configuration: .quiet(name: "one")).run { _ in }
    }

    @Test("workers of one process never draw the same name") func ownNames() {
        let names = (0..<5000).map { _ in WorkerSettings.defaultName(for: nil) }
        #expect(Set(names).count == names.count)
    }

    @Test("P9 a worker runs once") func runsOnce() async throws {
        let run = try WorkerRun(MemoryStore(), [])
        try await run.run { run in
            let error = await #expect(throws: WorkError.self) { try await run.worker.run() }
            #expect(error?.code == .invalidConfiguration)
        }
    }

    @Test("S13 a worker with nothing to do ends when it is told, and is forgotten by its store") func idle()
        async throws
    {
        let store = MemoryStore()
        let line = try await WorkerRun(store, [.job(Add.self)]).run { _ in }
        #expect(line.outcome == .drained)
        #expect(try await store.workers().isEmpty)
    }
}
