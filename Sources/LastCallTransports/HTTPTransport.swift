import AsyncHTTPClient
import LastCall
import LastCallWork
import NIOCore
import NIOHTTP1

/// Sends messages to webhooks.
///
/// ```swift
/// let hooks = try HTTPTransport(
///     "hooks", endpoints: ["deploys": .init("https://example.org/hook/…", headers: ["Authorization": "Bearer …"])])
/// try await outbox.send(Message("hooks", to: "deploys", json: ["version": "1.4.2"]))
/// ```
///
/// A destination is the name of an endpoint: addresses and tokens are in the settings only, and in no message, error or log. Every attempt
/// carries the message's `Idempotency-Key`, by which the other side can tell a message that it has already. See ``LastCallTransports``
/// for what happens on which answer.
public struct HTTPTransport: Transport, CustomStringConvertible {
    /// How much of an answer is read, so that its connection can be used again: the status alone decides.
    private static let answerLimits = WebCall.BodyLimits(bytesMax: 64 * 1024, timeMax: .seconds(1))
    /// The statuses that redirect (RFC 9110, section 15.4).
    private static let redirects: Set<UInt> = [301, 302, 303, 307, 308]

    /// The name that messages are stored under.
    public let name: String
    /// How fast, how patiently and how far it is used.
    public let policy: TransportPolicy
    /// The largest body that it takes, in bytes.
    public let bodyBytesMax: Int
    /// Where messages can go.
    private let endpoints: [String: Endpoint]
    /// Sends requests.
    private let call: WebCall

    /// Creates a transport.
    ///
    /// - Parameters:
    ///   - name: The name that messages are stored under.
    ///   - endpoints: Where messages can go, by the names that they are sent to.
    ///   - policy: How fast, how patiently and how far it is used.
    ///   - bodyBytesMax: The largest body that it takes; 1 MiB by default.
    ///   - client: What sends, and is shut down by whoever made it; one that all transports of the process share by default. Another one
    ///     should follow no redirects, not retry to establish connections, and have no tracer, whose spans would hold URLs.
    /// - Throws: `WorkError` with `WorkError.Code.invalidConfiguration`, which names an endpoint and never holds what is in it.
    public init(
        _ name: String, endpoints: [String: Endpoint], policy: TransportPolicy = TransportPolicy(),
        bodyBytesMax: Int = 1024 * 1024, client: HTTPClient? = nil
    ) throws(WorkError) {
        func fail(_ words: String) -> WorkError {
            WorkError(.invalidConfiguration, "transport \"\(name)\": \(words)")
        }
        guard !endpoints.isEmpty else { throw fail("it has no endpoint; name one, or leave the transport out") }
        guard bodyBytesMax >= 1 else { throw fail("bodyBytesMax is \(bodyBytesMax); it is at least 1") }
        for (destination, endpoint) in endpoints.sorted(by: { $0.key < $1.key }) {
            guard (1...Message.destinationBytesMax).contains(destination.utf8.count),
                destination.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
            else {
                throw fail(
                    "an endpoint's name is empty, holds a control character, or is longer than "
                        + "\(Message.destinationBytesMax) bytes")
            }
            try endpoint.validate(destination, of: name)
        }
        self.name = name
        self.policy = policy
        self.bodyBytesMax = bodyBytesMax
        self.endpoints = endpoints
        call = WebCall(client: client, time: policy.timeout)
    }

    /// The transport's name and the names of its endpoints.
    public var description: String {
        "HTTPTransport \"\(name)\" to \(endpoints.keys.sorted().joined(separator: ", "))"
    }

    /// Says what is wrong with a message before it is accepted.
    ///
    /// - Throws: `WorkError.Code.invalidSubmission` for a destination that is no endpoint's name, and for a media type that is none;
    ///   `WorkError.Code.tooLarge`.
    public func check(_ message: Message) throws(WorkError) {
        guard endpoints[message.destination] != nil else {
            let nearest = NearestNames.of(message.destination, among: endpoints.keys).joined(separator: ", ")
            throw WorkError(
                .invalidSubmission,
                "transport \"\(name)\" has no endpoint of the destination's name; "
                    + "of \(endpoints.count) the nearest: \(nearest)"
            )
        }
        guard !message.contentType.isEmpty, WebAddress.isHeaderValue(message.contentType) else {
            throw WorkError(.invalidSubmission, "the content type is empty or holds what a header cannot")
        }
        guard message.body.count <= bodyBytesMax else {
            throw WorkError(
                .tooLarge,
                "the body has \(message.body.count) bytes; transport \"\(name)\" takes \(bodyBytesMax) (bodyBytesMax)")
        }
    }

    /// Delivers one message.
    ///
    /// It is delivered once the other side has answered with a status of 200 to 299, whatever follows.
    public func deliver(_ delivery: Delivery) async throws -> DeliveryReceipt {
        guard let endpoint = endpoints[delivery.message.destination] else {
            // The message was accepted, so there was one. It waits for it, as long as it waits for anything.
            throw DeliveryFailure(
                "the settings of transport \"\(name)\" have no endpoint of this name any more; put it back",
                countsForBreaker: false)
        }
        let answer: WebCall.Answer
        do {
            answer = try await call.send(Self.request(delivery, to: endpoint), body: Self.answerLimits)
        } catch let trouble as WebTrouble {
            throw DeliveryFailure(
                "the endpoint \(trouble.words)", isRetryable: !trouble.isOurs, countsForBreaker: !trouble.isOurs)
        }
        if let failure = Self.failure(status: answer.status, retryAfter: answer.retryAfter) { throw failure }
        return DeliveryReceipt()
    }

    /// The request for a message.
    private static func request(_ delivery: Delivery, to endpoint: Endpoint) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: endpoint.url)
        request.method = HTTPMethod(rawValue: endpoint.method.rawValue)
        request.headers = ["Content-Type": delivery.message.contentType, "User-Agent": "lastcall"]
        for (name, value) in endpoint.headers { request.headers.replaceOrAdd(name: name, value: value) }
        // draft-ietf-httpapi-idempotency-key-header, without the quotes of its grammar: most APIs that know the field
        // take what stands there as it is.
        request.headers.replaceOrAdd(name: "Idempotency-Key", value: delivery.idempotencyKey)
        request.body = .bytes(ByteBuffer(bytes: delivery.message.body))
        return request
    }

    /// What a status means; `nil` where the message is delivered.
    ///
    /// 408 (Request Timeout), 425 (Too Early) and 429 (Too Many Requests) are about the moment, and say nothing of the other side's health.
    static func failure(status: UInt, retryAfter: Duration?) -> DeliveryFailure? {
        switch status {
        case 200..<300: nil
        case 300..<400:
            DeliveryFailure(
                redirects.contains(status)
                    ? "the endpoint answered \(status); put the new address into the settings"
                    : "the endpoint answered \(status)", isRetryable: false)
        case 408, 425, 429:
            DeliveryFailure("the endpoint answered \(status)", retryAfter: retryAfter, countsForBreaker: false)
        case 400..<500: DeliveryFailure("the endpoint answered \(status)", isRetryable: false)
        default: DeliveryFailure("the endpoint answered \(status)", retryAfter: retryAfter, countsForBreaker: true)
        }
    }
}
