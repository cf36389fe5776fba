import Hummingbird
import HummingbirdCore
import LastCall
import LastCallConcurrency
import LastCallTesting
import NIOCore
import Testing

@testable import LastCallHTTP

@Suite(.timeLimit(.minutes(2))) struct HTTPServiceWireTests {
    private let routes = TestRoutes()
    private let get = "GET / HTTP/1.1\r\nHost: test\r\n\r\n"

    @Test("pipelined requests that came before the stop are all answered, and only the last answer says close")
    func pipelinedRequests() async throws {
        let receipt = try await withService(routes.router()) { running in
            let client = try await running.connect()
            try await client.send("GET /held HTTP/1.1\r\nHost: test\r\n\r\n" + get + get)
            try await routes.entered.wait()
            try await running.stop()
            routes.released.open()
            let first = await client.answer()
            #expect(first?.body == "held and done")
            #expect(first?.saysClose == false)
            #expect(await client.answer()?.saysClose == false)
            #expect(await client.answer()?.saysClose == true)
            #expect(await client.end() == .closed)
        }
        #expect(receipt.totals.done == 3)
    }

    @Test("a request behind an answer that said close is not processed (RFC 9112, section 9.6)")
    func requestAfterClose() async throws {
        try await withService(routes.router()) { running in
            let client = try await running.connect()
            try await client.get("/held")
            try await routes.entered.wait()
            try await running.stop()
            routes.released.open()
            #expect(await client.answer()?.saysClose == true)
            let before = routes.handled.withLock { $0 }
            try await client.send(get)
            #expect(await client.end() != nil)
            #expect(routes.handled.withLock { $0 } == before)
        }
    }

    @Test("who expects a 100 gets it before it sends its body, also during the stop")
    func expectContinue() async throws {
        let head = "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        try await withService(
            routes.router(), configuration: testConfiguration { $0.propagationDelay = .seconds(3600) }
        ) { running in
            let client = try await running.connect()
            try await client.send(head)
            #expect(await client.answer()?.status == 100)
            try await client.send("hello")
            #expect(await client.answer()?.body == "5 bytes")
            try await running.stop()
            try await client.send(head)
            #expect(await client.answer()?.status == 100)
            try await client.send("hello")
            let answer = await client.answer()
            #expect(answer?.body == "5 bytes")
            #expect(answer?.saysClose == true)
            running.lifecycle.handOver()
        }
    }

    @Test("a body above the limit is answered 413 and its connection closed, whether it is announced or not")
    func bodyTooLarge() async throws {
        let configuration = testConfiguration { $0.limits.bodySizeMax = 10 }
        try await withService(routes.router(), configuration: configuration) { running in
            for request in [
                "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\n\r\n01234567890",
                "POST /upload HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
            ] {
                let client = try await running.connect()
                try await client.send(request)
                let answer = await client.answer()
                #expect(answer?.status == 413)
                #expect(answer?.saysClose == true)
                #expect(await client.end() == .closed)
            }
            let client = try await running.connect()
            try await client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n0123456789")
            #expect(await client.answer()?.status == 200)
        }
    }

    @Test("a body that is announced too large is refused before it is sent, with no 100 before it")
    func announcedBodyTooLarge() async throws {
        let configuration = testConfiguration { $0.limits.bodySizeMax = 10 }
        try await withService(routes.router(), configuration: configuration) { running in
            let client = try await running.connect()
            try await client.send(
                "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
            let answer = await client.answer()
            #expect(answer?.status == 413)
            #expect(answer?.saysClose == true)
        }
        #expect(routes.entered.value == nil)
    }

    @Test("a head above the limit is answered 431 and its connection closed")
    func headTooLarge() async throws {
        let configuration = testConfiguration { $0.limits.headSizeMax = 1024 }
        try await withService(routes.router(), configuration: configuration) { running in
            let client = try await running.connect()
            let long = String(repeating: "x", count: 2000)
            try await client.send("GET / HTTP/1.1\r\nHost: test\r\nX-Long: \(long)\r\n\r\n")
            #expect(await client.answer()?.status == 431)
            #expect(await client.end() == .closed)
        }
        #expect(routes.handled.withLock { $0 } == 0)
    }

    @Test("nonsense is answered 400 and its connection closed")
    func nonsense() async throws {
        try await withService(routes.router()) { running in
            let client = try await running.connect()
            try await client.send("hello, is anybody there?\r\n\r\n")
            #expect(await client.answer()?.status == 400)
            #expect(await client.end() != nil)
        }
    }

    @Test("a head that never ends is answered 408 after its time, a body that never ends too")
    func slowRequests() async throws {
        let configuration = testConfiguration {
            $0.limits.headTimeout = .milliseconds(50)
            $0.limits.bodyTimeout = .milliseconds(50)
        }
        try await withService(routes.router(), configuration: configuration) { running in
            for request in [
                "GET / HTTP/1.1\r\nHos", "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello",
            ] {
                let client = try await running.connect()
                try await client.send(request)
                let answer = await client.answer()
                #expect(answer?.status == 408)
                #expect(answer?.saysClose == true)
                #expect(await client.end() != nil)
            }
        }
    }

    @Test("an idle connection is closed after its time, and a new one is welcome")
    func idleTimeout() async throws {
        let configuration = testConfiguration { $0.limits.idleTimeout = .seconds(3) }
        try await withService(routes.router(), configuration: configuration) { running in
            let client = try await running.connect()
            try await client.send(get)
            #expect(await client.answer()?.status == 200)
            #expect(await client.end() == .closed)
            let another = try await running.connect()
            try await another.send(get)
            #expect(await another.answer()?.status == 200)
        }
    }

    @Test("a client that never reads its answer is cut after its time, and holds nobody else")
    func neverReads() async throws {
        let router = routes.router()
        router.get("large") { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    let part = ByteBuffer(repeating: 120, count: 1 << 20)
                    for _ in 0..<64 { try await writer.write(part) }
                    try await writer.finish(nil)
                })
        }
        let configuration = testConfiguration { $0.limits.writeTimeout = .milliseconds(200) }
        let service = Latch<HTTPService>()
        let receipt = try await withService(router, configuration: configuration) { running in
            service.open(running.service)
            let client = try await running.connect()
            try await client.stopReading()
            try await client.get("/large")
            let other = try await running.connect()
            try await other.send(get)
            #expect(await other.answer()?.status == 200)
        }
        // Whether that was during the stop or before it.
        #expect(service.value?.ledger.cut == 1)
        #expect(receipt.totals.unaccounted == 0)
    }

    @Test(
        "B10 S3 a large answer that the client takes slowly is whole, though the server stops and its request is long answered"
    )
    func slowReaderDuringTheStop() async throws {
        let size = 24 << 20
        let router = routes.router()
        router.get("large") { [routes] _, _ in
            routes.entered.open()
            return Response(
                status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(repeating: 120, count: size)))
        }
        let receipt = try await withService(router) { running in
            let client = try await running.connect()
            try await client.stopReading()
            try await client.get("/large")
            try await routes.entered.wait()
            // Answered, and not written.
            while !running.service.registry.all.contains(where: { $0.inFlight.contains(where: \.isAnswered) }) {
                await Task.yield()
            }
            let idle = try await running.connect()
            try await running.stopListening()
            // Whoever was idle is closed now, so the linger is over for all; nothing of the answer was taken in it.
            #expect(await idle.end() == .closed)
            try await client.startReading()
            #expect(await client.answer()?.body.utf8.count == size)
        }
        #expect(receipt.totals.cut == 0)
    }

    @Test(
        "what is no HTTP in the middle of a request's body ends the answer that is under way, and no second one follows"
    )
    func brokenBody() async throws {
        let router = routes.router()
        router.post("echo") { request, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    for try await part in request.body { try await writer.write(part) }
                    try await writer.finish(nil)
                })
        }
        try await withService(router) { running in
            let client = try await running.connect()
            try await client.send(
                "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            #expect(await client.text("hello"))
            try await client.send("nonsense\r\n")
            #expect(await client.end() != nil)
            #expect(await !client.text("400 Bad Request"))
        }
    }

    @Test("a client that says close gets its answer and its connection is closed")
    func clientSaysClose() async throws {
        try await withService(routes.router()) { running in
            let client = try await running.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            #expect(await client.answer()?.status == 200)
            #expect(await client.end() == .closed)
        }
    }

    @Test("a client that closes its half after its request gets its answer")
    func clientClosesItsHalf() async throws {
        try await withService(routes.router()) { running in
            let client = try await running.connect()
            try await client.get("/held")
            try await client.closeOutput()
            try await routes.entered.wait()
            routes.released.open()
            #expect(await client.answer()?.body == "held and done")
        }
    }

    @Test("answers have a date in the form of RFC 9110")
    func dates() async throws {
        #expect(DateHeader.format(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(DateHeader.format(1_709_164_800) == "Thu, 29 Feb 2024 00:00:00 GMT")
        try await withService(routes.router()) { running in
            let client = try await running.connect()
            try await client.send(get)
            #expect(await client.answer()?.headers["date"]?.hasSuffix(" GMT") == true)
        }
    }
}
