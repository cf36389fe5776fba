import HTTPTypes
import Hummingbird
import HummingbirdCore
import LastCall
import Logging
import NIOCore
import ServiceLifecycle

extension HTTPService {
    /// A connection that speaks what it will speak, on its way to its task.
    private struct Accepted: Sendable {
        /// The connection.
        let connection: Connection
        /// Answers its requests.
        let run: ConnectionSetup.Value
    }

    /// What a task of the service does.
    private enum Role: Sendable {
        /// Answers.
        case connections
        /// Closes the listener.
        case listener
        /// Waits for a reason to stop.
        case watcher
    }

    /// Runs the application's services around its requests.
    func runWithServices() async throws {
        guard !application.services.isEmpty else { return try await start() }
        let scope = GracefulScope()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                // Whether one failed or just ended: without them there is nothing to serve with.
                defer { stop.tell() }
                try await scope.run { [application] in
                    let services = ServiceGroup(
                        configuration: .init(services: application.services, logger: application.logger))
                    try await services.run()
                }
            }
            group.addTask { [self] in
                defer { scope.tell() }
                try await start()
            }
            var firstError: (any Error)?
            while let result = await group.nextResult() {
                if case .failure(let error) = result { firstError = firstError ?? error }
            }
            if let firstError { throw firstError }
        }
    }

    private func start() async throws {
        try configuration.limits.validate()
        guard configuration.linger >= .zero else {
            throw HTTPServiceError(.invalidConfiguration, "linger is below zero; write .zero for none")
        }
        let (connectionProtocol, place) = try resolve()
        let setup = try ConnectionSetup(
            connectionProtocol, limits: configuration.limits, linger: configuration.linger, registry: registry)
        let delay = try propagationDelay()
        let responder = try await application.makeResponder(date)
        for hook in configuration.beforeServing + application.processes { try await hook() }
        guard stop.told.value == nil else { return }
        var firstError: (any Error)?
        do {
            try await serve(responder, setup: setup, at: place, delay: delay)
        } catch {
            // Where nothing was served there is nothing to do behind it.
            guard listening.value != nil else { throw error }
            firstError = error
        }
        for hook in configuration.afterServing {
            do {
                try await hook()
            } catch {
                firstError = firstError ?? error
            }
        }
        if let firstError { throw firstError }
    }

    /// What the application leaves to itself, made concrete.
    private func resolve() throws -> (ConnectionProtocol.Kind, Listener.Place) {
        var kind = connectionProtocol.kind
        if case .application = kind {
            guard let http1 = application.http1 else {
                throw HTTPServiceError(
                    .invalidApplication,
                    "the application's `server:` is no plain HTTP/1.1 (\(application.speaks)), and what it needs cannot be read from it: give the service the same as `speaking:`, such as .tls(…) or .http2(tls: …)"
                )
            }
            kind = .http1(http1)
        }
        var place = listener.place
        if case .application = place {
            guard let known = application.place else {
                throw HTTPServiceError(
                    .invalidApplication,
                    "the application's address cannot be read: give the service one as `listener:`, such as .hostname(\"0.0.0.0\", port: 8080)"
                )
            }
            place = known
        }
        return (kind, place)
    }

    private func serve(
        _ responder: @escaping ServedApplication.ResponderForConnection, setup: ConnectionSetup,
        at place: Listener.Place,
        delay: PropagationDelay
    ) async throws {
        let token = try serving.enter()
        let (accepted, continuation) = AsyncStream.makeStream(of: Accepted.self)
        let socket = try await open(at: place) { [registry, logger = application.logger] channel in
            let connection = Connection(channel: channel, registry: registry)
            registry.add(connection)
            let future = setup.setUp(connection, responder: responder(connection), logger: logger)
            return future.map { negotiated in
                registry.stands(connection)
                // One that never speaks HTTP is forgotten when it is closed.
                negotiated.whenSuccess { run in
                    let accepted = Accepted(connection: connection, run: run)
                    guard case .terminated = continuation.yield(accepted) else { return }
                    // Cancelled in this moment. Its pipeline has to be run to its end all the same; it was told that its time is over.
                    UnstructuredTask.start { await Self.handle(accepted, registry, logger) }.cancel()
                }
            }
        }
        await application.onServerRunning(socket.channel)
        listening.open(socket.channel.localAddress)
        readiness.open(.success(()))
        logger.notice("listening", metadata: ["address": "\(Self.text(socket.channel.localAddress))"])
        let scope = GracefulScope()
        try await withTaskCancellationHandler {
            try await withThrowingTaskGroup(of: Role.self) { group in
                group.addTask { [self] in
                    await BackgroundTasks.$ofRequest.withValue(background) {
                        await scope.run { [self] in await handle(accepted) }
                    }
                    return .connections
                }
                group.addTask { [self] in
                    await close(socket, streams: scope, after: delay)
                    continuation.finish()
                    return .listener
                }
                group.addTask { [self] in try await watchTrigger() }
                group.addTask { [stop] in await Self.watchLifecycle(stop) }
                group.addTask { [self] in await keepHouse(idleTimeout: setup.idleTimeout) }
                var firstError: (any Error)?
                var waitsFor: Set<Role> = [.connections, .listener]
                while let result = await group.nextResult() {
                    switch result {
                    case .success(let role): waitsFor.remove(role)
                    case .failure(let error): firstError = firstError ?? error
                    }
                    // Nothing is left to stop: nobody has to listen for a reason any more.
                    if waitsFor.isEmpty { group.cancelAll() }
                }
                if let firstError { throw firstError }
            }
        } onCancel: {
            self.registry.cutAll()
        }
        token.end(.done)
    }

    private func open(
        at place: Listener.Place, initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) async throws -> ListeningSocket {
        let settings = application.configuration
        let options = ListeningSocket.Options(
            backlog: settings.backlog, reusesAddress: settings.reuseAddress,
            availability: settings.availableConnectionsDelegate, environment: configuration.environment)
        return try await ListeningSocket.open(
            listener, at: place, options: options, group: application.group, registry: registry,
            initializer: initializer)
    }

    /// The trigger's own end is the signal; a cancelled one has none.
    private func watchTrigger() async throws -> Role {
        guard let trigger else { return .watcher }
        defer { stop.tell() }
        do {
            try await trigger()
        } catch {
            if !Task.isCancelled { throw error }
        }
        return .watcher
    }

    /// Keeps the date current and has connections looked at that may have been idle for too long.
    ///
    /// One task for all: a timer in each connection's event loop would be looked at in every turn of the loop.
    private func keepHouse(idleTimeout: Duration) async -> Role {
        let idle = min(idleTimeout, .seconds(20)) / 4
        let pause = max(.milliseconds(5), min(idle, .seconds(1)))
        var lookedAt = ContinuousClock.now
        while !Task.isCancelled {
            try? await Task.sleep(for: pause)  // cancelled: the loop ends
            date.update()
            guard ContinuousClock.now - lookedAt >= idle else { continue }
            lookedAt = .now
            registry.lookAtAll()
        }
        return .watcher
    }

    private static func watchLifecycle(_ stop: StopSignals) async -> Role {
        // Outside a lifecycle only the service's own stop is known.
        guard let shutdown = Shutdown.current else { return .watcher }
        let cause = try? await shutdown.lifecycleStopRequested()  // cancelled: nobody waits for it any more
        if cause != nil { stop.began.open() }
        return .watcher
    }

    /// Runs every connection to its end.
    private func handle(_ accepted: AsyncStream<Accepted>) async {
        let logger = application.logger
        await withDiscardingTaskGroup { group in
            for await next in accepted {
                group.addTask { [registry] in await Self.handle(next, registry, logger) }
            }
        }
    }

    private static func handle(_ accepted: Accepted, _ registry: ConnectionRegistry, _ logger: Logger) async {
        guard accepted.connection.take() else { return }
        await accepted.run(logger)
        registry.remove(accepted.connection)
    }

    var logger: Logger { application.logger }

    static func text(_ address: SocketAddress?) -> String {
        guard let address else { return "a socket without an address" }
        if let path = address.pathname, !path.isEmpty { return path }
        guard let host = address.ipAddress, let port = address.port else { return "\(address)" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
