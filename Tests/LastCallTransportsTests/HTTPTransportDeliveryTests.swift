import AsyncHTTPClient
import LastCallWork
import Testing

@testable import LastCallTransports

/// Messages to a real server that answers as it should, and as it should not.
@Suite(.timeLimit(.minutes(1))) struct HTTPTransportDeliveryTests {
    private static func transport(
        _ url: String, timeout: Duration = .seconds(30), headers: [String: String] = [:],
        method: HTTPTransport.Endpoint.Method = .post, client: HTTPClient? = nil
    ) throws -> HTTPTransport {
        try HTTPTransport(
            "hooks", endpoints: ["deploys": .init(url, method: method, headers: headers)],
            policy: TransportPolicy(timeout: timeout), client: client)
    }

    private static func message() throws -> Message {
        try Message("hooks", to: "deploys", json: ["version": "PAYLOAD"])
    }

    /// How the first attempt fails.
    private static func failure(
        _ reply: ScriptedServer.Reply, timeout: Duration = .seconds(30)
    ) async throws -> DeliveryFailure {
        try await ScriptedServer.run(reply) { server in
            let failure = try await Attempts.failure(
                transport(server.url + "/SECRET", timeout: timeout), message())
            // On a busy machine the time may be over before anything was sent.
            #expect(server.requests.count <= 1, "an attempt is one request at most")
            return failure
        }
    }

    /// Expects that the first attempt succeeds.
    private static func success(_ reply: ScriptedServer.Reply) async throws {
        try await ScriptedServer.run(reply) { server in
            let receipt = try await transport(server.url).deliver(Attempts.delivery(message()))
            #expect(receipt == DeliveryReceipt())
            #expect(server.requests.count == 1, "an attempt is one request")
        }
    }

    @Test("a request carries the body, its type, the key and the endpoint's own fields")
    func request() async throws {
        try await ScriptedServer.run(.answer("204 No Content")) { server in
            let transport = try Self.transport(
                server.url + "/hook?a=b", headers: ["Authorization": "Bearer SECRET", "X-A": "b"])
            _ = try await transport.deliver(Attempts.delivery(Self.message()))
            let request = try #require(server.requests.first)
            #expect(request.line == "POST /hook?a=b HTTP/1.1")
            #expect(request.body == "{\"version\":\"PAYLOAD\"}")
            #expect(request.headers["content-type"] == "application/json")
            #expect(request.headers["content-length"] == "21")
            #expect(request.headers["idempotency-key"] == Attempts.key)
            #expect(request.headers["user-agent"] == "lastcall")
            #expect(request.headers["authorization"] == "Bearer SECRET")
            #expect(request.headers["x-a"] == "b")
            #expect(request.headers["transfer-encoding"] == nil && request.headers["accept-encoding"] == nil)
        }
    }

    @Test("an endpoint may have another method, and its own fields replace the message's")
    func ownFields() async throws {
        try await ScriptedServer.run(.answer("200 OK")) { server in
            let transport = try Self.transport(
                server.url, headers: ["content-type": "text/x", "USER-AGENT": "me"], method: .put)
            _ = try await transport.deliver(Attempts.delivery(Message("hooks", to: "deploys", text: "")))
            let request = try #require(server.requests.first)
            #expect(request.line == "PUT / HTTP/1.1")
            #expect(request.headers["content-type"] == "text/x" && request.headers["user-agent"] == "me")
            #expect(request.headers["content-length"] == "0")
        }
    }

    @Test("P22a the head of a success is enough: HTML, half a body, one without end and a huge one are delivered")
    func successes() async throws {
        try await Self.success(.answer("200 OK", ["Content-Type: text/html"], body: "<html>"))
        try await Self.success(.answer("202 Accepted", ["Retry-After: 100"]))
        try await Self.success(.drip(ScriptedServer.Reply.text("201 Created", body: "slow")))
        try await Self.success(.bytesThenClose("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))
        try await Self.success(.bytesThenClose("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk"))
        try await Self.success(
            .bytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))
        let large = String(repeating: "x", count: 1_000_000)
        try await Self.success(.bytes("HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n" + large))
    }

    @Test("P22a limits are waited out as long as they say, in seconds and as a date, and do not count for the breaker")
    func limits() async throws {
        for status in ["408 Request Timeout", "425 Too Early", "429 Too Many Requests"] {
            let failure = try await Self.failure(.answer(status, ["Retry-After: 17"]))
            #expect(
                failure
                    == DeliveryFailure(
                        "the endpoint answered \(status.prefix(3))", retryAfter: .seconds(17), countsForBreaker: false))
        }
        let dated = try await Self.failure(
            .answer(
                "429 Too Many Requests",
                ["Date: Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After: Sun, 06 Nov 1994 08:50:37 GMT"]))
        #expect(dated.retryAfter == .seconds(60))
        let silent = try await Self.failure(.answer("429 Too Many Requests", ["Retry-After: soon"]))
        #expect(silent.isRetryable && silent.retryAfter == nil && !silent.countsForBreaker)
    }

    @Test("P22a a server's failures are tried again and count for the breaker, with a wait too")
    func serverFailures() async throws {
        for status in ["500 Internal Server Error", "502 Bad Gateway", "504 Gateway Timeout"] {
            let failure = try await Self.failure(.answer(status, body: "<html>"))
            #expect(failure == DeliveryFailure("the endpoint answered \(status.prefix(3))", countsForBreaker: true))
        }
        let busy = try await Self.failure(.answer("503 Service Unavailable", ["Retry-After: 120"]))
        #expect(busy.retryAfter == .seconds(120) && busy.countsForBreaker && busy.isRetryable)
    }

    @Test("P22a what the server refuses is not tried again")
    func refusals() async throws {
        for status in ["400 Bad Request", "401 Unauthorized", "404 Not Found", "410 Gone", "422 Unprocessable"] {
            let failure = try await Self.failure(.answer(status, ["Retry-After: 5"]))
            #expect(failure == DeliveryFailure("the endpoint answered \(status.prefix(3))", isRetryable: false))
        }
    }

    @Test("P22a a redirect is refused and not followed", arguments: ["301", "302", "303", "307", "308"])
    func redirect(_ status: String) async throws {
        let failure = try await Self.failure(.answer("\(status) Elsewhere", ["Location: /SECRET/elsewhere"]))
        #expect(!failure.isRetryable && !failure.countsForBreaker)
        #expect(failure.message == "the endpoint answered \(status); put the new address into the settings")
    }

    @Test("P22a a redirect that somebody's own client follows is a redirect still")
    func followedRedirect() async throws {
        try await ScriptedServer.run(.answer("302 Found", ["Location: /elsewhere"]), .answer("200 OK")) { server in
            let client = HTTPClient(eventLoopGroupProvider: .singleton)
            let outcome: Result<DeliveryFailure, any Error>
            do {
                outcome = .success(
                    try await Attempts.failure(Self.transport(server.url, client: client), Self.message()))
            } catch {
                outcome = .failure(error)
            }
            try await client.shutdown()
            let failure = try outcome.get()
            #expect(failure.message.hasPrefix("the endpoint answered 302") && !failure.isRetryable)
        }
    }

    @Test("P22a what comes instead of an answer is tried again, counts for the breaker and has words of its own")
    func noAnswers() async throws {
        let cases: [(ScriptedServer.Reply, String)] = [
            (.bytesThenClose(""), "closed the connection without an answer"),
            (
                .bytesThenClose("HTTP/1.1 200 OK\r\nContent-Le"),
                "closed the connection in the middle of its answer's head"
            ),
            (
                .bytesThenClose("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"),
                "closed the connection in the middle of its answer's head"
            ),
            (.bytes("220 mail.example.org ESMTP\r\n"), "answered with something that is not HTTP"),
        ]
        for (reply, words) in cases {
            let failure = try await Self.failure(reply)
            #expect(failure == DeliveryFailure("the endpoint \(words)", countsForBreaker: true))
        }
    }

    @Test(
        "P22a an answer that does not come in time is tried again",
        arguments: [
            ScriptedServer.Reply.nothing, .bytes("HTTP/1.1 200 OK\r\nContent-Le"),
            .bytes("HTTP/1.1 100 Continue\r\n\r\n"),
        ])
    func timeout(_ reply: ScriptedServer.Reply) async throws {
        let failure = try await Self.failure(reply, timeout: .milliseconds(300))
        #expect(failure == DeliveryFailure("the endpoint did not answer within 300ms", countsForBreaker: true))
    }

    @Test("P22a a refused connection and a name that nobody has are tried again")
    func unreachable() async throws {
        try await Attempts.withClosedPort { port in
            let failure = try await Attempts.failure(Self.transport("http://127.0.0.1:\(port)"), Self.message())
            #expect(failure == DeliveryFailure("the endpoint refuses connections", countsForBreaker: true))
        }
        let failure = try await Attempts.failure(
            Self.transport("http://SECRET.invalid", timeout: .milliseconds(300)), Self.message())
        #expect(failure.isRetryable && failure.countsForBreaker && !failure.message.contains("SECRET"))
    }

    @Test("P22a a server that does not speak TLS is tried again, and says where to look")
    func noTLS() async throws {
        try await ScriptedServer.run(.bytesThenClose(ScriptedServer.Reply.text("400 Bad Request"))) { server in
            let url = server.url.replacing("http:", with: "https:") + "/SECRET"
            let failure = try await Attempts.failure(Self.transport(url), Self.message())
            #expect(failure.isRetryable && failure.countsForBreaker)
            #expect(failure.message.hasPrefix("the endpoint could not be connected to by TLS ("))
            #expect(!failure.message.contains("SECRET") && !failure.message.contains("127.0.0.1"))
        }
    }

    @Test("P22a a kept connection that the server closes is no second request in one attempt")
    func staleConnection() async throws {
        let answer = ScriptedServer.Reply.text("200 OK")
        try await ScriptedServer.run(.bytes(answer), .bytesThenClose(""), .bytes(answer)) { server in
            let transport = try Self.transport(server.url)
            _ = try await transport.deliver(Attempts.delivery(Self.message(), key: "1"))
            let failure = try await Attempts.failure(transport, Self.message())
            #expect(failure.message == "the endpoint closed the connection without an answer" && failure.isRetryable)
            _ = try await transport.deliver(Attempts.delivery(Self.message(), key: "3"))
            #expect(server.requests.map(\.connection) == [1, 1, 2])
            #expect(server.requests.map { $0.headers["idempotency-key"] } == ["1", Attempts.key, "3"])
        }
    }

    @Test("P22a a server that closes behind every answer gets each attempt once at most")
    func closingServer() async throws {
        try await ScriptedServer.run(.bytesThenClose(ScriptedServer.Reply.text("200 OK"))) { server in
            let transport = try Self.transport(server.url)
            var delivered: [String] = []
            for key in (1...50).map({ "key-\($0)" }) {
                do {
                    _ = try await transport.deliver(Attempts.delivery(Self.message(), key: key))
                    delivered.append(key)
                } catch let failure as DeliveryFailure {
                    #expect(failure.isRetryable)
                }
            }
            let seen = server.requests.compactMap { $0.headers["idempotency-key"] }
            #expect(Set(seen).count == seen.count)
            #expect(Set(delivered).isSubset(of: seen))
        }
    }

    @Test("a delivery that is cancelled ends at once with a CancellationError, before and while it waits for an answer")
    func cancellation() async throws {
        try await ScriptedServer.run(.nothing) { server in
            let transport = try Self.transport(server.url, timeout: .seconds(3600))
            let delivery = try Attempts.delivery(Self.message())
            for count in 1...2 {
                await #expect(throws: CancellationError.self) {
                    try await withThrowingTaskGroup { group in
                        group.addTask { _ = try await transport.deliver(delivery) }
                        if count == 1 { try await server.waitForRequests(1) }
                        group.cancelAll()
                        try await group.waitForAll()
                    }
                }
            }
        }
    }

    @Test("P22a an endpoint that is gone from the settings keeps its messages")
    func missingEndpoint() async throws {
        let failure = try await Attempts.failure(
            Self.transport("http://127.0.0.1:1/"), Message("hooks", to: "builds", text: ""))
        #expect(failure.isRetryable && !failure.countsForBreaker && !failure.message.contains("builds"))
    }

    @Test("P22d no failure holds the address, a token, the destination or the payload")
    func redaction() async throws {
        var texts: [String] = []
        let replies: [ScriptedServer.Reply] = [
            .answer("500 SECRET", ["Location: SECRET", "Retry-After: SECRET"], body: "SECRET"), .answer("404 SECRET"),
            .answer("302 SECRET", ["Location: /SECRET"]), .bytesThenClose(""), .bytesThenClose("HTTP/1.1 200 SECRET"),
            .bytes("SECRET\r\n\r\n"), .answer("999 SECRET"),
        ]
        for reply in replies {
            try await ScriptedServer.run(reply) { server in
                let transport = try Self.transport(
                    server.url + "/SECRET", headers: ["Authorization": "Bearer SECRET"])
                let failure = try await Attempts.failure(transport, Self.message())
                var dumped = ""
                dump(failure, to: &dumped)
                texts += ["\(failure)", dumped]
            }
        }
        for text in texts {
            for secret in ["SECRET", "PAYLOAD", "127.0.0.1", "http://", "deploys", Attempts.key] {
                #expect(!text.contains(secret))
            }
        }
    }

    @Test("many messages to one server wait for each other neither for a connection nor for an answer")
    func manyLanes() async throws {
        let count = 64
        try await ScriptedServer.run(.nothing) { server in
            let transport = try Self.transport(server.url)
            let delivery = try Attempts.delivery(Self.message())
            try await withThrowingTaskGroup { group in
                for _ in 0..<count { group.addTask { _ = try await transport.deliver(delivery) } }
                try await server.waitForRequests(count)
                group.cancelAll()
                for _ in 0..<count {
                    await #expect(throws: CancellationError.self) { try await group.next() }
                }
            }
        }
    }
}
