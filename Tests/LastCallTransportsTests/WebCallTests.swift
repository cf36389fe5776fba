import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import LastCallTransports

/// What of an answer is read, and what of an error is said.
@Suite(.timeLimit(.minutes(1))) struct WebCallTests {
    private static func answer(
        _ reply: ScriptedServer.Reply, bytesMax: Int = 10, timeMax: Duration = .seconds(30)
    ) async throws -> WebCall.Answer {
        try await ScriptedServer.run(reply) { server in
            try await WebCall(client: nil, time: .seconds(30)).send(
                HTTPClientRequest(url: server.url), body: .init(bytesMax: bytesMax, timeMax: timeMax))
        }
    }

    @Test("P22a a body is whole up to the limit and cut beyond it")
    func bytes() async throws {
        let whole = try await Self.answer(.answer("200 OK", body: "0123456789"))
        #expect(whole.body == .whole(Array("0123456789".utf8)))
        #expect(try await Self.answer(.answer("200 OK", body: "0123456789a")).body == .cut)
        #expect(try await Self.answer(.answer("204 No Content")).body == .whole([]))
    }

    @Test("P22a a body that breaks off or does not come is cut, and its status stays")
    func cuts() async throws {
        let broken = try await Self.answer(.bytesThenClose("HTTP/1.1 503 A\r\nContent-Length: 9\r\n\r\nabc"))
        #expect(broken.status == 503 && broken.body == .cut)
        let slow = try await Self.answer(
            .bytes("HTTP/1.1 200 A\r\nContent-Length: 9\r\n\r\nabc"), timeMax: .milliseconds(50))
        #expect(slow.status == 200 && slow.body == .cut)
    }

    @Test(
        "a call that is cancelled ends with the head of an answer, where it had come, and else with a CancellationError"
    )
    func cancelled() async throws {
        for _ in 1...20 {
            let reply = ScriptedServer.Reply.bytes("HTTP/1.1 200 A\r\nContent-Length: 9\r\n\r\nabc")
            let answer = try await ScriptedServer.run(reply) { server -> WebCall.Answer? in
                try await withThrowingTaskGroup { group in
                    group.addTask {
                        try await WebCall(client: nil, time: .seconds(3600)).send(
                            HTTPClientRequest(url: server.url), body: .init(bytesMax: 10, timeMax: .seconds(3600)))
                    }
                    try await server.waitForRequests(1)
                    group.cancelAll()
                    do {
                        return try await group.next()
                    } catch is CancellationError {
                        return nil
                    }
                }
            }
            if let answer { #expect(answer.status == 200 && answer.body == .cut) }
        }
    }

    @Test(
        "P22a the client's errors have words without what they hold",
        arguments: [
            (HTTPClientError.deadlineExceeded, "did not answer within 1s", false),
            (.connectTimeout, "did not take a connection in time", false),
            (.remoteConnectionClosed, "closed the connection without an answer", false),
            (.alreadyShutdown, "could not be asked: the HTTP client was shut down", false),
            (.httpProxyHandshakeTimeout, "did not take a connection in time", false),
            (.invalidProxyResponse, "could not be asked: the proxy does not let it through", false),
            (.proxyAuthenticationRequired, "could not be asked: the proxy does not let it through", false),
            (.redirectLimitReached, "could not be asked (Redirect limit reached)", false),
            (.emptyHost, "could not be asked: the request is not valid (Empty host)", true),
            (
                .invalidHeaderFieldNames(["SECRET"]),
                "could not be asked: the request is not valid (Invalid header field names)", true
            ),
            (
                .unsupportedScheme("SECRET"), "could not be asked: the request is not valid (Unsupported scheme)", true
            ),
            (
                .invalidHeaderFieldValues(["SECRET"]),
                "could not be asked: the request is not valid (Invalid header field values)", true
            ),
        ])
    func words(_ error: HTTPClientError, _ words: String, _ isOurs: Bool) {
        #expect(WebTrouble(error, within: "1s") == WebTrouble(words, isOurs: isOurs))
    }

    @Test("P22a the system's errors have words too")
    func systemWords() {
        /// An error whose words are nobody's business.
        struct Odd: Error, CustomStringConvertible { let description = "SECRET" }
        #expect(WebTrouble(Odd(), within: "1s").words == "could not be asked (Odd)")
        #expect(
            WebTrouble(IOError(errnoCode: 104, reason: "SECRET"), within: "1s").words
                == "closed the connection without an answer")
        #expect(WebTrouble(IOError(errnoCode: 111, reason: "SECRET"), within: "1s").words == "refuses connections")
    }
}
