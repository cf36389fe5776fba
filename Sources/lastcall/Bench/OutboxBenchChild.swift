import ArgumentParser
import HTTPTypes
import Hummingbird
import HummingbirdCore
import LastCall
import LastCallConcurrency
import LastCallHTTP
import LastCallSQLite
import LastCallTransports
import LastCallWork
import Logging
import NIOCore
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `lastcall bench outbox-child`: what the outbox's benchmark needs in a process of its own.
///
/// Each role says on its standard output what its parent waits for, a line at a time.
struct OutboxBenchChild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "outbox-child", shouldDisplay: false)

    /// What there is to do.
    enum Role: String, ExpressibleByArgument {
        /// Answers 204 to every message: `ready PORT`, and when it is told to stop `arrived MESSAGES REQUESTS`.
        case endpoint
        /// Holds messages for an endpoint that hangs: `resident KIB`.
        case hold
        /// Sends slowly until it is told to stop: `ready MESSAGES`.
        case stop
        /// Accepts messages and sends them until it is killed: the id of each.
        case accept
        /// Sends what waits: `delivered MESSAGES`.
        case deliver
    }

    /// What a plain array is called in the place of a store.
    static let plainArray = "array"
    /// How many messages are accepted at most by a process that waits to be killed.
    private static let acceptedMax = 200_000

    /// What it does.
    @Argument var role: Role
    /// Where messages are kept: `memory`, `array`, or a SQLite file.
    @Option var store = "memory"
    /// The port of the endpoint.
    @Option var port = 0
    /// How many messages it accepts.
    @Option var messages = 0
    /// Over how many lanes.
    @Option var lanes = 1
    /// Where it writes its receipt.
    @Option var receipt: String?

    func run() async throws {
        OwnProcess.endWithParent()
        switch role {
        case .endpoint: try await endpoint()
        case .hold: try await hold()
        case .stop: try await stop()
        case .accept: try await accept()
        case .deliver: try await deliver()
        }
    }

    /// Tells the parent something, at once.
    private static func tell(_ line: String) {
        print(line)
        fflush(nil)
    }

    /// Runs a plan that says nothing on a terminal, whatever the parent's environment is.
    private static func runAndExit(
        _ plan: ShutdownPlan, _ signals: ProcessSignals, receipt: String? = nil
    ) async -> Never {
        let configuration = Lifecycle.Configuration(
            logger: BenchOutbox.quiet, receiptPath: receipt, showsReceipt: .never, environment: [:])
        await Lifecycle(plan, configuration: configuration, signals: signals).runAndExit()
    }

    // MARK: the endpoint

    /// What an endpoint was sent.
    private final class Arrivals: Sendable {
        /// The keys, and how many requests there were.
        private let state = Mutex<(keys: Set<String>, requests: Int)>(([], 0))

        /// A request came.
        func came(_ key: String) {
            state.withLock { state in
                state.keys.insert(key)
                state.requests += 1
            }
        }

        /// How many messages and how many requests, for the parent.
        var line: String { state.withLock { "arrived \($0.keys.count) \($0.requests)" } }
    }

    /// The same for every attempt to deliver a message.
    private static let keyName = HTTPField.Name("Idempotency-Key")!

    /// Answers and counts.
    private func endpoint() async throws {
        let signals = ProcessSignals.take()
        let arrivals = Arrivals()
        let router = Router()
        router.post("hook") { request, _ in
            _ = try await request.body.collect(upTo: 1 << 20)
            arrivals.came(request.headers[Self.keyName] ?? "")
            return Response(status: .noContent)
        }
        var configuration = HTTPService.Configuration()
        configuration.propagationDelay = .zero
        configuration.environment = [:]
        let service = HTTPService(
            Application(router: router, logger: BenchOutbox.quiet), listener: .hostname("127.0.0.1", port: 0),
            configuration: configuration)
        let plan = try ShutdownPlan(grace: .stated(.seconds(10)), environment: [:]) {
            Stage("ready") {
                Member("ready") {
                    try await service.waitUntilReady()
                    Self.tell("ready \(service.localAddress?.port ?? 0)")
                    try await Shutdown.current?.stopRequested()
                }
            }
            Stage("web") { service.named("web") }
            // Told after the service, so that nothing can come any more.
            Stage("count") {
                Member("count") {
                    try await Shutdown.current?.stopRequested()
                    Self.tell(arrivals.line)
                }
            }
        }
        await Self.runAndExit(plan, signals)
    }

    // MARK: memory

    /// Opens once an attempt is under way in every lane.
    private final class Attempts: Sendable {
        /// How many there are to be.
        private let wanted: Int
        /// How many there are.
        private let count = Mutex(0)
        /// Opens with the last one.
        let all = Latch<Void>()

        init(_ wanted: Int) { self.wanted = wanted }

        /// One more is under way.
        func begin() {
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number == wanted { all.open() }
        }
    }

    /// A transport whose other side does not answer.
    private struct HangingTransport: Transport {
        let name = BenchOutbox.transportName
        let policy = TransportPolicy(timeout: .seconds(3600), breaker: nil, waitingMax: 10_000_000)
        /// Who waits for it to hang everywhere.
        let attempts: Attempts

        func deliver(_ delivery: Delivery) async throws -> DeliveryReceipt {
            attempts.begin()
            try await Task.sleep(for: .seconds(3600))
            return DeliveryReceipt()
        }
    }

    /// Holds messages, one of each lane on its way, and says what memory that takes.
    private func hold() async throws {
        if store == Self.plainArray {
            let waiting = (0..<messages).map { BenchOutbox.message($0, lane: $0 % lanes) }
            let resident = withExtendedLifetime(waiting) { OwnProcess.residentKilobytes }
            return Self.tell("resident \(resident)")
        }
        let opened = try await BenchOutbox.open(store)
        let attempts = Attempts(lanes)
        let outbox = try Outbox(
            opened, transports: [HangingTransport(attempts: attempts)], configuration: BenchOutbox.configuration)
        try await BenchOutbox.send(messages, lanes: lanes, to: outbox)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await outbox.run() }
            try await attempts.all.wait()
            Self.tell("resident \(OwnProcess.residentKilobytes)")
            // What is on its way is given back, so that the next process finds it waiting.
            group.cancelAll()
            try await group.waitForAll()
        }
        await opened.close()
    }

    // MARK: stop and death

    /// Sends one message a second, inside a lifecycle.
    private func stop() async throws {
        let signals = ProcessSignals.take()
        let sqlite = try await SQLiteStore.open(store)
        let transport = try BenchOutbox.transport(port: port, lanes: lanes, rate: .init(1, per: .seconds(1)))
        let outbox = try Outbox(sqlite, transports: [transport], configuration: BenchOutbox.configuration)
        try await BenchOutbox.send(messages, lanes: lanes, to: outbox)
        let queued = messages
        let plan = try ShutdownPlan(grace: .stated(OutboxBenchStop.grace), environment: [:]) {
            Stage("outbox") {
                outbox.named("outbox")
                Member("ready") {
                    try await outbox.waitUntilReady()
                    Self.tell("ready \(queued)")
                    try await Shutdown.current?.stopRequested()
                }
            }
            Stage("close", budget: .milliseconds(500)) { sqlite.named("store") }
        }
        await Self.runAndExit(plan, signals, receipt: receipt)
    }

    /// Accepts messages one by one while it sends those before.
    private func accept() async throws {
        let opened = try await BenchOutbox.open(store)
        let transport = try BenchOutbox.transport(port: port, lanes: lanes)
        let outbox = try Outbox(opened, transports: [transport], configuration: BenchOutbox.configuration)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await outbox.run() }
            for number in 0..<Self.acceptedMax {
                let sent = try await outbox.send(BenchOutbox.message(number, lane: number % lanes))
                Self.tell("\(sent.id)")
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    /// Sends until nothing waits.
    private func deliver() async throws {
        let opened = try await BenchOutbox.open(store)
        let transport = try BenchOutbox.transport(port: port, lanes: lanes)
        let outbox = try Outbox(opened, transports: [transport], configuration: BenchOutbox.configuration)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await outbox.run() }
            try await outbox.waitUntilReady()
            while try await outbox.status().waiting > 0 { try await Task.sleep(for: .milliseconds(20)) }
            _ = await outbox.drain(within: .seconds(5))
            try await group.waitForAll()
        }
        Self.tell("delivered \(outbox.ledger.done)")
        await opened.close()
    }
}
