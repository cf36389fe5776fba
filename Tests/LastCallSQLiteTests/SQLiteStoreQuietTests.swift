import LastCallTesting
import LastCallWork
import Testing

@testable import LastCallSQLite

/// A store that nobody asks anything of.
@Suite struct SQLiteStoreQuietTests {
    @Test("C9 looking for cancellations, for due work and for claims writes nothing that others would look for")
    func looking() async throws {
        let scratch = try ScratchDirectory()
        let store = try await SQLiteStore.open("\(scratch.path)/queue.sqlite")
        let worker = try await store.register(
            WorkerDescription(name: "w", host: "h", process: .current, kinds: ["job"], queues: ["default"]))
        _ = try await store.accept([Submission(RecordDraft(kind: "job"))])
        let demand = QueueDemand(queue: "default", kinds: ["job"], limit: 1)
        let claimed = try await store.exchange(ExchangeRequest(worker: worker, demands: [demand])).claimed
        let observer = try SQLiteConnection(path: store.path, access: .readOnly)
        defer { observer.close() }
        func version() throws -> Int64? { try observer.first(text: "PRAGMA data_version") { $0.integer(0) } }
        let before = try version()
        #expect(try await store.beat(BeatRequest(held: claimed.map(\.claim))).overtaken.isEmpty)
        #expect(try await store.exchange(ExchangeRequest(worker: worker, demands: [demand])).claimed.isEmpty)
        #expect(try await store.sweep(SweepOrders()).promoted == 0)
        #expect(try await store.lostWorkers().isEmpty)
        #expect(try version() == before)
        _ = try await store.beat(BeatRequest(worker: worker))
        #expect(try version() != before)
        await store.close()
    }
}
