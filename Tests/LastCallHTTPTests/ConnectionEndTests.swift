import Hummingbird
import HummingbirdCore
import LastCall
import LastCallConcurrency
import LastCallTesting
import Logging
import NIOCore
import ServiceLifecycle
import Testing

@testable import HTTPDrill
@testable import LastCallHTTP

/// How connections end: at the client's wish, at the application's, at ours.
@Suite(.timeLimit(.minutes(1))) struct ConnectionEndTests {
    private let routes = TestRoutes()

    @Test(
        "who asks for close is told close and closed, however it is written",
        arguments: ["close", "Close", "close, TE"])
    func clientCloses(value: String) async throws {
        try await withService(routes.router()) { running in
            let client = try await running.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: \(value)\r\n\r\n")
            let answer = await client.answer()
            #expect(answer?.body == "done")
            #expect(answer?.saysClose == true)
            #expect(await client.end() == .closed)
        }
    }

    @Test("an application that says close while it serves has its connection closed")
    func applicationCloses() async throws {
        let router = routes.router()
        router.get("last") { _, _ in Response(status: .ok, headers: [.connection: "close"]) }
        try await withService(router) { running in
            let client = try await running.connect()
            try await client.get("/last")
            #expect(await client.answer()?.saysClose == true)
            #expect(await client.end() == .closed)
        }
    }

    @Test("an HTTP/1.0 client gets no chunks and an answer that its end delimits")
    func oldClient() async throws {
        let router = routes.router()
        router.get("parts") { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    try await writer.write(ByteBuffer(string: "one,"))
                    try await writer.write(ByteBuffer(string: "two"))
                    try await writer.finish(nil)
                })
        }
        try await withService(router) { running in
            let client = try await running.connect()
            try await client.send("GET /parts HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(await client.text("HTTP/1.0 200"))
            #expect(await client.text("\r\n\r\none,two"))
            #expect(await client.end() == .closed)
        }
    }

    @Test("B10 a client that closes its half behind its request gets the whole answer, also during the stop")
    func halfClosingClient() async throws {
        let size = 8 << 20
        let router = routes.router()
        router.get("large") { [routes] _, _ in
            routes.entered.open()
            try await routes.released.wait()
            return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(repeating: 120, count: size)))
        }
        try await withService(router) { running in
            let client = try await running.connect()
            try await client.get("/large")
            try await client.closeOutput()
            try await routes.entered.wait()
            try await running.stop()
            routes.released.open()
            #expect(await client.answer()?.body.utf8.count == size)
            #expect(await client.end() == .closed)
        }
    }

    @Test("who is refused for a body gets the answer though it sends megabytes more", arguments: [true, false])
    func refusedUpload(isAnnounced: Bool) async throws {
        let configuration = testConfiguration { $0.limits.bodySizeMax = 1000 }
        let router = routes.router()
        try await withService(router, configuration: configuration) { running in
            let client = try await running.connect()
            let size = 6 << 20
            let field = isAnnounced ? "Content-Length: \(size)" : "Transfer-Encoding: chunked"
            let chunk = isAnnounced ? "" : String(size, radix: 16) + "\r\n"
            try await client.send("POST /upload HTTP/1.1\r\nHost: test\r\n\(field)\r\n\r\n\(chunk)")
            for _ in 0..<6 { try await client.send(String(repeating: "x", count: 1 << 20)) }
            let answer = await client.answer()
            #expect(answer?.status == 413)
            #expect(answer?.saysClose == true)
            #expect(await client.end() == .closed)
        }
    }

    @Test("a TLS handshake that stalls is closed after its time, in the clear nothing is said")
    func stalledHandshake() async throws {
        let scenarios = try Scenarios(options: [])
        try await scenarios.makeCertificate()
        let configuration = testConfiguration { $0.limits.headTimeout = .milliseconds(50) }
        for speaking in [
            ConnectionProtocol.tls(certificate: scenarios.certificate, key: scenarios.key),
            .http2(certificate: scenarios.certificate, key: scenarios.key),
        ] {
            try await withService(routes.router(), configuration: configuration, speaking: speaking) { running in
                let client = try await running.connect()
                // The beginning of a record, RFC 8446, section 5.1.
                try await client.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
                #expect(await client.end() != nil)
                #expect(await client.take { $0.count } == [])
            }
        }
    }

    @Test("a client that wants to speak something else gets its answer and is closed: nothing behind it could be read")
    func upgradeIsNotTaken() async throws {
        try await withService(routes.router()) { running in
            let client = try await running.connect()
            try await client.send(
                "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
            )
            let answer = await client.answer()
            #expect(answer?.body == "done")
            #expect(answer?.saysClose == true)
            #expect(await client.end() == .closed)
        }
    }

    @Test("empty lines are no request: neither between two nor while an answer is due")
    func emptyLines() async throws {
        let configuration = testConfiguration { $0.limits.headTimeout = .milliseconds(50) }
        try await withService(routes.router(), configuration: configuration) { running in
            let client = try await running.connect()
            try await client.send("\r\n")
            let slow = try await running.connect()
            try await slow.get("/held")
            try await routes.entered.wait()
            try await slow.send("\r\n")
            // Longer than the time of a head, as a third client shows.
            let third = try await running.connect()
            try await third.send("GET / HT")
            #expect(await third.answer()?.status == 408)
            routes.released.open()
            #expect(await slow.answer()?.body == "held and done")
            try await client.get("/")
            #expect(await client.answer()?.body == "done")
        }
    }

    @Test("half a request behind one that is being answered waits for its turn, and then for its time")
    func halfHeadBehindAnAnswer() async throws {
        let configuration = testConfiguration { $0.limits.headTimeout = .milliseconds(50) }
        try await withService(routes.router(), configuration: configuration) { running in
            let client = try await running.connect()
            try await client.get("/held")
            try await routes.entered.wait()
            try await client.send("GET / HT")
            let third = try await running.connect()
            try await third.send("GET / HT")
            #expect(await third.answer()?.status == 408)
            routes.released.open()
            #expect(await client.answer()?.body == "held and done")
            #expect(await client.answer()?.status == 408)
        }
    }

    @Test("B1 an answer that its handler breaks off is cut, and not done")
    func tornByItsHandler() async throws {
        struct Broken: Error {}
        let router = routes.router()
        router.get("torn") { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    try await writer.write(ByteBuffer(string: "half"))
                    throw Broken()
                })
        }
        try await withService(router) { running in
            let client = try await running.connect()
            try await client.get("/torn")
            #expect(await client.text("half"))
            #expect(await client.end() != nil)
            #expect(running.service.ledger.cut == 1)
        }
    }

    @Test(
        "a client that takes nothing of an answer that was written at once is closed after its time, on a kept connection"
    )
    func neverReadsWholeAnswer() async throws {
        let router = routes.router()
        router.get("large") { _, _ in
            Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(repeating: 120, count: 24 << 20)))
        }
        let configuration = testConfiguration { $0.limits.writeTimeout = .milliseconds(200) }
        try await withService(router, configuration: configuration) { running in
            let client = try await running.connect()
            try await client.stopReading()
            try await client.get("/large")
            while running.service.ledger.cut == 0 { await Task.yield() }
            #expect(running.service.ledger.held == 0)
        }
    }

    @Test("B1 pipelined requests that wait behind a cut one are cut and listed with it")
    func pipelinedAreCut() async throws {
        let receipt = try await withService(routes.router(), grace: .seconds(3)) { running in
            let client = try await running.connect()
            try await client.send(
                "GET /held HTTP/1.1\r\nHost: test\r\n\r\n" + "GET /second HTTP/1.1\r\nHost: test\r\n\r\n"
                    + "GET /third?secret HTTP/1.1\r\nHost: test\r\n\r\n")
            try await routes.entered.wait()
            while running.service.ledger.held < 3 { await Task.yield() }
        }
        #expect(receipt.totals.cut == 3)
        #expect(receipt.totals.unaccounted == 0)
        let labels = receipt.stages.flatMap(\.members).flatMap(\.cutItems).map(\.label)
        #expect(labels.sorted() == ["GET /held", "GET /second", "GET /third"])
    }

    @Test("outside a lifecycle a request sees no lifecycle")
    func outsideLifecycle() async throws {
        let seen = Latch<Bool>()
        let router = routes.router()
        router.get("seen") { _, _ in
            seen.open(Shutdown.current != nil)
            return "seen"
        }
        let service = HTTPService(
            Application(router: router), listener: .hostname("127.0.0.1", port: 0), configuration: testConfiguration())
        let group = ServiceGroup(services: [service], logger: Logger(label: "test"))
        async let end: Void = group.run()
        try await service.waitUntilReady()
        let client = try await RawClient.connect(to: service.localAddress)
        try await client.get("/seen")
        #expect(await client.answer()?.status == 200)
        #expect(seen.value == false)
        await group.triggerGracefulShutdown()
        try await end
    }

    @Test(
        "limits that cannot be are refused, and nothing is started",
        arguments: [
            { $0.limits.headSizeMax = 0 }, { $0.limits.headFieldsMax = -1 }, { $0.limits.bodySizeMax = 0 },
            { $0.limits.headTimeout = .zero }, { $0.limits.bodyTimeout = .seconds(-1) },
            { $0.limits.idleTimeout = .zero }, { $0.limits.writeTimeout = .zero }, { $0.linger = .seconds(-1) },
        ] as [@Sendable (inout HTTPService.Configuration) -> Void])
    func impossibleLimits(change: @Sendable (inout HTTPService.Configuration) -> Void) async throws {
        let service = HTTPService(
            Application(router: routes.router()), listener: .hostname("127.0.0.1", port: 0),
            configuration: testConfiguration(change))
        let error = await #expect(throws: HTTPServiceError.self) { try await service.run() }
        #expect(error?.code == .invalidConfiguration)
        #expect(service.localAddress == nil)
    }
}
