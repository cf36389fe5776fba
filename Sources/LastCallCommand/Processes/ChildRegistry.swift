import LastCall
import LastCallConcurrency

import CLastCall

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Which children of this process somebody waits for: the leaders of our commands and what others registered.
///
/// Forking and registering are one step under its lock, and so are reaping and removing, and signalling: a number in the
/// registry is always that of the child it was registered for.
final class ChildRegistry: Sendable {
    /// The process's registry.
    static let shared = ChildRegistry()

    private let pids = Mutex<Set<pid_t>>([])

    /// The registered children.
    var all: Set<pid_t> { pids.withLock { $0 } }

    /// Starts a child and registers it before anybody can look.
    func starting(_ spawn: () -> pid_t) -> pid_t {
        pids.withLock { pids in
            let pid = spawn()
            if pid > 0 { pids.insert(pid) }
            return pid
        }
    }

    /// Registers a child that somebody else waits for.
    func insert(_ pid: pid_t) { pids.withLock { _ = $0.insert(pid) } }

    /// Forgets a child that somebody else waited for.
    func remove(_ pid: pid_t) { pids.withLock { _ = $0.remove(pid) } }

    /// Signals a child's group if the child is not reaped; the whole group, or where it does not exist yet the child alone.
    ///
    /// - Returns: Whether there was somebody to signal.
    @discardableResult
    func signalGroup(_ pid: pid_t, _ signal: Int32) -> Bool {
        pids.withLock { pids in
            guard pids.contains(pid) else { return false }
            if kill(-pid, signal) == 0 { return true }
            return kill(pid, signal) == 0
        }
    }

    /// What became of a reaping.
    enum Reaping {
        /// The status is ours.
        case reaped(lastcall_exit)
        /// The child has not ended; it stays registered.
        case alive
        /// Somebody else took the status.
        case stolen
    }

    /// Sends SIGKILL to the child's group and takes its status for good.
    func killGroupAndReap(_ pid: pid_t) -> Reaping {
        pids.withLock { pids in
            var exit = lastcall_exit()
            // If somebody else took the status, the number may be a stranger's by now.
            guard pids.contains(pid), lastcall_wait(pid, false, &exit) == 0 else {
                pids.remove(pid)
                return .stolen
            }
            kill(-pid, SIGKILL)
            guard exit.exited else { return .alive }
            pids.remove(pid)
            return lastcall_wait(pid, true, &exit) == 0 ? .reaped(exit) : .stolen
        }
    }

    /// Reaps every ended child of this process that is not registered.
    ///
    /// - Parameter children: Lists this process's children; called under the lock, so that no spawn is half done.
    func reapUnregistered(children: () -> [pid_t]) -> Int {
        pids.withLock { pids in
            var count = 0
            for pid in children() where !pids.contains(pid) {
                if waitpid(pid, nil, WNOHANG) == pid { count += 1 }
            }
            return count
        }
    }
}
