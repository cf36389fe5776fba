import LastCall
import LastCallConcurrency
import LastCallTesting
import LastCallWork
import Logging
import ServiceLifecycle
import Testing

/// A transport that does what a test says, and remembers what it was asked.
final class ScriptedTransport: Transport {
    /// What happens to an attempt.
    typealias Script = @Sendable (Delivery) async throws -> DeliveryReceipt

    let name: String
    let policy: TransportPolicy
    /// All attempts, in the order in which they began.
    let attempts = Notes<String>()
    /// What was delivered, in that order.
    let delivered = Notes<String>()
    private let script: Script

    init(
        _ name: String = "test", _ policy: TransportPolicy = .quick(),
        _ script: @escaping Script = { _ in DeliveryReceipt() }
    ) {
        self.name = name
        self.policy = policy
        self.script = script
    }

    func deliver(_ delivery: Delivery) async throws -> DeliveryReceipt {
        let text = String(decoding: delivery.message.body, as: UTF8.self)
        attempts.add(text)
        let receipt = try await script(delivery)
        delivered.add(text)
        return receipt
    }
}

extension TransportPolicy {
    /// A policy that tries again at once and has no breaker.
    static func quick(
        waitingMax: Int = 10_000, overflow: Overflow = .reject, breaker: Breaker? = nil,
        ratePerDestination: Rate? = nil, givesUpAfter: Duration = .seconds(3600), timeout: Duration = .seconds(60)
    ) -> TransportPolicy {
        TransportPolicy(
            ratePerDestination: ratePerDestination, timeout: timeout,
            backoff: RetryPolicy(base: .milliseconds(1), delayMax: .milliseconds(2)), givesUpAfter: givesUpAfter,
            breaker: breaker, waitingMax: waitingMax, overflow: overflow)
    }
}

/// An outbox in a lifecycle of its own, and what a test asks of it.
struct OutboxRun: Sendable {
    /// Where the messages are.
    let store: any WorkStore
    /// The outbox.
    let outbox: Outbox
    /// What stops it.
    let lifecycle: Lifecycle
    /// Opens when the outbox is told to stop.
    let told: Latch<Void>
    /// The lifecycle's clock, which stands still unless the test moves it.
    let clock: ManualClock

    init(
        _ store: any WorkStore, _ transports: [any Transport], drainMax: Duration? = nil,
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, budget: Duration = .seconds(20)
    ) throws {
        self.store = store
        clock = ManualClock()
        let told = Latch<Void>()
        self.told = told
        outbox = try Outbox(
            store, transports: transports,
            configuration: .init(drainMax: drainMax, retention: nil, logger: logger))
        let outbox = outbox
        let plan = try ShutdownPlan(grace: .stated(.seconds(60)), environment: [:]) {
            Stage("outbox", budget: budget) { outbox.named("outbox") }
        }
        lifecycle = Lifecycle(
            plan,
            configuration: .init(
                name: "test", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, showsReceipt: .never,
                clock: clock, environment: [:]
            ) { event in
                if case .memberTold = event.kind { told.open() }
            })
    }

    /// Runs the outbox while `body` runs, and stops it then.
    ///
    /// - Parameter stopping: What to do once it was told to stop.
    /// - Returns: The outbox's line in the receipt.
    @discardableResult
    func run(
        _ body: @Sendable (OutboxRun) async throws -> Void,
        stopping: @Sendable (OutboxRun) async throws -> Void = { _ in }
    ) async throws -> Receipt.Member {
        async let receipt = lifecycle.runUntilStopped()
        do {
            try await outbox.waitUntilReady()
            try await body(self)
            lifecycle.stop("the test is over")
            try await told.wait()
            try await stopping(self)
        } catch {
            lifecycle.handOver("the test failed")
            _ = await receipt
            throw error
        }
        return await receipt.stages[0].members[0]
    }

    /// Sends a text.
    @discardableResult
    func send(_ text: String, to destination: String = "there", through transport: String = "test") async throws
        -> WorkID
    {
        try await outbox.send(Message(transport, to: destination, text: text)).id
    }

    /// Waits until a message is over.
    @discardableResult
    func ended(_ id: WorkID) async throws -> WorkRecord { try await WorkClient(store).wait(for: id) }

    /// How many messages the store holds that are not over.
    func waiting() async throws -> Int { try await store.lanes(prefix: "").reduce(0) { $0 + $1.depth } }

    /// Lets the outbox's time be over: the lifecycle cancels it.
    func budgetEnds() async {
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(19))
    }
}

/// A door that a test opens.
final class Door: Sendable {
    private let latch = Latch<Void>()
    /// Opens once somebody stands before it.
    let reached = Latch<Void>()

    func open() { latch.open() }

    /// Waits until it is open.
    func pass() async throws {
        reached.open()
        try await latch.wait()
    }
}
