import LastCallWork

/// A transport of the configuration; its secrets are read when it is served.
struct TransportDefinition: Sendable, Hashable {
    /// What it speaks.
    enum Kind: String, CaseIterable, Sendable {
        /// Slack's `chat.postMessage`.
        case slack
        /// HTTP to endpoints of one's own.
        case http
    }

    /// Where a secret is.
    enum Source: Sendable, Hashable {
        /// In the configuration itself.
        case text(String)
        /// In an environment variable.
        case variable(String)
        /// In the first line of a file.
        case file(String)
    }

    /// Where messages can go.
    struct Endpoint: Sendable, Hashable {
        /// The address.
        var address: Source
        /// The `Authorization` field, if there is one.
        var authorization: Source?
    }

    /// The name that messages are stored under.
    let name: String
    /// What it speaks.
    var kind = Kind.http
    /// The token, with Slack.
    var token: Source?
    /// Where Slack's API is.
    var url: String?
    /// Where messages can go, with HTTP.
    var endpoints: [String: Endpoint] = [:]
    /// The time between two messages to one destination; `nil` is the kind's own.
    var spacing: Duration?
    /// How long one attempt may take.
    var timeout = Duration.seconds(30)
    /// How long a message is tried, from the end that it tells of.
    var givesUpAfter = Duration.seconds(24 * 3600)

    /// Where all its secrets are, with the keys that name the places.
    var secrets: [(key: String, source: Source)] {
        var secrets: [(key: String, source: Source)] = []
        if let token { secrets.append((Self.tokenKey(name), token)) }
        for (endpoint, definition) in endpoints.sorted(by: { $0.key < $1.key }) {
            secrets.append((Self.addressKey(name, endpoint), definition.address))
            if let authorization = definition.authorization {
                secrets.append((Self.authorizationKey(name, endpoint), authorization))
            }
        }
        return secrets
    }

    /// The key of a token, without what says where it is.
    static func tokenKey(_ name: String) -> String { "outbox.\(name).token" }

    /// The key of an endpoint's address, without what says where it is.
    static func addressKey(_ name: String, _ endpoint: String) -> String {
        "outbox.\(name).endpoints.\(endpoint).url"
    }

    /// The key of what an endpoint is shown, without what says where it is.
    static func authorizationKey(_ name: String, _ endpoint: String) -> String {
        "outbox.\(name).endpoints.\(endpoint).authorization"
    }
}

/// A schedule of the configuration.
struct ScheduleDefinition: Sendable, Hashable {
    /// What happens to a tick while the one before is not over.
    enum Overlap: String, CaseIterable, Sendable {
        /// It is left out.
        case skip
        /// It waits.
        case queue
        /// They run side by side.
        case allow
    }

    /// What happens to ticks that were missed.
    enum Missed: String, CaseIterable, Sendable {
        /// The latest is made up for.
        case once
        /// None is.
        case skip
        /// All are.
        case all
    }

    /// Its name.
    let name: String
    /// When it is due.
    var recurrence: Recurrence
    /// What it submits.
    var call: WorkflowFile.TaskCall
    /// What happens to a tick while the one before is not over.
    var overlap = Overlap.skip
    /// What happens to ticks that were missed.
    var missed = Missed.once
    /// By how much at most a tick comes later.
    var jitter = Duration.zero
}

/// Who is told of an end.
struct NotifyDefinition: Sendable, Hashable, Codable {
    /// An end, as people speak of it.
    enum Outcome: String, CaseIterable, Sendable, Hashable, Codable {
        /// It succeeded.
        case complete
        /// It was cut short and kept what it had.
        case partial
        /// It failed, was given up or cancelled.
        case failed
    }

    /// The transport.
    var through: String
    /// The destination.
    var to: String
    /// Which ends are told of.
    var on = Set(Outcome.allCases)
}
