import Hummingbird
import HummingbirdCore
import LastCall
import LastCallConcurrency
import LastCallTesting
import ServiceLifecycle
import Testing

@testable import LastCallHTTP

@Suite(.timeLimit(.minutes(2))) struct HTTPServiceStopTests {
    private let routes = TestRoutes()

    @Test("S3 an in-flight request gets its full 200, says close, and nothing new is taken")
    func inFlightIsAnswered() async throws {
        let receipt = try await withService(routes.router()) { running in
            let client = try await running.connect()
            try await client.get("/held")
            try await routes.entered.wait()
            let address = running.service.localAddress
            try await running.stopListening()
            await #expect(throws: (any Error).self) { try await RawClient.connect(to: address) }
            routes.released.open()
            let answer = await client.answer()
            #expect(answer?.status == 200)
            #expect(answer?.body == "held and done")
            #expect(answer?.saysClose == true)
            #expect(await client.end() == .closed)
        }
        #expect(receipt.outcome == .clean)
        #expect(receipt.totals.done == 1)
        #expect(receipt.totals.unaccounted == 0)
    }

    @Test(
        "B10 no answer says close before the stop, every one does after it, also on a connection that was used before")
    func answersSayClose() async throws {
        try await withService(
            routes.router(), configuration: testConfiguration { $0.propagationDelay = .seconds(3600) }
        ) { running in
            let reused = try await running.connect()
            try await reused.get("/")
            #expect(await reused.answer()?.saysClose == false)
            let waiting = try await running.connect()
            try await waiting.get("/held")
            try await routes.entered.wait()
            try await running.stop()
            try await reused.get("/")
            #expect(await reused.answer()?.saysClose == true)
            // Lame duck: the listener is open.
            let fresh = try await running.connect()
            try await fresh.get("/")
            let answer = await fresh.answer()
            #expect(answer?.status == 200)
            #expect(answer?.saysClose == true)
            #expect(await fresh.end() == .closed)
            routes.released.open()
            #expect(await waiting.answer()?.saysClose == true)
            running.lifecycle.handOver()
        }
    }

    @Test("S13 an idle server ends on the stop, with idle and silent connections open, and closes them without a reset")
    func idleConnectionsEnd() async throws {
        let receipt = try await withService(routes.router()) { running in
            let idle = try await running.connect()
            try await idle.get("/")
            #expect(await idle.answer()?.status == 200)
            let silent = try await running.connect()
            try await running.stopListening()
            #expect(await idle.end() == .closed)
            #expect(await silent.end() == .closed)
        }
        #expect(receipt.outcome == .clean)
    }

    @Test("S13 a server that nobody ever spoke to ends on the stop")
    func nothingOpen() async throws {
        let receipt = try await withService(routes.router()) { _ in }
        #expect(receipt.outcome == .clean)
        #expect(receipt.totals.done == 0)
    }

    @Test("B10 a request that reaches an idle connection after the listener closed is answered, within the linger")
    func lateRequestOnIdleConnection() async throws {
        try await withService(routes.router(), configuration: testConfiguration { $0.linger = .seconds(20) }) {
            running in
            let idle = try await running.connect()
            try await idle.get("/")
            #expect(await idle.answer()?.status == 200)
            try await running.stopListening()
            try await idle.get("/")
            let answer = await idle.answer()
            #expect(answer?.status == 200)
            #expect(answer?.saysClose == true)
            await idle.close()
        }
    }

    @Test("B10 half a request's head before the stop and the rest after it is a request that is answered")
    func halfHeadIsServed() async throws {
        try await withService(routes.router()) { running in
            let client = try await running.connect()
            // Answered once, so that the server is known to have read what follows, up to the half.
            try await client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\nGET / HT")
            #expect(await client.answer()?.status == 200)
            try await client.send("TP/1.1\r\nHos")
            let other = try await running.connect()
            try await other.get("/held")
            try await routes.entered.wait()
            try await running.stopListening()
            try await client.send("t: test\r\n\r\n")
            let answer = await client.answer()
            #expect(answer?.status == 200)
            #expect(answer?.saysClose == true)
            routes.released.open()
        }
    }

    @Test("B10 half a request's body before the stop and the rest after it is a request that is answered")
    func halfBodyIsServed() async throws {
        let receipt = try await withService(routes.router()) { running in
            let client = try await running.connect()
            try await client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello")
            try await routes.entered.wait()
            try await running.stopListening()
            try await client.send("world")
            #expect(await client.answer()?.body == "10 bytes")
        }
        #expect(receipt.totals.done == 1)
    }

    @Test("B11 a stream that never ends is told to finish once the listener is closed, and its end reaches the client")
    func streamsAreTold() async throws {
        let receipt = try await withService(routes.router()) { running in
            let client = try await running.connect()
            try await client.get("/stream")
            try await routes.entered.wait()
            try await running.stopListening()
            #expect(await client.answer()?.body.contains("last") == true)
        }
        #expect(receipt.outcome == .clean)
        #expect(receipt.totals.done == 1)
    }

    @Test(
        "B1 what does not end by itself is cut at the budget's end, listed without its query, and its client is told 503"
    )
    func cutIsListed() async throws {
        let receipt = try await withService(routes.router(), grace: .seconds(3)) { running in
            let client = try await running.connect()
            try await client.get("/held?token=secret")
            try await routes.entered.wait()
            running.lifecycle.stop()
            let answer = await client.answer()
            #expect(answer?.status == 503)
            #expect(answer?.saysClose == true)
        }
        #expect(receipt.totals.cut == 1)
        #expect(receipt.exitCode == 75)
        let items = receipt.stages.flatMap(\.members).flatMap(\.cutItems)
        #expect(items.count == 1)
        #expect(items.first?.label == "GET /held")
        #expect(receipt.totals.unaccounted == 0)
    }

    @Test("S12 a 10 s handler, stopped at 3 s, is not finished at 6 s; then it answers in full, then the service ends")
    func slowHandlerFinishes() async throws {
        let clock = ManualClock()
        let router = Router()
        let entered = Latch<Void>()
        router.get("slow") { _, _ in
            async let slept: Void = clock.sleep(for: .seconds(10))
            entered.open()
            try await slept
            return "slow and done"
        }
        let receipt = try await withService(router) { running in
            let client = try await running.connect()
            try await client.get("/slow")
            try await entered.wait()
            await clock.waitForSleepers(1)
            clock.advance(by: .seconds(3))
            try await running.stopListening()
            clock.advance(by: .seconds(3))
            #expect(running.service.ledger.held == 1)
            #expect(running.lifecycle.receipt == nil)
            clock.advance(by: .seconds(4))
            #expect(await client.answer()?.body == "slow and done")
        }
        #expect(receipt.outcome == .clean)
        #expect(receipt.totals.done == 1)
    }

    @Test("S1 with defaults a handler that never ends keeps the stop within Heroku's 30 s")
    func defaultsFitThePlatform() async throws {
        let clock = ManualClock()
        var configuration = HTTPService.Configuration()
        configuration.clock = clock
        configuration.environment = [:]
        let service = HTTPService(
            Application(router: routes.router()), listener: .hostname("127.0.0.1", port: 0),
            configuration: configuration)
        let plan = try ShutdownPlan(environment: ["DYNO": "web.1"]) {
            Stage("web") { service.named("web") }
            Stage("background") { service.background }
        }
        let lifecycle = Lifecycle(
            plan, configuration: .init(showsReceipt: .never, clock: clock, environment: ["DYNO": "web.1"]))
        async let receipt = lifecycle.runUntilStopped()
        try await service.waitUntilReady()
        let client = try await RawClient.connect(to: service.localAddress)
        try await client.get("/held")
        try await routes.entered.wait()
        lifecycle.stop()
        try await service.registry.draining.wait()
        // Whoever waits for time gets it, until nobody is left.
        while lifecycle.receipt == nil {
            if let wake = clock.nextWake { clock.advance(to: wake) }
            await Task.yield()
        }
        let seconds = await receipt.elapsedSeconds
        #expect(seconds > 0 && seconds < 30)
        #expect(await receipt.totals.cut == 1)
        #expect(await receipt.grace.source == .fixed)
    }

    @Test("P30 the owner of a service can wait for its end")
    func endCanBeAwaited() async throws {
        let ended = Latch<Void>()
        try await withService(routes.router()) { running in
            let waiter = UnstructuredTask.startThrowing {
                try await running.service.waitUntilEnded()
                ended.open()
            }
            #expect(ended.value == nil)
            running.lifecycle.stop()
            try await waiter.value
        }
        #expect(ended.value != nil)
    }

    @Test("B10 the propagation delay counts from the beginning of the stop, so an earlier stage's time is part of it")
    func delayCountsFromTheBeginning() async throws {
        let clock = ManualClock()
        let configuration = testConfiguration {
            $0.propagationDelay = .seconds(5)
            $0.clock = clock
        }
        let service = HTTPService(
            Application(router: routes.router()), listener: .hostname("127.0.0.1", port: 0),
            configuration: configuration)
        let earlier = Latch<Void>()
        let plan = try ShutdownPlan(grace: .stated(.seconds(60)), environment: [:]) {
            Stage("earlier") { Member("earlier") { try await earlier.wait() } }
            Stage("web") { service.named("web") }
        }
        let lifecycle = Lifecycle(plan, configuration: .init(showsReceipt: .never, environment: [:]))
        async let receipt = lifecycle.runUntilStopped()
        try await service.waitUntilReady()
        lifecycle.stop()
        try await service.registry.draining.wait()
        // Told to close already, though its own stage has not begun.
        let client = try await RawClient.connect(to: service.localAddress)
        try await client.get("/")
        #expect(await client.answer()?.saysClose == true)
        clock.advance(by: .seconds(5))
        earlier.open()
        // No more time is needed for the delay; only the accept queue's few milliseconds are looked at on this clock.
        while lifecycle.receipt == nil {
            clock.advance(by: .milliseconds(1))
            await Task.yield()
        }
        #expect(await receipt.outcome == .clean)
    }
}
