import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle

/// The rest of a request came as no HTTP while its answer was under way.
private struct AnswerTorn: Error {}

/// What a service takes over from a Hummingbird application.
struct ServedApplication: Sendable {
    /// Makes what answers the requests of one connection.
    typealias ResponderForConnection = @Sendable (Connection) -> HTTPChannelHandler.Responder

    /// Builds what answers, once.
    let makeResponder: @Sendable (DateHeader) async throws -> ResponderForConnection
    /// Where the application listens.
    let place: Listener.Place?
    /// What it speaks, where that is HTTP/1.1.
    let http1: HTTP1Channel.Configuration?
    /// What it is built to speak, in words.
    let speaks: String
    /// Its settings.
    let configuration: ApplicationConfiguration
    /// The services that it brings.
    let services: [any Service]
    /// What runs before it serves.
    let processes: [@Sendable () async throws -> Void]
    /// Told once it serves.
    let onServerRunning: @Sendable (any Channel) async -> Void
    /// The event loops.
    let group: any EventLoopGroup
    /// Where it logs.
    let logger: Logger

    init(_ application: some ApplicationProtocol) {
        configuration = application.configuration
        services = application.services
        processes = application.processesRunBeforeServerStart
        onServerRunning = { await application.onServerRunning($0) }
        group = application.eventLoopGroup
        logger = application.logger
        place = Self.place(of: application.configuration.address)
        let channel = Self.channel(of: application)
        http1 = channel as? HTTP1Channel.Configuration
        speaks = channel.map { String(describing: type(of: $0)) } ?? "unknown"
        makeResponder = { date in
            let responder = try await application.responder
            return { connection in
                Self.responder(responder, application: application, date: date, connection: connection)
            }
        }
    }

    /// Answers requests as Hummingbird's own server does between its channel and the application's responder, and keeps the books.
    private static func responder<Application: ApplicationProtocol>(
        _ responder: Application.Responder, application: Application, date: DateHeader, connection: Connection
    ) -> HTTPChannelHandler.Responder {
        let base = application.logger
        let serverName = application.configuration.serverName
        return { request, writer, channel in
            do {
                var logger = base
                logger[metadataKey: "hb.request.id"] = .stringConvertible(RequestID())
                let response = try await withLogger(logger) { logger in
                    let context = Application.Responder.Context(source: .init(channel: channel, logger: logger))
                    var response: Response
                    do {
                        response = try await responder.respond(to: request, context: context)
                    } catch {
                        response = try answer(to: error, logger: logger)
                    }
                    response.headers[.date] = date.current
                    if let serverName { response.headers[.server] = serverName }
                    return response
                }
                do {
                    try await writer.write(response: response.head, body: response.body)
                } catch is HTTPParserError {
                    // Passed on as it is, it would be answered 400 in the middle of this answer.
                    throw AnswerTorn()
                }
                connection.ended(.answered, on: channel)
            } catch {
                connection.ended(isOurs(error, channel) ? .cut : .failed, on: channel)
                throw error
            }
        }
    }

    /// Whether an answer that was not given to its end is our loss, and not that of a client that left or sent nonsense.
    private static func isOurs(_ error: any Error, _ channel: any Channel) -> Bool {
        if Task.isCancelled { return true }
        // A handler that follows its client ends so when that leaves.
        if error is CancellationError || error is HTTPParserError || error is AnswerTorn { return false }
        return channel.isActive
    }

    /// The answer to an error that nobody caught.
    private static func answer(to error: any Error, logger: Logger) throws -> Response {
        // The loop over the connection's requests answers 400.
        if error is HTTPParserError { throw error }
        if error is RequestBodyTooLarge { return Response(status: .contentTooLarge) }
        if error is RequestBodyTimedOut { return Response(status: .requestTimeout) }
        // Whoever was cancelled did not do what was asked; who cancelled it answers.
        if Task.isCancelled { throw error }
        logger.debug("unhandled error", metadata: ["error.type": "\(type(of: error))"])
        return Response(status: .internalServerError)
    }

    // MARK: What Hummingbird does not show

    /// The application's address, whose parts are not public: they are read by reflection, and where that fails nobody guesses.
    private static func place(of address: BindAddress) -> Listener.Place? {
        let mirror = Mirror(reflecting: address)
        if let path = mirror.descendant("value", "unixDomainSocket", "path") as? String { return .unixSocket(path) }
        guard
            let host = mirror.descendant("value", "hostname", 0) as? String,
            let port = mirror.descendant("value", "hostname", "port") as? Int
        else { return nil }
        return .hostname(host, port: port)
    }

    /// The configuration of an application that speaks HTTP/1.1, or the channel of any other.
    private static func channel(of application: some ApplicationProtocol) -> Any? {
        let server: any Service
        do {
            server = try application.server.buildServer(
                configuration: ServerConfiguration(address: .hostname()), eventLoopGroup: application.eventLoopGroup,
                logger: application.logger, responder: { _, _, _ in })
        } catch {
            return nil
        }
        let channel = Mirror(reflecting: server).descendant("state", "initial", "childChannelSetup")
        return (channel as? HTTP1Channel)?.configuration ?? channel
    }
}
