import LastCallTesting
import LastCallWork
import Testing

/// What every store has to do, tried on the one in memory.
@Suite struct MemoryStoreConformanceTests {
    let conformance = StoreConformance {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock, payloadBytesMax: 64 << 10)
        return StoreConformance.Subject(
            store: store, advance: { clock.advance(by: $0) }, kill: { try await store.declareDead($0) })
    }

    @Test(
        "the store in memory does what every store does", .timeLimit(.minutes(1)), arguments: StoreConformance.checks)
    func conforms(to check: StoreConformance.Check) async throws { try await conformance.run(check) }
}
