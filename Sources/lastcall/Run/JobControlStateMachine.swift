#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Who stops, who goes on and who has the terminal when Ctrl-Z, `fg` and `bg` come into play.
///
/// Two groups stand for one job. The shell knows the supervisor's only, so the supervisor stops whenever its program does, and
/// takes the program along when it goes on (glibc manual, "Implementing a Job Control Shell").
struct JobControlStateMachine {
    /// Whose process group the terminal listens to.
    enum Foreground: Equatable {
        /// This process's.
        case ours
        /// The program's.
        case program
        /// Somebody else's, or there is no terminal.
        case other
    }

    /// What the owner is to do.
    enum Action: Equatable {
        /// Nothing.
        case none
        /// Send the program's group a signal.
        case signal(Int32)
        /// Make the program's group the foreground group, and continue it.
        case lend
        /// Stop this process by a signal, and report ``JobControlStateMachine/resumed(_:)`` once it goes on.
        case follow(Int32)
        /// Make this process's group the foreground group again.
        case takeBack
    }

    /// Where the program is.
    private enum State {
        /// Not started.
        case waiting
        /// Running, as far as we know.
        case running
        /// Being stopped for good, which has a deadline: nobody stands still any more.
        case ending
        /// Gone.
        case gone
    }

    /// Whether this is PID 1: nobody could ever continue it, and the kernel never stops it (kill(2)).
    private let isInit: Bool
    /// Whether the program can read from a terminal, which is then its controlling one.
    private let hasTerminal: Bool
    private var state = State.waiting
    /// Whether the terminal was lent to the program.
    private var isLent = false
    /// Whether the program was asked to stop, where nothing else would tell a job's stop from a stranger's.
    private var isAsked = false
    /// Whether this process stands still, or is about to.
    private var isFollowing = false
    /// Whether it followed a program that wanted the terminal, and nobody has sent SIGCONT since.
    ///
    /// The kernel does not stop a group that no shell could continue; following once more would then go on for ever.
    private var isFutile = false

    init(isInit: Bool, hasTerminal: Bool) {
        self.isInit = isInit
        self.hasTerminal = hasTerminal
    }

    /// The program runs.
    mutating func began() -> Action {
        guard case .waiting = state else { return .none }
        state = .running
        return isAsked ? .signal(suspendSignal) : .none
    }

    /// The stop began; from here on the deadline counts.
    mutating func stopBegan() { state = .ending }

    /// The program and all that it started have ended.
    mutating func ended(_ foreground: Foreground) -> Action {
        state = .gone
        return isLent && foreground == .program ? .takeBack : .none
    }

    /// SIGTSTP arrived.
    ///
    /// - Parameter isFromTerminal: Whether Ctrl-Z sent it, and not a process.
    mutating func suspendRequested(isFromTerminal: Bool) -> Action {
        // As without us: the terminal cannot stop a container's first process.
        if isInit { return isFromTerminal ? .none : .signal(SIGTSTP) }
        switch state {
        case .waiting:
            // Its start is a matter of milliseconds; whoever stopped here would find it running when asked again.
            isAsked = true
            return .none
        case .running:
            isAsked = true
            return .signal(suspendSignal)
        case .ending, .gone: return .none
        }
    }

    /// In a session of its own the program's group is orphaned, and the kernel discards SIGTSTP (setpgid(2)).
    private var suspendSignal: Int32 { hasTerminal ? SIGTSTP : SIGSTOP }

    /// The program was stopped by a signal.
    mutating func programStopped(by signal: Int32, _ foreground: Foreground) -> Action {
        let wantsTerminal = hasTerminal && (signal == SIGTTIN || signal == SIGTTOU)
        switch state {
        case .running:
            if wantsTerminal { return wanted(by: signal, foreground) }
            if isInit { return isLent ? .signal(SIGCONT) : .none }
            guard isAsked || hasTerminal else { return .none }
            isFollowing = true
            return .follow(SIGTSTP)
        case .ending:
            guard wantsTerminal else { return .signal(SIGCONT) }
            // Continued in the background it would be stopped again at once.
            return foreground == .other ? .none : wanted(by: signal, foreground)
        case .waiting, .gone: return .none
        }
    }

    /// The program reads from the terminal, or sets it, and is not in the foreground.
    private mutating func wanted(by signal: Int32, _ foreground: Foreground) -> Action {
        switch foreground {
        case .ours:
            isLent = true
            return .lend
        case .program: return .signal(SIGCONT)
        case .other:
            guard !isInit, !isFutile else { return .none }
            isFollowing = true
            isFutile = true
            return .follow(signal)
        }
    }

    /// This process goes on after it followed.
    mutating func resumed(_ foreground: Foreground) -> Action {
        isFollowing = false
        isAsked = false
        isLent = isLent && foreground == .ours
        return isLent ? .lend : .signal(SIGCONT)
    }

    /// SIGCONT arrived.
    mutating func continued() -> Action {
        isFutile = false
        return isFollowing ? .none : .signal(SIGCONT)
    }
}
