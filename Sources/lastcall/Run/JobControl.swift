import CLastCall
import LastCall
import LastCallConcurrency
import LastCallCommand

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Makes the supervisor and its program one job of the shell that started them.
///
/// The program's group starts in the background, so that Ctrl-C reaches the supervisor and its ladder holds. A program that reads
/// from the terminal is stopped by the kernel with SIGTTIN (termios(3)); it then gets the foreground, and Ctrl-C with it.
final class JobControl: Sendable {
    /// What is held under the lock.
    private struct State {
        /// What decides.
        var machine: JobControlStateMachine
        /// The running program.
        var program: CommandProcess?
        /// Whether a thread waits for the program's stops.
        var isWatched = false
    }

    private let hasTerminal: Bool
    private let state: Mutex<State>

    init() {
        hasTerminal = isatty(STDIN_FILENO) == 1
        state = Mutex(State(machine: JobControlStateMachine(isInit: getpid() == 1, hasTerminal: hasTerminal)))
    }

    /// Takes the terminal's signals into account from now on.
    func prepare() {
        // With `stty tostop` a line of ours would stop us while the program has the terminal.
        if hasTerminal { _ = lastcall_signals_ignore(SIGTTOU) }
    }

    /// The program runs.
    func began(_ program: CommandProcess) {
        let action = state.withLock { state in
            state.program = program
            return state.machine.began()
        }
        // Before the program is stopped, so that the stop is seen.
        if hasTerminal || action != .none { watch(program) }
        perform(action, program)
    }

    /// The stop began.
    func stopBegan() { state.withLock { $0.machine.stopBegan() } }

    /// The program has ended.
    func ended() {
        let foreground = foreground
        let (action, program) = state.withLock { state in
            defer { state.program = nil }
            return (state.machine.ended(foreground), state.program)
        }
        perform(action, program)
    }

    /// SIGTSTP arrived.
    func suspend(_ signal: ReceivedSignal) {
        let (action, program) = state.withLock {
            ($0.machine.suspendRequested(isFromTerminal: signal.pid == nil), $0.program)
        }
        // Of the program that was decided about, and before it is stopped, so that the stop is seen.
        if let program, action != .none { watch(program) }
        perform(action, program)
    }

    /// SIGCONT arrived.
    func resume() { decide { machine, _ in machine.continued() } }

    /// Waits for the program's stops on a thread of its own, which ends with the program.
    private func watch(_ program: CommandProcess) {
        let isFirst = state.withLock { state in
            defer { state.isWatched = true }
            return !state.isWatched
        }
        guard isFirst else { return }
        DedicatedThread.start(name: "lastcall-job") { [self] in
            while true {
                let signal = lastcall_wait_stopped(program.pid)
                guard signal > 0 else { return }
                decide { $0.programStopped(by: signal, $1) }
            }
        }
    }

    private func decide(_ event: (inout JobControlStateMachine, JobControlStateMachine.Foreground) -> Action) {
        let foreground = foreground
        let (action, program) = state.withLock { (event(&$0.machine, foreground), $0.program) }
        perform(action, program)
    }

    private typealias Action = JobControlStateMachine.Action

    private func perform(_ action: Action, _ program: CommandProcess?) {
        switch action {
        case .none: return
        case .signal(let signal): program?.signal(signal)
        case .lend:
            guard let program else { return }
            _ = lastcall_terminal_foreground(STDIN_FILENO, program.pid)
            program.signal(SIGCONT)
        case .follow(let signal):
            // Returns when the shell continues us, or at once where nobody could.
            _ = lastcall_signals_stop_self(signal)
            decide { $0.resumed($1) }
        case .takeBack: _ = lastcall_terminal_foreground(STDIN_FILENO, getpgrp())
        }
    }

    /// Whose group the terminal listens to now.
    private var foreground: JobControlStateMachine.Foreground {
        guard hasTerminal else { return .other }
        let group = tcgetpgrp(STDIN_FILENO)
        if group == getpgrp() { return .ours }
        return group > 0 && group == state.withLock({ $0.program?.pid }) ? .program : .other
    }
}
