#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Speaks systemd's notification protocol: one datagram of `KEY=value` lines to the socket in `NOTIFY_SOCKET` (sd_notify(3)).
package struct NotifySocket: Sendable {
    /// The socket's address: a path, or `@` and an abstract name.
    private let address: String
    /// How often a sign of life is due; half of what systemd allows (sd_watchdog_enabled(3) recommends half).
    package let watchdogInterval: Duration?

    /// The socket that the environment names, or `nil` where there is none.
    ///
    /// Unset, empty, or neither a path nor abstract means that nobody listens, which is no error.
    package init?(environment: [String: String], pid: Int32 = getpid()) {
        let settings = EnvironmentSettings(environment)
        guard let address = settings.text(.notifySocket), address.hasPrefix("/") || address.hasPrefix("@") else {
            return nil
        }
        self.address = address
        let isForUs = settings.text(.watchdogPid).map { $0 == "\(pid)" } ?? true
        let microseconds = settings.text(.watchdogMicroseconds).flatMap { Int($0) } ?? 0
        watchdogInterval = isForUs && microseconds > 0 ? .microseconds(microseconds / 2) : nil
    }

    /// What can be announced.
    package enum Message: Sendable, Hashable {
        /// Everything is started.
        case ready
        /// The stop began and takes at most so long.
        case stopping(atMost: Duration)
        /// The stop goes on and takes at most so long from here.
        case extendTimeout(Duration)
        /// A line for `systemctl status`.
        case status(String)
        /// A sign of life.
        case watchdog

        /// The lines of the datagram.
        package var text: String {
            switch self {
            case .ready: "READY=1\nSTATUS=Running"
            case .stopping(let limit): "STOPPING=1\nEXTEND_TIMEOUT_USEC=\(Self.microseconds(limit))\nSTATUS=Stopping"
            case .extendTimeout(let limit): "EXTEND_TIMEOUT_USEC=\(Self.microseconds(limit))"
            case .status(let line): "STATUS=\(line.split(whereSeparator: \.isNewline).joined(separator: " "))"
            case .watchdog: "WATCHDOG=1"
            }
        }

        private static func microseconds(_ duration: Duration) -> Int { max(1, Int(duration.inSeconds * 1_000_000)) }
    }

    /// Sends a message; returns the system's error where it was not taken.
    ///
    /// The socket does not block: an init that does not read must not hold up the stop.
    @discardableResult
    package func send(_ message: Message) -> Int32? {
        #if canImport(Darwin)
            return nil
        #else
            let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
            guard file >= 0 else { return errno }
            defer { close(file) }
            var target = sockaddr_un()
            target.sun_family = sa_family_t(AF_UNIX)
            var name = Array(address.utf8)
            guard name.count < MemoryLayout.size(ofValue: target.sun_path) else { return ENAMETOOLONG }
            if name[0] == UInt8(ascii: "@") { name[0] = 0 }
            withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: name) }
            // An abstract name ends with the address's length, not with a zero (unix(7)).
            let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count + (name[0] == 0 ? 0 : 1))
            let text = Array(message.text.utf8)
            let sent = withUnsafePointer(to: &target) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(file, text, text.count, Int32(MSG_NOSIGNAL), $0, length)
                }
            }
            return sent < 0 ? errno : nil
        #endif
    }
}
