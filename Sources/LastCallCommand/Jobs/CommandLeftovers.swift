import LastCall
public import LastCallWork

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Ends the programs that a dead worker's jobs left running on this host, before the jobs run again.
///
/// A process belongs to a job's run when it carries the run's id in `LASTCALL_COMMAND_ID`, is the process that the record names (same boot,
/// pid and start time), is in that one's group, or descends from one of them.
///
/// Processes in another PID namespace cannot be seen; they die with their container.
public struct CommandLeftovers: LeftoverEnding {
    /// What the store calls itself; a part of the id.
    private let storeName: String
    /// How long it is tried.
    private let patience: Duration

    /// Creates it.
    ///
    /// - Parameters:
    ///   - store: Where the jobs are.
    ///   - patience: How long a process may take to die of SIGKILL before it is left behind; 5 s by default.
    public init(_ store: any WorkStore, patience: Duration = .seconds(5)) {
        storeName = store.traits.name
        self.patience = patience
    }

    /// Sends SIGKILL to everything that is left, and waits until it is gone.
    public func endLeftovers(of worker: WorkerDescription, _ records: [LostRecord]) async {
        guard worker.process.bootID == ProcessIdentity.bootID, !records.isEmpty else { return }
        let markers = Set(
            records.map { CommandJob.marker(store: storeName, id: $0.claim.id, epoch: $0.claim.epoch) })
        let processes = records.compactMap(\.process)
        let end = ContinuousClock.now + patience
        while true {
            let left = Self.left(markers: markers, processes: processes)
            if left.isEmpty || ContinuousClock.now >= end { return }
            for process in left { ProcessTree.signal(process, SIGKILL) }
            try? await Task.sleep(for: .milliseconds(2))  // cancelled: no pause
        }
    }

    /// What of the runs is alive, parents before their children: a shell whose child dies first goes on to its next line.
    static func left(markers: Set<String>, processes: [ProcessIdentity]) -> [ProcessRecord] {
        let snapshot = ProcessSnapshot.take()
        let own = getpid()
        var roots: [pid_t] = []
        for entry in snapshot.entries.values where entry.pid != own && entry.pid > 1 {
            let isNamed = processes.contains { $0.pid == entry.pid && $0.startTime == entry.start }
            if isNamed || isMarked(entry.pid, markers) { roots.append(entry.pid) }
        }
        // A group is a run's own as long as its leader, which gave it its number, is.
        let leaders = Set(roots).intersection(processes.map(\.pid))
        roots += snapshot.entries.values.filter { leaders.contains($0.group) && $0.pid != own }.map(\.pid)
        var found: Set<pid_t> = []
        while let pid = roots.popLast() {
            guard pid != own, found.insert(pid).inserted else { continue }
            roots += snapshot.children[pid] ?? []
        }
        func depth(_ process: ProcessRecord) -> Int {
            var (depth, parent) = (0, process.parent)
            // A snapshot is not of one moment; numbers that were used again might make a circle.
            while depth < found.count, found.contains(parent), let next = snapshot.entries[parent]?.parent {
                (depth, parent) = (depth + 1, next)
            }
            return depth
        }
        let alive = found.compactMap { snapshot.entries[$0] }.filter { !$0.isZombie }
        return alive.map { (depth($0), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private static func isMarked(_ pid: pid_t, _ markers: Set<String>) -> Bool {
        guard let value = ProcessTree.marker(of: pid) else { return false }
        return value.split(separator: ":").contains { markers.contains(String($0)) }
    }
}
