/// A key of a file that we read, with what its documentation says.
///
/// The table in `Documentation/ServeConfiguration.md` and `Deploy/lastcall.schema.json` are held to these lists by tests.
protocol ConfigurationKey: CaseIterable, RawRepresentable<String>, Hashable, Sendable where AllCases == [Self] {
    /// What has these keys, for errors: `a task`.
    static var owner: String { get }
    /// What stands before the key in the documentation: `tasks.NAME.`
    static var prefix: String { get }
    /// What the key does, in one sentence.
    var summary: String { get }
    /// What holds where the key is not written.
    var defaultValue: String { get }
    /// The unit, form or range of the value.
    var unit: String { get }
}

extension ConfigurationKey {
    /// The names of all keys, for errors.
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// The forms that many keys share.
enum ConfigurationUnit {
    static let duration = "duration above 0s (`30s`, `10m`, `1h30m`, `7d`; a bare number is seconds)"
    static let durationOrZero = "duration of 0s or more"
    static let size = "size (`512MiB`, `1GB`; a bare number is bytes)"
    static let name = "name: at most 64 letters, digits, `.`, `_`, `-`"
    static let retention = "duration above 0s, or `forever`"
    static let argv = "list of texts"
    static let address = "`HOST:PORT` or `unix:PATH`"

    /// The words of a choice.
    static func words<Choice: CaseIterable & RawRepresentable<String>>(_ type: Choice.Type) -> String {
        "one of " + Choice.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
    }
}

/// The keys at the top of a configuration.
enum RootKey: String, ConfigurationKey {
    case store, concurrency, grace, queues, retention, http, probes, tasks, schedules, outbox

    static let owner = "the configuration"
    static let prefix = ""

    var summary: String {
        switch self {
        case .store: "Where the work is kept. A relative path counts from this file."
        case .concurrency:
            "How many jobs one worker runs at a time, all queues together."
        case .grace: "The grace period between SIGTERM and SIGKILL, as a stated one."
        case .queues: "Queues with a concurrency of their own, by name: `{concurrency: 2}` or the number alone."
        case .retention: "How long ended work is kept: one value for all but dead work, or one for each end."
        case .http: "Where the HTTP API listens: an address, or `{listen: ADDRESS, tokenFile: PATH}`."
        case .probes: "Where `/livez`, `/readyz` and `/health` are answered, to anybody who asks."
        case .tasks: "What can be submitted, by name. `command` is taken: it is what `submit -- CMD` runs."
        case .schedules:
            "Tasks that are submitted again and again, by name; several workers on one store fire each tick once."
        case .outbox: "Transports for notifications, by name."
        }
    }

    var defaultValue: String {
        switch self {
        case .store: "`sqlite:lastcall.sqlite`"
        case .concurrency: "the number of cores, or the largest of `queues`"
        case .grace: "`LASTCALL_GRACE`, else what the platform grants"
        case .queues: "none"
        case .retention: "`7d`, and `30d` for dead work"
        case .http, .probes: "none"
        case .tasks, .schedules, .outbox: "none"
        }
    }

    var unit: String {
        switch self {
        case .store: "`sqlite:PATH` or `\"memory:\"`, which YAML wants in quotes"
        case .concurrency: "1 to 10000"
        case .grace: ConfigurationUnit.duration
        case .queues: "mapping of names (at most 64 letters, digits, `.`, `_`, `-`)"
        case .retention: "\(ConfigurationUnit.retention), or a mapping"
        case .http: "\(ConfigurationUnit.address), or a mapping"
        case .probes: ConfigurationUnit.address
        case .tasks, .schedules, .outbox: "mapping of names (at most 64 letters, digits, `.`, `_`, `-`)"
        }
    }
}

/// The keys of one queue.
enum QueueKey: String, ConfigurationKey {
    case concurrency

    static let owner = "a queue"
    static let prefix = "queues.NAME."

    var summary: String { "How many jobs of this queue one worker runs at a time; at most `concurrency`." }
    var defaultValue: String { "required" }
    var unit: String { "1 to 10000" }
}

/// The ends that ended work is kept by.
enum RetentionKey: String, ConfigurationKey {
    case succeeded, partial, failed, cancelled, dead

    static let owner = "the retention"
    static let prefix = "retention."

    var summary: String {
        switch self {
        case .succeeded: "How long work that succeeded is kept."
        case .partial: "How long work that was cut short, with what it had found, is kept."
        case .failed: "How long work that failed is kept."
        case .cancelled: "How long work that was cancelled is kept."
        case .dead: "How long work that was given up is kept, so that it can be looked at and replayed."
        }
    }

    var defaultValue: String { self == .dead ? "`30d`" : "`7d`" }
    var unit: String { ConfigurationUnit.retention }
}

/// The keys of a mapping under `http`.
enum HTTPKey: String, ConfigurationKey {
    case listen, tokenFile

    static let owner = "the HTTP API"
    static let prefix = "http."

    var summary: String {
        switch self {
        case .listen: "Where the API listens. An address that other machines can reach needs a token."
        case .tokenFile:
            "A file whose first line, of at least 16 bytes, is what requests have to send as `Authorization: Bearer`. A relative path counts from this file."
        }
    }

    var defaultValue: String {
        switch self {
        case .listen: "required"
        case .tokenFile: "no token"
        }
    }

    var unit: String {
        switch self {
        case .listen: ConfigurationUnit.address
        case .tokenFile: "path"
        }
    }
}

/// The keys of a mapping under `backoff`.
enum BackoffKey: String, ConfigurationKey {
    case base, max, factor, jitter

    static let owner = "a backoff"
    static let prefix = "tasks.NAME.backoff."

    var summary: String {
        switch self {
        case .base: "The wait before the first retry."
        case .max: "The longest wait."
        case .factor: "How many times longer each wait is than the one before."
        case .jitter:
            "The share by which each wait is made shorter at random, at most, so that retries do not come together."
        }
    }

    var defaultValue: String {
        switch self {
        case .base: "`1s`"
        case .max: "`1h`, or the base where that is longer"
        case .factor: "`2`"
        case .jitter: "`0.2`"
        }
    }

    var unit: String {
        switch self {
        case .base, .max: ConfigurationUnit.durationOrZero
        case .factor: "1 to 100"
        case .jitter: "0 to 1"
        }
    }
}
