public import LastCall

/// How a command ended.
public enum CommandOutcome: Sendable, Hashable {
    /// It ended by itself with one of its ``Command/okExitCodes``.
    case succeeded
    /// It ended by itself with another exit code, or died of a signal of its own making.
    case failed
    /// We stopped it, whatever its exit code. Its lines are partial.
    case stopped(StopReason)
    /// It died of a SIGKILL that we did not send, as the kernel's out-of-memory killer does, or its status was taken by
    /// somebody else in this process.
    case lost
}

/// What the kernel said of a program's end.
public enum CommandExitStatus: Sendable, Hashable {
    /// It returned this exit code.
    case exited(Int32)
    /// It died of the signal with this number.
    case signalled(Int32)
    /// Nobody knows: somebody else took the status, or the program could not be killed in time.
    case unknown

    /// The exit code as a shell reports it: 128 + the signal's number for a death by signal, 255 where nobody knows.
    public var shellCode: Int32 {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): 128 + signal
        case .unknown: 255
        }
    }
}

/// What became of a command.
public struct CommandResult: Sendable, Hashable {
    /// Success, failure, stop or loss.
    public var outcome: CommandOutcome
    /// What the kernel said.
    public var exitStatus: CommandExitStatus
    /// Why the lifecycle stopped, where the outcome is an eviction and the cause is known.
    public var cause: ShutdownCause?
    /// What its reader should know: `cut short by eviction: SIGTERM from pid 1`.
    public var warnings: [String] = []
    /// The time from its start to its end.
    public var duration: Duration = .zero
    /// The time from the stop signal to its end, where it was stopped.
    public var stopDuration: Duration?
    /// Whether something of it was still alive when SIGKILL was due.
    public var wasKilled = false
    /// How many bytes it wrote to the streams that are read as lines.
    public var outputBytes = 0
    /// The most memory it was seen to use, in bytes.
    ///
    /// With a memory limit the sum over its process tree as sampled, otherwise the largest of its processes (getrusage(2)).
    public var peakMemoryBytes = 0
    /// How many lines were handed on.
    public var lineCount = 0
    /// How many of them were cut at ``CommandLimits/lineBytes``.
    public var linesCut = 0
    /// How many bytes were not handed on: behind a cut, above the output limit, or after their reader had left.
    public var bytesDropped = 0

    /// The exit code, where it returned one.
    public var exitCode: Int32? {
        if case .exited(let code) = exitStatus { code } else { nil }
    }

    /// The number of the signal that it died of, where it did.
    public var signal: Int32? {
        if case .signalled(let signal) = exitStatus { signal } else { nil }
    }

    /// Why we stopped it, where we did.
    public var stopReason: StopReason? {
        if case .stopped(let reason) = outcome { reason } else { nil }
    }

    /// Whether it ended by itself and well.
    public var isSuccess: Bool { outcome == .succeeded }
}
