import LastCall

/// What the bot is told by its environment.
struct Settings: Sendable {
    /// A value that is missing or makes no sense.
    struct Problem: Error, CustomStringConvertible {
        /// The variable, and what to write.
        let description: String
    }

    /// A variable of the environment.
    struct Variable: Sendable {
        /// Its name.
        let name: String
        /// What holds where it is not set.
        let defaultValue: String
        /// What it means, with its unit.
        let meaning: String

        /// Describes a variable.
        init(_ name: String, _ defaultValue: String, _ meaning: String) {
            self.name = name
            self.defaultValue = defaultValue
            self.meaning = meaning
        }
    }

    /// What is shown to Slack.
    let token: String
    /// What Slack signs its requests with.
    let signingSecret: String
    /// Where Slack's Web API is.
    let slackURL: String
    /// Where the index is.
    let indexURL: String
    /// The most bytes of an index.
    let indexBytesMax: Int
    /// How long its download may take.
    let indexTimeout: Duration
    /// What is still no trouble with the index.
    let limits: Judgement.Limits
    /// Where drafts are, with a placeholder; `nil` where none are looked for.
    let draftTemplate: String?
    /// The time between two polls.
    let pollInterval: Duration
    /// The most requests for drafts at once.
    let probeConcurrency: Int
    /// The channel that hears of every paper.
    let defaultChannel: String?
    /// The channel that hears of trouble.
    let operatorChannel: String?
    /// Where commands are taken.
    let port: Int
    /// Where probes are answered; 0 for nowhere.
    let probePort: Int
    /// Where everything is kept.
    let stateFolder: String
    /// The grace period, and what each stage gets of it.
    let plan: Plan

    /// The variables, with their defaults; `.env.example` and the README are held to this list by a test.
    static let variables = [
        Variable("SLACK_TOKEN", "required", "the bot's token, with the scope `chat:write`"),
        Variable("SLACK_SIGNING_SECRET", "required", "what Slack signs its requests with"),
        Variable("SLACK_API_URL", "https://slack.com/api", "where Slack's Web API is"),
        Variable("INDEX_URL", "https://wg21.link/index.json", "where the index of papers is"),
        Variable("INDEX_BYTES_MAX", "67108864", "the most bytes of an index; what is larger is trouble"),
        Variable("INDEX_TIMEOUT", "2m", "how long its download may take, as a duration"),
        Variable(
            "INDEX_SHRINK_MAX", "50",
            "how many papers in a hundred may be missing from one poll to the next; 100 takes any index that is not empty"
        ),
        Variable(
            "INDEX_SILENCE_MAX", "6h",
            "how long the index may be out of reach before the operator hears of it, as a duration"),
        Variable(
            "DRAFT_URL_TEMPLATE", "https://isocpp.org/files/papers/{paper}.html",
            "where a draft would be, with `{paper}` for its number; `off` looks for none"),
        Variable("POLL_INTERVAL", "30m", "the time between two polls, as a duration of at least 1s"),
        Variable("PROBE_CONCURRENCY", "8", "the most requests for drafts at once, 1 to 64"),
        Variable("DEFAULT_CHANNEL", "none", "the channel that hears of every paper: an id, or #name"),
        Variable("OPERATOR_CHANNEL", "none", "the channel that hears of trouble with the index: an id, or #name"),
        Variable("PORT", "8080", "the port on which slash commands are taken, on all addresses"),
        Variable("PROBE_PORT", "8081", "the port of /livez, /readyz and /health; 0 for none"),
        Variable("STATE_FOLDER", "state", "the folder of the state; it has to outlive the process"),
        Variable("GRACE", "45s", "the time from SIGTERM to SIGKILL, as a duration; `LASTCALL_GRACE` wins over it"),
        Variable(
            "SHUTDOWN_MQ_DRAIN_TIMEOUT_SECONDS", "30", "the part of it for sending what is queued, in decimal seconds"),
        Variable(
            "SHUTDOWN_THREAD_JOIN_TIMEOUT_SECONDS", "5",
            "the part of it for commands and the poll, and once more for the store and the probes, in decimal seconds"),
    ]

    /// Reads the environment.
    ///
    /// - Throws: ``Problem`` that names the variable, and never its value where that is a secret.
    init(_ environment: [String: String]) throws(Problem) {
        let reader = SettingsReader(environment)
        token = try reader.secret("SLACK_TOKEN")
        signingSecret = try reader.secret("SLACK_SIGNING_SECRET")
        slackURL = try reader.url("SLACK_API_URL")
        indexURL = try reader.url("INDEX_URL")
        indexBytesMax = try reader.number("INDEX_BYTES_MAX", in: 1...1_073_741_824)
        indexTimeout = try reader.duration("INDEX_TIMEOUT", in: .milliseconds(1)...(.seconds(3600)))
        limits = Judgement.Limits(
            shrinkMax: try reader.number("INDEX_SHRINK_MAX", in: 0...100),
            silenceMax: try reader.duration("INDEX_SILENCE_MAX", in: .milliseconds(1)...(.seconds(366 * 86400))))
        draftTemplate = try reader.template("DRAFT_URL_TEMPLATE")
        pollInterval = try reader.duration("POLL_INTERVAL", in: .seconds(1)...(.seconds(366 * 86400)))
        probeConcurrency = try reader.number("PROBE_CONCURRENCY", in: 1...64)
        defaultChannel = try reader.channel("DEFAULT_CHANNEL")
        operatorChannel = try reader.channel("OPERATOR_CHANNEL")
        port = try reader.number("PORT", in: 0...65535)
        probePort = try reader.number("PROBE_PORT", in: 0...65535)
        guard probePort != port || port == 0 else {
            throw Problem(description: "PORT and PROBE_PORT are both \(probePort): give one of them another")
        }
        stateFolder = reader.text("STATE_FOLDER")
        let join = try reader.seconds("SHUTDOWN_THREAD_JOIN_TIMEOUT_SECONDS")
        plan = Plan(
            grace: try reader.duration("GRACE", in: .milliseconds(1)...(.seconds(86400))), intake: join,
            outbox: try reader.seconds("SHUTDOWN_MQ_DRAIN_TIMEOUT_SECONDS"), close: join)
    }
}
