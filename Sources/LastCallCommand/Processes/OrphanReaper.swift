import CLastCall

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Reaps the children that the kernel gives to PID 1 and to subreapers: processes whose own parents are gone.
///
/// Every orphan is reaped by its number, and never one that somebody waits for. `waitpid(-1)` is not used: it takes the
/// status of any child, also of one whose owner then waits in vain.
///
/// It is for processes whose children are all started by ``Command``. Children that another library starts must be
/// registered, or their statuses are taken.
public enum OrphanReaper {
    /// Makes this process the parent of all orphans below it (`PR_SET_CHILD_SUBREAPER`, prctl(2)).
    ///
    /// PID 1 is that already. It does not reach processes that this one starts in other PID namespaces.
    ///
    /// - Returns: Whether the kernel agreed.
    @discardableResult
    public static func becomeSubreaper() -> Bool { lastcall_become_subreaper() == 0 }

    /// Reaps every orphan that has ended.
    ///
    /// - Returns: How many there were.
    @discardableResult
    public static func reapOrphans() -> Int {
        ChildRegistry.shared.reapUnregistered(children: children)
    }

    /// Reaps orphans from now on, as soon as they end, on the thread that also watches the commands.
    ///
    /// Takes over SIGCHLD for the whole process.
    ///
    /// - Throws: ``CommandError`` when the system refuses the handler.
    public static func reapContinuously() throws { try CommandLoop.shared().watchChildren() }

    /// Keeps a child that something else waits for from being reaped here.
    ///
    /// Between another library's fork and this call the child may be reaped if it ends at once.
    public static func register(_ pid: Int32) { ChildRegistry.shared.insert(pid) }

    /// Ends what ``register(_:)`` began.
    public static func unregister(_ pid: Int32) { ChildRegistry.shared.remove(pid) }

    /// This process's children, ended ones too.
    ///
    /// From `/proc/self/task/TID/children`, which lists them per thread (proc_tid_children(5)), or, where the kernel was
    /// built without it, from all processes' parents.
    static func children() -> [pid_t] {
        var pids: [pid_t] = []
        var isListed = false
        for thread in ProcFile.numbers(in: "/proc/self/task") {
            guard let bytes = ProcFile.read("/proc/self/task/\(thread)/children") else { continue }
            isListed = true
            pids += bytes.split(separator: UInt8(ascii: " ")).compactMap { pid_t(String(decoding: $0, as: UTF8.self)) }
        }
        if isListed { return pids }
        return ProcessSnapshot.take().children[getpid()] ?? []
    }

    /// Sends SIGKILL to everything that descends from this process, at once: for one that exits now and leaves nobody behind.
    ///
    /// Looks again as long as somebody is found, a few times: whoever is being forked in this moment is its parent's next child.
    package static func killDescendants() {
        // Also where proc(5) tells nothing.
        for pid in ChildRegistry.shared.all { ChildRegistry.shared.signalGroup(pid, SIGKILL) }
        for _ in 0..<5 {
            let snapshot = ProcessSnapshot.take()
            var (found, next): ([ProcessRecord], [pid_t]) = ([], [getpid()])
            while let parent = next.popLast() {
                let children = snapshot.children[parent] ?? []
                next += children
                found += children.compactMap { snapshot.entries[$0] }.filter { !$0.isZombie }
            }
            guard !found.isEmpty else { return }
            for process in found { ProcessTree.signal(process, SIGKILL) }
        }
    }
}
