import LastCallWork
import Testing

@testable import LastCallTransports

/// Messages to a server that answers as Slack does, and as it should not.
@Suite(.timeLimit(.minutes(1))) struct SlackTransportTests {
    private static let token = "xoxb-SECRET-1"

    private static func transport(_ url: String, timeout: Duration = .seconds(30)) throws -> SlackTransport {
        try SlackTransport(token: token, baseURL: url, policy: TransportPolicy(timeout: timeout))
    }

    private static let message = Message("slack", to: "C024BE91L", text: "PAYLOAD")

    /// How the first attempt fails.
    private static func failure(
        _ reply: ScriptedServer.Reply, timeout: Duration = .seconds(30)
    ) async throws -> DeliveryFailure {
        try await ScriptedServer.run(reply) { server in
            let failure = try await Attempts.failure(transport(server.url + "/api", timeout: timeout), message)
            // On a busy machine the time may be over before anything was sent.
            #expect(server.requests.count <= 1, "an attempt is one request at most")
            for secret in ["SECRET", "PAYLOAD", "C024BE91L", "127.0.0.1", Attempts.key] {
                #expect(!failure.message.contains(secret), "P22d")
            }
            return failure
        }
    }

    private static func says(_ code: String, _ fields: [String] = []) -> ScriptedServer.Reply {
        .answer("200 OK", fields, body: "{\"ok\":false,\"error\":\"\(code)\",\"needed\":\"SECRET\"}")
    }

    @Test("a message is posted with the token, as JSON, and nothing that Slack does not take")
    func request() async throws {
        let answer =
            "{\"ok\":true,\"channel\":\"C024BE91L\",\"ts\":\"1503435956.000247\",\"warning\":\"message_truncated\"}"
        try await ScriptedServer.run(.answer("200 OK", body: answer)) { server in
            for base in [server.url + "/api", server.url + "/api/"] {
                let receipt = try await Self.transport(base).deliver(Attempts.delivery(Self.message))
                #expect(receipt == DeliveryReceipt())
            }
            for request in server.requests {
                #expect(request.line == "POST /api/chat.postMessage HTTP/1.1")
                #expect(request.headers["authorization"] == "Bearer xoxb-SECRET-1")
                #expect(request.headers["content-type"] == "application/json; charset=utf-8")
                #expect(request.headers["idempotency-key"] == nil)
                #expect(request.body == "{\"channel\":\"C024BE91L\",\"text\":\"PAYLOAD\"}")
            }
            #expect(server.requests.count == 2)
        }
    }

    @Test("P22a a limit is waited out as long as Slack says, or 30 s, and does not count for the breaker")
    func limits() async throws {
        let limited = ScriptedServer.Reply.answer(
            "429 Too Many Requests", ["Retry-After: 12"], body: "{\"ok\":false,\"error\":\"ratelimited\"}")
        let wanted = DeliveryFailure(
            "Slack answered 429: it has enough for now", retryAfter: .seconds(12), scope: .destination,
            countsForBreaker: false)
        #expect(try await Self.failure(limited) == wanted)
        let silent = try await Self.failure(.answer("429 Too Many Requests"))
        #expect(silent.retryAfter == .seconds(30))
        for code in ["ratelimited", "rate_limited", "message_limit_exceeded"] {
            let failure = try await Self.failure(Self.says(code))
            #expect(failure.retryAfter == .seconds(30) && failure.isRetryable && !failure.countsForBreaker)
            #expect(failure.scope == .destination && failure.message == "Slack says \(code): it has enough for now")
        }
        #expect(try await Self.failure(Self.says("ratelimited", ["Retry-After: 3"])).retryAfter == .seconds(3))
    }

    @Test(
        "P22a Slack's own trouble is everybody's and counts for the breaker",
        arguments: [
            "fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org",
            "org_login_required",
        ])
    func unwell(_ code: String) async throws {
        let failure = try await Self.failure(Self.says(code))
        #expect(failure == DeliveryFailure("Slack says \(code)", scope: .transport, countsForBreaker: true))
    }

    @Test(
        "P22a a refused token keeps the messages until it is mended",
        arguments: [
            "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
            "not_allowed_token_type",
        ])
    func refusedToken(_ code: String) async throws {
        let failure = try await Self.failure(Self.says(code))
        let words = "Slack refuses the token (\(code)); mend it and restart"
        #expect(failure == DeliveryFailure(words, scope: .transport, countsForBreaker: true))
    }

    @Test(
        "P22a a conversation that the token may not post to keeps its own messages only",
        arguments: [
            "no_permission", "access_denied", "ekm_access_denied",
        ])
    func refusedAccess(_ code: String) async throws {
        let failure = try await Self.failure(Self.says(code))
        #expect(failure.isRetryable && failure.scope == .destination && failure.message.contains("(\(code))"))
    }

    @Test(
        "P22a a refused message is not tried again and says the code",
        arguments: [
            "channel_not_found", "not_in_channel", "is_archived", "msg_too_long", "no_text", "invalid_blocks",
            "restricted_action", "something_new_2",
        ])
    func refused(_ code: String) async throws {
        let failure = try await Self.failure(Self.says(code))
        #expect(
            failure
                == DeliveryFailure("Slack refuses the message (\(code))", isRetryable: false, countsForBreaker: false))
    }

    @Test(
        "P22d a code that does not look like one is not shown",
        arguments: [
            "", "SECRET", "a b", "a-b", "é", String(repeating: "a", count: 65),
        ])
    func oddCodes(_ code: String) async throws {
        #expect(try await Self.failure(Self.says(code)).message == "Slack refuses the message")
    }

    @Test(
        "P22a an answer of 200 that is not Slack's JSON is tried again, and says that it is not known",
        arguments: [
            ScriptedServer.Reply.answer("200 OK", body: "<html>SECRET"), .answer("200 OK"), .answer("204 No Content"),
            .answer("200 OK", body: "{}"), .answer("200 OK", body: "{\"ok\":\"SECRET\"}"),
            .answer("200 OK", body: "[]"),
            .bytesThenClose("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":true"),
            .bytesThenClose("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":true}"),
        ])
    func unclear(_ reply: ScriptedServer.Reply) async throws {
        let failure = try await Self.failure(reply)
        #expect(failure.isRetryable && failure.scope == .transport && failure.countsForBreaker)
        #expect(failure.message.hasSuffix("whether it has the message is not known"))
    }

    @Test(
        "P22a other statuses: a server's failures and a proxy's concern everybody, the rest the message",
        arguments: [
            ("500 A", true, true), ("503 A", true, true), ("302 A", true, true), ("401 A", true, true),
            ("403 A", true, true), ("407 A", true, true), ("408 A", true, false), ("404 A", false, false),
            ("400 A", false, false), ("413 A", false, false),
        ])
    func statuses(_ status: String, _ isRetryable: Bool, _ counts: Bool) async throws {
        let failure = try await Self.failure(.answer(status, body: "<html>SECRET"))
        #expect(failure.isRetryable == isRetryable && failure.countsForBreaker == counts)
        #expect(failure.scope == (isRetryable ? .transport : .destination))
        #expect(failure.message.hasPrefix("Slack answered \(status.prefix(3))"))
    }

    @Test("P22a a code in another status counts, and success in a failure's does not")
    func codesElsewhere() async throws {
        let body = "{\"ok\":false,\"error\":\"invalid_auth\"}"
        #expect(try await Self.failure(.answer("403 A", body: body)).message.contains("refuses the token"))
        #expect(try await Self.failure(.answer("404 A", body: "{\"ok\":true}")).message == "Slack answered 404")
        #expect(try await Self.failure(.answer("500 A", body: "{\"ok\":true}")).message == "Slack answered 500")
    }

    @Test("P22a no answer concerns everybody and counts for the breaker")
    func noAnswers() async throws {
        let cases: [(ScriptedServer.Reply, String)] = [
            (.bytesThenClose(""), "closed the connection without an answer"),
            (.bytesThenClose("HTTP/1.1 200 O"), "closed the connection in the middle of its answer's head"),
            (.nothing, "did not answer within 300ms"),
        ]
        for (reply, words) in cases {
            // Only the last of them waits for so long.
            let isSilent = words.hasPrefix("did not")
            let failure = try await Self.failure(reply, timeout: isSilent ? .milliseconds(300) : .seconds(30))
            #expect(failure == DeliveryFailure("Slack \(words)", scope: .transport, countsForBreaker: true))
        }
        try await Attempts.withClosedPort { port in
            let failure = try await Attempts.failure(Self.transport("http://127.0.0.1:\(port)"), Self.message)
            #expect(failure == DeliveryFailure("Slack refuses connections", scope: .transport, countsForBreaker: true))
        }
    }

    @Test("a post that is cancelled ends at once with a CancellationError, before and behind the answer's head")
    func cancellation() async throws {
        let replies: [ScriptedServer.Reply] = [.nothing, .bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")]
        for reply in replies {
            try await ScriptedServer.run(reply) { server in
                let transport = try Self.transport(server.url, timeout: .seconds(3600))
                await #expect(throws: CancellationError.self) {
                    try await withThrowingTaskGroup { group in
                        group.addTask { _ = try await transport.deliver(Attempts.delivery(Self.message)) }
                        try await server.waitForRequests(1)
                        group.cancelAll()
                        try await group.waitForAll()
                    }
                }
            }
        }
    }

    @Test(
        "P22d a token that cannot be one is refused and not printed",
        arguments: [
            "", " ", "xoxb-SECRET\n", "xoxb SECRET", "xoxb-SECRET\u{7F}", "“xoxb-SECRET”",
        ])
    func badTokens(_ token: String) throws {
        let error = try #require(throws: WorkError.self) { try SlackTransport(token: token) }
        #expect(error.code == .invalidConfiguration)
        #expect(!error.description.contains("SECRET"))
    }

    @Test("P22d printing and dumping shows neither the token nor the address")
    func printing() throws {
        let transport = try SlackTransport(token: Self.token, name: "team", baseURL: "https://example.org/SECRET")
        var dumped = ""
        dump(transport, to: &dumped)
        for text in ["\(transport)", String(reflecting: transport), dumped] { #expect(!text.contains("xoxb")) }
        #expect(!dumped.contains("HTTPClient"), "a client holds the requests that are under way")
        #expect("\(transport)" == "SlackTransport \"team\"")
        #expect(throws: WorkError.self) { try SlackTransport(token: Self.token, baseURL: "slack.com/api") }
    }

    @Test("by default it is called slack, posts once a second to a channel, and checks what it is given")
    func defaults() throws {
        let transport = try SlackTransport(token: Self.token)
        #expect(transport.name == "slack")
        #expect(transport.policy.ratePerDestination?.spacing == .seconds(1))
        #expect(transport.policy.breaker != nil)
        try transport.check(Self.message)
        #expect(throws: WorkError.self) { try transport.check(Message("slack", to: "general", text: "a")) }
    }

    @Test("P22a a message that was stored and cannot be posted is refused")
    func unusableMessage() async throws {
        let failure = try await Attempts.failure(
            Self.transport("http://127.0.0.1:1"), Message("slack", to: "C1", body: [0xFF]))
        #expect(!failure.isRetryable && !failure.countsForBreaker)
    }
}
