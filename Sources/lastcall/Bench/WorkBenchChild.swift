import ArgumentParser
import LastCall
import LastCallCommand
import LastCallSQLite
import LastCallWork
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The workers of a benchmark.
enum BenchWorker {
    /// Handlers of the jobs that benchmarks make.
    static let handlers: [JobHandler] = [
        JobHandler("noop") { _ in nil },
        JobHandler("stamp") { _ in Array("\(MonotonicNanoseconds.now)".utf8) },
        JobHandler("hold", evictionPolicy: .finalize) { context in
            let now = MonotonicNanoseconds.now
            if context.record.epoch == 1 {
                try await context.evicted()
                context.cutShort()
            }
            return Array("\(now)".utf8)
        },
    ]

    /// A worker of a benchmark, which says nothing.
    static func make(_ store: any WorkStore, concurrency: Int) throws -> Worker {
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        return try Worker(
            store, handlers: handlers,
            configuration: .init(concurrency: concurrency, retention: nil, logger: logger))
    }

    /// Runs a worker in this process until so many jobs are done.
    static func run(_ store: any WorkStore, concurrency: Int, until count: Int) async throws {
        let worker = try make(store, concurrency: concurrency)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            try await waitUntil(store) { worker.ledger.done >= count }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    /// Waits until something is true, looking whenever the store changes.
    static func waitUntil(_ store: any WorkStore, _ condition: () async throws -> Bool) async throws {
        let changes = store.changes()
        while try await !condition() { guard await changes.next() != nil else { return } }
    }

    /// Waits until nothing waits and nothing runs.
    static func waitUntilEmpty(_ store: any WorkStore) async throws {
        let open = Set(WorkState.allCases.filter { !$0.isTerminal })
        try await waitUntil(store) {
            try await store.records(WorkQuery(states: open, newestFirst: true, limit: 1)).isEmpty
        }
    }
}

/// Workers in processes of their own.
struct BenchChildren: Sendable {
    /// The processes.
    private let processes: [BenchChild]

    /// Claims a second that the first one measured, where it was asked to.
    var claimsPerSecond: Double { processes.first?.claimsPerSecond ?? 0 }
    /// The first one's resident memory.
    var residentKilobytes: Int { processes.first?.residentKilobytes ?? 0 }

    /// Starts workers and waits until they claim.
    static func start(_ count: Int, store: String, concurrency: Int, claims: Int = 0) async throws -> BenchChildren {
        var processes: [BenchChild] = []
        for _ in 0..<count {
            processes.append(
                try await BenchChild.start([
                    "bench", "work-child", "--store", store, "--concurrency", "\(concurrency)", "--claims", "\(claims)",
                ]))
        }
        return BenchChildren(processes: processes)
    }

    /// Sends a signal to all of them.
    func signal(_ signal: Int32) { for process in processes { kill(process.pid, signal) } }

    /// Waits until they are gone.
    func wait() async { for process in processes { await process.wait() } }

    /// Tells them to stop and waits until they are gone.
    func stop() async throws {
        signal(SIGTERM)
        await wait()
    }
}

/// One worker in a process of its own.
final class BenchChild: Sendable {
    let pid: pid_t
    let claimsPerSecond: Double
    let residentKilobytes: Int
    private let ended: Task<Void, any Error>

    private init(pid: pid_t, line: [Substring], ended: Task<Void, any Error>) {
        self.pid = pid
        self.ended = ended
        claimsPerSecond = line.count > 1 ? Double(line[1]) ?? 0 : 0
        residentKilobytes = line.count > 2 ? Int(line[2]) ?? 0 : 0
    }

    /// Starts this program again and waits for its first line.
    static func start(_ arguments: [String]) async throws -> BenchChild {
        let ready = Latch<(pid_t, String)>()
        let ended = UnstructuredTask.startThrowing {
            try await Command("/proc/self/exe", arguments, standardError: .inherit).withProcess { process in
                for await line in process.lines { ready.open((process.pid, line.text)) }
                ready.open((process.pid, ""))
                _ = await process.result
            }
        }
        let (pid, line) = try await ready.wait()
        guard line.hasPrefix("ready") else { throw BenchError("a worker of the benchmark did not start") }
        return BenchChild(pid: pid, line: line.split(separator: " "), ended: ended)
    }

    func wait() async { _ = await ended.result }
}

/// `lastcall bench work-child`: a worker of a benchmark, in a process of its own.
struct WorkBenchChild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "work-child", shouldDisplay: false)

    @Option var store: String
    @Option var concurrency: Int
    @Option var claims = 0

    func run() async throws {
        let signals = ProcessSignals.take()
        let store = try await SQLiteStore.open(store)
        let worker = try BenchWorker.make(store, concurrency: concurrency)
        var line = "ready"
        if claims > 0 { line += try await measureClaims(store) }
        let plan = try ShutdownPlan(grace: .stated(.seconds(10))) {
            if claims == 0 { Stage("work") { worker.named("worker") } }
            Stage("store") {
                Member("store") { [line] in
                    print(line)
                    fflush(nil)
                    try await Shutdown.current?.stopRequested()
                    await store.close()
                }
            }
        }
        var configuration = Lifecycle.Configuration(showsReceipt: .never)
        configuration.logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        await Lifecycle(plan, configuration: configuration, signals: signals).runAndExit()
    }

    /// Claims and gives back, and says how often a second and what memory that took.
    private func measureClaims(_ store: SQLiteStore) async throws -> String {
        let description = WorkerDescription(
            name: "claims", host: "here", process: .current, kinds: ["noop"], queues: ["default"])
        let worker = try await store.register(description)
        var held: [ClaimedRecord] = []
        let start = ContinuousClock.now
        for _ in 0..<claims {
            held += try await store.exchange(
                ExchangeRequest(worker: worker, demands: [QueueDemand(queue: "default", kinds: ["noop"], limit: 100)])
            ).claimed
        }
        let seconds = start.duration(to: .now).inSeconds
        let back = held.compactMap { record -> Settlement? in
            var machine = RecordStateMachine(record.facts)
            return machine.ended(.unstarted).map { Settlement(claim: record.claim, change: $0) }
        }
        _ = try await store.exchange(ExchangeRequest(settlements: back))
        try await store.deregister(worker)
        var usage = rusage()
        getrusage(0, &usage)  // RUSAGE_SELF, whose Swift type differs between C libraries
        return " \(Double(claims) / seconds) \(usage.ru_maxrss)"
    }
}
