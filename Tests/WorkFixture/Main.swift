import LastCall
import LastCallSQLite
import LastCallWork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Workers on one store in processes of their own, and somebody who ends them at random.
@main
struct Fixture {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "worker" where arguments.count == 3: try await work(arguments[1], name: arguments[2])
        case "chaos" where arguments.count == 4:
            guard let seconds = Int(arguments[2]), let seed = UInt64(arguments[3]) else { exit(64) }
            let problems = try await Chaos(store: arguments[1], seconds: seconds, seed: seed).run()
            for problem in problems.prefix(20) { print("problem: \(problem)") }
            exit(problems.isEmpty ? 0 : 1)
        default:
            print("usage: WorkFixture worker STORE NAME | chaos STORE SECONDS SEED")
            exit(64)
        }
    }

    /// A worker, as a program has one.
    private static func work(_ path: String, name: String) async throws {
        let signals = ProcessSignals.take()
        let store = try await SQLiteStore.open(path)
        let worker = try Worker(
            store, handlers: ChaosJobs.handlers(beside: path),
            configuration: .init(name: name, concurrency: 4, leftovers: ChaosJobs.leftovers(store)))
        let plan = try ShutdownPlan(grace: .stated(.seconds(10))) {
            Stage("work") { worker.named("worker") }
            Stage("store") {
                Member("store") {
                    try await Shutdown.current?.stopRequested()
                    await store.close()
                }
            }
        }
        await Lifecycle(plan, configuration: .init(showsReceipt: .never), signals: signals).runAndExit()
    }
}
