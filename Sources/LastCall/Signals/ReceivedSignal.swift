import CLastCall

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A signal that arrived, with its sender where the kernel tells.
public struct ReceivedSignal: Sendable, Hashable {
    /// The signal's number.
    public let number: Int32
    /// The sending process; `nil` where the kernel itself sent it, as the terminal's Ctrl-C.
    ///
    /// 0 is a process outside this PID namespace.
    public let pid: Int32?
    /// The sending process's user.
    public let uid: UInt32?

    /// Creates a signal.
    public init(number: Int32, pid: Int32? = nil, uid: UInt32? = nil) {
        self.number = number
        self.pid = pid
        self.uid = uid
    }

    /// Reads the handler's record.
    ///
    /// Codes at or below zero come from processes (sigaction(2)).
    init(_ record: lastcall_signal) {
        let hasSender = record.code <= 0
        self.init(number: record.number, pid: hasSender ? record.pid : nil, uid: hasSender ? record.uid : nil)
    }

    /// The signal's name: `SIGTERM`.
    public var name: String { Self.name(of: number) }

    /// This signal as the cause of a stop.
    public var cause: ShutdownCause { ShutdownCause(kind: .signal, detail: name, pid: pid, uid: uid) }

    /// The names of the signals that matter here (signal(7)).
    private static let names: [(Int32, String)] = [
        (SIGHUP, "SIGHUP"), (SIGINT, "SIGINT"), (SIGQUIT, "SIGQUIT"), (SIGABRT, "SIGABRT"), (SIGKILL, "SIGKILL"),
        (SIGUSR1, "SIGUSR1"), (SIGUSR2, "SIGUSR2"), (SIGSEGV, "SIGSEGV"), (SIGPIPE, "SIGPIPE"), (SIGALRM, "SIGALRM"),
        (SIGTERM, "SIGTERM"), (SIGCHLD, "SIGCHLD"), (SIGCONT, "SIGCONT"), (SIGSTOP, "SIGSTOP"), (SIGTSTP, "SIGTSTP"),
        (SIGTTIN, "SIGTTIN"), (SIGTTOU, "SIGTTOU"), (SIGWINCH, "SIGWINCH"), (SIGILL, "SIGILL"), (SIGTRAP, "SIGTRAP"),
        (SIGBUS, "SIGBUS"), (SIGFPE, "SIGFPE"), (SIGURG, "SIGURG"), (SIGXCPU, "SIGXCPU"), (SIGXFSZ, "SIGXFSZ"),
        (SIGVTALRM, "SIGVTALRM"), (SIGPWR, "SIGPWR"), (SIGSTKFLT, "SIGSTKFLT"), (SIGPROF, "SIGPROF"), (SIGIO, "SIGIO"),
        (SIGSYS, "SIGSYS"),

    ]

    /// The name of a signal: `SIGTERM`, `SIGRTMIN+3`, or `signal 32` where it has none.
    public static func name(of number: Int32) -> String {
        if let name = names.first(where: { $0.0 == number })?.1 { return name }
        let offset = number - realtimeFirst
        return (0...64 - realtimeFirst).contains(offset) ? "SIGRTMIN+\(offset)" : "signal \(number)"
    }

    /// The first real-time signal that programs may use.
    package static let realtimeFirst = lastcall_signal_realtime_first()

    /// The number of a signal that is written as `SIGTERM`, `TERM`, `term`, `15` or `RTMIN+3`; `nil` where there is none.
    public static func number(named text: String) -> Int32? {
        if let number = Int32(text) { return (1...64).contains(number) ? number : nil }
        let upper = text.uppercased()
        let full = upper.hasPrefix("SIG") ? upper : "SIG" + upper
        if full.hasPrefix("SIGRTMIN+"), let offset = Int32(full.dropFirst(9)), (0...64 - realtimeFirst).contains(offset)
        {
            return realtimeFirst + offset
        }
        return names.first { $0.1 == full }?.0
    }
}
