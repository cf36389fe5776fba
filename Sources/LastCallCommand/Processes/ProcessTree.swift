import CLastCall

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Which processes belong to one command, also those that left its group, its session or their parent.
///
/// A process belongs to it when it
/// - is in the leader's group or session (the leader is not reaped, so these numbers are nobody else's), or
/// - descends from one that belongs to it, or was seen to do so before, or
/// - carries the command's id in `LASTCALL_COMMAND_ID` (which finds one whose parents are all gone), or
/// - is an unregistered child of this process, where the command adopts orphans.
///
/// One that left group and session, whose parents are gone *and* that emptied its environment gets away, unless this
/// process is a subreaper and the command adopts orphans.
struct ProcessTree {
    /// The variable that carries the id.
    ///
    /// Ids of nested commands are joined by colons.
    static let variable = "LASTCALL_COMMAND_ID"

    /// The first process, not reaped while the tree is in use.
    let leader: pid_t
    /// The command's id.
    let id: String
    /// Whether unregistered children of this process belong to it.
    let adoptsOrphans: Bool
    /// When the leader started; nobody in the tree is older.
    private var leaderStart: UInt64?
    /// Who was seen to belong to it: start by number.
    private var known: [pid_t: UInt64] = [:]

    init(leader: pid_t, id: String, adoptsOrphans: Bool) {
        self.leader = leader
        self.id = id
        self.adoptsOrphans = adoptsOrphans
    }

    /// Who of the snapshot belongs to the command and is alive, the leader included.
    ///
    /// - Parameters:
    ///   - own: This process; it never belongs to a command of its own.
    ///   - registered: The leaders of all commands of this process.
    ///   - marker: The value of ``variable`` in a process's environment.
    mutating func members(
        in snapshot: ProcessSnapshot, own: pid_t, registered: Set<pid_t>, marker: (pid_t) -> String?
    ) -> [ProcessRecord] {
        leaderStart = leaderStart ?? snapshot.entries[leader]?.start
        var members: Set<pid_t> = []
        var toVisit: [pid_t] = [leader]
        if adoptsOrphans {
            toVisit += (snapshot.children[own] ?? []).filter { !registered.contains($0) }
        }
        for entry in snapshot.entries.values
        where entry.group == leader || entry.session == leader || known[entry.pid] == entry.start {
            toVisit.append(entry.pid)
        }
        visit(&toVisit, own: own, snapshot, &members)
        for entry in snapshot.entries.values where !members.contains(entry.pid) && !entry.isZombie && entry.pid != own {
            guard entry.start >= leaderStart ?? 0, let value = marker(entry.pid),
                value.split(separator: ":").contains(Substring(id))
            else { continue }
            toVisit.append(entry.pid)
            visit(&toVisit, own: own, snapshot, &members)
        }
        let entries = members.compactMap { snapshot.entries[$0] }.filter { !$0.isZombie }
        known = Dictionary(uniqueKeysWithValues: entries.map { ($0.pid, $0.start) })
        return entries
    }

    /// Adds whoever stands in the list and all their descendants.
    private func visit(
        _ toVisit: inout [pid_t], own: pid_t, _ snapshot: ProcessSnapshot, _ members: inout Set<pid_t>
    ) {
        while let pid = toVisit.popLast() {
            guard pid != own, pid > 1, members.insert(pid).inserted else { continue }
            toVisit += snapshot.children[pid] ?? []
        }
    }

    /// The value of ``variable`` in a living process's environment as it was at its last exec.
    static func marker(of pid: pid_t) -> String? {
        guard let environment = ProcFile.read("/proc/\(pid)/environ") else { return nil }
        let prefix = Array("\(variable)=".utf8)
        for entry in environment.split(separator: 0) where entry.starts(with: prefix) {
            return String(decoding: entry.dropFirst(prefix.count), as: UTF8.self)
        }
        return nil
    }

    /// Signals one process, and only the one that was meant: the pidfd is opened first, then the start time compared.
    static func signal(_ entry: ProcessRecord, _ signal: Int32) {
        let pidfd = lastcall_pidfd_open(entry.pid)
        guard pidfd >= 0 else { return }
        defer { close(pidfd) }
        guard ProcessSnapshot.entry(of: entry.pid)?.start == entry.start else { return }
        _ = lastcall_pidfd_send_signal(pidfd, signal)
    }

    /// What the members hold in memory, in bytes.
    ///
    /// The resident sets are summed up first, which is cheap and never too little. Above the limit the proportional set
    /// sizes decide, where the kernel tells them.
    static func memory(of members: [ProcessRecord], limit: Int) -> Int {
        let pageBytes = sysconf(Int32(_SC_PAGESIZE))
        let resident = members.reduce(0) { $0 + $1.residentPages * pageBytes }
        guard resident > limit else { return resident }
        return members.reduce(0) { sum, member in
            // What cannot be read is about to end, and holds less than a moment ago, or is not ours to look into.
            sum
                + (proportional(of: member.pid) ?? (ProcessSnapshot.entry(of: member.pid)?.residentPages ?? 0)
                    * pageBytes)
        }
    }

    /// The `Pss:` line of `/proc/PID/smaps_rollup`, in bytes.
    private static func proportional(of pid: pid_t) -> Int? {
        guard let bytes = ProcFile.read("/proc/\(pid)/smaps_rollup") else { return nil }
        for line in bytes.split(separator: UInt8(ascii: "\n")) where line.starts(with: Array("Pss:".utf8)) {
            let digits = line.filter { $0 >= 48 && $0 <= 57 }
            return Int(String(decoding: digits, as: UTF8.self)).map { $0 * 1024 }
        }
        return nil
    }
}
