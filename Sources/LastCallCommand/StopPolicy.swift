/// How a command is stopped: a signal to its whole process tree, and SIGKILL for what is left later.
public struct StopPolicy: Sendable, Hashable {
    /// The signal's number; SIGTERM (15) by default.
    public var signal: Int32
    /// The time between the signal and SIGKILL; 10 s by default.
    ///
    /// Zero kills at once.
    ///
    /// On an eviction it is cut so that the pipes can still be read before the member's time ends.
    public var killAfter: Duration
    /// What is sent in place of ``signal`` where the lifecycle itself was stopped by a signal, by that signal's number.
    ///
    /// Empty by default. A supervisor that passes on what it is sent says `[SIGINT: SIGINT]`.
    public var signalsByCause: [Int32: Int32]

    /// Creates a policy.
    public init(signal: Int32 = 15, killAfter: Duration = .seconds(10), signalsByCause: [Int32: Int32] = [:]) {
        self.signal = signal
        self.killAfter = killAfter
        self.signalsByCause = signalsByCause
    }
}

/// What a command may use.
///
/// A command that reaches a limit is stopped, and its result says which one.
public struct CommandLimits: Sendable, Hashable {
    /// How long it may run; `nil` (the default) is for ever.
    public var time: Duration?
    /// How many bytes of memory its process tree may hold, looked at twice a second; `nil` (the default) is no limit.
    ///
    /// The sum of the resident sets; where that is over the limit, the sum of the proportional set sizes decides, so that
    /// pages which processes share are counted once (proc_pid_smaps(5)).
    public var memoryBytes: Int?
    /// How many bytes it may write to both streams together; `nil` (the default) is no limit.
    ///
    /// Only streams that are read as lines count.
    public var outputBytes: Int?
    /// How many bytes of a line are kept; 1 MiB by default.
    ///
    /// What follows, up to the line's end, is dropped and counted.
    public var lineBytes: Int

    /// Creates limits.
    public init(
        time: Duration? = nil, memoryBytes: Int? = nil, outputBytes: Int? = nil, lineBytes: Int = 1 << 20
    ) {
        self.time = time
        self.memoryBytes = memoryBytes
        self.outputBytes = outputBytes
        self.lineBytes = lineBytes
    }
}
