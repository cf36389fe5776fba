import CLastCall
import Hummingbird
import HummingbirdCore
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// An open listener, and how it is closed without losing anybody.
struct ListeningSocket: Sendable {
    /// How new connections can be kept out.
    private enum Kind: Sendable {
        /// By a filter on a socket of ours.
        case tcp
        /// By removing its file, this one.
        case unix(path: String, file: FileIdentity?)
        /// Not at all: others have the socket too.
        case inherited
    }

    /// What tells one file from another under the same path.
    private struct FileIdentity: Sendable, Equatable {
        /// Its device.
        let device: UInt64
        /// Its number there.
        let inode: UInt64
        /// Whether it is a socket.
        let isSocket: Bool

        init?(path: String) {
            var identity = lastcall_file_identity()
            guard lastcall_file_identity(path, &identity) == 0 else { return nil }
            device = identity.device
            inode = identity.inode
            isSocket = identity.is_socket
        }
    }

    /// What a listener needs besides its place.
    struct Options: Sendable {
        /// The length of the accept queue.
        var backlog: Int
        /// Whether an address in TIME_WAIT may be taken.
        var reusesAddress: Bool
        /// Who decides how many connections there may be.
        var availability: (any AvailableConnectionsDelegate)?
        /// The environment.
        var environment: [String: String]
    }

    /// The channel.
    let channel: any Channel
    private let kind: Kind

    /// Opens a listener.
    static func open(
        _ listener: Listener, at place: Listener.Place, options: Options, group: any EventLoopGroup,
        registry: ConnectionRegistry,
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) async throws -> ListeningSocket {
        let addHandlers: @Sendable (any Channel) throws -> Void = { channel in
            let pipeline = channel.pipeline.syncOperations
            if let availability = options.availability {
                try pipeline.addHandler(makeAvailabilityHandler(availability))
            }
            try pipeline.addHandler(AcceptedHandler(registry: registry))
        }
        var bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(clamping: options.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: options.reusesAddress ? 1 : 0)
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try addHandlers(channel) }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer(initializer)
        switch place {
        case .application: preconditionFailure("open: the application's address was not resolved")
        case .hostname(let host, let port):
            if listener.sharesPort {
                let option = NIOBSDSocket.Option(rawValue: SO_REUSEPORT)
                bootstrap = bootstrap.serverChannelOption(.socketOption(option), value: 1)
            }
            do {
                return ListeningSocket(channel: try await bootstrap.bind(host: host, port: port).get(), kind: .tcp)
            } catch {
                throw failure(error, host: host, port: port)
            }
        case .unixSocket(let path, let permissions):
            try await removeStaleSocket(path, group: group)
            if let permissions {
                // Before it is bound: nobody can connect in between.
                bootstrap = bootstrap.serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try addHandlers(channel)
                        try setPermissions(permissions, of: channel)
                    }
                }
            }
            do {
                let channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
                return ListeningSocket(channel: channel, kind: .unix(path: path, file: FileIdentity(path: path)))
            } catch {
                throw socketFailure(error, path: path)
            }
        case .inherited(let name):
            let descriptor = try InheritedSockets.take(named: name, environment: options.environment)
            let channel = try await bootstrap.withBoundSocket(descriptor).get()
            return ListeningSocket(channel: channel, kind: .inherited)
        }
    }

    /// Whether this process alone has the socket.
    var isInherited: Bool { if case .inherited = kind { true } else { false } }

    // MARK: Closing

    /// Keeps new connections out.
    ///
    /// - Returns: Whether that worked.
    func refuseNew() async -> Bool {
        switch kind {
        case .tcp:
            return await ask { lastcall_listener_refuse_new($0) } == 0
        case .unix(let path, let file):
            // Another process may have put its own socket there.
            guard let file, FileIdentity(path: path) == file else { return true }
            return unlink(path) == 0 || errno == ENOENT
        case .inherited: return false
        }
    }

    /// How many connections wait to be accepted, where the kernel tells.
    func queued() async -> Int? {
        guard case .tcp = kind else { return nil }
        guard let length = await ask({ lastcall_listener_queue($0) }), length >= 0 else { return nil }
        return Int(length)
    }

    /// Asks the kernel about the socket, on its event loop; `nil` where the channel is gone.
    private func ask(_ body: @escaping @Sendable (CInt) -> CInt) async -> CInt? {
        let channel = channel
        let answer = channel.eventLoop.submit { SocketFacts.descriptor(of: channel, body) }
        return (try? await answer.get()) ?? nil  // a loop that takes nothing more has no socket either
    }

    /// Accepts nothing more.
    func stopAccepting() async {
        try? await channel.setOption(.autoRead, value: false).get()  // one that is gone accepts nothing either
    }

    /// Closes the listener.
    func close() async {
        try? await channel.close().get()  // it may be closed already
    }

    // MARK: Opening

    private static func failure(_ error: any Error, host: String, port: Int) -> HTTPServiceError {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE:
            HTTPServiceError(
                .addressInUse,
                "port \(port) on \(host) is taken: stop who listens there (`ss -ltnp 'sport = :\(port)'` shows it), or choose another port"
            )
        case EACCES:
            HTTPServiceError(
                .cannotListen,
                "port \(port) on \(host) needs a privilege: ports below 1024 need CAP_NET_BIND_SERVICE, or choose one above"
            )
        case EADDRNOTAVAIL:
            HTTPServiceError(
                .cannotListen,
                "\(host) is no address of this machine: listen on 0.0.0.0 or :: for all, or on one that `ip address` shows"
            )
        default:
            error is SocketAddressError || error is SocketAddressError.UnknownHost
                ? HTTPServiceError(
                    .cannotListen,
                    "\(host) is not known: write an address of this machine, or a name that resolves to one")
                : HTTPServiceError(.cannotListen, "cannot listen on \(host), port \(port)", underlying: error)
        }
    }

    private static func socketFailure(_ error: any Error, path: String) -> HTTPServiceError {
        let reason =
            switch (error as? IOError)?.errnoCode {
            case ENOENT: "its folder does not exist; make it"
            case ENOTDIR: "one of its folders is a file"
            case EACCES, EPERM, EROFS: "its folder cannot be written to by this user"
            case .some(let code): String(cString: strerror(code))
            case nil: "a socket's path has at most 107 bytes (unix(7)); choose a shorter one"
            }
        return HTTPServiceError(.cannotListen, "no socket can be made at \(path): \(reason)")
    }

    /// Removes a socket file that nobody listens on.
    private static func removeStaleSocket(_ path: String, group: any EventLoopGroup) async throws {
        guard let before = FileIdentity(path: path) else { return }
        guard before.isSocket else {
            throw HTTPServiceError(
                .cannotListen, "\(path) exists and is no socket: move it away, or choose another path")
        }
        do {
            let channel = try await ClientBootstrap(group: group).connect(unixDomainSocketPath: path).get()
            try? await channel.close().get()  // it answered, that was the question
        } catch let error as IOError where error.errnoCode == ECONNREFUSED {
            // Nobody listens: it was left behind. Unless somebody else has put his own there in this moment.
            if FileIdentity(path: path) == before { unlink(path) }
            return
        } catch {
            throw HTTPServiceError(
                .cannotListen,
                "nobody can tell whether somebody listens on \(path): remove it if no process needs it, or choose another path",
                underlying: error)
        }
        throw HTTPServiceError(
            .addressInUse, "somebody listens on \(path): stop that process (`ss -lxp` shows it), or choose another path"
        )
    }

    /// The mode of the file that a unix socket is bound to later (fchmod(2) on the socket itself, as Linux has it).
    private static func setPermissions(_ permissions: UInt16, of channel: any Channel) throws {
        let result = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            fchmod($0, mode_t(permissions))
        }
        guard result == 0 else {
            throw IOError(errnoCode: errno, reason: "fchmod")
        }
    }

    private static func makeAvailabilityHandler(_ delegate: some AvailableConnectionsDelegate) -> any ChannelHandler {
        AvailableConnectionsChannelHandler(delegate: delegate)
    }
}

/// Counts what the kernel hands over, before anything else happens to it.
private final class AcceptedHandler: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let registry: ConnectionRegistry

    init(registry: ConnectionRegistry) { self.registry = registry }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = unwrapInboundIn(data)
        registry.accepted(channel)
        // One that fails on its way has no handler of ours to say so.
        channel.closeFuture.whenComplete { [registry] _ in registry.settled(channel) }
        context.fireChannelRead(data)
    }
}
