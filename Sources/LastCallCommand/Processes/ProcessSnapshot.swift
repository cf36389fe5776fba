#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// One process at the moment of a snapshot.
struct ProcessRecord: Equatable {
    /// Its number.
    var pid: pid_t
    /// Its parent's number.
    var parent: pid_t
    /// Its process group.
    var group: pid_t
    /// Its session.
    var session: pid_t
    /// Its start in clock ticks since boot.
    ///
    /// Number and start together are never used twice.
    var start: UInt64
    /// Its resident set in pages.
    var residentPages: Int
    /// Whether it has ended and only waits to be reaped.
    var isZombie: Bool
}

/// All processes that this one can see, read once from proc(5) and shared by all commands that need it at that moment.
///
/// `/proc/PID/task/TID/children` would be quicker for one small tree, but knows neither groups nor sessions, and loses
/// whoever's parent has ended.
struct ProcessSnapshot {
    /// The processes by number.
    private(set) var entries: [pid_t: ProcessRecord] = [:]
    /// The children of each process.
    private(set) var children: [pid_t: [pid_t]] = [:]

    /// Reads `/proc`.
    ///
    /// Without it the snapshot is empty, and a stop reaches the process group alone.
    static func take() -> ProcessSnapshot {
        var snapshot = ProcessSnapshot()
        for pid in ProcFile.numbers(in: "/proc") {
            guard let entry = entry(of: pid) else { continue }
            snapshot.insert(entry)
        }
        return snapshot
    }

    /// Adds a process.
    mutating func insert(_ entry: ProcessRecord) {
        entries[entry.pid] = entry
        children[entry.parent, default: []].append(entry.pid)
    }

    /// One process as it is now, or `nil` where it is gone.
    static func entry(of pid: pid_t) -> ProcessRecord? {
        guard let bytes = ProcFile.readRecord("/proc/\(pid)/stat") else { return nil }
        return parse(bytes, pid: pid)
    }

    /// Reads a line of `/proc/PID/stat`: `PID (name) S PPID PGRP SESSION …`, see proc_pid_stat(5).
    ///
    /// The name may hold anything, also `)`; the fields begin behind the last one.
    static func parse(_ bytes: [UInt8], pid: pid_t) -> ProcessRecord? {
        guard let close = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = numbers(bytes[(close + 1)...], countMax: 22)
        // Field 3 of the manual page, the state, is field 0 here.
        guard fields.count > 21, let state = bytes[(close + 1)...].first(where: { $0 != UInt8(ascii: " ") }),
            let parent = fields[1], let group = fields[2], let session = fields[3], let start = fields[19],
            let pages = fields[21]
        else { return nil }
        return ProcessRecord(
            pid: pid, parent: pid_t(parent), group: pid_t(group), session: pid_t(session), start: UInt64(start),
            residentPages: Int(pages), isZombie: state == UInt8(ascii: "Z") || state == UInt8(ascii: "X"))
    }

    /// The first fields of a line, `nil` for those that are no numbers; a snapshot reads one line for every process there is.
    private static func numbers(_ bytes: ArraySlice<UInt8>, countMax: Int) -> [Int64?] {
        var fields: [Int64?] = []
        fields.reserveCapacity(countMax)
        var (value, isNegative, isNumber, isInside): (Int64, Bool, Bool, Bool) = (0, false, true, false)
        for byte in bytes {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\n"):
                if isInside { fields.append(isNumber ? (isNegative ? -value : value) : nil) }
                if fields.count == countMax { return fields }
                (value, isNegative, isNumber, isInside) = (0, false, true, false)
            case UInt8(ascii: "-"): (isNegative, isInside) = (true, true)
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                value = value &* 10 &+ Int64(byte - UInt8(ascii: "0"))
                isInside = true
            default: (isNumber, isInside) = (false, true)
            }
        }
        if isInside { fields.append(isNumber ? (isNegative ? -value : value) : nil) }
        return fields
    }
}
