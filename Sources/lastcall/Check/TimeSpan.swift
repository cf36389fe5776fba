import LastCall

/// A length of time as a deployment file writes it; `nil` in ``duration`` stands for no limit.
struct TimeSpan: Sendable, Equatable {
    /// The notations of deployment files.
    ///
    /// ``DurationText`` reads our own; these have other units and other rules.
    enum Notation {
        /// Compose: Go's durations, always with a unit.
        /// https://docs.docker.com/reference/compose-file/extension/#specifying-durations and, that a bare number is
        /// refused, the schema's `"stop_grace_period": {"type": "string"}`.
        case compose
        /// systemd: seconds where no unit is written, spaces anywhere, `infinity`. systemd.time(7), "Parsing time spans".
        case systemd
    }

    /// The length, or `nil` for no limit.
    let duration: Duration?

    /// A length of time, or no limit.
    init(_ duration: Duration?) {
        self.duration = duration
    }

    /// Reads a length of time; `nil` where the text is not one in this notation, or is longer than a hundred years.
    init?(_ text: String, in notation: Notation) {
        let text = text.trimmingSpaces()
        if notation == .systemd && text == "infinity" {
            self.duration = nil
            return
        }
        var rest = Substring(text)
        var seconds = 0.0
        var isFirst = true
        while isFirst || !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard let first = digits.first, first != ".", digits.last != ".", let value = Double(digits) else {
                return nil
            }
            rest = rest.dropFirst(digits.count)
            if notation == .systemd { rest = rest.drop(while: \.isWhitespace) }
            let unit = rest.prefix(while: \.isLetter)
            rest = rest.dropFirst(unit.count)
            if notation == .systemd { rest = rest.drop(while: \.isWhitespace) }
            guard let factor = Self.factor(of: String(unit), value: value, in: notation) else { return nil }
            seconds += value * factor
            isFirst = false
        }
        guard seconds <= 3_153_600_000 else { return nil }
        self.duration = .milliseconds(Int((seconds * 1000).rounded()))
    }

    private static func factor(of unit: String, value: Double, in notation: Notation) -> Double? {
        switch notation {
        case .compose: unit.isEmpty && value == 0 ? 1 : composeUnits[unit]
        case .systemd: systemdUnits[unit]
        }
    }

    private static let composeUnits: [String: Double] = [
        "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 0.001, "s": 1, "m": 60, "h": 3600,
    ]

    /// systemd.time(7) of systemd 252.
    ///
    /// A year is 365.25 days and a month a twelfth of it, which the page rounds to 30.44 days.
    private static let systemdUnits: [String: Double] = {
        let names: [(names: String, seconds: Double)] = [
            ("usec us µs μs", 1e-6), ("msec ms", 0.001), ("seconds second sec s", 1), ("minutes minute min m", 60),
            ("hours hour hr h", 3600), ("days day d", 86400), ("weeks week w", 604_800),
            ("months month M", 2_629_800), ("years year y", 31_557_600),
        ]
        let pairs = names.flatMap { entry in entry.names.split(separator: " ").map { (String($0), entry.seconds) } }
        return Dictionary(uniqueKeysWithValues: pairs + [("", 1)])
    }()
}
