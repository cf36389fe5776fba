/// Something to change in a file: where, which key, what it says and what to write instead.
struct Finding: Sendable, Equatable {
    /// Whether the stop is in danger without the change.
    enum Severity: String, Sendable, Codable {
        /// Work is lost or the receipt is: the check fails.
        case problem
        /// Better, but nothing breaks: the exit code does not change.
        case advice
    }

    /// Whether the stop is in danger without the change.
    var severity: Severity
    /// The file as it was named on the command line.
    var file: String
    /// The line to go to, counted from 1: the key's, or where it is missing that of what should hold it.
    var line: Int?
    /// The key, with the path that leads to it.
    var key: String
    /// What stands there, in words where nothing does.
    var current: String?
    /// What to write, where it is a value.
    var suggested: String?
    /// Why, and what happens otherwise.
    ///
    /// One sentence or two.
    var reason: String
    /// ``suggested`` as a duration where it is a grace period: of two findings for one key the longer one counts.
    var suggestedGrace: Duration?

    /// `compose.yml:7 services.web.stop_grace_period: write 45s (is 10s, the default)`.
    var headline: String {
        let place = line.map { "\(file):\($0)" } ?? file
        guard let suggested else { return "\(place) \(key): \(reason)" }
        return "\(place) \(key): write \(suggested)" + (current.map { " (is \($0))" } ?? "")
    }

    /// The reason, unless the headline holds it.
    var detail: String? { suggested == nil ? nil : reason }
}
