import LastCallWork

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What a ``CommandStateMachine`` decides by: the command's own limits, and the windows that are ours to choose.
struct CommandSettings: Equatable {
    /// From the stop signal to SIGKILL.
    var killAfter: Duration = .seconds(10)
    /// What an eviction means.
    var evictionPolicy: EvictionPolicy = .finalize
    /// How long it may run.
    var timeLimit: Duration?
    /// How many bytes its tree may hold.
    var memoryLimit: Int?
    /// How many bytes it may write.
    var outputLimit: Int?
    /// Whether what the leader leaves behind when it ends by itself is looked for beyond its group, and killed.
    var endsWhatIsLeft = false
    /// From one look at the memory to the next.
    var sampleInterval: Duration = .milliseconds(500)
    /// How long a death by SIGTERM that we did not send may wait for our own order to stop: systemd and Heroku signal every
    /// process at once, and ours has a thread and a task to cross.
    var doubtWindow: Duration = .seconds(1)
    /// From SIGKILL to leaving behind what does not die of it (a process in uninterruptible sleep).
    var giveUpAfter: Duration = .seconds(5)
    /// The most that is kept between SIGKILL and the member's end for the death to be heard of and the pipes to be read.
    var reapAllowanceMax: Duration = .milliseconds(500)

    /// Signals that end nobody by themselves, and 0, which is none (signal(7)).
    static let harmlessSignals: Set<Int32> = [
        0, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH, SIGURG, SIGCHLD,
    ]

    /// What is kept before the member's end: a quarter of the time left, at most the maximum.
    func reapAllowance(until end: Duration, at now: Duration) -> Duration {
        max(.zero, min(reapAllowanceMax, (end - now) / 4))
    }
}

/// What is known of an eviction when a command hears of it.
struct EvictionNotice: Equatable {
    /// Whether the member is already being cancelled, so that nothing can finish any more.
    var isUrgent = false
    /// When the member is cancelled, where that is known.
    var cancelAt: Duration?
    /// When the member is abandoned, where that is known.
    var memberEndsAt: Duration?
}

/// How a command came to its end.
struct CommandEnding: Equatable {
    /// What the kernel said.
    var status: CommandExitStatus
    /// Why it was stopped, or `nil` where it ended by itself.
    var reason: StopReason?
    /// From the stop signal to now.
    var stoppedFor: Duration?
    /// Whether something was alive when SIGKILL was due.
    var wasKilled = false
    /// Whether it was left behind because not even SIGKILL ended it.
    var isAbandoned = false
}

extension CommandExitStatus {
    /// Whether it ended by nobody's will that we know: a SIGKILL, or a status that was taken from us.
    var isLoss: Bool {
        switch self {
        case .signalled(let signal): signal == 9
        case .exited: false
        case .unknown: true
        }
    }

    /// Whether it is the death of somebody who was asked to stop: SIGHUP, SIGINT or SIGTERM, or a shell's code for one.
    var asksToStop: Bool {
        switch self {
        case .signalled(let signal): [1, 2, 15].contains(signal)
        case .exited(let code): [129, 130, 143].contains(code)
        case .unknown: false
        }
    }
}
