import Hummingbird
import HummingbirdCore
import LastCall
import LastCallConcurrency
import LastCallTesting
import Logging
import ServiceLifecycle
import Testing

@testable import LastCallHTTP

@Suite(.timeLimit(.minutes(2))) struct HTTPServiceTriggerTests {
    private let routes = TestRoutes()

    private func service(until trigger: HTTPService.Trigger? = nil) -> HTTPService {
        HTTPService(
            Application(router: routes.router()), listener: .hostname("127.0.0.1", port: 0),
            configuration: testConfiguration(), until: trigger)
    }

    @Test("S4 an embedded server drains and returns when its trigger fires, with no lifecycle and no signal")
    func triggerStops() async throws {
        let trigger = Latch<Void>()
        let service = service(until: { try await trigger.wait() })
        async let run: Void = service.run()
        try await service.waitUntilReady()
        let client = try await RawClient.connect(to: service.localAddress)
        try await client.get("/held")
        try await routes.entered.wait()
        trigger.open()
        try await service.registry.closingIdle.wait()
        routes.released.open()
        let answer = await client.answer()
        #expect(answer?.status == 200)
        #expect(answer?.saysClose == true)
        try await run
        #expect(service.ledger.done == 1)
        #expect(service.ledger.held == 0)
    }

    @Test("S4 a trigger's error drains the server and reaches whoever runs it")
    func triggerFails() async throws {
        struct Unplugged: Error {}
        await #expect(throws: Unplugged.self) { try await service(until: { throw Unplugged() }).run() }
    }

    @Test("S5 the trigger is an async function: the parameter's type takes no task that was started before")
    func triggerIsAFunction() {
        let expected: (@Sendable () async throws -> Void).Type = HTTPService.Trigger.self
        #expect(expected == HTTPService.Trigger.self)
        // Called only once the service runs: before that nothing of it has happened.
        let called = Mutex(false)
        _ = service(until: { called.withLock { $0 = true } })
        #expect(!called.withLock { $0 })
    }

    @Test("S6 without a trigger, cancelling the task stops at once and not gracefully")
    func cancellationStops() async throws {
        let service = service()
        let task = UnstructuredTask.startThrowing { try await service.run() }
        try await service.waitUntilReady()
        let client = try await RawClient.connect(to: service.localAddress)
        try await client.get("/held")
        try await routes.entered.wait()
        task.cancel()
        #expect(await client.answer()?.status == 503)
        _ = await task.result
        #expect(service.ledger.cut == 1)
        #expect(service.cutItems(itemsMax: 5).map(\.label) == ["GET /held"])
    }

    @Test("S6 the receipt says that a cancelled lifecycle stopped at once, not gracefully, and what was cut")
    func cancellationIsInTheReceipt() async throws {
        let service = service()
        let plan = try ShutdownPlan(environment: [:]) { Stage("web") { service.named("web") } }
        let lifecycle = Lifecycle(plan, configuration: .init(showsReceipt: .never, environment: [:]))
        let task = UnstructuredTask.start { await lifecycle.runUntilStopped() }
        try await service.waitUntilReady()
        let client = try await RawClient.connect(to: service.localAddress)
        try await client.get("/held")
        try await routes.entered.wait()
        task.cancel()
        let receipt = await task.value
        #expect(receipt.cause.kind == .cancelled)
        #expect(receipt.cause.detail.contains("not gracefully"))
        #expect(receipt.totals.cut == 1)
        #expect(receipt.totals.unaccounted == 0)
    }

    @Test("a service runs once")
    func runsOnce() async throws {
        let service = service(until: {})
        try await service.run()
        await #expect(throws: HTTPServiceError.self) { try await service.run() }
    }

    @Test(
        "in a plain ServiceGroup the service drains as in a lifecycle, and a stream is told after the listener closed")
    func inAServiceGroup() async throws {
        let service = service()
        let group = ServiceGroup(configuration: .init(services: [service], logger: .init(label: "test")))
        async let run: Void = group.run()
        try await service.waitUntilReady()
        let client = try await RawClient.connect(to: service.localAddress)
        try await client.get("/stream")
        try await routes.entered.wait()
        await group.triggerGracefulShutdown()
        #expect(await client.answer()?.body.contains("last") == true)
        try await run
    }

    @Test("told to stop before it runs, a service accepts nothing and returns")
    func stoppedBeforeItRuns() async throws {
        let service = service()
        let group = ServiceGroup(configuration: .init(services: [service], logger: .init(label: "test")))
        await group.triggerGracefulShutdown()
        // A group that was stopped before it ran refuses to run; the service itself is asked the same way.
        service.stop.tell()
        try await service.run()
        #expect(service.localAddress == nil)
        #expect(service.registry.acceptedCount == 0)
    }
}
