import HummingbirdCore
import HummingbirdHTTP2
import LastCall
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOSSL
import NIOTLS

/// Builds the pipeline of each connection and runs it.
///
/// Parsing and framing are NIO's, the loop over a connection's requests is Hummingbird's; between them sits our handler in the
/// place of Hummingbird's own, which closes idle connections without looking and never says `Connection: close`.
struct ConnectionSetup: Sendable {
    /// Answers the requests of a connection whose pipeline stands, until it is closed.
    ///
    /// A closure, because what it holds would otherwise lie in every connection's task, twice.
    typealias Value = @Sendable (Logger) async -> Void

    /// Which protocol, with what it needs.
    private enum Kind: Sendable {
        case http1
        case tls(NIOSSLContext)
        case http2(NIOSSLContext)
        case plaintextHTTP2
    }

    private let kind: Kind
    private var http1 = HTTP1Channel.Configuration()
    private var http2 = HTTP2ChannelConfiguration()
    private let limits: HTTPLimits
    private let linger: TimeAmount
    private let registry: ConnectionRegistry

    /// - Throws: What is wrong with certificate or key.
    init(_ kind: ConnectionProtocol.Kind, limits: HTTPLimits, linger: Duration, registry: ConnectionRegistry) throws {
        self.limits = limits
        self.linger = TimeAmount(linger)
        self.registry = registry
        switch kind {
        case .application: self.kind = .http1
        case .http1(let configuration):
            self.kind = .http1
            http1 = configuration
        case .tls(let tls, let configuration):
            self.kind = .tls(try tls.context(protocols: ["http/1.1"]))
            http1 = configuration
        case .http2(let tls, let configuration):
            self.kind = .http2(try tls.context(protocols: ["h2", "http/1.1"]))
            http1 = configuration.streamConfiguration
            http2 = configuration
        case .plaintextHTTP2(let configuration):
            self.kind = .plaintextHTTP2
            http2 = configuration
        }
    }

    /// Builds a connection's pipeline.
    ///
    /// - Returns: A future of a future: the first is there once the connection can be registered, the second once it is known
    ///   which protocol it speaks.
    func setUp(
        _ connection: Connection, responder: @escaping HTTPChannelHandler.Responder, logger: Logger
    ) -> EventLoopFuture<EventLoopFuture<Value>> {
        let channel = connection.channel
        return channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let negotiationTime = isNegotiated ? TimeAmount(limits.headTimeout) : nil
            try pipeline.addHandler(
                FrontHandler(registry: registry, linger: linger, negotiationTime: negotiationTime))
            switch kind {
            case .http1: return channel.eventLoop.makeSucceededFuture(try addHTTP1(connection, responder))
            case .tls(let context):
                try pipeline.addHandler(NIOSSLServerHandler(context: context))
                let value = try addHTTP1(connection, responder)
                return channel.eventLoop.makeSucceededFuture(value)
            case .http2(let context):
                try pipeline.addHandler(NIOSSLServerHandler(context: context))
                return try addNegotiation(connection, responder, logger: logger)
            case .plaintextHTTP2: return addHTTP2(connection, responder, logger: logger)
            }
        }
    }

    /// RFC 7301: client and server agree on the protocol within the TLS handshake.
    private func addNegotiation(
        _ connection: Connection, _ responder: @escaping HTTPChannelHandler.Responder, logger: Logger
    ) throws -> EventLoopFuture<Value> {
        let channel = connection.channel
        let negotiation = NIOTypedApplicationProtocolNegotiationHandler<Value> { result, channel in
            if case .negotiated("h2") = result { return addHTTP2(connection, responder, logger: logger) }
            return channel.eventLoop.makeCompletedFuture { try addHTTP1(connection, responder) }
        }
        try channel.pipeline.syncOperations.addHandler(negotiation)
        return negotiation.protocolNegotiationResult
    }

    private func addHTTP1(_ connection: Connection, _ responder: @escaping HTTPChannelHandler.Responder) throws -> Value
    {
        let channel = connection.channel
        let pipeline = channel.pipeline.syncOperations
        var decoder = NIOHTTPDecoderLimitConfiguration()
        // Who has changed Hummingbird's own limits meant them.
        let (stated, standard) = (http1.httpDecoder, HTTP1Channel.Configuration.DecoderConfiguration())
        let choose = { (stated: Int, standard: Int, limit: Int) in stated == standard ? limit : stated }
        decoder.maxHeaderFieldSize = choose(stated.maxHeaderFieldSize, standard.maxHeaderFieldSize, limits.headSizeMax)
        decoder.maxHeaderListSize = choose(stated.maxHeaderListSize, standard.maxHeaderListSize, limits.headSizeMax)
        decoder.maxHeaderFieldCount = choose(
            stated.maxHeaderFieldCount, standard.maxHeaderFieldCount, limits.headFieldsMax)
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
            withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoder)
        try pipeline.addHandler(
            HTTP1Handler(
                connection: connection, registry: registry, times: times, bodySizeMax: limits.bodySizeMax,
                isHandshaking: isHandshaking))
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: isSecure))
        try pipeline.addHandlers(http1.additionalChannelHandlers())
        let asyncChannel = try NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        let loop = HTTP1Loop(responder: responder)
        return { await loop.handle(value: asyncChannel, logger: $0) }
    }

    private var isSecure: Bool {
        switch kind {
        case .http1, .plaintextHTTP2: false
        case .tls, .http2: true
        }
    }

    /// Whether HTTP/1.1 is set up while TLS is still to come.
    private var isHandshaking: Bool { if case .tls = kind { true } else { false } }

    /// How long a connection may be idle at least.
    var idleTimeout: Duration { min(idleTimeout1, idleTimeout2) }

    private var idleTimeout1: Duration { http1.idleTimeout.map { .nanoseconds($0.nanoseconds) } ?? limits.idleTimeout }

    private var idleTimeout2: Duration { http2.idleTimeout ?? limits.idleTimeout }

    private var isNegotiated: Bool { if case .http2 = kind { true } else { false } }

    private var times: ConnectionTimes {
        ConnectionTimes(
            head: TimeAmount(limits.headTimeout), body: TimeAmount(limits.bodyTimeout),
            idle: TimeAmount(idleTimeout1), write: TimeAmount(limits.writeTimeout), linger: linger)
    }

    private func addHTTP2(
        _ connection: Connection, _ responder: @escaping HTTPChannelHandler.Responder, logger: Logger
    ) -> EventLoopFuture<Value> {
        var configuration = http2
        // Idle connections are ours to see to.
        configuration.idleTimeout = nil
        var times = times
        times.idle = TimeAmount(idleTimeout2)
        let stream = configuration.streamConfiguration
        let (others, bodySizeMax, streamTimes) = (stream.additionalChannelHandlers, limits.bodySizeMax, times)
        configuration.streamConfiguration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                HTTP2StreamHandler(connection: connection, times: streamTimes, bodySizeMax: bodySizeMax)
            ] + others(), idleTimeout: stream.idleTimeout, httpDecoderConfiguration: stream.httpDecoder)
        let http2 = HTTP2Channel(responder: responder, configuration: configuration)
        let registry = registry
        return http2.setup(channel: connection.channel, logger: logger).flatMapThrowing { value in
            let pipeline = connection.channel.pipeline.syncOperations
            let framing = try pipeline.handler(type: NIOHTTP2Handler.self)
            try pipeline.addHandler(
                HTTP2Handler(connection: connection, registry: registry, times: streamTimes),
                position: .after(framing))
            return { await Self.handle(value, of: connection, with: http2, logger: $0) }
        }
    }

    /// Answers the streams of an HTTP/2 connection until it is closed.
    ///
    /// Hummingbird's loop over the streams must not be cancelled while the connection is open: a stream that comes then has nobody, and NIO traps when
    /// it is dropped. So a cancelled connection is closed first, and its tasks are cancelled behind that.
    private static func handle(
        _ value: HTTP2Channel.Value, of connection: Connection, with http2: HTTP2Channel, logger: Logger
    ) async {
        let streams = UnstructuredTask.start { await http2.handle(value: value, logger: logger) }
        await withTaskCancellationHandler {
            await streams.value
        } onCancel: {
            connection.channel.closeFuture.whenComplete { _ in streams.cancel() }
            connection.channel.pipeline.fireUserInboundEventTriggered(CutEvent())
        }
    }
}

/// Hummingbird's loop over the requests of an HTTP/1.1 connection, on a pipeline of ours.
struct HTTP1Loop: HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let responder: Responder

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        preconditionFailure("setup: ConnectionSetup builds the pipeline")
    }

    func handle(value: Value, logger: Logger) async { await handleHTTP(asyncChannel: value, logger: logger) }
}
