import ArgumentParser
import LastCall
import LastCallSQLite
import LastCallWork
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `lastcall bench work`: what the SQLite store does on this machine, beside what SQLite itself does in the same run.
struct WorkBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "work",
        abstract: "Jobs a second and latency of the SQLite store, beside SQLite's own limit in the same run.",
        discussion: """
            Every rate has its limit measured in the same run, on the same disk, with the same tables and batch sizes; what counts is
            the ratio. A run takes about a minute and some hundred megabytes in --directory.
            """)

    @Option(help: "Where the files are made; they are removed at the end.")
    var directory = "/tmp"

    @Option(help: "How many jobs a throughput is measured with.")
    var jobs = 40_000

    @Option(
        help: "How many jobs wait when the claim rate and the memory of a large store are measured; 0 leaves that out.")
    var waiting = 1_000_000

    @Option(help: "How many times a stop and a death are measured; the median counts.")
    var stops = 5

    @Option(help: "Only one part: enqueue, run, latency, stop or large.")
    var only: Part?

    /// The parts of a run.
    enum Part: String, ExpressibleByArgument, CaseIterable {
        case enqueue, run, latency, stop, large
    }

    func run() async throws {
        guard jobs >= 1000, waiting >= 0, stops > 0 else {
            throw ValidationError("--jobs must be at least 1000, --waiting at least 0, --stops at least 1")
        }
        let folder = try BenchFolder(in: directory)
        defer { folder.remove() }
        let table = BenchTable()
        for part in Part.allCases where only == nil || only == part {
            switch part {
            case .enqueue: try await enqueueing(folder, table)
            case .run: try await running(folder, table)
            case .latency: try await latencies(folder, table)
            case .stop: try await stopping(folder, table)
            case .large: if waiting > 0 { try await large(folder, table) }
            }
        }
    }

    // MARK: enqueueing

    private func enqueueing(_ folder: BenchFolder, _ table: BenchTable) async throws {
        table.title("durable enqueue, jobs a second", "limit")
        let count = min(jobs, 4000)
        let limit = try RawStore(folder.file()).inserts(count, batch: 1)
        let store = try await SQLiteStore.open(folder.file())
        let one = try await rate(count) {
            for number in 0..<count { _ = try await store.accept([Submission(.noop(number))]) }
        }
        table.row("one by one", one, limit)
        let together = try await rate(count * 4) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<64 {
                    group.addTask {
                        for number in 0..<count / 16 { _ = try await store.accept([Submission(.noop(number))]) }
                    }
                }
                try await group.waitForAll()
            }
        }
        table.row("64 callers at once", together, limit)
        let bulk = max(jobs, 100_000)
        let bulkLimit = try RawStore(folder.file()).inserts(bulk, batch: 10_000)
        let many = try await rate(bulk) {
            for start in stride(from: 0, to: bulk, by: 10_000) {
                _ = try await store.accept((start..<start + 10_000).map { Submission(.noop($0)) })
            }
        }
        table.row("10,000 a call", many, bulkLimit)
        await store.close()
    }

    // MARK: running

    private func running(_ folder: BenchFolder, _ table: BenchTable) async throws {
        table.title("no-op jobs end to end, durable, jobs a second", "claim + ack, 100 a commit")
        let limit = try RawStore(folder.file()).claimsAndAcks(jobs, batch: 100)
        table.row("1 process", try await drain(folder, workers: 0, concurrency: 100), limit)
        table.row("4 processes", try await drain(folder, workers: 4, concurrency: 50), limit)
        let slow = try await drain(folder, workers: 0, concurrency: 100, commitDelay: .milliseconds(2), jobs: jobs / 4)
        table.row("1 process, each commit 2 ms longer", slow, limit)
    }

    /// Works a filled store off, in this process or in others; jobs a second.
    private func drain(
        _ folder: BenchFolder, workers: Int, concurrency: Int, commitDelay: Duration = .zero, jobs: Int? = nil
    ) async throws -> Double {
        let file = folder.file()
        let count = jobs ?? self.jobs
        try await folder.fill(file, with: count)
        if workers == 0 {
            var configuration = SQLiteStore.Configuration()
            configuration.commitDelay = commitDelay
            let store = try await SQLiteStore.open(file, configuration: configuration)
            return try await rate(count) {
                try await BenchWorker.run(store, concurrency: concurrency, until: count)
                await store.close()
            }
        }
        let store = try await SQLiteStore.open(file)
        try await WorkClient(store).pause(queue: "default")
        let children = try await BenchChildren.start(workers, store: file, concurrency: concurrency)
        let done = try await rate(count) {
            try await WorkClient(store).resume(queue: "default")
            try await BenchWorker.waitUntilEmpty(store)
        }
        try await children.stop()
        await store.close()
        return done
    }

    // MARK: latencies

    private func latencies(_ folder: BenchFolder, _ table: BenchTable) async throws {
        let file = folder.file()
        let store = try await SQLiteStore.open(file)
        let children = try await BenchChildren.start(1, store: file, concurrency: 10)
        let work = WorkClient(store)
        var ids: [WorkID] = []
        for _ in 0..<400 {
            ids.append(try await work.enqueue(.stamp()).id)
            try await Task.sleep(for: .milliseconds(4))
        }
        try await BenchWorker.waitUntilEmpty(store)
        let times = try await store.records(WorkQuery(ids: ids)).compactMap(\.stampMilliseconds).sorted()
        table.title("from enqueueing to the start in another process, milliseconds", nil)
        table.figure("p50", times[times.count / 2], "aim 2")
        table.figure("p99", times[times.count * 99 / 100], "aim 5")

        let members = (0..<1000).map { Workflow.record(.noop($0)) }
        let start = ContinuousClock.now
        let chord = try await work.submit(.group(members, then: Workflow.record(.stamp())))
        _ = try await work.wait(for: chord[1000])
        table.title("a chord of 1,000, seconds", nil)
        table.figure("submitted to callback done", start.duration(to: .now).inSeconds, "aim 0.5")
        try await children.stop()
        await store.close()
    }

    // MARK: stops and deaths

    private func stopping(_ folder: BenchFolder, _ table: BenchTable) async throws {
        var (told, killed): ([Double], [Double]) = ([], [])
        for _ in 0..<stops {
            told.append(try await handOver(folder, signal: SIGTERM))
            killed.append(try await handOver(folder, signal: SIGKILL))
        }
        table.title("a worker is stopped, milliseconds (median of \(stops))", nil)
        table.figure("SIGTERM until its chord's callback starts in another process", told.median, "aim 100")
        table.figure("SIGKILL until its job runs again in another process", killed.median, "aim 100")
    }

    /// Stops a worker in the middle of a job; the time until another process has taken over.
    private func handOver(_ folder: BenchFolder, signal: Int32) async throws -> Double {
        let file = folder.file()
        let store = try await SQLiteStore.open(file)
        let work = WorkClient(store)
        let first = try await BenchChildren.start(1, store: file, concurrency: 1)
        let ids = try await work.submit(
            .group([Workflow.record(.hold())], then: Workflow.record(.stamp())))
        try await BenchWorker.waitUntil(store) { try await work.record(ids[0]).state == .running }
        let second = try await BenchChildren.start(1, store: file, concurrency: 1)
        let start = MonotonicNanoseconds.now
        first.signal(signal)
        // Told, the job ends as partial and the callback is what starts elsewhere; killed, the job itself is.
        let id = signal == SIGTERM ? ids[1] : ids[0]
        try await work.wait(for: id)
        guard let started = try await work.record(id).stampStart else { throw BenchError("job \(id) left no time") }
        try await second.stop()
        await first.wait()
        await store.close()
        return Double(started - start) / 1_000_000
    }

    // MARK: a large store

    private func large(_ folder: BenchFolder, _ table: BenchTable) async throws {
        var rates: [[Double]] = [[], []]
        var memory = 0
        let files = [folder.file(), folder.file()]
        for (file, count) in zip(files, [1000, waiting]) { try await folder.fill(file, with: count) }
        // In turns, so that whatever else the machine does falls on both.
        for _ in 0..<7 {
            for (index, file) in files.enumerated() {
                let children = try await BenchChildren.start(1, store: file, concurrency: 100, claims: 10)
                rates[index].append(children.claimsPerSecond)
                memory = children.residentKilobytes
                try await children.stop()
            }
        }
        table.title("claims of 100 from a store in which many wait, a second", "1,000 wait")
        table.row("\(waiting) wait", rates[1].median, rates[0].median)
        table.title("resident memory of a worker on it, MiB", nil)
        table.figure("\(waiting) wait", Double(memory) / 1024, nil)
    }

    private func rate(_ count: Int, _ body: () async throws -> Void) async throws -> Double {
        let start = ContinuousClock.now
        try await body()
        return Double(count) / start.duration(to: .now).inSeconds
    }
}
