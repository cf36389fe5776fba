import LastCall
import LastCallCommand

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Lends the terminal to the program when it asks for it, and takes it back at the end.
///
/// The program's group starts in the background, so that Ctrl-C reaches the supervisor and its ladder holds. A program that reads
/// from the terminal is stopped by the kernel with SIGTTIN (termios(3)); it then gets the foreground, and Ctrl-C with it.
final class TerminalLoan: Sendable {
    private let alarm = Watchdog.shared.makeAlarm()
    private let isTerminal = isatty(STDIN_FILENO) == 1
    private let isLent = Mutex(false)
    /// How often the program is looked at.
    private static let interval = Duration.milliseconds(100)

    /// Lends the terminal to a program as soon as it waits for it.
    func lend(to process: CommandProcess) {
        guard isTerminal else { return }
        Watchdog.shared.set(alarm, at: .now + Self.interval) { [self] in
            var info = siginfo_t()
            // WNOHANG and no WEXITED: the end of the program is left to those who wait for it (waitid(2)).
            if waitid(P_PID, id_t(process.pid), &info, WSTOPPED | WNOHANG) == 0, info._sifields._sigchld.si_pid != 0,
                [SIGTTIN, SIGTTOU].contains(info._sifields._sigchld.si_status)
            {
                isLent.withLock { $0 = true }
                tcsetpgrp(STDIN_FILENO, process.pid)
                process.signal(SIGCONT)
            }
            lend(to: process)
        }
    }

    /// Takes the terminal back.
    func takeBack() {
        guard isTerminal else { return }
        Watchdog.shared.set(alarm, at: nil) {}
        guard isLent.withLock({ $0 }) else { return }
        // A background process that sets the foreground group is stopped unless it blocks SIGTTOU (tcsetpgrp(3)).
        var set = sigset_t()
        var before = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTTOU)
        pthread_sigmask(SIG_BLOCK, &set, &before)
        tcsetpgrp(STDIN_FILENO, getpgrp())
        pthread_sigmask(SIG_SETMASK, &before, nil)
    }
}
