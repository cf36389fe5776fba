import CLastCall
import LastCallConcurrency

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The listening sockets that were passed to this process (sd_listen_fds(3)).
enum InheritedSockets {
    /// The first descriptor that is passed (SD_LISTEN_FDS_START).
    private static let first: Int32 = 3

    /// Sockets that a service of this process has.
    private static let taken = Mutex<Set<Int32>>([])

    /// Takes a socket.
    ///
    /// - Parameters:
    ///   - name: Its name, or `nil` for the first that nobody has taken.
    ///   - environment: Where `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES` are.
    ///   - pid: This process.
    static func take(
        named name: String?, environment: [String: String], pid: Int32 = getpid()
    ) throws(HTTPServiceError) -> Int32 {
        let names = try names(environment: environment, pid: pid)
        let candidates = names.enumerated().filter { name == nil || $0.element == name }
            .map { first + Int32($0.offset) }
        guard !candidates.isEmpty else {
            throw HTTPServiceError(
                .noInheritedSocket,
                "no inherited socket is named \"\(name ?? "")\": LISTEN_FDNAMES has \(names.joined(separator: ", ")); set FileDescriptorName= in the socket unit, or listen on one of these"
            )
        }
        let free = taken.withLock { taken in candidates.first { taken.insert($0).inserted } }
        guard let free else {
            throw HTTPServiceError(
                .noInheritedSocket,
                "every inherited socket is taken by another service of this process; pass as many as there are services"
            )
        }
        guard lastcall_listener_family(free) >= 0 else {
            let reason = String(cString: strerror(errno))
            taken.withLock { _ = $0.remove(free) }
            throw HTTPServiceError(
                .noInheritedSocket,
                "descriptor \(free) is not a listening stream socket (\(reason)): use ListenStream= and Accept=no in the socket unit"
            )
        }
        // What this process starts is not to inherit it once more.
        _ = fcntl(free, F_SETFD, FD_CLOEXEC)
        return free
    }

    /// The names of what was passed, in the order of the descriptors.
    private static func names(
        environment: [String: String], pid: Int32
    ) throws(HTTPServiceError) -> [String] {
        let count = environment["LISTEN_FDS"].flatMap(Int.init) ?? 0
        guard count > 0 else {
            throw HTTPServiceError(
                .noInheritedSocket,
                "no listening socket was passed to this process (LISTEN_FDS is not set): start it through its socket unit, or with systemd-socket-activate"
            )
        }
        guard environment["LISTEN_PID"].flatMap({ Int32($0) }) == pid else {
            throw HTTPServiceError(
                .noInheritedSocket,
                "the passed sockets are for process \(environment["LISTEN_PID"] ?? "?") and this is \(pid): start the service itself, without a program in between that keeps them"
            )
        }
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
            .map(String.init)
        return (0..<count).map { $0 < names.count && !names[$0].isEmpty ? names[$0] : "unknown" }
    }
}
