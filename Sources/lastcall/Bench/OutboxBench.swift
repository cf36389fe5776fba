import ArgumentParser
import LastCall
import LastCallWork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `lastcall bench outbox`: how fast messages are delivered, what memory they take, and what a stop and a death leave of them.
struct OutboxBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outbox",
        abstract: "Messages a second to a local endpoint, beside the endpoint's own limit and a plain queue in Python.",
        discussion: """
            The endpoint is a process of its own on this machine. Every rate has its limit measured in the same run with the same client;
            what counts is the ratio. A run takes some minutes and some hundred megabytes in --directory.
            """)

    @Option(help: "Where the files are made; they are removed at the end.")
    var directory = "/tmp"

    @Option(help: "How many messages a rate is measured with over one lane; four times as many over 100.")
    var messages = 5000

    @Option(help: "How many messages wait when memory is measured.")
    var waiting = 100_000

    @Option(help: "How many rounds are measured, and how many senders are killed; the median of rates counts.")
    var rounds = 3

    @Option(help: "Only one part: rate, memory, stop or death.")
    var only: Part?

    /// The parts of a run.
    enum Part: String, ExpressibleByArgument, CaseIterable {
        case rate, memory, stop, death
    }

    /// How many lanes the second table of rates has.
    private static let lanesMany = 100

    func run() async throws {
        guard (100...1_000_000).contains(messages), (1000...10_000_000).contains(waiting), (1...100).contains(rounds)
        else {
            throw ValidationError(
                "--messages must be 100 to 1000000, --waiting 1000 to 10000000, --rounds 1 to 100")
        }
        let folder = try BenchFolder(in: directory)
        defer { folder.remove() }
        let table = BenchTable()
        for part in Part.allCases where only == nil || only == part {
            switch part {
            case .rate:
                try await rates(lanes: 1, count: messages, folder, table)
                try await rates(lanes: Self.lanesMany, count: messages * 4, folder, table)
            case .memory: try await memory(folder, table)
            case .stop: try await stop(folder, table)
            case .death: try await deaths(folder, table)
            }
        }
    }

    // MARK: rates

    /// Measures rates over so many lanes.
    private func rates(lanes: Int, count: Int, _ folder: BenchFolder, _ table: BenchTable) async throws {
        let rounds = rounds
        // Also a disk that syncs a hundred times a second is through by then.
        let most = Duration.seconds(120 + rounds * count / 25)
        let figures = try await BenchTime.within(most, "delivering") {
            try await OutboxBenchProcess.withEndpoint { port in
                try await OutboxBenchRates(port: port, lanes: lanes, count: count, folder: folder)
                    .measure(rounds: rounds)
            }.value
        }
        let (limit, memory, sqlite) = (figures.limit.median, figures.memory.median, figures.sqlite.median)
        let lane = lanes == 1 ? "1 lane" : "\(lanes) lanes"
        let requests = lanes == 1 ? "one request at a time" : "\(lanes) requests at once"
        table.title("delivered messages a second, \(lane)", "the same client alone, \(requests)")
        table.row("MemoryStore", memory, limit)
        table.row("SQLiteStore, durable", sqlite, limit)
        if !figures.commits.isEmpty {
            // A lane's next message begins when the end of the one before is on the disk.
            let both = 1 / (1 / limit + 1 / figures.commits.median)
            table.title(
                "delivered messages a second, \(lane)", "the client alone and a commit of SQLite alone, in turn")
            table.row("SQLiteStore, durable", sqlite, both)
        }
        let rival = lanes == 1 ? "a queue.Queue and a thread" : "\(lanes) queue.Queues and threads"
        table.title("delivered messages a second, \(lane)", "Python: \(rival)")
        guard figures.skipped == nil, !figures.python.isEmpty else {
            return say("left out: \(figures.skipped ?? "nothing was measured")")
        }
        table.row("MemoryStore", memory, figures.python.median)
        table.row("SQLiteStore, durable", sqlite, figures.python.median)
    }

    // MARK: memory

    /// Measures the memory of processes in which messages wait.
    private func memory(_ folder: BenchFolder, _ table: BenchTable) async throws {
        let waiting = waiting
        let few = OutboxBenchMemory.lanes
        var bytes: [OutboxBenchMemory.Holder: Double] = [:]
        var resident: [OutboxBenchMemory.Holder: Int] = [:]
        for holder in OutboxBenchMemory.Holder.allCases {
            let (less, more) = try await BenchTime.within(.seconds(120 + waiting / 100), "holding messages") {
                (
                    try await OutboxBenchMemory.resident(holder, messages: few, folder),
                    try await OutboxBenchMemory.resident(holder, messages: waiting, folder)
                )
            }
            resident[holder] = more
            bytes[holder] = max(0, Double(more - less) * 1024 / Double(waiting - few))
        }
        // What an array takes is never nothing; a division by it must not trap where it was not seen.
        let limit = max(1, bytes[.array] ?? 1)
        table.title("resident bytes for each of \(waiting) waiting messages", "the same messages in a plain array")
        for holder in OutboxBenchMemory.Holder.allCases where holder != .array {
            table.row(holder.rawValue, bytes[holder] ?? 0, limit)
        }
        table.title("resident memory of the process that holds them, MiB", nil)
        for holder in OutboxBenchMemory.Holder.allCases {
            table.figure(holder.rawValue, Double(resident[holder] ?? 0) / 1024, nil)
        }
    }

    // MARK: a stop

    /// Stops a sender that cannot send everything in time.
    private func stop(_ folder: BenchFolder, _ table: BenchTable) async throws {
        let stop = try await BenchTime.within(.seconds(120), "a stop") { try await OutboxBenchStop.measure(folder) }
        let grace = OutboxBenchStop.grace.inSeconds
        table.title("SIGTERM with \(OutboxBenchStop.queued) queued in a lane that sends one a second", nil)
        table.figure(
            "seconds until the process was gone", stop.seconds,
            "\(Int((stop.seconds / grace * 100).rounded())) % of the grace period, \(Int(grace)) s")
        let line = stop.line
        say("receipt: \(line.heldAtStop) held, \(line.done) delivered, \(line.kept) kept, \(line.cut) cut")
        if let prediction = line.prediction { say("its prediction when the stop began: \(prediction)") }
        say("exit code \(stop.exitCode)")
        say(
            "the endpoint got \(stop.arrived), the store holds \(stop.left), together \(stop.arrived + stop.left) of \(OutboxBenchStop.queued)"
        )
    }

    // MARK: deaths

    /// Kills senders, and counts what their endpoints got.
    private func deaths(_ folder: BenchFolder, _ table: BenchTable) async throws {
        table.title("SIGKILL while messages are accepted and sent over \(OutboxBenchDeath.lanes) lanes", nil)
        var lost = 0
        for _ in 0..<rounds {
            let file = folder.file()
            lost += try await death("SQLiteStore, and a process that sends the rest", file)
        }
        _ = try await death("MemoryStore, which dies with its process", "memory")
        guard lost == 0 else { throw BenchError("\(lost) accepted messages were lost, which is a bug") }
    }

    /// One death; how many messages it lost.
    private func death(_ name: String, _ store: String) async throws -> Int {
        let death = try await BenchTime.within(.seconds(300), "a death") { try await OutboxBenchDeath.measure(store) }
        say(
            "\(name): accepted \(death.accepted), delivered \(death.delivered), lost \(death.lost), delivered again \(death.duplicates)"
        )
        return death.lost
    }

    /// Prints a line of a table, at once.
    private func say(_ line: String) {
        print("  \(line)")
        fflush(nil)
    }
}
