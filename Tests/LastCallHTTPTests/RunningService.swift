import Hummingbird
import HummingbirdCore
import LastCall
import LastCallConcurrency
import LastCallTesting
import Logging
import NIOCore
import ServiceLifecycle
import Testing

@testable import LastCallHTTP

/// A service that runs in a lifecycle while a test talks to it.
struct RunningService: Sendable {
    /// The service.
    let service: HTTPService
    /// What stops it.
    let lifecycle: Lifecycle

    /// Connects to it.
    func connect() async throws -> RawClient { try await RawClient.connect(to: service.localAddress) }

    /// Begins the stop, and returns once every connection was told.
    func stop() async throws {
        lifecycle.stop()
        try await service.registry.draining.wait()
    }

    /// Begins the stop, and returns once the listener is closed.
    func stopListening() async throws {
        lifecycle.stop()
        try await service.registry.closingIdle.wait()
    }
}

/// The routes that most tests need, and the events in their handlers.
final class TestRoutes: Sendable {
    /// Opens when a handler of `/held` was entered.
    let entered = Latch<Void>()
    /// Lets the handlers of `/held` go on.
    let released = Latch<Void>()
    /// How many requests were passed to a handler.
    let handled = Mutex(0)

    /// Builds the routes.
    func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/") { [self] _, _ in
            handled.withLock { $0 += 1 }
            return "done"
        }
        router.get("/held") { [self] _, _ in
            handled.withLock { $0 += 1 }
            entered.open()
            try await released.wait()
            return "held and done"
        }
        router.get("/stream") { [self] _, _ in
            Response(
                status: .ok,
                body: ResponseBody { [entered] writer in
                    try await writer.write(ByteBuffer(string: "first"))
                    entered.open()
                    try await gracefulShutdown()
                    try await writer.write(ByteBuffer(string: "last"))
                    try await writer.finish(nil)
                })
        }
        router.post("/upload") { [self] request, _ in
            entered.open()
            var count = 0
            for try await part in request.body { count += part.readableBytes }
            return "\(count) bytes"
        }
        return router
    }
}

/// Runs a service on a free port and stops it after `body`.
///
/// - Returns: The receipt.
@discardableResult
func withService(
    _ router: Router<BasicRequestContext>, configuration: HTTPService.Configuration = testConfiguration(),
    listener: Listener = .hostname("127.0.0.1", port: 0), speaking: ConnectionProtocol = .application,
    services: [any Service] = [], until trigger: HTTPService.Trigger? = nil, grace: Duration = .seconds(30),
    clock: any Clock<Duration> = ContinuousClock(), hasBackground: Bool = false,
    _ body: (RunningService) async throws -> Void
) async throws -> Receipt {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let service = HTTPService(
        Application(router: router, services: services, logger: logger), listener: listener, speaking: speaking,
        configuration: configuration, until: trigger)
    let plan = try ShutdownPlan(grace: .stated(grace), environment: [:]) {
        Stage("web") { service.named("web") }
        if hasBackground { Stage("background") { service.background.named("background") } }
    }
    let lifecycle = Lifecycle(
        plan, configuration: .init(logger: logger, showsReceipt: .never, clock: clock, environment: [:]))
    return try await withThrowingTaskGroup(of: Receipt.self) { group in
        group.addTask { await lifecycle.runUntilStopped() }
        try await service.waitUntilReady()
        do {
            try await body(RunningService(service: service, lifecycle: lifecycle))
        } catch {
            lifecycle.handOver("the test failed")
            _ = try await group.next()
            throw error
        }
        lifecycle.stop()
        return try await #require(group.next())
    }
}

/// A configuration that does not depend on where the tests run.
func testConfiguration(_ change: (inout HTTPService.Configuration) -> Void = { _ in }) -> HTTPService.Configuration {
    var configuration = HTTPService.Configuration()
    configuration.environment = [:]
    configuration.propagationDelay = .zero
    change(&configuration)
    return configuration
}
