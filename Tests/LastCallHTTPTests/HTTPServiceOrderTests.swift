import Hummingbird
import HummingbirdCore
import LastCall
import LastCallConcurrency
import LastCallTesting
import ServiceLifecycle
import Testing

@testable import LastCallHTTP

@Suite(.timeLimit(.minutes(1))) struct HTTPServiceOrderTests {
    /// What happened, in order.
    private final class Diary: Sendable {
        private let entries = Mutex<[String]>([])

        func note(_ entry: String) { entries.withLock { $0.append(entry) } }
        var all: [String] { entries.withLock { $0 } }
    }

    /// A service that notes its beginning and its end.
    private struct Noting: Service {
        let diary: Diary
        let isRunning = Latch<Void>()

        func run() async throws {
            diary.note("service runs")
            isRunning.open()
            try await gracefulShutdown()
            diary.note("service ends")
        }
    }

    private let diary = Diary()
    private let routes = TestRoutes()

    @Test("S8 the order is: accepting ends, requests finish, hooks run and see none, the application's services end")
    func orderOfTheStop() async throws {
        let holder = Mutex<HTTPService?>(nil)
        let noting = Noting(diary: diary)
        let configuration = testConfiguration {
            // The connection is there until the client, which has noted its answer by then, ends it.
            $0.linger = .seconds(20)
            $0.afterServing = [
                { [diary] in
                    let held = holder.withLock { $0 }?.ledger.held
                    let count = holder.withLock { $0 }?.registry.count
                    diary.note("hook sees \(held ?? -1) requests on \(count ?? -1) connections")
                }
            ]
        }
        let receipt = try await withService(
            routes.router(), configuration: configuration, services: [noting]
        ) { running in
            try await noting.isRunning.wait()
            holder.withLock { $0 = running.service }
            let client = try await running.connect()
            try await client.get("/held")
            try await routes.entered.wait()
            try await running.stopListening()
            diary.note("accepting ended")
            routes.released.open()
            #expect(await client.answer()?.status == 200)
            diary.note("answered")
            await client.close()
        }
        #expect(receipt.outcome == .clean)
        #expect(
            diary.all == [
                "service runs", "accepting ended", "answered", "hook sees 0 requests on 0 connections", "service ends",
            ])
    }

    @Test("S9 a hook may take as long as the stage has, and no longer limit is hidden")
    func hookMayTakeLong() async throws {
        let clock = ManualClock()
        let begun = Latch<Void>()
        let configuration = testConfiguration {
            $0.afterServing = [
                {
                    async let slept: Void = clock.sleep(for: .seconds(50))
                    begun.open()
                    try await slept
                }
            ]
        }
        let receipt = try await withService(
            routes.router(), configuration: configuration, grace: .seconds(60), clock: clock
        ) { running in
            running.lifecycle.stop()
            try await begun.wait()
            // The lifecycle's own alarm and the hook.
            await clock.waitForSleepers(2)
            clock.advance(by: .seconds(50))
        }
        #expect(receipt.outcome == .clean)
        #expect(receipt.elapsedSeconds == 50)
    }

    @Test("S9 a hook's error is the member's, after everything else was done in order")
    func hookFails() async throws {
        struct Broken: Error {}
        let configuration = testConfiguration {
            $0.afterServing = [{ throw Broken() }, { [diary] in diary.note("second hook") }]
        }
        let receipt = try await withService(routes.router(), configuration: configuration) { _ in }
        #expect(diary.all == ["second hook"])
        #expect(receipt.exitCode == 1)
        #expect(receipt.stages.first?.members.first?.error?.contains("Broken") == true)
    }

    @Test("S10 background work of a request that answered 201 is waited for, and counted")
    func backgroundIsAwaited() async throws {
        let released = Latch<Void>()
        let finished = Mutex(false)
        let router = Router()
        router.post("reports") { _, _ in
            let background = try #require(BackgroundTasks.current)
            try background.start("report 7") {
                try await released.wait()
                finished.withLock { $0 = true }
            }
            return Response(status: .created)
        }
        let receipt = try await withService(router, hasBackground: true) { running in
            let client = try await running.connect()
            try await client.send("POST /reports HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
            #expect(await client.answer()?.status == 201)
            await client.close()
            running.lifecycle.stop()
            try await running.service.waitUntilEnded()
            #expect(running.lifecycle.receipt == nil)
            released.open()
        }
        #expect(finished.withLock { $0 })
        let background = receipt.stages.last?.members.first
        #expect(background?.done == 1)
        #expect(receipt.outcome == .clean)
    }

    @Test("S10 background work without its member in the plan is refused with what to do")
    func backgroundWithoutMember() async throws {
        let router = Router()
        let message = Mutex("")
        router.get("/") { _, _ in
            do {
                try BackgroundTasks.current?.start("never") {}
            } catch {
                message.withLock { $0 = "\(error)" }
            }
            return "done"
        }
        try await withService(router) { running in
            let client = try await running.connect()
            try await client.get("/")
            #expect(await client.answer()?.status == 200)
        }
        #expect(message.withLock { $0 }.contains("add it to the plan"))
    }

    @Test("S11 hooks and the application's own processes finish before the first connection is accepted")
    func hooksBeforeServing() async throws {
        let gate = Latch<Void>()
        let entered = Latch<Void>()
        let configuration = testConfiguration {
            $0.beforeServing = [
                { [diary] in
                    diary.note("hook begins")
                    entered.open()
                    try await gate.wait()
                    diary.note("hook ends")
                }
            ]
        }
        var application = Application(
            router: routes.router(), onServerRunning: { [diary] _ in diary.note("serves") })
        application.beforeServerStarts { [diary] in diary.note("process") }
        let service = HTTPService(
            application, listener: .hostname("127.0.0.1", port: 0), configuration: configuration)
        let plan = try ShutdownPlan(environment: [:]) { Stage("web") { service } }
        let lifecycle = Lifecycle(plan, configuration: .init(showsReceipt: .never, environment: [:]))
        async let receipt = lifecycle.runUntilStopped()
        try await entered.wait()
        #expect(service.localAddress == nil)
        gate.open()
        try await service.waitUntilReady()
        lifecycle.stop()
        #expect(await receipt.outcome == .clean)
        #expect(diary.all == ["hook begins", "hook ends", "process", "serves"])
    }

    @Test("S11 a hook that fails is a failed start, and nothing is ever accepted")
    func hookBeforeServingFails() async throws {
        struct NoDatabase: Error {}
        let configuration = testConfiguration { $0.beforeServing = [{ throw NoDatabase() }] }
        let service = HTTPService(
            Application(router: routes.router()), listener: .hostname("127.0.0.1", port: 0),
            configuration: configuration)
        await #expect(throws: NoDatabase.self) { try await service.run() }
        await #expect(throws: HTTPServiceError.self) { try await service.waitUntilReady() }
        #expect(service.localAddress == nil)
    }

    @Test("a service of the application that fails stops the server in order and surfaces its error")
    func applicationServiceFails() async throws {
        struct Lost: Error {}
        struct Failing: Service {
            let fails: Latch<Void>
            func run() async throws {
                try await fails.wait()
                throw Lost()
            }
        }
        let fails = Latch<Void>()
        let receipt = try await withService(routes.router(), services: [Failing(fails: fails)]) { running in
            let client = try await running.connect()
            try await client.get("/held")
            try await routes.entered.wait()
            fails.open()
            try await running.service.registry.draining.wait()
            routes.released.open()
            #expect(await client.answer()?.status == 200)
        }
        #expect(receipt.exitCode == 1)
        #expect(receipt.totals.cut == 0)
    }
}
