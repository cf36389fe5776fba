import FoundationEssentials
import LastCall
import LastCallCommand
import LastCallSQLite
import LastCallTransports
import LastCallWork
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The outbox of a benchmark: its messages, its transport, its settings.
enum BenchOutbox {
    /// The transport's name.
    static let transportName = "hooks"
    /// How many messages are accepted in one transaction.
    private static let batch = 1000
    /// What each message says, about as much as a notification.
    private static let text = String(repeating: "nightly report is complete; ", count: 3)

    /// A logger that says nothing.
    static var quiet: Logger { Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() } }

    /// Settings that forget nothing and say nothing.
    static var configuration: Outbox.Configuration { Outbox.Configuration(retention: nil, logger: quiet) }

    /// A message for one of the lanes.
    static func message(_ number: Int, lane: Int) -> Message {
        Message(
            transportName, to: "lane\(lane)", body: Array("{\"number\":\(number),\"text\":\"\(text)\"}".utf8),
            contentType: "application/json")
    }

    /// A transport with as many names for one endpoint as there are lanes, without breaker.
    static func transport(
        port: Int, lanes: Int, rate: TransportPolicy.Rate? = nil
    ) throws(WorkError) -> HTTPTransport {
        var endpoints: [String: HTTPTransport.Endpoint] = [:]
        for lane in 0..<lanes { endpoints["lane\(lane)"] = .init("http://127.0.0.1:\(port)/hook") }
        return try HTTPTransport(
            transportName, endpoints: endpoints,
            policy: TransportPolicy(ratePerDestination: rate, breaker: nil, waitingMax: 10_000_000))
    }

    /// Accepts so many messages, for each lane in turn.
    static func send(_ count: Int, lanes: Int, to outbox: Outbox) async throws {
        for start in stride(from: 0, to: count, by: batch) {
            try await outbox.send(
                (start..<min(count, start + batch)).map { message($0, lane: $0 % lanes) })
        }
    }

    /// Runs an outbox until so many messages are delivered; the seconds that took.
    static func run(_ outbox: Outbox, until count: Int) async throws -> Double {
        try await withThrowingTaskGroup(of: Double?.self) { group in
            let start = ContinuousClock.now
            group.addTask {
                try await outbox.run()
                return nil
            }
            group.addTask {
                // The store tells of an end before the outbox has counted it, so listening could miss the last one.
                while outbox.ledger.done < count {
                    guard outbox.ledger.deadLettered == 0 else { throw BenchError("the endpoint refused a message") }
                    try await Task.sleep(for: .milliseconds(2))
                }
                return start.duration(to: .now).inSeconds
            }
            guard let first = try await group.next(), let seconds = first else {
                throw BenchError("the outbox ended before everything was delivered")
            }
            _ = await outbox.drain(within: .seconds(5))
            try await group.waitForAll()
            return seconds
        }
    }

    /// Opens the store that an argument names: `memory`, or a SQLite file.
    static func open(_ store: String) async throws -> any WorkStore {
        if store == "memory" { return MemoryStore() }
        return try await SQLiteStore.open(store)
    }

    /// How many messages wait in a SQLite file.
    static func waiting(in file: String) async throws -> Int {
        let store = try await SQLiteStore.open(file)
        let lanes = try await store.lanes(prefix: "\(transportName)/")
        await store.close()
        return lanes.reduce(0) { $0 + $1.depth }
    }
}

/// A process of the outbox's benchmark: this program again, for as long as somebody looks after it.
enum OutboxBenchProcess {
    /// What an endpoint was sent.
    struct Arrived: Sendable {
        /// How many messages, by their `Idempotency-Key`.
        var messages = 0
        /// How many requests.
        var requests = 0
    }

    /// Starts a process and lends it out; it is gone when this returns or throws.
    static func run<Value>(
        _ role: OutboxBenchChild.Role, _ arguments: [String] = [], _ body: (CommandProcess) async throws -> Value
    ) async throws -> Value {
        let command = Command(
            "/proc/self/exe", ["bench", "outbox-child", role.rawValue] + arguments, standardError: .inherit,
            stopPolicy: StopPolicy(killAfter: .seconds(5)))
        return try await command.withProcess(body)
    }

    /// Starts an endpoint, lends out its port, and asks it what it was sent once that is over.
    static func withEndpoint<Value>(
        _ body: (_ port: Int) async throws -> Value
    ) async throws -> (value: Value, arrived: Arrived) {
        try await run(.endpoint) { process in
            var lines = BenchLines(process)
            let port = try await lines.numbers(after: "ready")[0]
            let value = try await body(port)
            process.signal(SIGTERM)
            let counts = try await lines.numbers(after: "arrived")
            await lines.readToEnd()
            guard counts.count == 2 else { throw BenchError("the endpoint of the benchmark did not say what it got") }
            return (value, Arrived(messages: counts[0], requests: counts[1]))
        }
    }
}

/// Reads what a process of the benchmark says.
struct BenchLines {
    /// The lines.
    private var lines: CommandLines.AsyncIterator

    /// Begins with the first line; a process has one reader.
    init(_ process: CommandProcess) { lines = process.lines.makeAsyncIterator() }

    /// The next line, or `nil` after the last.
    mutating func next() async -> String? { await lines.next()?.text }

    /// The numbers of the next line, which has to begin with a word; at least one.
    mutating func numbers(after word: String) async throws -> [Int] {
        let line = await next()
        let words = (line ?? "").split(separator: " ")
        let numbers = words.dropFirst().compactMap { Int($0) }
        guard words.first == word[...], !numbers.isEmpty else {
            throw BenchError(
                "a process of the benchmark said \(line.map { "\"\($0)\"" } ?? "nothing") in place of \"\(word)\"")
        }
        return numbers
    }

    /// Reads on until the process has closed its output.
    mutating func readToEnd() async { while await next() != nil {} }
}

/// Bounds a part of a benchmark.
enum BenchTime {
    /// Runs a part; where it takes too long, it is cancelled, which ends its processes.
    static func within<Value: Sendable>(
        _ time: Duration, _ part: String, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: time)
                throw BenchError("\(part) took more than \(DurationText.format(time)); something hangs")
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }
}

/// What the kernel says of this process (proc_pid_status(5)).
enum OwnProcess {
    /// Its resident memory in KiB.
    static var residentKilobytes: Int {
        guard let file = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 256)
        while fgets(&buffer, Int32(buffer.count), file) != nil {
            let line = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if line.hasPrefix("VmRSS:") { return Int(line.filter(\.isNumber)) ?? 0 }
        }
        return 0
    }

    /// Ends it when its parent is gone: a benchmark that is killed leaves nobody behind.
    static func endWithParent() {
        let parent = getppid()
        UnstructuredTask.start {
            while getppid() == parent {
                try? await Task.sleep(for: .milliseconds(200))  // nobody cancels it
            }
            exit(EXIT_FAILURE)
        }
    }
}

/// What a queue of Python's standard library and a thread for each lane do with the same messages.
enum PythonSender {
    /// What came of it.
    enum Outcome: Sendable {
        /// So many messages a second.
        case rate(Double)
        /// It was not measured, for this reason.
        case skipped(String)
    }

    /// Queues first, then sends: one thread and one connection for each queue.
    private static let script = """
        import http.client, queue, sys, threading, time
        port, lanes, count = map(int, sys.argv[1:4])
        text = "nightly report is complete; " * 3
        queues = [queue.Queue() for _ in range(lanes)]
        for number in range(count):
            queues[number % lanes].put((f"python-{number}", f'{{"number":{number},"text":"{text}"}}'.encode()))
        for waiting in queues:
            waiting.put(None)
        sent = [0] * lanes
        def send(lane):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            while (message := queues[lane].get()) is not None:
                key, body = message
                connection.request("POST", "/hook", body, {
                    "Content-Type": "application/json", "User-Agent": "python", "Idempotency-Key": key})
                response = connection.getresponse()
                response.read()
                if response.status == 204:
                    sent[lane] += 1
        threads = [threading.Thread(target=send, args=(lane,)) for lane in range(lanes)]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.monotonic() - begun
        if sum(sent) != count:
            sys.exit(f"{sum(sent)} of {count} messages were delivered")
        print(count / elapsed)
        """

    /// Sends so many messages through so many queues.
    static func run(port: Int, lanes: Int, count: Int) async throws -> Outcome {
        do {
            let (lines, result) = try await Command(
                "python3", ["-c", script, "\(port)", "\(lanes)", "\(count)"], standardError: .inherit
            ).collect()
            guard result.isSuccess, let rate = lines.first.flatMap({ Double($0.text) }) else {
                return .skipped("python3 did not run the script: exit code \(result.exitStatus.shellCode)")
            }
            return .rate(rate)
        } catch let error as CommandError where error.code == .notFound {
            return .skipped("python3 is not installed")
        }
    }
}
