import LastCall
import LastCallTesting
import Testing

/// Random stops, many of them.
///
/// `LASTCALL_SIMULATION_SEEDS` says how many; `LASTCALL_SIMULATION_SEED` plays one again.
@Suite struct LifecycleSimulationTests {
    static let seeds = ProcessEnvironment.current["LASTCALL_SIMULATION_SEEDS"].flatMap { UInt64($0) } ?? 2000
    static let only = ProcessEnvironment.current["LASTCALL_SIMULATION_SEED"].flatMap { UInt64($0) }

    @Test(
        "B1 B2 L3 P24 simulation: order, nobody's time, the deadline, conservation and one receipt hold for every seed")
    func everySeed() async {
        var endings: [Receipt.Outcome: Int] = [:]
        for seed in Self.only.map({ $0...$0 }) ?? 1...Self.seeds {
            // Other tests wait for a thread.
            await Task.yield()
            var simulation = LifecycleSimulation(seed: seed)
            let outcome = simulation.run()
            if let receipt = outcome.receipt { endings[receipt.outcome, default: 0] += 1 }
            #expect(
                outcome.violations.isEmpty,
                "LASTCALL_SIMULATION_SEED=\(seed) plays it again:\n\(outcome.violations.joined(separator: "\n"))\n\(outcome.timeline)"
            )
        }
        // A simulation that only ever sees one kind of end proves nothing about the others.
        guard Self.only == nil, Self.seeds >= 1000 else { return }
        for outcome in [Receipt.Outcome.clean, .partial, .forced] {
            #expect(endings[outcome, default: 0] > 20, "only \(endings[outcome, default: 0]) stops ended \(outcome)")
        }
    }

    @Test("the same seed gives the same timeline") func sameSeed() {
        var first = LifecycleSimulation(seed: 42)
        var second = LifecycleSimulation(seed: 42)
        #expect(first.run().timeline == second.run().timeline)
    }
}
