import AsyncHTTPClient
import LastCall
import LastCallWork
import NIOCore
import NIOHTTP1

/// Posts messages to Slack, by `chat.postMessage` of its Web API.
///
/// ```swift
/// let slack = try SlackTransport(token: token)
/// try await outbox.send(Message("slack", to: "C024BE91L", json: ["text": "P2300R11 is out"]))
/// try await outbox.send(Message("slack", to: "#releases", text: "P2300R11 is out"))
/// ```
///
/// A destination is the id of a channel, of a user (a direct message), or `#name`. A text goes as it is, so Slack reads its marks; a JSON
/// body is an object with what `chat.postMessage` takes, without `channel`.
///
/// A message arrives at least once: `chat.postMessage` takes no idempotency key (`client_msg_id` is for Slack's own programs), so one whose
/// answer was lost is there twice. See ``LastCallTransports`` for what happens on which answer.
public struct SlackTransport: Transport, CustomStringConvertible {
    /// Once a second for each channel, which is what Slack allows (docs: Rate limits).
    public static let defaultPolicy = TransportPolicy(ratePerDestination: .init(1, per: .seconds(1)))
    /// Slack's answer repeats the message, with every letter written as six in the worst case.
    private static let answerBytesMax = 8 * SlackMessage.bodyBytesMax

    /// The name that messages are stored under.
    public let name: String
    /// How fast, how patiently and how far it is used.
    public let policy: TransportPolicy
    /// Where messages are posted.
    private let url: String
    /// What is shown to Slack.
    private let token: Secret
    /// Sends requests.
    private let call: WebCall

    /// Says what is wrong with a destination, before there is a message for it.
    ///
    /// - Throws: `WorkError` with `WorkError.Code.invalidSubmission`.
    package static func check(destination: String) throws(WorkError) { try SlackMessage.checkDestination(destination) }

    /// Creates a transport.
    ///
    /// - Parameters:
    ///   - token: A token with the scope `chat:write`.
    ///   - name: The name that messages are stored under.
    ///   - baseURL: Where the Web API is.
    ///   - policy: How fast, how patiently and how far it is used; ``defaultPolicy`` by default. A policy of one's own needs a rate of its own.
    ///   - client: What sends, and is shut down by whoever made it; one that all transports of the process share by default.
    /// - Throws: `WorkError` with `WorkError.Code.invalidConfiguration`, which never holds the token.
    public init(
        token: String, name: String = "slack", baseURL: String = "https://slack.com/api",
        policy: TransportPolicy = SlackTransport.defaultPolicy, client: HTTPClient? = nil
    ) throws(WorkError) {
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw WorkError(
                .invalidConfiguration,
                "transport \"\(name)\": the token is empty or holds a space, a line's end or a letter beyond ASCII; "
                    + "copy it again"
            )
        }
        if let objection = WebAddress.objection(to: baseURL) {
            throw WorkError(.invalidConfiguration, "transport \"\(name)\": \(objection)")
        }
        self.name = name
        self.policy = policy
        self.token = Secret(token)
        url = (baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL) + "/chat.postMessage"
        call = WebCall(client: client, time: policy.timeout)
    }

    /// The transport's name.
    public var description: String { "SlackTransport \"\(name)\"" }

    /// Says what is wrong with a message before it is accepted.
    ///
    /// - Throws: `WorkError.Code.invalidSubmission` for a destination that Slack has no form of, and for a body that is neither text nor a
    ///   JSON object; `WorkError.Code.tooLarge` for more than 40,000 characters of text, which Slack would cut, 50 blocks or 100
    ///   attachments.
    public func check(_ message: Message) throws(WorkError) { _ = try SlackMessage.body(of: message) }

    /// Posts one message.
    ///
    /// It is delivered once Slack has answered `{"ok": true}`.
    public func deliver(_ delivery: Delivery) async throws -> DeliveryReceipt {
        let request: HTTPClientRequest
        do {
            request = try self.request(delivery.message)
        } catch {
            throw DeliveryFailure(error.message, isRetryable: false, countsForBreaker: false)
        }
        let answer: WebCall.Answer
        do {
            answer = try await call.send(
                request, body: .init(bytesMax: Self.answerBytesMax, timeMax: policy.timeout))
        } catch let trouble as WebTrouble {
            throw DeliveryFailure(
                "Slack \(trouble.words)", isRetryable: !trouble.isOurs,
                scope: trouble.isOurs ? .destination : .transport,
                countsForBreaker: !trouble.isOurs)
        }
        // A body that was cut because somebody gave up says nothing of Slack.
        if answer.body == .cut, Task.isCancelled { throw CancellationError() }
        if let failure = SlackAnswer.failure(answer) { throw failure }
        return DeliveryReceipt()
    }

    /// The request for a message.
    private func request(_ message: Message) throws(WorkError) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = [
            "Authorization": "Bearer \(token.text)", "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "lastcall",
        ]
        request.body = .bytes(ByteBuffer(bytes: try SlackMessage.body(of: message)))
        return request
    }
}
