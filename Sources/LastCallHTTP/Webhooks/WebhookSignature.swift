import Crypto
public import HTTPTypes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How a webhook's sender proves that a request is its own.
///
/// ```swift
/// router.group("webhooks").add(middleware: WebhookMiddleware(.gitHub(secret: secret))).post("github") { … }
/// ```
public struct WebhookSignature: Sendable {
    /// Why a request is refused.
    public struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
        /// One sentence that a sender can act on; it says nothing about the secret.
        public let description: String
    }

    /// The schemes there are.
    private enum Scheme: Sendable {
        /// GitHub's.
        case gitHub
        /// Slack's, with the seconds that a request may be old or early.
        case slack(window: Int64)
    }

    private let scheme: Scheme
    private let key: SymmetricKey
    /// The time in seconds since 1970.
    private let now: @Sendable () -> Int64

    /// GitHub's `X-Hub-Signature-256`: an HMAC-SHA256 of the body, as `sha256=` and hexadecimal digits.
    ///
    /// There is no time in it: see ``WebhookMiddleware`` for what is done about replays.
    ///
    /// - Parameter secret: The webhook's secret; it must not be empty.
    /// - Throws: ``HTTPServiceError/Code/invalidConfiguration`` for an empty secret.
    public static func gitHub(secret: String) throws(HTTPServiceError) -> WebhookSignature {
        try WebhookSignature(.gitHub, secret: secret, now: currentSeconds)
    }

    /// Slack's `v0`: an HMAC-SHA256 of `v0:TIMESTAMP:BODY`, where the timestamp is in `X-Slack-Request-Timestamp`.
    ///
    /// - Parameters:
    ///   - signingSecret: The app's signing secret; it must not be empty.
    ///   - window: How far the timestamp may be from now; 300 s by default, as Slack advises.
    ///   - now: The time in seconds since 1970.
    /// - Throws: ``HTTPServiceError/Code/invalidConfiguration`` for an empty secret.
    public static func slack(
        signingSecret: String, window: Duration = .seconds(300), now: @escaping @Sendable () -> Int64 = currentSeconds
    ) throws(HTTPServiceError) -> WebhookSignature {
        try WebhookSignature(.slack(window: window.components.seconds), secret: signingSecret, now: now)
    }

    /// The system's time in seconds since 1970.
    public static let currentSeconds: @Sendable () -> Int64 = { Int64(time(nil)) }

    private init(_ scheme: Scheme, secret: String, now: @escaping @Sendable () -> Int64) throws(HTTPServiceError) {
        guard !secret.isEmpty else {
            throw HTTPServiceError(
                .invalidConfiguration,
                "the webhook's secret is empty: anybody could sign with it; set the one that the sender has")
        }
        self.scheme = scheme
        self.key = SymmetricKey(data: Array(secret.utf8))
        self.now = now
    }

    /// Checks a request.
    ///
    /// The comparison takes the same time wherever the first difference is.
    ///
    /// - Parameters:
    ///   - headers: The request's header fields.
    ///   - body: Its whole body, as it came.
    /// - Returns: The signature, by which a replay can be told.
    /// - Throws: ``Refusal``.
    @discardableResult
    public func verify(headers: HTTPFields, body: some Collection<UInt8>) throws(Refusal) -> String {
        switch scheme {
        case .gitHub:
            let text = try Self.field(Self.gitHubSignature, in: headers)
            return try check(text, prefix: "sha256=", signed: Array(body), name: Self.gitHubSignature)
        case .slack(let window):
            let text = try Self.field(Self.slackSignature, in: headers)
            let stamp = try Self.field(Self.slackTimestamp, in: headers)
            guard let seconds = Int64(stamp), seconds > 0 else {
                throw Refusal(description: "\(Self.slackTimestamp.rawName) is no time in seconds")
            }
            let (age, isOverflow) = now().subtractingReportingOverflow(seconds)
            guard !isOverflow, age.magnitude <= window.magnitude else {
                throw Refusal(
                    description:
                        "\(Self.slackTimestamp.rawName) is more than \(window) s away: the request is old, or a clock is wrong"
                )
            }
            let signed = Array("v0:\(stamp):".utf8) + Array(body)
            return try check(text, prefix: "v0=", signed: signed, name: Self.slackSignature)
        }
    }

    private static let gitHubSignature = HTTPField.Name("X-Hub-Signature-256")!
    private static let slackSignature = HTTPField.Name("X-Slack-Signature")!
    private static let slackTimestamp = HTTPField.Name("X-Slack-Request-Timestamp")!

    private static func field(_ name: HTTPField.Name, in headers: HTTPFields) throws(Refusal) -> String {
        let values = headers[values: name]
        guard values.count == 1 else {
            throw Refusal(description: values.isEmpty ? "\(name.rawName) is missing" : "\(name.rawName) is there twice")
        }
        return values[0]
    }

    private func check(
        _ text: String, prefix: String, signed: [UInt8], name: HTTPField.Name
    ) throws(Refusal) -> String {
        let digits = text.dropFirst(prefix.count)
        guard text.hasPrefix(prefix), let code = Self.bytes(ofHexadecimal: digits), code.count == SHA256.byteCount
        else {
            throw Refusal(description: "\(name.rawName) is not \(prefix) and 64 hexadecimal digits")
        }
        guard HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: signed, using: key) else {
            throw Refusal(
                description: "\(name.rawName) does not fit the body: the secrets differ, or the body was changed")
        }
        return digits.lowercased()
    }

    private static func bytes(ofHexadecimal digits: Substring) -> [UInt8]? {
        let values = digits.utf8.map { Character(UnicodeScalar($0)).hexDigitValue.map(UInt8.init) }
        guard values.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: values.count, by: 2) {
            guard let high = values[index], let low = values[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
