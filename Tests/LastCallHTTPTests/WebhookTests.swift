import Crypto
import HTTPTypes
import Hummingbird
import HummingbirdCore
import LastCall
import LastCallConcurrency
import NIOCore
import Testing

@testable import LastCallHTTP

@Suite struct WebhookTests {
    private let secret = "It's a Secret to Everybody"

    /// Signs as GitHub and Slack do.
    private func signature(_ text: String, secret: String? = nil) -> String {
        let key = SymmetricKey(data: Array((secret ?? self.secret).utf8))
        return HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func fields(_ pairs: [(String, String)]) throws -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in pairs { fields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value)) }
        return fields
    }

    @Test("S16 GitHub's documented example verifies (docs: Validating webhook deliveries)")
    func gitHubExample() throws {
        let expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        let webhook = try WebhookSignature.gitHub(secret: secret)
        let headers = try fields([("X-Hub-Signature-256", "sha256=\(expected)")])
        #expect(try webhook.verify(headers: headers, body: Array("Hello, World!".utf8)) == expected)
    }

    @Test("S16 Slack's documented example verifies within its window (docs: Verifying requests from Slack)")
    func slackExample() throws {
        let body =
            "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
        let headers = try fields([
            ("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
            ("X-Slack-Request-Timestamp", "1531420618"),
        ])
        let secret = "8f742231b10e8888abcd99yyyzzz85a5"
        for (now, isGood) in [
            (1_531_420_618, true), (1_531_420_918, true), (1_531_420_318, true), (1_531_420_919, false),
            (1_531_420_317, false),
        ] {
            let webhook = try WebhookSignature.slack(signingSecret: secret, now: { Int64(now) })
            let proof = try? webhook.verify(headers: headers, body: Array(body.utf8))  // its absence is the answer
            #expect((proof != nil) == isGood, "at \(now)")
        }
    }

    @Test(
        "S16 a signature that is missing, malformed, doubled or wrong is refused with a reason",
        arguments: [
            ([], "is missing"),
            ([("X-Hub-Signature-256", "sha1=abc")], "64 hexadecimal"),
            ([("X-Hub-Signature-256", "sha256=abc")], "64 hexadecimal"),
            ([("X-Hub-Signature-256", "sha256=" + String(repeating: "zz", count: 32))], "64 hexadecimal"),
            ([("X-Hub-Signature-256", "sha256=" + String(repeating: "0é", count: 16))], "64 hexadecimal"),
            ([("X-Hub-Signature-256", "sha256=" + String(repeating: "00", count: 32))], "does not fit"),
            ([("X-Hub-Signature-256", "sha256=00"), ("X-Hub-Signature-256", "sha256=00")], "there twice"),
        ] as [([(String, String)], String)])
    func badSignatures(pairs: [(String, String)], reason: String) throws {
        let webhook = try WebhookSignature.gitHub(secret: secret)
        let headers = try fields(pairs)
        do {
            try webhook.verify(headers: headers, body: Array("body".utf8))
            Issue.record("it was taken")
        } catch {
            #expect(error.description.contains(reason))
            #expect(!error.description.contains(secret))
        }
    }

    @Test(
        "S16 Slack timestamps that are no time are refused", arguments: ["", "now", "-5", "9223372036854775807", "1e9"])
    func badTimestamps(stamp: String) throws {
        let webhook = try WebhookSignature.slack(signingSecret: secret, now: { -2_000_000_000 })
        let headers = try fields([
            ("X-Slack-Signature", "v0=" + signature("v0:\(stamp):body")), ("X-Slack-Request-Timestamp", stamp),
        ])
        #expect(throws: WebhookSignature.Refusal.self) {
            _ = try webhook.verify(headers: headers, body: Array("body".utf8))
        }
    }

    @Test("S16 an empty secret is a configuration error")
    func emptySecret() {
        #expect(throws: HTTPServiceError.self) { _ = try WebhookSignature.gitHub(secret: "") }
        #expect(throws: HTTPServiceError.self) { _ = try WebhookSignature.slack(signingSecret: "") }
    }

    private func post(_ running: RunningService, _ body: String, _ signature: String?) async throws -> Int? {
        let client = try await running.connect()
        let line = signature.map { "X-Hub-Signature-256: sha256=\($0)\r\n" } ?? ""
        try await client.send(
            "POST /webhooks/github HTTP/1.1\r\nHost: test\r\n\(line)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return await client.answer()?.status
    }

    @Test("S16 over HTTP nothing unsigned, repeated or too large reaches the handler; a failed one may be repeated")
    func middleware() async throws {
        let handled = Mutex<[String]>([])
        let fails = Mutex(true)
        let router = Router()
        let webhooks = router.group("webhooks")
            .add(middleware: WebhookMiddleware(try .gitHub(secret: secret), bodySizeMax: 100))
        webhooks.post("github") { request, _ in
            var request = request
            let text = String(buffer: try await request.collectBody(upTo: 1000))
            if text == "fails once",
                fails.withLock({ fails in
                    defer { fails = false }; return fails
                })
            {
                return Response(status: .internalServerError)
            }
            handled.withLock { $0.append(text) }
            return Response(status: .accepted)
        }
        try await withService(router) { (running: RunningService) async throws -> Void in
            #expect(try await post(running, "one", nil) == 401)
            #expect(try await post(running, "one", signature("two")) == 401)
            #expect(try await post(running, "one", signature("one", secret: "another")) == 401)
            #expect(handled.withLock { $0 }.isEmpty)
            #expect(try await post(running, "one", signature("one")) == 202)
            #expect(try await post(running, "one", signature("one")) == 409)
            #expect(try await post(running, "one", signature("one").uppercased()) == 409)
            let large = String(repeating: "x", count: 101)
            #expect(try await post(running, large, signature(large)) == 413)
            #expect(try await post(running, "fails once", signature("fails once")) == 500)
            #expect(try await post(running, "fails once", signature("fails once")) == 202)
        }
        #expect(handled.withLock { $0 } == ["one", "fails once"])
    }

    @Test(
        "S16 the repetition of a webhook that is still being handled is told to come back, and then what became of it")
    func repetitionInHand() async throws {
        let routes = TestRoutes()
        let router = Router()
        router.group("webhooks").add(middleware: WebhookMiddleware(try .gitHub(secret: secret))).post("github") {
            _, _ in
            routes.entered.open()
            try await routes.released.wait()
            return Response(status: .accepted)
        }
        try await withService(router) { running in
            async let first = post(running, "one", signature("one"))
            try await routes.entered.wait()
            #expect(try await post(running, "one", signature("one")) == 503)
            routes.released.open()
            #expect(try await first == 202)
            #expect(try await post(running, "one", signature("one")) == 409)
        }
    }

    @Test("S16 as many accepted requests are remembered as were asked for, the oldest is forgotten first")
    func remembered() {
        let seen = SeenSignatures(countMax: 3)
        func accept(_ text: String) -> SeenSignatures.Finding {
            let finding = seen.begin(text)
            if finding == .new { seen.end(text, isAccepted: true) }
            return finding
        }
        for text in ["a", "b", "c"] { #expect(accept(text) == .new) }
        #expect(accept("a") == .accepted)
        #expect(accept("d") == .new)
        #expect(accept("a") == .new)
        #expect(accept("d") == .accepted)
        #expect(seen.begin("e") == .new)
        #expect(seen.begin("e") == .inHand)
        seen.end("e", isAccepted: false)
        #expect(accept("e") == .new)
        for number in 0..<100 { #expect(accept("\(number)") == .new) }
        #expect(accept("99") == .accepted)
        #expect(accept("0") == .new)
    }
}
