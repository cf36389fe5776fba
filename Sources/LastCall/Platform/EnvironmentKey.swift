/// The environment variables that a lifecycle or the `lastcall` command reads, each with its default and unit.
///
/// The table in the documentation is held to this list by a test.
public enum EnvironmentKey: String, CaseIterable, Sendable {
    /// The grace period.
    case grace = "LASTCALL_GRACE"
    /// What a preStop hook uses of the grace period.
    case preStop = "LASTCALL_PRESTOP"
    /// What is kept for the receipt and the exit.
    case reserve = "LASTCALL_RESERVE"
    /// How long a listener stays open after readiness turned false.
    case propagationDelay = "LASTCALL_PROPAGATION_DELAY"
    /// The budget of one stage; its name follows, in capitals.
    case budget = "LASTCALL_BUDGET_"
    /// Where the receipt is written.
    case receipt = "LASTCALL_RECEIPT"
    /// Where the short receipt for Kubernetes is written.
    case terminationLog = "LASTCALL_TERMINATION_LOG"
    /// The configuration that the `lastcall` command reads.
    case config = "LASTCALL_CONFIG"
    /// systemd's notification socket.
    case notifySocket = "NOTIFY_SOCKET"
    /// systemd's watchdog interval.
    case watchdogMicroseconds = "WATCHDOG_USEC"
    /// The process that systemd's watchdog watches.
    case watchdogPid = "WATCHDOG_PID"
    /// Asks for output without colour.
    case noColor = "NO_COLOR"

    /// The unit or form of the value.
    public var unit: String {
        switch self {
        case .grace, .preStop, .reserve, .propagationDelay, .budget:
            "duration (`30s`, `500ms`, `1m30s`; a bare number is seconds)"
        case .receipt, .terminationLog, .config: "path"
        case .notifySocket: "path, or `@` and an abstract name"
        case .watchdogMicroseconds: "microseconds"
        case .watchdogPid: "process id"
        case .noColor: "any value that is not empty"
        }
    }

    /// What holds where the variable is not set.
    public var defaultValue: String {
        switch self {
        case .grace: "what the code states, else what the platform is known or assumed to grant"
        case .preStop: "what the code states, else 0s"
        case .reserve: "5 % of the grace, 0.2s to 2s"
        case .propagationDelay: "what the code states, else 5s on Kubernetes without a preStop, else 0s"
        case .budget: "what the code states, else an equal share"
        case .receipt: "none is written"
        case .terminationLog: "`/dev/termination-log` on Kubernetes, else none"
        case .config: "`lastcall.yml`, else `lastcall.yaml`, in the directory it runs in"
        case .notifySocket: "no notifications"
        case .watchdogMicroseconds: "no watchdog messages"
        case .watchdogPid: "this process"
        case .noColor: "colour on a terminal"
        }
    }

    /// What the variable does, in one sentence.
    public var summary: String {
        switch self {
        case .grace: "The grace period between SIGTERM and SIGKILL, as a stated one. Wins over the code."
        case .preStop: "What a preStop hook uses of the grace period before SIGTERM is sent. Wins over the code."
        case .reserve: "What is kept back for the receipt and the exit. Wins over the code."
        case .propagationDelay:
            "How long an HTTP listener stays open after readiness turned false, so that nobody is sent here any more. Wins over the code."
        case .budget:
            "The budget of the stage whose name follows, in capitals with `_` for every other character: `LASTCALL_BUDGET_WORK`."
        case .receipt: "Where the receipt is written as JSON."
        case .terminationLog: "Where a receipt of at most 4,096 bytes is written."
        case .config:
            "Which configuration the verbs of the `lastcall` command read that need one. `--store` and `--config` win over it."
        case .notifySocket: "Where readiness and the stop are announced (sd_notify(3))."
        case .watchdogMicroseconds: "How often systemd expects a sign of life (sd_watchdog_enabled(3))."
        case .watchdogPid: "Which process systemd's watchdog watches (sd_watchdog_enabled(3))."
        case .noColor: "Output without colour."
        }
    }
}

/// The environment's values, checked where they are read.
package struct EnvironmentSettings: Sendable {
    /// The environment.
    private let environment: [String: String]

    package init(_ environment: [String: String]) { self.environment = environment }

    /// A value that is set and not empty.
    package func text(_ key: EnvironmentKey) -> String? {
        environment[key.rawValue].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A positive duration, or one that may be zero.
    package func duration(_ key: EnvironmentKey, orZero: Bool = false) throws(LastCallError) -> Duration? {
        guard let text = text(key) else { return nil }
        return try Self.duration(text, named: key.rawValue, orZero: orZero)
    }

    /// The budget that the environment gives to a stage.
    func budget(ofStage stage: String) throws(LastCallError) -> Duration? {
        let suffix = String(
            stage.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
        let name = EnvironmentKey.budget.rawValue + suffix
        guard let text = environment[name], !text.isEmpty else { return nil }
        return try Self.duration(text, named: name, orZero: false)
    }

    /// Reads a duration, or says what is wrong with it.
    private static func duration(_ text: String, named name: String, orZero: Bool) throws(LastCallError) -> Duration {
        guard let duration = DurationText.parse(text), orZero || duration > .zero else {
            let range = orZero ? "a duration of 0s or more" : "a duration above 0s"
            throw LastCallError(
                .invalidConfiguration, "\(name)=\(text): write \(range), such as 30s, 500ms or 1m30s")
        }
        return duration
    }
}
