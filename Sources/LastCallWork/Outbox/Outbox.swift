public import LastCall
import LastCallConcurrency
public import Logging
public import ServiceLifecycle

/// Sends messages that were accepted, each at least once, those to one destination in order: the member of the stage behind the work.
///
/// ```swift
/// let outbox = try Outbox(store, transports: [slack])
/// let plan = try ShutdownPlan {
///     Stage("work", budget: .seconds(12)) { worker }
///     Stage("outbox", budget: .seconds(5)) { outbox }
///     Stage("close") { store }
/// }
/// try await outbox.send(Message("slack", to: "C024BE91L", text: "P2300R11 is out"))
/// ```
///
/// When ``send(_:)-(Message)`` returns, the message is as durable as the store. Told to stop, the outbox refuses new messages, goes on
/// sending what was accepted before, tries once what waits after a failure, and leaves in the store what cannot be sent in time.
public final class Outbox: Service, Sendable {
    /// What an outbox can be told beyond its transports.
    public struct Configuration: Sendable {
        /// The name of its worker, unique among the living; the host's name and the pid by default.
        public var name: String?
        /// How many destinations are sent to at once; 1,000 by default.
        public var concurrency: Int
        /// How long it goes on sending once it is told to stop, where that is less than its stage allows; outside a lifecycle 30 s by default.
        public var drainMax: Duration?
        /// How long the store remembers messages that are over; `nil` leaves that to workers.
        public var retention: Retention?
        /// Where it logs; never a payload, a token or a destination.
        public var logger: Logger
        /// Makes the JSON body of a message that waited for something's end; `nil` sends nothing.
        package var compose: (@Sendable (JobContext, [UInt8]) async throws -> [UInt8]?)?

        /// Creates a configuration with the defaults that each property names.
        public init(
            name: String? = nil, concurrency: Int = 1000, drainMax: Duration? = nil,
            retention: Retention? = Retention(), logger: Logger = Logger(label: "lastcall.outbox")
        ) {
            self.name = name
            self.concurrency = concurrency
            self.drainMax = drainMax
            self.retention = retention
            self.logger = logger
        }
    }

    /// What is kept under the lock.
    struct State {
        /// Whether it was run.
        var hasRun = false
        /// Whether it runs or ran to its end.
        var isOver = false
        /// What waited when it began.
        var backlog = 0
        /// How many messages this process accepted.
        var accepted = 0
        /// How many of them had to leave a full lane.
        var dropped = 0
        /// What others did to its queue, as far as it was seen.
        var others = Others()
        /// What is left, once it ended.
        var rest: Rest?
        /// Opens when the last one who waits for room in a lane has it.
        var turns: [String: Latch<Void>] = [:]
        /// Who waits for room.
        var waiting: [ObjectIdentifier: StoreChanges] = [:]

        /// How many messages this process accepted that did not have to leave for others.
        var own: Int { accepted - dropped }
    }

    /// What other processes and people did to a queue.
    struct Others {
        /// How many messages they accepted, or let be sent again.
        var accepted = 0
        /// How many they sent.
        var sent = 0
        /// How many they cancelled.
        var cancelled = 0
        /// How many cancelled messages the store held when it was last looked at.
        var cancelledInStore = 0
    }

    /// What is left of a queue at its end.
    struct Rest {
        /// How many others take over.
        var handedOver = 0
        /// How many are stored.
        var kept = 0
        /// What is lost with the store.
        var cut = 0
        /// What is lost, by name.
        var cutItems: [LedgerItem] = []
    }

    /// The queue in which all messages wait.
    public static let queueName = "outbox"
    /// How often a message may be tried: time, not attempts, decides when it is given up.
    package static let attemptsMax = 1_000_000_000
    /// How often a message may lose its process before it is dead-lettered.
    static let lossesMax = 20
    /// How long it sends outside a lifecycle once it is told to stop.
    static let drainMaxDefault = Duration.seconds(30)

    /// Where the messages are.
    public let store: any WorkStore
    let transports: [String: any Transport]
    let configuration: Configuration
    /// Lets in who accepts a message, until it is committed.
    package let intake = InFlightGate()
    let state = Mutex(State())
    let tally = OutboxTally()
    let worker: Worker

    /// Creates an outbox.
    ///
    /// - Parameters:
    ///   - store: Where the messages are.
    ///   - transports: What brings them to where they go, each name once.
    ///   - configuration: Name and limits.
    /// - Throws: ``WorkError/Code/invalidConfiguration``.
    public init(
        _ store: any WorkStore, transports: [any Transport], configuration: Configuration = Configuration()
    ) throws(WorkError) {
        var byName: [String: any Transport] = [:]
        for transport in transports {
            try Self.validate(transport)
            guard byName.updateValue(transport, forKey: transport.name) == nil else {
                throw WorkError(
                    .invalidConfiguration, "two transports are named \"\(transport.name)\"; a name has one transport")
            }
        }
        guard !transports.isEmpty else { throw WorkError(.invalidConfiguration, "an outbox needs a transport") }
        self.store = store
        self.configuration = configuration
        self.transports = byName
        var settings = Worker.Configuration(
            name: configuration.name ?? WorkerSettings.defaultName(for: "outbox"),
            concurrency: configuration.concurrency, queues: [.init(Self.queueName)],
            retention: configuration.retention, logger: configuration.logger)
        settings.forgetsOwnKindsOnly = true
        settings.drainMax = configuration.drainMax
        settings.drainMaxAlone = Self.drainMaxDefault
        settings.gates = transports.map {
            KindGate(kind: Self.kind($0.name), spacing: $0.policy.rate?.spacing ?? .zero)
        }
        let intake = intake
        settings.drainsAfter = {
            // Cancelled never: whoever was let in before is waited for, and what he accepted is sent.
            try? await intake.drain()  // see above
        }
        let tally = tally
        let delivering = transports.map { Delivering($0, store, tally, configuration.compose, configuration.logger) }
        worker = try Worker(store, handlers: delivering.map(\.handler), configuration: settings)
    }

    /// The kind of a transport's messages.
    package static func kind(_ transport: String) -> String { "message:\(transport)" }

    private static func validate(_ transport: any Transport) throws(WorkError) {
        let name = transport.name
        let isName = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isName, (1...64).contains(name.utf8.count) else {
            throw WorkError(
                .invalidConfiguration,
                "a transport's name is 1 to 64 of letters, digits, \".\", \"_\" and \"-\"; one is not")
        }
        try transport.policy.validate(name)
    }

    // MARK: running

    /// Sends what was accepted until it is told to stop.
    ///
    /// - Throws: ``WorkError/Code/invalidConfiguration`` where it was run before; what ``Worker/run()`` throws.
    public func run() async throws {
        let isFirst = state.withLock { state in
            defer { state.hasRun = true }
            return !state.hasRun
        }
        guard isFirst else {
            throw WorkError(.invalidConfiguration, "an outbox runs once, so that nothing is sent twice; make a new one")
        }
        await lookForBacklog()
        let timer = Latch<Void>()
        UnstructuredTask.start { [self] in await goOnCounting(until: timer) }
        let shutdown = Shutdown.current
        var failure: (any Error)?
        do {
            try await withGracefulShutdownHandler {
                try await worker.run()
            } onGracefulShutdown: { [self] in
                closeIntake()
                endInTime(shutdown, timer)
            }
        } catch { failure = error }
        timer.open()
        closeIntake()
        await countRest()
        if let failure { throw failure }
    }

    /// Ends the drain where no lifecycle does, or where it may take less time than its stage has.
    private func endInTime(_ shutdown: Shutdown?, _ isOver: Latch<Void>) {
        let most = configuration.drainMax ?? (shutdown == nil ? Self.drainMaxDefault : nil)
        guard let most, shutdown?.remaining.map({ most < $0 }) ?? true else { return }
        let worker = worker
        let cause = shutdown?.cause
        // It outlives the handler, and ends with the outbox.
        UnstructuredTask.start {
            await Self.wait(most, orUntil: isOver)
            if isOver.value == nil { worker.handOver(cause, within: .seconds(1)) }
        }
    }

    /// Waits so long, or until something happened.
    static func wait(_ time: Duration, orUntil isOver: Latch<Void>) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Cancelled: the other one came first.
                try? await ContinuousClock().sleep(for: min(time, .longest))  // see above
            }
            group.addTask {
                try? await isOver.wait()  // cancelled: the time is over
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Refuses new messages from now on.
    ///
    /// Returns at once, also while the queue is full and every destination hangs; done twice it changes nothing. What was accepted is sent
    /// on; see ``drain(within:)``.
    public func stop() { closeIntake() }

    /// Lets nobody in, and sends home who waits for room.
    func closeIntake() {
        intake.close()
        for changes in state.withLock({ Array($0.waiting.values) }) { changes.raise(.ended) }
    }

    /// What a drain came to.
    public struct Drained: Sendable, Hashable {
        /// Whether nothing is left to send.
        public var isComplete: Bool
        /// How many messages were delivered since it was asked for.
        public var delivered: Int
        /// How many are left in the store.
        public var left: Int

        /// Creates what a drain came to.
        public init(isComplete: Bool, delivered: Int, left: Int) {
            self.isComplete = isComplete
            self.delivered = delivered
            self.left = left
        }
    }

    /// Stops, where that was not done before, sends what was accepted, and waits for the end of that: for programs without a lifecycle.
    ///
    /// - Parameter time: How long it may take. What is on its way then is broken off and stays in the store.
    public func drain(within time: Duration) async -> Drained {
        closeIntake()
        let before = tally.delivered
        if state.withLock({ $0.hasRun && !$0.isOver }) {
            let isOver = Latch<Void>()
            let worker = worker
            worker.drain(ShutdownCause(kind: .call, detail: "the outbox was drained"), within: time)
            UnstructuredTask.start {
                await worker.waitUntilOver()
                isOver.open()
            }
            await Self.wait(time, orUntil: isOver)
            if isOver.value == nil {
                worker.handOver(nil, within: .seconds(1))
                await worker.waitUntilOver()
            }
        }
        let left = await countLeft()?.left ?? estimate
        return Drained(isComplete: left == 0, delivered: tally.delivered - before, left: left)
    }
}

extension Outbox: ReadinessReporting {
    /// Returns once it sends.
    public func waitUntilReady() async throws { try await worker.waitUntilReady() }
}
