public import LastCallWork

/// One external program: what to start, how to watch it, and how to stop it.
///
/// A command is a value; ``run(isolation:_:)``, ``collect()`` and ``withProcess(isolation:_:)`` start it. Arguments reach the
/// program as they are, never through a shell.
///
/// ```swift
/// let command = Command("nmap", ["-sV", host])
/// let result = try await command.run { line in try await store.append(line.text) }
/// ```
///
/// Inside a lifecycle or a `ServiceGroup` it hears of a stop by itself: the program's whole process tree gets SIGTERM and,
/// ``StopPolicy/killAfter`` later, SIGKILL; every line that it wrote before is kept, and ``CommandResult/outcome`` says
/// `.stopped(.eviction)`, which is not a failure.
public struct Command: Sendable, Hashable {
    /// The program: a path where it holds a slash, otherwise a name that is looked up in the `PATH` of ``environment``.
    ///
    /// A relative path counts from ``workingDirectory``, as in a shell after `cd`.
    public var executable: String
    /// What follows the program's name in its `argv`.
    public var arguments: [String]
    /// What the program finds in its environment; this process's own by default.
    public var environment: CommandEnvironment
    /// The directory in which the program starts; this process's own by default.
    ///
    /// It must exist.
    public var workingDirectory: String?
    /// What the program reads; ``CommandInput/null`` by default.
    public var standardInput: CommandInput
    /// Where the program's standard output goes; ``CommandOutput/lines`` by default.
    public var standardOutput: CommandOutput
    /// Where the program's standard error goes; ``CommandOutput/lines`` by default.
    public var standardError: CommandOutput
    /// Which process group or session the program leads; ``CommandGrouping/automatic`` by default.
    public var grouping: CommandGrouping
    /// How it is stopped: SIGTERM, then SIGKILL 10 s later by default.
    public var stopPolicy: StopPolicy
    /// What an eviction means to it; `finalize` by default.
    ///
    /// Only `finish` lets it go on until the member's time ends; the others stop it at once. What becomes of a *job* that it runs is
    /// the worker's part.
    public var evictionPolicy: EvictionPolicy
    /// What it may use; no limits but the length of a line by default.
    public var limits: CommandLimits
    /// Exit codes that mean success; only 0 by default.
    public var okExitCodes: Set<Int32>
    /// Whether unregistered children of this process belong to the command; `false` by default.
    ///
    /// For PID 1 and subreapers (see ``OrphanReaper``) with one command: what the program left behind was given to this
    /// process by the kernel, and is ended with it.
    public var adoptsOrphans: Bool
    /// The id by which its processes are found, where its owner has one; random otherwise.
    package var id: String?

    /// Creates a command with the defaults above.
    public init(
        _ executable: String, _ arguments: [String] = [], environment: CommandEnvironment = .inherited,
        workingDirectory: String? = nil, standardInput: CommandInput = .null, standardOutput: CommandOutput = .lines,
        standardError: CommandOutput = .lines, grouping: CommandGrouping = .automatic,
        stopPolicy: StopPolicy = StopPolicy(), evictionPolicy: EvictionPolicy = .finalize,
        limits: CommandLimits = CommandLimits(), okExitCodes: Set<Int32> = [0], adoptsOrphans: Bool = false
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.standardInput = standardInput
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.grouping = grouping
        self.stopPolicy = stopPolicy
        self.evictionPolicy = evictionPolicy
        self.limits = limits
        self.okExitCodes = okExitCodes
        self.adoptsOrphans = adoptsOrphans
    }
}

/// What a program reads from its standard input.
public enum CommandInput: Sendable, Hashable {
    /// What this process reads; `/dev/null` where this process's own is closed.
    case inherit
    /// `/dev/null`: the end of file at once.
    case null
    /// The file at this path, opened for reading when the program starts.
    case file(String)
}

/// Where a program's standard output or standard error goes.
public enum CommandOutput: Sendable, Hashable {
    /// Where this process's own goes; `/dev/null` where this process's own is closed.
    case inherit
    /// `/dev/null`.
    case null
    /// Into a pipe of its own, read line by line.
    case lines
}

/// Which process group or session a program leads.
///
/// It always leads one: that is what makes stopping all of it possible.
public enum CommandGrouping: Sendable, Hashable {
    /// ``session`` unless the program's standard input is a terminal, then ``processGroup``.
    case automatic
    /// A process group in this process's session. Reading from the terminal then stops it (SIGTTIN).
    case processGroup
    /// A process group that is the terminal's foreground group until the program ends: Ctrl-C reaches it, not this process.
    ///
    /// Without a terminal on standard input it is ``processGroup``.
    case foreground
    /// A new session without a terminal.
    case session
}

/// What a program finds in its environment.
///
/// `LASTCALL_COMMAND_ID` is set in every case; it is how processes that left the group are found again.
public enum CommandEnvironment: Sendable, Hashable {
    /// This process's environment as it is when the program starts.
    case inherited
    /// This process's environment with some variables set, or removed where the value is `nil`.
    case updating([String: String?])
    /// These variables and no others.
    case custom([String: String])
}
