import CoreMetrics
import InMemoryLogging
import InMemoryTracing
import LastCall
import LastCallTesting
import Logging
import MetricsTestKit
import Testing
import Tracing

@testable import LastCallWork

/// What a worker tells those who watch it.
@Suite(.timeLimit(.minutes(1))) struct WorkerObservationTests {
    @Test("the trace of whoever enqueues a job goes on in the job, in a span of its own") func tracing() async throws {
        let tracer = InMemoryTracer()
        try await withTracer(tracer) {
            let handler = JobHandler("job") { _ in
                withSpan("inner") { _ in nil }
            }
            try await WorkerRun(MemoryStore(), [handler]).run { run in
                let id = try await withSpan("request") { _ in try await run.enqueue("job") }
                try await run.ended(id)
                // Without a span around the submitter there is none around the job.
                try await run.ended(try await run.enqueue("job"))
            }
        }
        let spans = tracer.finishedSpans
        let request = try #require(spans.first { $0.operationName == "request" })
        let jobs = spans.filter { $0.operationName == "job job" }
        #expect(jobs.count == 1)
        let job = try #require(jobs.first)
        #expect(job.context.inMemorySpanContext?.traceID == request.context.inMemorySpanContext?.traceID)
        #expect(job.parentSpanID == request.context.inMemorySpanContext?.spanID)
        let inner = spans.filter { $0.operationName == "inner" }
        #expect(inner.contains { $0.parentSpanID == job.context.inMemorySpanContext?.spanID })
    }

    @Test("each end of a claim is counted by job, queue and outcome") func metrics() async throws {
        let factory = TestMetrics()
        try await withMetricsFactory(factory) {
            let handler = JobHandler("job", retryPolicy: RetryPolicy(base: .milliseconds(1), jitter: 0)) { context in
                if context.attempt == 1 { throw Broken() }
                return nil
            }
            try await WorkerRun(MemoryStore(), [handler]).run { run in
                try await run.ended(try await run.enqueue("job") { $0.attemptsMax = 2 })
            }
        }
        func total(_ outcome: String) throws -> [Int64] {
            try factory.expectCounter(
                "lastcall_jobs_total", [("job", "job"), ("queue", "default"), ("outcome", outcome)]
            ).values
        }
        // The last one is counted once it is on its way to the store, which may be after it was seen there.
        while (try? total("succeeded")) != [1] { await Task.yield() }  // not made yet
        #expect(try total("retried") == [1])
        #expect(try factory.expectTimer("lastcall_jobs_wait_seconds", [("queue", "default")]).values.count == 2)
    }

    @Test(
        "P22d no log line holds a payload, a result, an emitted line or an error's own words, whatever happens to a job"
    )
    func noPayloads() async throws {
        let log = InMemoryLogHandler()
        var logger = Logger(label: "test") { _ in log }
        logger.logLevel = .trace
        var configuration = Worker.Configuration.quiet(abandonsAfter: .milliseconds(1))
        configuration.logger = logger
        let handlers = [
            JobHandler("fine") { context in
                await context.emit("secret")
                return Array("secret".utf8)
            },
            JobHandler("fails") { _ in throw JobFailure("secret") },
            JobHandler("slow", timeout: .milliseconds(1)) { _ in
                await Latch<Void>().waitThroughCancellation()
                return nil
            },
            JobHandler("evicted", evictionPolicy: .requeue) { context in
                try context.saveCheckpoint(Array("secret".utf8))
                try await Latch<Void>().wait()
                return nil
            },
        ]
        try await WorkerRun(MemoryStore(), handlers, configuration: configuration).run { run in
            for kind in ["fine", "fails", "slow"] {
                try await run.ended(try await run.enqueue(kind) { $0.payload = Array("secret".utf8) })
            }
            let evicted = try await run.enqueue("evicted") { $0.payload = Array("secret".utf8) }
            while run.worker.heldCount == 0 { await Task.yield() }
            _ = evicted
        }
        let lines = log.entries.map { "\($0.level) \($0.message) \($0.metadata)" }
        #expect(lines.contains { $0.contains("job succeeded") })
        #expect(lines.contains { $0.contains("job failed") })
        #expect(lines.contains { $0.contains("ignores its timeout") })
        #expect(lines.allSatisfy { !$0.contains("secret") })
    }
}
