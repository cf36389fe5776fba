import LastCall

/// Reads values of the environment, each checked where it is read; what is not set has the default of the table.
struct SettingsReader: Sendable {
    /// The environment.
    private let environment: [String: String]

    /// Reads from an environment.
    init(_ environment: [String: String]) { self.environment = environment }

    /// A text, or its default.
    func text(_ name: String) -> String {
        if let value = environment[name], !value.isEmpty { return value }
        guard let variable = Settings.variables.first(where: { $0.name == name }) else {
            preconditionFailure("text: \(name) is not in the table of variables")
        }
        return variable.defaultValue
    }

    /// A secret: it is there, is one word, and its value is never shown.
    func secret(_ name: String) throws(Settings.Problem) -> String {
        guard let value = environment[name], !value.isEmpty else {
            throw Settings.Problem(description: "\(name) is not set; see .env.example")
        }
        guard value.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Settings.Problem(description: "\(name) has spaces or line breaks in it; write the secret alone")
        }
        return value
    }

    /// An http:// or https:// URL, without a slash at its end.
    func url(_ name: String) throws(Settings.Problem) -> String {
        let value = text(name)
        let isURL = ["http://", "https://"].contains { value.hasPrefix($0) && value.utf8.count > $0.utf8.count }
        guard isURL, value.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Settings.Problem(description: "\(name)=\(value): write an http:// or https:// URL")
        }
        return value.hasSuffix("/") ? String(value.dropLast()) : value
    }

    /// A URL with a placeholder, or `off`.
    func template(_ name: String) throws(Settings.Problem) -> String? {
        guard text(name) != "off" else { return nil }
        let value = try url(name)
        guard value.contains(DraftProbe.placeholder) else {
            throw Settings.Problem(
                description: "\(name)=\(value): write a URL with \(DraftProbe.placeholder) in it, or off")
        }
        return value
    }

    /// A whole number.
    func number(_ name: String, in range: ClosedRange<Int>) throws(Settings.Problem) -> Int {
        let value = text(name)
        guard let number = Int(value), range.contains(number) else {
            throw Settings.Problem(
                description: "\(name)=\(value): write a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A duration.
    func duration(_ name: String, in range: ClosedRange<Duration>) throws(Settings.Problem) -> Duration {
        let value = text(name)
        guard let duration = DurationText.parse(value), range.contains(duration) else {
            let (least, most) = (DurationText.format(range.lowerBound), DurationText.format(range.upperBound))
            throw Settings.Problem(
                description: "\(name)=\(value): write a duration from \(least) to \(most), such as 90s or 30m")
        }
        return duration
    }

    /// A positive number of seconds, which may have a fraction.
    func seconds(_ name: String) throws(Settings.Problem) -> Duration {
        let value = text(name)
        let isDecimal = value.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
        guard isDecimal, let seconds = Double(value), (0.001...86400).contains(seconds) else {
            throw Settings.Problem(
                description: "\(name)=\(value): write seconds above 0 and up to 86400, such as 5 or 2.5")
        }
        return .milliseconds(Int64((seconds * 1000).rounded()))
    }

    /// A channel of Slack's; `nil` where none is set.
    func channel(_ name: String) throws(Settings.Problem) -> String? {
        guard let value = environment[name], !value.isEmpty, value != "none" else { return nil }
        let rest = value.dropFirst()
        let isName = value.hasPrefix("#") && !rest.isEmpty && rest.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        let isID =
            value.first.map { "CDGUW".contains($0) } == true && !rest.isEmpty
            && rest.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) }
        guard isName || isID, value.utf8.count <= 100 else {
            throw Settings.Problem(
                description: "\(name)=\(value): write #name, or the id of a channel (C…) or user (U…)")
        }
        return value
    }
}
