import FoundationEssentials
import LastCallWork

/// Says what an answer of Slack's Web API means for a message (docs: chat.postMessage, Errors; Rate limits).
enum SlackAnswer {
    /// How long to wait where Slack says that it is too much and not for how long.
    static let limitPause = Duration.seconds(30)
    /// The most letters of an error's code that is shown.
    private static let codeLettersMax = 64

    /// Slack itself has trouble, or the workspace is being moved.
    private static let unwell: Set<String> = [
        "fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org",
        "org_login_required",
    ]
    /// It was too much.
    private static let limits: Set<String> = ["ratelimited", "rate_limited", "message_limit_exceeded"]
    /// The token is refused, whatever is posted with it.
    private static let token: Set<String> = [
        "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
        "not_allowed_token_type", "team_access_not_granted", "accesslimited", "enterprise_is_restricted",
        "two_factor_setup_required",
    ]
    /// The token is refused for this conversation: `no_permission` says to make the app a member of it.
    private static let access: Set<String> = ["no_permission", "access_denied", "ekm_access_denied"]

    /// The part of an answer that is looked at.
    private struct Reply: Decodable {
        /// Whether Slack has the message.
        var ok: Bool
        /// Otherwise why not.
        var error: String?
    }

    /// Why a message is not delivered; `nil` where it is.
    static func failure(_ answer: WebCall.Answer) -> DeliveryFailure? {
        switch answer.status {
        case 429: return limit("answered 429", answer)
        case 500...: return unwell("answered \(answer.status)", answer)
        default: break
        }
        let isSuccess = (200..<300).contains(answer.status)
        if let reply = reply(answer.body) {
            if !reply.ok { return failure(code: reply.error, answer) }
            if isSuccess { return nil }
        }
        switch answer.status {
        case 200..<300:
            return unwell(
                "answered \(answer.status) with something that is not its JSON; "
                    + "whether it has the message is not known",
                answer)
        case 300..<400:
            return unwell("answered \(answer.status), as a proxy does and Slack does not; mend the settings", answer)
        case 401, 403, 407:
            return unwell("answered \(answer.status), which is about the token or a proxy; mend it and restart", answer)
        case 408, 425:
            return DeliveryFailure(
                "Slack answered \(answer.status)", retryAfter: answer.retryAfter, scope: .transport,
                countsForBreaker: false)
        default: return DeliveryFailure("Slack answered \(answer.status)", isRetryable: false, countsForBreaker: false)
        }
    }

    /// What a code means.
    private static func failure(code: String?, _ answer: WebCall.Answer) -> DeliveryFailure {
        guard let code, isCode(code) else {
            return DeliveryFailure("Slack refuses the message", isRetryable: false, countsForBreaker: false)
        }
        if limits.contains(code) { return limit("says \(code)", answer) }
        if unwell.contains(code) { return unwell("says \(code)", answer) }
        if token.contains(code) { return unwell("refuses the token (\(code)); mend it and restart", answer) }
        if access.contains(code) {
            return DeliveryFailure(
                "Slack does not let the token post there (\(code)); invite the app or mend its rights",
                retryAfter: answer.retryAfter, countsForBreaker: true)
        }
        return DeliveryFailure("Slack refuses the message (\(code))", isRetryable: false, countsForBreaker: false)
    }

    /// A limit was reached, the channel's or the workspace's, which the answer does not say.
    ///
    /// It counts for the channel: posting is limited there first, and one that is throttled delays no other. Where it is the workspace's, the
    /// others are told by answers of their own.
    private static func limit(_ words: String, _ answer: WebCall.Answer) -> DeliveryFailure {
        DeliveryFailure(
            "Slack \(words): it has enough for now", retryAfter: answer.retryAfter ?? limitPause,
            countsForBreaker: false)
    }

    /// Nothing can be posted for now.
    private static func unwell(_ words: String, _ answer: WebCall.Answer) -> DeliveryFailure {
        DeliveryFailure(
            "Slack \(words)", retryAfter: answer.retryAfter, scope: .transport, countsForBreaker: true)
    }

    /// The reply in a body; `nil` where there is none.
    private static func reply(_ body: WebCall.Body) -> Reply? {
        guard case .whole(let bytes) = body else { return nil }
        return try? JSONDecoder().decode(Reply.self, from: Data(bytes))  // a page of HTML, or nothing
    }

    /// Whether a text looks like a code: nothing else of an answer is shown.
    private static func isCode(_ text: String) -> Bool {
        (1...codeLettersMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            }
    }
}
