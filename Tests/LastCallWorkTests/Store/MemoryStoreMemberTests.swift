import LastCall
import LastCallTesting
import LastCallWork
import Testing

/// A store in memory as a member of a plan.
@Suite struct MemoryStoreMemberTests {
    @Test("B1 what waits in memory at the end is cut, and listed") func waiting() async throws {
        let store = MemoryStore()
        let receipt = try await stop(store, Stage("store") { store.named("memory") }) {
            for _ in 0..<3 { _ = try await store.accept([Submission(RecordDraft(kind: "job"))]) }
        }
        let line = try #require(receipt.stages.flatMap(\.members).first { $0.name == "memory" })
        #expect([line.heldAtStop, line.cut, line.unaccounted] == [3, 3, 0])
        #expect(line.cutItems.map(\.label) == ["job 1 job ready", "job 2 job ready", "job 3 job ready"])
        #expect(receipt.exitCode == 75)
    }

    @Test("B1 what a worker gives back to a store that is a member is counted once") func givenBack() async throws {
        let store = MemoryStore()
        let began = Latch<Void>()
        let worker = try Worker(
            store,
            handlers: [
                JobHandler("job", evictionPolicy: .requeue) { _ in
                    began.open()
                    try await Latch<Void>().wait()
                    return nil
                }
            ])
        _ = try await store.accept([Submission(RecordDraft(kind: "job"))])
        let receipt = try await stop(
            store, Stage("work") { worker.named("worker") }, Stage("store") { store.named("memory") }
        ) { try await began.wait() }
        #expect(receipt.totals.cut == 1)
        #expect(receipt.totals.unaccounted == 0)
    }

    /// Runs the stages until the body is over; the receipt of the stop.
    private func stop(
        _ store: MemoryStore, _ stages: Stage..., after body: @Sendable () async throws -> Void
    ) async throws -> Receipt {
        let plan = try ShutdownPlan(grace: .stated(.seconds(20))) { stages }
        let lifecycle = Lifecycle(plan, configuration: .init(showsReceipt: .never))
        async let receipt = lifecycle.runUntilStopped()
        try await body()
        lifecycle.stop()
        return await receipt
    }
}
