public import Hummingbird
public import LastCall
import LastCallConcurrency
import Logging
public import NIOCore
public import ServiceLifecycle

/// Runs a Hummingbird application so that no request is lost when it stops.
///
/// ```swift
/// let web = HTTPService(Application(router: router))
/// let plan = try ShutdownPlan { Stage("web") { web } }
/// await Lifecycle(plan, signals: signals).runAndExit()
/// ```
///
/// When the lifecycle's stop begins, every answer says `Connection: close` and HTTP/2 clients are told to go away, while the
/// listener still accepts. When the service itself is told, and its propagation delay has passed, new connections are kept out,
/// those that wait are accepted, and the listener is closed; idle connections follow after a linger, streams are told to finish,
/// and whatever is in flight is answered. What is left at the end of the stage is cut, and listed by method, path and age.
///
/// The application's own services, its processes before the start and its `onServerRunning` are run as Hummingbird runs them; its
/// services outlive its requests.
public final class HTTPService: Service, ReadinessReporting, LedgerReporting, Sendable {
    /// What makes the service stop besides the lifecycle: the stop begins when it returns or throws.
    ///
    /// It is a function and no task, so that it starts with the service, is cancelled with it, and its error reaches whoever runs it.
    public typealias Trigger = @Sendable () async throws -> Void

    /// What runs before the first connection is accepted, or after the last one is gone.
    public typealias Hook = @Sendable () async throws -> Void

    /// How a service behaves, beyond its application's own configuration.
    public struct Configuration: Sendable {
        /// How long the listener stays open once readiness turned false, so that load balancers learn of it.
        ///
        /// By default 5 s on Kubernetes where no preStop is declared, and otherwise 0. `LASTCALL_PROPAGATION_DELAY` wins over it. It
        /// counts from the beginning of the stop and is part of the stage's budget.
        public var propagationDelay: Duration?
        /// During a stop, how long an idle connection is kept for a request that may be on its way, and how long the client has to
        /// close its own half after the last answer; 100 ms by default.
        ///
        /// While the service serves, a client that was told to close has two seconds of silence for that.
        public var linger = Duration.milliseconds(100)
        /// What clients may send, and how long they may take.
        public var limits = HTTPLimits()
        /// What runs before the first connection is accepted, in this order; an error is a failed start.
        public var beforeServing: [Hook] = []
        /// What runs after the last connection is gone, in this order, within what is left of the stage's budget.
        public var afterServing: [Hook] = []
        /// The clock that delays are measured with.
        public var clock: any Clock<Duration> = ContinuousClock()
        /// The environment.
        public var environment = ProcessEnvironment.current

        /// The defaults.
        public init() {}
    }

    let application: ServedApplication
    let listener: Listener
    let connectionProtocol: ConnectionProtocol
    let configuration: Configuration
    let trigger: Trigger?
    let registry = ConnectionRegistry()
    let date = DateHeader()
    /// Held while connections are served.
    let serving = InFlightGate()
    /// Opens with the address when the service listens.
    let listening = Latch<SocketAddress?>()
    /// Opens when the service listens, or never will.
    let readiness = Latch<Result<Void, HTTPServiceError>>()
    /// Opens when the stop begins, and when this service is told.
    let stop: StopSignals
    private let ended = Latch<Void>()
    private let hasRun = Mutex(false)

    /// Work that outlives its request and is waited for.
    ///
    /// Add it to the plan, in a stage after the service's, to use it; requests reach it as `BackgroundTasks.current`.
    public let background: BackgroundTasks

    /// Creates a service.
    ///
    /// - Parameters:
    ///   - application: What answers the requests.
    ///   - listener: Where to listen; the application's own address by default.
    ///   - connectionProtocol: What to speak; what the application is configured for by default, which has to be HTTP/1.1.
    ///   - configuration: Delays, limits, hooks.
    ///   - trigger: What makes the service stop besides the lifecycle.
    public convenience init(
        _ application: some ApplicationProtocol, listener: Listener = .application,
        speaking connectionProtocol: ConnectionProtocol = .application, configuration: Configuration = Configuration(),
        until trigger: Trigger? = nil
    ) {
        self.init(
            application, listener: listener, speaking: connectionProtocol, configuration: configuration, until: trigger,
            stop: StopSignals())
    }

    /// Creates a service whose signals somebody else knows, too.
    init(
        _ application: some ApplicationProtocol, listener: Listener, speaking connectionProtocol: ConnectionProtocol,
        configuration: Configuration, until trigger: Trigger?, stop: StopSignals
    ) {
        self.application = ServedApplication(application)
        self.listener = listener
        self.connectionProtocol = connectionProtocol
        self.configuration = configuration
        self.trigger = trigger
        self.stop = stop
        background = BackgroundTasks(after: serving)
    }

    /// Where the service listens, once it does; `nil` before, and for a socket without an address.
    public var localAddress: SocketAddress? { listening.value ?? nil }

    /// Returns once the service accepts connections.
    ///
    /// - Throws: ``HTTPServiceError/Code/notServing`` where it never will; `CancellationError` when the waiting task is cancelled first.
    public func waitUntilReady() async throws {
        try await readiness.wait().get()
    }

    /// Returns once the service has ended, however it did.
    ///
    /// - Throws: `CancellationError` when the waiting task is cancelled first.
    public func waitUntilEnded() async throws { try await ended.wait() }

    /// Serves until it is told to stop, its trigger fires, or one of the application's services ends.
    ///
    /// - Throws: ``HTTPServiceError`` where it cannot start, and the errors of hooks, of the trigger and of the application's services.
    public func run() async throws {
        let isFirst = hasRun.withLock { hasRun in
            defer { hasRun = true }
            return !hasRun
        }
        guard isFirst else { throw HTTPServiceError(.alreadyRun, "an HTTP service runs once; make a new one") }
        defer {
            readiness.open(.failure(HTTPServiceError(.notServing, "the service ended before it accepted a connection")))
            ended.open()
        }
        do {
            try await withGracefulShutdownHandler {
                try await runWithServices()
            } onGracefulShutdown: {
                self.stop.tell()
            }
        } catch {
            // Whoever waits for readiness is told what went wrong, and not only that something did.
            readiness.open(
                .failure(
                    error as? HTTPServiceError
                        ?? HTTPServiceError(.notServing, "the service could not start", underlying: error)))
            throw error
        }
    }

    /// The requests in flight, and what became of the others.
    public var ledger: Ledger { registry.ledger }

    /// What was cut.
    public func cutItems(itemsMax: Int) -> [LedgerItem] { registry.cutItems(itemsMax: itemsMax) }

    /// The requests in flight, the oldest first, without their query.
    public func heldItems(itemsMax: Int) -> [LedgerItem] { registry.heldItems(itemsMax: itemsMax) }
}

/// The two moments of a stop that an HTTP service waits for.
final class StopSignals: Sendable {
    /// Opens when the stop begins somewhere in the process.
    let began = Latch<Void>()
    /// Opens when this service is to stop.
    let told = Latch<Void>()

    /// The stop begins here.
    func tell() {
        began.open()
        told.open()
    }
}

extension BackgroundTasks {
    /// The place for background work of the request that is being answered; set by ``HTTPService``.
    @TaskLocal static var ofRequest: BackgroundTasks?

    /// Where the request that is being answered starts work that outlives it.
    ///
    /// `nil` outside a request of an ``HTTPService``. The service's ``HTTPService/background`` has to be in the plan.
    public static var current: BackgroundTasks? { ofRequest }
}
