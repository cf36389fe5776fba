/// Durations as people write them: `30s`, `500ms`, `1m30s`, `2h`, and a bare number for seconds.
///
/// The units are `ms`, `s`, `m` (or `min`), `h` and `d`. They may be chained from large to small (`1m30s`) and may carry a
/// decimal fraction (`1.5s`). A bare number is a number of seconds, as in `docker stop --time` and
/// `terminationGracePeriodSeconds`.
public enum DurationText {
    /// Reads a duration, or returns `nil` where the text is not one.
    ///
    /// Negative values and values beyond a hundred years are not durations.
    public static func parse(_ text: some StringProtocol) -> Duration? {
        var rest = Substring(text.trimmingSpaces())
        guard !rest.isEmpty else { return nil }
        if let seconds = number(rest) { return duration(seconds) }

        var total = 0.0
        var unitBefore = Double.infinity
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let value = number(digits), let factor = secondsPerUnit[String(unit)], factor < unitBefore else {
                return nil
            }
            unitBefore = factor
            total += value * factor
        }
        return duration(total)
    }

    /// Writes a duration the way ``parse(_:)`` reads it, rounded to milliseconds: `1m30s`, `28.5s`, `200ms`.
    public static func format(_ duration: Duration) -> String {
        // What no clock reaches is not told apart.
        let milliseconds = Int(min(max((duration.inSeconds * 1000).rounded(), -9e18), 9e18))
        let size = milliseconds.magnitude
        let sign = milliseconds < 0 ? "-" : ""
        if size == 0 { return "0s" }
        if size < 1000 { return "\(sign)\(size)ms" }
        if size < 60_000 || size % 1000 != 0 && size < 600_000 {
            return sign + decimal(size) + "s"
        }
        let seconds = size / 1000
        var text = sign
        for (factor, unit) in [(UInt(3600), "h"), (60, "m"), (1, "s")] {
            let count = factor == 3600 ? seconds / 3600 : factor == 60 ? seconds % 3600 / 60 : seconds % 60
            if count > 0 { text += "\(count)\(unit)" }
        }
        return text
    }

    /// How many seconds each unit stands for.
    private static let secondsPerUnit: [String: Double] = [
        "ms": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400,
    ]

    private static func number(_ text: Substring) -> Double? {
        guard let first = text.first, first.isNumber, text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") })
        else {
            return nil
        }
        return Double(text)
    }

    private static func duration(_ seconds: Double) -> Duration? {
        seconds.isFinite && seconds <= Duration.longest.inSeconds ? .milliseconds(Int((seconds * 1000).rounded())) : nil
    }

    private static func decimal(_ milliseconds: UInt) -> String {
        let (whole, fraction) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        guard fraction > 0 else { return "\(whole)" }
        var digits = String(fraction + 1000).dropFirst()
        while digits.last == "0" { digits = digits.dropLast() }
        return "\(whole).\(digits)"
    }
}

extension Duration {
    /// The duration as a number of seconds, for reports and arithmetic with factors.
    package var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }

    /// The duration in seconds rounded to whole milliseconds, as the receipt writes it.
    package var inSecondsRounded: Double { (inSeconds * 1000).rounded() / 1000 }

    /// This duration times a factor, to the nanosecond.
    package func scaled(by factor: Double) -> Duration {
        .nanoseconds(Int64((inSeconds * factor * 1e9).rounded()))
    }

    /// The longest time that can be asked for: a hundred years, which every clock reaches.
    package static let longest = Duration.seconds(3_153_600_000)

    /// A duration that is not below `range.lowerBound` and not above `range.upperBound`.
    package func clamped(to range: ClosedRange<Duration>) -> Duration {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}

extension StringProtocol {
    /// The text without spaces, tabs and newlines at its ends.
    package func trimmingSpaces() -> String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return ""
        }
        return String(self[first...last])
    }
}
