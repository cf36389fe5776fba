import LastCall
import LastCallTesting
import LastCallWork
import Testing

/// Random work on a random day, many times.
///
/// `LASTCALL_SIMULATION_SEEDS` says how many; `LASTCALL_SIMULATION_SEED` plays one again.
@Suite struct WorkSimulationTests {
    static let seeds = ProcessEnvironment.current["LASTCALL_SIMULATION_SEEDS"].flatMap { UInt64($0) } ?? 2000
    static let only = ProcessEnvironment.current["LASTCALL_SIMULATION_SEED"].flatMap { UInt64($0) }

    @Test("B7 C24 simulation: nothing is lost, doubled, overtaken or stuck, and callbacks run once, for every seed")
    func everySeed() async {
        var counts: [String: Int] = [:]
        var failures = 0
        for seed in Self.only.map({ $0...$0 }) ?? 1...Self.seeds where failures < 5 {
            // Other tests wait for a thread.
            await Task.yield()
            var simulation = WorkSimulation(seed: seed)
            let outcome = simulation.run()
            counts.merge(outcome.counts, uniquingKeysWith: +)
            guard !outcome.violations.isEmpty else { continue }
            failures += 1
            var again = WorkSimulation(seed: seed, keepsLog: true)
            let log = again.run().log.joined(separator: "\n")
            let violations = outcome.violations.joined(separator: "\n")
            Issue.record("LASTCALL_SIMULATION_SEED=\(seed) plays it again:\n\(violations)\n\(log)")
        }
        // A simulation that never meets what it is for proves nothing.
        guard Self.only == nil, Self.seeds >= 1000, failures == 0 else { return }
        for what in Self.expected {
            #expect(counts[what, default: 0] > 100, "only \(counts[what, default: 0]) times: \(what)")
        }
    }

    /// What has to happen now and then.
    static let expected =
        [
            "crashes", "rescues", "drains", "evictions", "void", "late", "duplicates", "deadlines", "duplicate keys",
            "refused", "cancelled", "retried", "callbacks", "registrations anew",
            "news", "gates held", "dropped",
        ] + [WorkState.succeeded, .partial, .failed, .cancelled, .dead].map { "ended \($0)" }

    @Test("the same seed goes the same way") func sameSeed() {
        for seed in UInt64(1)...20 {
            var first = WorkSimulation(seed: seed, keepsLog: true)
            var second = WorkSimulation(seed: seed, keepsLog: true)
            #expect(first.run() == second.run())
        }
    }

    @Test(
        "B7 the simulation notices a store that is wrong",
        arguments: [WorkTables.Fault.unfencedSettlement, .counterOutsideTransaction])
    func wrongStore(fault: WorkTables.Fault) async {
        for seed in 1...Self.seeds {
            await Task.yield()
            var simulation = WorkSimulation(seed: seed, fault: fault)
            guard simulation.run().violations.isEmpty else { return }
        }
        Issue.record("\(Self.seeds) seeds and nobody noticed \(fault)")
    }
}
