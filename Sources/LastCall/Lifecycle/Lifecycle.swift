import LastCallConcurrency
public import Logging
public import ServiceLifecycle

/// Runs a plan: starts its members, waits for a reason to stop, stops them in order, and writes the receipt.
///
/// ```swift
/// let signals = ProcessSignals.take()                       // the first line of main
/// let plan = try ShutdownPlan { Stage("web") { server } }
/// await Lifecycle(plan, signals: signals).runAndExit()
/// ```
///
/// A lifecycle is a `Service` itself, so one can be a member of another, or of a `ServiceGroup`.
public final class Lifecycle: Service, Sendable {
    /// What a lifecycle can be told beyond its plan.
    public struct Configuration: Sendable {
        /// The service's name in the receipt; the program's name by default.
        public var name: String
        /// Where the lifecycle logs; a logger with the label `lastcall` by default.
        public var logger: Logger
        /// Where the receipt is written as JSON; `LASTCALL_RECEIPT` by default, and nowhere where that is not set.
        public var receiptPath: String?
        /// Whether the receipt is shown on standard error: by default where that is a terminal, and live while it drains.
        public var showsReceipt: ReceiptDisplay
        /// The clock that budgets are measured with.
        public var clock: any Clock<Duration>
        /// Called for everything that happens, in order, on the lifecycle's own thread.
        ///
        /// It must return at once.
        public var onEvent: (@Sendable (LifecycleEvent) -> Void)?
        /// The environment.
        public var environment: [String: String]

        /// Another exit code for a receipt than its own, for a supervisor that passes its child's on.
        package var exitCode: (@Sendable (Receipt) -> Int32)?
        /// Whether a SIGQUIT that a process sent begins a drain, for a supervisor whose child takes it for a graceful stop.
        package var drainsOnQuit = false
        /// How long a member has to hand over, where its stage has as long.
        package var handOverMax = PlanArithmetic.handOverMax
        /// Which receipts are shown, for a supervisor whose child's own end is no stop.
        package var showsReceiptOf: @Sendable (Receipt) -> Bool = { _ in true }

        /// When the receipt is shown.
        public enum ReceiptDisplay: Sendable, Hashable {
            /// Where standard error is a terminal.
            case onTerminal
            /// Always, without live lines where standard error is no terminal.
            case always
            /// Always, as JSON.
            case json
            /// Never.
            case never
        }

        /// Creates a configuration with the defaults that each property names.
        public init(
            name: String? = nil, logger: Logger = Logger(label: "lastcall"), receiptPath: String? = nil,
            showsReceipt: ReceiptDisplay = .onTerminal, clock: any Clock<Duration> = ContinuousClock(),
            environment: [String: String] = ProcessEnvironment.current,
            onEvent: (@Sendable (LifecycleEvent) -> Void)? = nil
        ) {
            self.name = name ?? ProgramName.current
            self.logger = logger
            self.receiptPath = receiptPath ?? EnvironmentSettings(environment).text(.receipt)
            self.showsReceipt = showsReceipt
            self.clock = clock
            self.onEvent = onEvent
            self.environment = environment
        }
    }

    /// The plan that is run.
    public let plan: ShutdownPlan
    private let engine: LifecycleEngine
    private let signals: ProcessSignals?
    private let hasRun = Mutex(false)

    /// Creates a lifecycle.
    ///
    /// - Parameters:
    ///   - plan: The members and their order.
    ///   - configuration: Name, logger, places for the receipt.
    ///   - signals: The process's signals. Without them only ``stop(_:)``, a parent, a member's end or cancellation stop it;
    ///     ``runAndExit()`` takes them in any case.
    public init(
        _ plan: ShutdownPlan, configuration: Configuration = Configuration(), signals: ProcessSignals? = nil
    ) {
        self.plan = plan
        self.signals = signals
        self.engine = LifecycleEngine(plan: plan, configuration: configuration)
    }

    /// The receipt, once the stop is over.
    public var receipt: Receipt? { engine.finished.value }

    /// Begins an orderly stop, as a signal would.
    ///
    /// Harmless when it is repeated, or comes before the start.
    ///
    /// - Parameter reason: What the receipt says about it.
    public func stop(_ reason: String = "stop() was called") {
        engine.stop(ShutdownCause(kind: .call, detail: reason))
    }

    /// Begins a stop that hands everything over now: members are cancelled, stage by stage.
    ///
    /// - Parameter reason: What the receipt says about it.
    public func handOver(_ reason: String = "handOver() was called") {
        engine.stop(ShutdownCause(kind: .call, detail: reason), urgency: .handOver)
    }

    /// Runs the plan until it was stopped, and returns the receipt.
    ///
    /// Cancelling the task stops at once and not gracefully; the receipt says so. A second call waits for the same receipt.
    public func runUntilStopped() async -> Receipt {
        let isFirst = hasRun.withLock { hasRun in
            defer { hasRun = true }
            return !hasRun
        }
        guard isFirst else { return await engine.finished.waitThroughCancellation() }
        if let signals { engine.listen(signals) }
        let parent = Shutdown.scope
        return await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                engine.start()
                return await engine.finished.waitThroughCancellation()
            } onGracefulShutdown: { [engine] in
                engine.stopWithParent(parent)
            }
        } onCancel: { [engine] in
            engine.cancelled(parent)
        }
    }

    /// Runs the plan until it was stopped, and exits with the receipt's code.
    ///
    /// The exit does not wait for the concurrency pool: members that block all its threads cannot delay it.
    public func runAndExit() async -> Never {
        engine.exitsWhenFinished(signals ?? ProcessSignals.take())
        let receipt = await runUntilStopped()
        ProcessExit.now(receipt.exitCode)
    }

    /// Runs the plan as a service inside another lifecycle or a `ServiceGroup`.
    ///
    /// - Throws: The error of the member that failed, or ``LastCallError/Code/stopNotClean`` where the receipt is not clean;
    ///   ``LastCallError/Code/alreadyRun`` where the lifecycle ran before.
    public func run() async throws {
        guard !hasRun.withLock({ $0 }) else {
            throw LastCallError(.alreadyRun, "a lifecycle runs once; make a new one")
        }
        let receipt = await runUntilStopped()
        if let error = engine.firstError(in: receipt) { throw error }
        guard receipt.isClean else {
            let totals = receipt.totals
            throw LastCallError(
                .stopNotClean,
                "\(receipt.name) stopped \(receipt.outcome.rawValue): \(totals.cut) cut, \(totals.unaccounted) unaccounted; its receipt says what"
            )
        }
    }
}

extension Lifecycle: LedgerReporting {
    /// The sums over all members that keep a ledger.
    public var ledger: Ledger { engine.ledger }

    /// What members lost in this stop.
    public func cutItems(itemsMax: Int) -> [LedgerItem] { engine.cutItems(itemsMax: itemsMax) }

    /// What all members hold.
    public func heldItems(itemsMax: Int) -> [LedgerItem] { engine.heldItems(itemsMax: itemsMax) }
}
