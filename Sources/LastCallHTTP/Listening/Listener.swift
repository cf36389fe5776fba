/// Where an ``HTTPService`` listens.
///
/// ```swift
/// HTTPService(app, listener: .hostname("0.0.0.0", port: 8080))
/// HTTPService(app, listener: .inherited(named: "web"))              // systemd socket activation
/// HTTPService(app, listener: .application.sharingPort())             // several processes on one port
/// ```
public struct Listener: Sendable, Hashable {
    /// The places there are.
    enum Place: Sendable, Hashable {
        /// The application's own address.
        case application
        /// A host and port.
        case hostname(String, port: Int)
        /// A path.
        case unixSocket(String, permissions: UInt16? = nil)
        /// A socket that somebody else opened and passed on.
        case inherited(name: String?)
    }

    /// The place.
    let place: Place
    /// Whether other processes may listen on the same port.
    private(set) var sharesPort = false

    /// The application's own address; the default.
    public static let application = Listener(place: .application)

    /// A host and port.
    ///
    /// - Parameters:
    ///   - host: An address, or a name that is resolved once.
    ///   - port: The port; 0 for any free one.
    public static func hostname(_ host: String, port: Int) -> Listener { Listener(place: .hostname(host, port: port)) }

    /// A unix domain socket.
    ///
    /// A socket file that nobody listens on is replaced; one that somebody listens on is an error. The file is removed when the
    /// stop begins to refuse connections.
    ///
    /// - Parameters:
    ///   - path: Where the socket file is made.
    ///   - permissions: The file's mode, such as `0o660`; what the umask leaves by default. Whoever may write to it can connect
    ///     (unix(7)).
    public static func unixSocket(_ path: String, permissions: UInt16? = nil) -> Listener {
        Listener(place: .unixSocket(path, permissions: permissions))
    }

    /// A listening socket that was opened by somebody else, such as systemd (sd_listen_fds(3)).
    ///
    /// It stays open there: connections that come after the stop wait for the next process.
    ///
    /// - Parameter name: Its name in `LISTEN_FDNAMES` (`FileDescriptorName=` in the unit); `nil` for the first that fits and was
    ///   not taken.
    public static func inherited(named name: String? = nil) -> Listener { Listener(place: .inherited(name: name)) }

    /// This listener, with its port shared by several processes (`SO_REUSEPORT`, socket(7)).
    ///
    /// The kernel spreads new connections over them. When one stops, a client whose first packet reaches it in its last
    /// milliseconds sends it again a second later and is answered by another; nothing is refused.
    public func sharingPort() -> Listener {
        var copy = self
        copy.sharesPort = true
        return copy
    }
}
