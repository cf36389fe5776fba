import CLastCall

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What the kernel says of a leader.
enum LeaderStatus {
    /// The status of a leader that ended, without reaping it; `nil` where it is alive.
    static func of(_ pid: pid_t) -> CommandExitStatus? {
        var exit = lastcall_exit()
        // Somebody else in this process took it: waitpid(-1) is enough.
        guard lastcall_wait(pid, false, &exit) == 0 else { return .unknown }
        return exit.exited ? read(exit) : nil
    }

    /// The status in our words.
    static func read(_ exit: lastcall_exit) -> CommandExitStatus {
        exit.by_signal ? .signalled(exit.value) : .exited(exit.value)
    }
}
