import LastCall

/// One service, container or process type, as its file describes its stop.
struct DeclaredService: Sendable {
    /// The grace period that the platform will grant.
    struct Grace: Sendable {
        /// The length; without a duration the platform waits for ever.
        var length: TimeSpan
        /// Written in the file, or the platform's own.
        var source: GracePeriod.Source
        /// The key that sets it, with its path.
        var key: String
        /// The key's line, or that of what should hold it.
        var line: Int?
    }

    /// What runs before SIGTERM on the grace period's account.
    enum PreStop: Sendable, Equatable {
        /// Nothing.
        case none
        /// A hook that takes this long.
        case takes(Duration)
        /// A hook whose length no file can tell: what it does, where it stands.
        case unknown(what: String, key: String, line: Int?)
    }

    /// A variable that tells the process about its grace period.
    struct Variable: Sendable, Equatable {
        /// Its value.
        var value: Duration
        /// The line it is set on.
        var line: Int?
        /// The path of the command that says it by an option, which wins over the variable.
        var option: String?
    }

    /// The file as it was named on the command line.
    var file: String
    /// Whose file it is.
    var platform: DeploymentKind
    /// The name in the table.
    var name: String
    /// The names under which `--service` finds it.
    var names: [String]
    /// The grace period.
    var grace: Grace
    /// What runs before SIGTERM.
    var preStop: PreStop = .none
    /// `LASTCALL_GRACE`, where the file sets it.
    var statedGrace: Variable?
    /// `LASTCALL_PRESTOP`, where the file sets it.
    var statedPreStop: Variable?
    /// Whether `lastcall run` runs it.
    var isSupervised = false
    /// The path to which `LASTCALL_GRACE` and `LASTCALL_PRESTOP` are appended in advice.
    var environmentKey: String
    /// The line to go to for adding a variable.
    var environmentLine: Int?
    /// Whether variables may come from a place that is not read here (`env_file`, `EnvironmentFile=`, `envFrom`).
    var hasUnseenEnvironment = false
    /// What was noticed while reading.
    var remarks: [Finding] = []

    /// Where the process is told its grace period, or could be.
    var statedGraceKey: String { statedGrace?.option.map { "\($0) --grace" } ?? "\(environmentKey)LASTCALL_GRACE" }
    /// What tells it.
    var statedGraceName: String { statedGrace?.option == nil ? "LASTCALL_GRACE" : "--grace" }

    /// Takes a `lastcall run --grace` in a command into account.
    mutating func readGraceOption(_ words: [String], line: Int?, key: String) {
        let words = CommandWords(words: words)
        isSupervised = words.isLastcallRun
        guard let value = words.graceOption else { return }
        statedGrace = Variable(value: value, line: line, option: key)
    }

    /// Adds a remark.
    mutating func remark(
        _ severity: Finding.Severity = .advice, line: Int?, key: String, current: String? = nil,
        suggested: String? = nil,
        _ reason: String
    ) {
        remarks.append(
            Finding(
                severity: severity, file: file, line: line, key: key, current: current, suggested: suggested,
                reason: reason
            )
        )
    }

    /// Remarks on the signal that is sent first.
    ///
    /// DESIGN: SIGTERM and SIGHUP drain, SIGINT drains too, SIGQUIT hands over, but drains under `lastcall run`.
    mutating func remark(onStopSignal signal: String, line: Int?, key: String) {
        let name = signal.uppercased()
        switch name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name {
        case "TERM", "15", "INT", "2", "HUP", "1": return
        case "KILL", "9":
            remark(
                .problem, line: line, key: key, current: signal, suggested: "SIGTERM",
                "SIGKILL cannot be caught: nothing drains and there is no receipt."
            )
        case "QUIT" where isSupervised, "3" where isSupervised: return
        case "QUIT", "3":
            remark(
                line: line, key: key, current: signal, suggested: "SIGTERM",
                "SIGQUIT hands work over at once; SIGTERM finishes what fits into the grace period first."
            )
        default:
            remark(
                line: line, key: key, current: signal, suggested: "SIGTERM",
                "lastcall does not listen to \(signal); most signals end a process on the spot."
            )
        }
    }
}
