import LastCall
import LastCallTesting
import Testing

@testable import LastCallWork

/// What a running job can say and remember.
@Suite(.timeLimit(.minutes(1))) struct JobContextTests {
    /// Retries at once.
    private static let atOnce = RetryPolicy(base: .zero, jitter: 0)

    @Test("B12 S17 a step runs once although the job runs twice, and its value comes back") func steps() async throws {
        let invited = Notes<String>()
        let handler = JobHandler("job", retryPolicy: Self.atOnce) { context in
            let value = try await context.step("invite") {
                invited.add("invite")
                return "number \(invited.values.count)"
            }
            try await context.step("log") { _ = invited.add("log") }
            #expect(value == "number 1")
            if context.attempt == 1 { throw Broken() }
            try await context.step("comment") { _ = invited.add("comment") }
            return nil
        }
        try await WorkerRun(MemoryStore(), [handler]).run { run in
            let record = try await run.ended(try await run.enqueue("job") { $0.attemptsMax = 2 })
            #expect(record.state == .succeeded)
        }
        #expect(invited.values == ["invite", "log", "comment"])
    }

    @Test("B12 a step whose value did not reach the store runs again, and one that threw is not remembered")
    func crashBetweenSteps() async throws {
        let store = WrappedStore()
        let runs = Notes<String>()
        let handler = JobHandler("job", retryPolicy: Self.atOnce) { context in
            try await context.step("first") { _ = runs.add("first") }
            try await context.step("second") {
                if runs.add("second") == 2 { throw Broken() }
            }
            return nil
        }
        store.beforeJournal { entry in if entry.name == "second", runs.values.count == 3 { throw StoreIsDown() } }
        try await WorkerRun(store, [handler]).run { run in
            let record = try await run.ended(try await run.enqueue("job") { $0.attemptsMax = 5 })
            #expect(record.state == .succeeded)
            #expect(record.attempt == 3)
        }
        #expect(runs.values == ["first", "second", "second", "second"])
    }

    @Test("a step, a checkpoint and a result that are too large are refused with both sizes") func tooLarge()
        async throws
    {
        let handler = JobHandler("job") { context in
            let step = await #expect(throws: WorkError.self) { try await context.step("s") { "0123456789" } }
            #expect(step?.code == .tooLarge)
            let checkpoint = #expect(throws: WorkError.self) {
                try context.saveCheckpoint([UInt8](repeating: 0, count: 11))
            }
            #expect(checkpoint?.code == .tooLarge)
            #expect(context.checkpoint == nil)
            return nil
        }
        try await WorkerRun(MemoryStore(payloadBytesMax: 10), [handler]).run { run in
            let record = try await run.ended(try await run.enqueue("job"))
            #expect(record.state == .succeeded)
        }
    }

    @Test("a checkpoint comes back in the next run, and its lines go on") func checkpoint() async throws {
        let handler = JobHandler("job", retryPolicy: Self.atOnce) { context in
            await context.emit("run \(context.attempt) from \(context.checkpoint ?? [])")
            guard context.attempt < 3 else { return nil }
            try context.saveCheckpoint([UInt8(context.attempt)])
            throw Broken()
        }
        try await WorkerRun(MemoryStore(), [handler]).run { run in
            let id = try await run.enqueue("job") { $0.attemptsMax = 3 }
            try await run.ended(id)
            #expect(try await run.lines(id) == ["run 1 from []", "run 2 from [1]", "run 3 from [2]"])
        }
    }

    @Test("progress is seen while the job runs, and is a share") func progress() async throws {
        let release = Latch<Void>()
        let handler = JobHandler("job") { context in
            context.progress(7, "almost")
            try await release.wait()
            context.progress(.nan)
            return nil
        }
        try await WorkerRun(MemoryStore(), [handler]).run { run in
            let id = try await run.enqueue("job")
            let record = try await run.until(id) { $0.progress != nil }
            #expect(record.progress == JobProgress(fraction: 1, message: "almost"))
            release.open()
            try await run.ended(id)
        }
    }

    @Test("lines keep their order and their source, and one that holds an LF becomes two") func order() async throws {
        let handler = JobHandler("job") { context in
            for number in 0..<2000 { await context.emit("\(number)") }
            await context.emit("a\nb", source: .error)
            await context.emit("")
            return nil
        }
        try await WorkerRun(MemoryStore(), [handler]).run { run in
            let id = try await run.enqueue("job")
            try await run.ended(id)
            let lines = try await run.client.resultLines(of: id)
            #expect(lines.map(\.text) == (0..<2000).map(String.init) + ["a", "b", ""])
            #expect(lines.suffix(3).map(\.source) == [.error, .error, .output])
        }
    }

    @Test("a job that writes faster than the store takes it waits, and loses nothing") func backPressure() async throws
    {
        let store = WrappedStore()
        let release = Latch<Void>()
        store.beforeBeat { request in
            if !request.updates.isEmpty { await release.waitThroughCancellation() }
        }
        let written = Notes<Int>()
        let line = String(repeating: "x", count: 64 << 10)
        let handler = JobHandler("job") { context in
            for number in 0..<20 {
                await context.emit(line)
                written.add(number)
            }
            return nil
        }
        try await WorkerRun(store, [handler]).run { run in
            let id = try await run.enqueue("job")
            while written.values.count < 3 { await Task.yield() }
            // Four lines fit; the fifth is taken and waits.
            for _ in 0..<300 { await Task.yield() }
            #expect(written.values.count <= 4)
            release.open()
            try await run.ended(id)
            #expect(try await run.lines(id).count == 20)
        }
    }

    // MARK: payloads that grow old

    /// A job whose encoding changed.
    private struct Greet: Job {
        static let name = "greet"
        static let payloadVersion = 2
        var first: String
        var last: String
        static func upgrade(_ payload: [UInt8], from version: Int) throws -> Greet {
            guard version == 1 else { throw Broken() }
            let name = String(decoding: payload, as: UTF8.self).filter { $0 != "\"" }.split(separator: " ")
            return Greet(first: String(name[0]), last: String(name[1]))
        }
        func run(_ context: JobContext) async throws -> String { "\(last), \(first)" }
    }

    @Test("a job that was stored by an older program is upgraded") func upgrade() async throws {
        try await WorkerRun(MemoryStore(), [.job(Greet.self)]).run { run in
            let old = try await run.enqueue("greet") { $0.payload = Array(#""Ada Lovelace""#.utf8) }
            let new = try await run.client.enqueue(Greet(first: "Alan", last: "Turing")).id
            #expect(try await run.client.result(of: old, as: Greet.self) == "Lovelace, Ada")
            #expect(try await run.client.result(of: new, as: Greet.self) == "Turing, Alan")
        }
    }

    @Test("a payload that cannot be read fails at once with a clear reason, keeps its payload, and tells none of it")
    func unreadable() async throws {
        try await WorkerRun(MemoryStore(), [.job(Greet.self)]).run { run in
            for (version, payload) in [(2, "{\"secret\":1}"), (3, "\"future\""), (2, "")] {
                let id = try await run.enqueue("greet") {
                    $0.payload = Array(payload.utf8)
                    $0.payloadVersion = version
                    $0.attemptsMax = 5
                }
                let record = try await run.ended(id)
                #expect(record.state == .failed)
                #expect(record.attempt == 1)
                #expect(
                    record.detail?.hasPrefix("the payload (version \(version)) is not a greet of version 2") == true)
                #expect(record.detail?.contains("secret") == false)
                #expect(record.payload == Array(payload.utf8))
            }
        }
    }
}
