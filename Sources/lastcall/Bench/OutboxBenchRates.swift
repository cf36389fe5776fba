import FoundationEssentials
import LastCall
import LastCallCommand
import LastCallSQLite
import LastCallTransports
import LastCallWork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How fast messages are delivered, and what that is compared with.
struct OutboxBenchRates: Sendable {
    /// The port of the endpoint.
    let port: Int
    /// Over how many lanes.
    let lanes: Int
    /// How many messages.
    let count: Int
    /// Where stores are made.
    let folder: BenchFolder

    /// What several rounds came to, in messages a second.
    struct Figures: Sendable {
        /// The client alone, as many requests at once as there are lanes.
        var limit: [Double] = []
        /// An outbox on a store in memory.
        var memory: [Double] = []
        /// An outbox on a SQLite file.
        var sqlite: [Double] = []
        /// Commits of the end of one job and the beginning of the next, by SQLite alone; with one lane only.
        var commits: [Double] = []
        /// Queues and threads of Python.
        var python: [Double] = []
        /// Why Python was not measured.
        var skipped: String?
    }

    /// Measures everything in turns, so that whatever else the machine does falls on all of it.
    func measure(rounds: Int) async throws -> Figures {
        var figures = Figures()
        for _ in 0..<rounds {
            figures.limit.append(try await limit())
            figures.memory.append(try await deliver(from: MemoryStore()))
            figures.sqlite.append(try await deliver(from: SQLiteStore.open(folder.file())))
            if lanes == 1 { figures.commits.append(try RawStore(folder.file()).claimsAndAcks(count, batch: 1)) }
            guard figures.skipped == nil else { continue }
            switch try await PythonSender.run(port: port, lanes: lanes, count: count) {
            case .rate(let rate): figures.python.append(rate)
            case .skipped(let reason): figures.skipped = reason
            }
        }
        return figures
    }

    /// What the endpoint answers to the same client without an outbox.
    private func limit() async throws -> Double {
        let transport = try BenchOutbox.transport(port: port, lanes: lanes)
        let share = count / lanes
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    for number in 0..<share {
                        let delivery = Delivery(
                            message: BenchOutbox.message(number, lane: lane), id: WorkID(rawValue: Int64(number + 1)),
                            idempotencyKey: "limit-\(lane)-\(number)", attempt: 1)
                        _ = try await transport.deliver(delivery)
                    }
                }
            }
            try await group.waitForAll()
        }
        return Double(share * lanes) / start.duration(to: .now).inSeconds
    }

    /// Accepts the messages, then delivers them.
    private func deliver(from store: any WorkStore) async throws -> Double {
        let outbox = try Outbox(
            store, transports: [try BenchOutbox.transport(port: port, lanes: lanes)],
            configuration: BenchOutbox.configuration)
        try await BenchOutbox.send(count, lanes: lanes, to: outbox)
        let seconds = try await BenchOutbox.run(outbox, until: count)
        await store.close()
        return Double(count) / seconds
    }
}

/// What memory waiting messages take.
enum OutboxBenchMemory {
    /// How many lanes they wait in; one message of each is on its way.
    static let lanes = 100

    /// What holds the messages.
    enum Holder: String, Sendable, CaseIterable {
        /// Nothing but an array of them.
        case array = "plain array"
        /// The store in memory.
        case memory = "MemoryStore"
        /// A SQLite file, in the process that accepted them.
        case sqlite = "SQLiteStore, accepted by the same process"
        /// A SQLite file, in a process that found them there.
        case restarted = "SQLiteStore, accepted before a restart"
    }

    /// The resident KiB of a process in which so many messages wait.
    static func resident(_ holder: Holder, messages: Int, _ folder: BenchFolder) async throws -> Int {
        switch holder {
        case .array: return try await hold(OutboxBenchChild.plainArray, messages)
        case .memory: return try await hold("memory", messages)
        case .sqlite: return try await hold(folder.file(), messages)
        case .restarted:
            let file = folder.file()
            _ = try await hold(file, messages)
            return try await hold(file, 0)
        }
    }

    /// Starts a process that accepts so many messages, and asks it for its memory.
    private static func hold(_ store: String, _ messages: Int) async throws -> Int {
        let arguments = ["--store", store, "--messages", "\(messages)", "--lanes", "\(lanes)"]
        return try await OutboxBenchProcess.run(.hold, arguments) { process in
            var lines = BenchLines(process)
            let resident = try await lines.numbers(after: "resident")[0]
            await lines.readToEnd()
            _ = await process.result
            return resident
        }
    }
}

/// A sender that is told to stop with far more queued than it can send in time.
struct OutboxBenchStop: Sendable {
    /// The time that it has.
    static let grace = Duration.seconds(5)
    /// How many messages are queued.
    static let queued = 1000

    /// From SIGTERM until it was gone.
    let seconds: Double
    /// Its exit code as a shell reports it.
    let exitCode: Int32
    /// Its receipt's line for the outbox.
    let line: Receipt.Member
    /// How many messages the endpoint got.
    let arrived: Int
    /// How many wait in the store afterwards.
    let left: Int

    /// Starts one, lets it send for two seconds, and stops it.
    static func measure(_ folder: BenchFolder) async throws -> OutboxBenchStop {
        let file = folder.file()
        let receipt = folder.file()
        let (stop, arrived) = try await OutboxBenchProcess.withEndpoint { port in
            let arguments = [
                "--store", file, "--port", "\(port)", "--messages", "\(queued)", "--receipt", receipt,
            ]
            return try await OutboxBenchProcess.run(.stop, arguments) { process in
                var lines = BenchLines(process)
                _ = try await lines.numbers(after: "ready")
                try await Task.sleep(for: .seconds(2))
                let start = ContinuousClock.now
                process.signal(SIGTERM)
                await lines.readToEnd()
                let result = await process.result
                return (seconds: start.duration(to: .now).inSeconds, code: result.exitStatus.shellCode)
            }
        }
        guard let bytes = FileManager.default.contents(atPath: receipt) else {
            throw BenchError("the sender that was told to stop left no receipt")
        }
        let members = try Receipt(json: bytes).stages.flatMap(\.members)
        guard let line = members.first(where: { $0.name == "outbox" }) else {
            throw BenchError("the receipt of the sender that was told to stop has no line for its outbox")
        }
        return OutboxBenchStop(
            seconds: stop.seconds, exitCode: stop.code, line: line, arrived: arrived.messages,
            left: try await BenchOutbox.waiting(in: file))
    }
}

/// A sender that is killed while it accepts and sends.
struct OutboxBenchDeath: Sendable {
    /// After how many accepted messages it is killed at the earliest.
    static let acceptedMin = 1000
    /// Over how many lanes it sends.
    static let lanes = 10

    /// How many messages it said it had accepted.
    let accepted: Int
    /// How many messages the endpoint got.
    let delivered: Int
    /// How many requests the endpoint got for messages that it had already.
    let duplicates: Int
    /// How many accepted messages the endpoint never got.
    let lost: Int

    /// Kills one, and lets another process send what it left, where its store outlives it.
    static func measure(_ store: String) async throws -> OutboxBenchDeath {
        let isDurable = store != "memory"
        let (ids, arrived) = try await OutboxBenchProcess.withEndpoint { port in
            let arguments = ["--store", store, "--port", "\(port)", "--lanes", "\(lanes)"]
            let ids = try await acceptUntilKilled(arguments)
            if isDurable {
                try await OutboxBenchProcess.run(.deliver, arguments) { process in
                    var lines = BenchLines(process)
                    _ = try await lines.numbers(after: "delivered")
                    await lines.readToEnd()
                    _ = await process.result
                }
            }
            return ids
        }
        let lost =
            try await isDurable
            ? missing(ids, in: store, delivered: arrived.messages) : max(0, ids.count - arrived.messages)
        return OutboxBenchDeath(
            accepted: ids.count, delivered: arrived.messages, duplicates: arrived.requests - arrived.messages,
            lost: lost)
    }

    /// The ids that a sender said it had accepted before it was killed.
    private static func acceptUntilKilled(_ arguments: [String]) async throws -> [WorkID] {
        // Anywhere between two messages, and in the middle of one.
        let acceptedMax = acceptedMin + Int.random(in: 0..<100)
        return try await OutboxBenchProcess.run(.accept, arguments) { process in
            var lines = BenchLines(process)
            var ids: [WorkID] = []
            while let line = await lines.next() {
                guard let id = WorkID(line) else { continue }
                ids.append(id)
                if ids.count == acceptedMax { process.signal(SIGKILL) }
            }
            guard ids.count >= acceptedMax else {
                throw BenchError("the sender that was to be killed ended after \(ids.count) messages by itself")
            }
            _ = await process.result
            return ids
        }
    }

    /// How many accepted messages are not in the store, and how many in it the endpoint never got.
    ///
    /// Each message in the store has one idempotency key, so that counting both sides is enough.
    private static func missing(_ ids: [WorkID], in file: String, delivered: Int) async throws -> Int {
        let store = try await SQLiteStore.open(file)
        let there = try await store.records(WorkQuery(ids: ids, limit: ids.count)).count
        let committed = try await store.counts().filter { $0.queue == Outbox.queueName }.reduce(0) { $0 + $1.count }
        await store.close()
        return ids.count - there + committed - delivered
    }
}
