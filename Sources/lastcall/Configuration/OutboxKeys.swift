/// The keys of one transport.
enum TransportKey: String, ConfigurationKey {
    case type, tokenEnv, tokenFile, url, endpoints
    case rate, timeout, givesUpAfter

    static let owner = "a transport"
    static let prefix = "outbox.NAME."

    var summary: String {
        switch self {
        case .type: "What it speaks: Slack's `chat.postMessage`, or HTTP to endpoints of your own."
        case .tokenEnv: "With `slack`: the environment variable that holds the token."
        case .tokenFile:
            "With `slack`: the file whose first line is the token. A relative path counts from this file."
        case .url: "With `slack`: where its Web API is."
        case .endpoints:
            "With `http`: where messages can go, by the names that `to` uses: an address, or `{url: …}`, `{urlEnv: NAME}`, `{urlFile: PATH}`."
        case .rate: "How often one destination is sent to."
        case .timeout: "How long one attempt may take."
        case .givesUpAfter:
            "How long a message that cannot be delivered is tried, from the end that it tells of, before it moves to the dead letters."
        }
    }

    var defaultValue: String {
        switch self {
        case .type: "required"
        case .tokenEnv, .tokenFile: "one of the two is required"
        case .url: "`https://slack.com/api`"
        case .endpoints: "required"
        case .rate: "`1/s` with `slack`, no limit with `http`"
        case .timeout: "`30s`"
        case .givesUpAfter: "`24h`"
        }
    }

    var unit: String {
        switch self {
        case .type: ConfigurationUnit.words(TransportDefinition.Kind.self)
        case .tokenEnv: "name of a variable"
        case .tokenFile: "path"
        case .url: "`http://` or `https://` URL"
        case .endpoints: "mapping of names (at most 64 letters, digits, `.`, `_`, `-`)"
        case .rate: "`COUNT/s`, `COUNT/m` or `COUNT/h`, at most `1000/s`"
        case .timeout, .givesUpAfter: ConfigurationUnit.duration
        }
    }
}

/// The keys of one endpoint.
enum EndpointKey: String, ConfigurationKey {
    case url, urlEnv, urlFile
    case authorizationEnv, authorizationFile

    static let owner = "an endpoint"
    static let prefix = "outbox.NAME.endpoints.NAME."

    var summary: String {
        switch self {
        case .url: "The address itself, where it is no secret."
        case .urlEnv: "The environment variable that holds the address."
        case .urlFile: "The file whose first line is the address. A relative path counts from this file."
        case .authorizationEnv:
            "The environment variable that holds what is sent as `Authorization`, such as `Bearer …` (RFC 9110, section 11.6.2)."
        case .authorizationFile:
            "The file whose first line is that. A relative path counts from this file."
        }
    }

    var defaultValue: String {
        switch self {
        case .url, .urlEnv, .urlFile: "one of the three is required"
        case .authorizationEnv, .authorizationFile: "none is sent"
        }
    }

    var unit: String {
        switch self {
        case .url: "`http://` or `https://` URL"
        case .urlEnv, .authorizationEnv: "name of a variable"
        case .urlFile, .authorizationFile: "path"
        }
    }
}

/// The keys of one schedule.
enum ScheduleKey: String, ConfigurationKey {
    case every, cron, zone, task, arguments
    case overlap, missed, jitter

    static let owner = "a schedule"
    static let prefix = "schedules.NAME."

    var summary: String {
        switch self {
        case .every:
            "How often it is due: at whole multiples of that time since 1970 in UTC, so `1d` is at midnight UTC."
        case .cron: "When it is due: minute, hour, day of month, month, day of week, as in crontab(5); in quotes."
        case .zone: "The time zone on whose clocks `cron` is read."
        case .task: "The task that is submitted."
        case .arguments: "Its arguments by name."
        case .overlap:
            "What happens to a tick while the job of the one before is not over: it is left out, waits for it, or runs beside it."
        case .missed:
            "What happens to ticks that were due while nobody served: the latest is made up for, none is (less than a minute late is not missed), or all are, which needs another `overlap`."
        case .jitter: "By how much at most each tick comes later, at random."
        }
    }

    var defaultValue: String {
        switch self {
        case .every, .cron: "exactly one of the two is required"
        case .zone: "`UTC`"
        case .task: "required"
        case .arguments: "the task's defaults"
        case .overlap: "`skip`"
        case .missed: "`once`"
        case .jitter: "`0s`"
        }
    }

    var unit: String {
        switch self {
        case .every: "duration of 1s or more"
        case .cron: "five fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`"
        case .zone: "name of the IANA database, such as `Europe/Berlin`"
        case .task: ConfigurationUnit.name
        case .arguments: "mapping of values"
        case .overlap: ConfigurationUnit.words(ScheduleDefinition.Overlap.self)
        case .missed: ConfigurationUnit.words(ScheduleDefinition.Missed.self)
        case .jitter: ConfigurationUnit.durationOrZero
        }
    }
}

/// The keys of a notification.
enum NotifyKey: String, ConfigurationKey {
    case through, to, on

    static let owner = "a notification"
    static let prefix = "notify."

    var summary: String {
        switch self {
        case .through: "The transport that sends it, by its name below `outbox`."
        case .to: "Where it goes: a channel or user of Slack, or the name of an endpoint."
        case .on: "Which ends are told of: `failed` is also given up and cancelled."
        }
    }

    var defaultValue: String {
        switch self {
        case .through, .to: "required"
        case .on: "all of them"
        }
    }

    var unit: String {
        switch self {
        case .through: ConfigurationUnit.name
        case .to: "text"
        case .on: "list of " + NotifyDefinition.Outcome.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
        }
    }
}
