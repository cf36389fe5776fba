import ArgumentParser

/// `lastcall bench`: measures, and prints ratios.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure this machine, and print ratios.",
        subcommands: [
            LifecycleBench.self, WorkBench.self, WorkBenchChild.self, OutboxBench.self, OutboxBenchChild.self,
        ])
}
