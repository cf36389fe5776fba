import LastCall

/// Reads `Retry-After` (RFC 9110, section 10.2.3).
enum RetryAfter {
    /// The longest wait that is believed.
    static let longest = Duration.seconds(7 * 24 * 3600)

    /// How long the other side says to wait, from nothing to ``longest``; `nil` where the text says no such thing.
    ///
    /// - Parameters:
    ///   - text: The field's value: a number of seconds, or a date.
    ///   - date: The answer's `Date`: a date is relative to the clock of whoever wrote it.
    ///   - now: The seconds since 1970 by our clock, for an answer without a date.
    static func parse(_ text: String, date: String? = nil, now: Int64) -> Duration? {
        let text = text.trimmingSpaces()
        let isNegative = text.hasPrefix("-")
        let digits = isNegative ? text.dropFirst() : text[...]
        if !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
            if isNegative { return .zero }
            // A number that no integer holds is longer than the longest, too.
            return Int64(digits).map { Duration.seconds(min($0, 7 * 24 * 3600)) } ?? longest
        }
        guard let then = HTTPDate.parse(text, now: now) else { return nil }
        let from = date.flatMap { HTTPDate.parse($0.trimmingSpaces(), now: now) } ?? now
        return Duration.seconds(then - from).clamped(to: .zero...longest)
    }
}
