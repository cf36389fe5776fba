import LastCall
import LastCallConcurrency
import LastCallTesting
import LastCallWork
import Testing

/// Waiting for many jobs, following what one writes, and a store's status.
@Suite struct WorkClientFollowingTests {
    private let store = MemoryStore()
    private var work: WorkClient { WorkClient(store) }

    private func register(kinds: [String]) async throws -> WorkerID {
        try await store.register(
            WorkerDescription(
                name: "w", host: "h", process: ProcessIdentity(bootID: "b", pid: 1, startTime: 1), kinds: kinds,
                queues: ["default"]))
    }

    private func claim(_ worker: WorkerID, _ kind: String) async throws -> ClaimedRecord {
        let request = ExchangeRequest(
            worker: worker, demands: [QueueDemand(queue: "default", kinds: [kind], limit: 1)])
        return try #require(try await store.exchange(request).claimed.first)
    }

    private func settle(_ record: ClaimedRecord, _ ending: JobEnding, _ lines: [String] = []) async throws {
        var machine = RecordStateMachine(record.facts)
        let ended = machine.ended(ending)
        let settlement = Settlement(
            claim: record.claim, change: try #require(ended), output: OutputChunk(lines.map { WorkLine($0) }))
        _ = try await store.exchange(ExchangeRequest(settlements: [settlement]))
    }

    @Test("C25 waiting for many jobs ends with the last of them, and shows each look")
    func wait() async throws {
        let ids = try await work.enqueue([RecordDraft(kind: "a"), RecordDraft(kind: "a")]).map(\.id)
        let worker = try await register(kinds: ["a"])
        let looks = Mutex<[[WorkState]]>([])
        async let ended = work.wait(for: ids) { records in looks.withLock { $0.append(records.map(\.state)) } }
        try await settle(try await claim(worker, "a"), .succeeded)
        try await settle(try await claim(worker, "a"), .failed(detail: "no", retryAfter: nil))
        #expect(try await ended.map(\.state) == [.succeeded, .failed])
        #expect(looks.withLock { $0.last?.allSatisfy(\.isTerminal) } == true)
    }

    @Test("waiting for a job that is not there throws, and cancelling a wait ends it")
    func waitEnds() async throws {
        await #expect(throws: WorkError.self) { try await work.wait(for: [WorkID(rawValue: 9)]) }
        let id = try await work.enqueue(RecordDraft(kind: "a")).id
        await #expect(throws: CancellationError.self) {
            try await withThrowingTaskGroup(of: Void.self) { [work] group in
                group.addTask { try await work.wait(for: [id]) }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    @Test("more jobs than are asked for at once are all found, in the order of their ids")
    func manyRecords() async throws {
        let ids = try await work.enqueue((0..<1201).map { _ in RecordDraft(kind: "a") }).map(\.id)
        #expect(try await work.records(ids.reversed()).map(\.id) == ids)
    }

    @Test("C5 C6 what a job writes is followed to its end, over the run that is started anew")
    func follow() async throws {
        let id = try await work.enqueue(RecordDraft(kind: "a")).id
        let worker = try await register(kinds: ["a"])
        let first = try await claim(worker, "a")
        _ = try await store.beat(
            BeatRequest(
                worker: worker, updates: [JobUpdate(claim: first.claim, output: OutputChunk([WorkLine("one")]))]))
        let pages = Mutex<[String]>([])
        let seen = Latch<Void>()
        let reader = UnstructuredTask.startThrowing { [work] in
            try await work.readOutput(of: id, follows: true) { page in
                pages.withLock { $0 += page.lines.map(\.text) }
                seen.open()
            }
        }
        try await seen.wait()
        try await settle(first, .evicted(.requeue, detail: "told to stop"), ["two"])
        try await settle(try await claim(worker, "a"), .succeeded, ["three"])
        try await reader.value
        #expect(pages.withLock { $0 } == ["one", "two", "three"])
        #expect(try await work.resultLines(of: id).map(\.text) == ["three"])
        let all = Mutex<[String]>([])
        try await work.readOutput(of: id, from: .start, follows: false) { page in
            all.withLock { $0 += page.lines.map(\.text) }
        }
        #expect(all.withLock { $0 } == ["one", "two", "three"])
    }

    @Test("a status knows what waits and nobody alive handles, also where a worker of it died")
    func status() async throws {
        _ = try await work.enqueue([RecordDraft(kind: "a"), RecordDraft(kind: "b")])
        let worker = try await register(kinds: ["a"])
        let status = try await work.status()
        #expect(status.unhandled.map(\.kind) == ["b"])
        #expect(status.queues == ["default"])
        #expect(status.oldestReady.keys.sorted() == ["default"])
        try await store.declareDead(worker)
        #expect(try await work.status().unhandled.map(\.kind) == ["a", "b"])
    }

    @Test("a wait for changes hears them, or that there were none, or the end")
    func patience() async throws {
        let changes = store.changes()
        #expect(await changes.next(within: .milliseconds(1)) == .nothing)
        _ = try await work.enqueue(RecordDraft(kind: "a"))
        #expect(await changes.next(within: .seconds(60)) == .change(.work))
        async let heard = changes.next(within: nil)
        await store.close()
        #expect(await heard == .over)
    }
}
