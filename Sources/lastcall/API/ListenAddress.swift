import LastCallHTTP

/// Where `serve` listens: a host and port, or a unix socket.
enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// A host and port.
    case hostname(String, port: Int)
    /// The path of a socket file.
    case unix(String)

    /// What an address looks like, for errors.
    static let rule = "write HOST:PORT with a port from 1 to 65535, as in 127.0.0.1:8380, or unix:PATH"

    /// Reads `HOST:PORT`, `[ADDRESS]:PORT` or `unix:PATH`; relative paths count from `directory`.
    init?(_ text: String, in directory: BaseDirectory) {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst(5)
            guard !path.isEmpty else { return nil }
            self = .unix(directory.path(to: String(path)))
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]) else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard (1...65535).contains(port), !host.isEmpty, !host.contains("/") else { return nil }
        self = .hostname(String(host), port: port)
    }

    /// Whether only this machine can reach it.
    var isLocal: Bool {
        switch self {
        case .unix: true
        case .hostname(let host, _): Self.isLoopback(host)
        }
    }

    /// Whether a host is this machine for certain: `localhost`, `::1`, or four numbers of which the first is 127.
    ///
    /// A name that only begins so belongs to whoever registered it.
    static func isLoopback(_ host: some StringProtocol) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in
                part.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8(part) != nil
            }
    }

    /// The listener.
    var listener: Listener {
        switch self {
        case .hostname(let host, let port): .hostname(host, port: port)
        // Whoever can connect can have commands run.
        case .unix(let path): .unixSocket(path, permissions: 0o600)
        }
    }

    var description: String {
        switch self {
        case .hostname(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// The HTTP API of `serve`, as the configuration says.
struct APISettings: Sendable, Hashable {
    /// Where it listens.
    var listen: ListenAddress
    /// The file whose first line is the token, where one is needed.
    var tokenFile: String?
}
