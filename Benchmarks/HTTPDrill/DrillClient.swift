import HTTPTypes
import LastCallConcurrency
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOHTTPTypesHTTP2
import NIOPosix
import NIOSSL

/// Makes connections to a server under test.
struct DrillClient: Sendable {
    /// A connection's parts.
    typealias Parts = NIOAsyncChannel<HTTPResponsePart, HTTPRequestPart>

    /// The server's port on 127.0.0.1.
    let port: Int
    /// What it speaks.
    let speaks: DrillProtocol
    /// How long a connection may take, and an answer.
    static let patience = TimeAmount.seconds(20)

    private func bootstrap() -> ClientBootstrap {
        ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(Self.patience)
    }

    private func tls(_ protocols: [String]) throws -> NIOSSLClientHandler {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.applicationProtocols = protocols
        return try NIOSSLClientHandler(context: NIOSSLContext(configuration: configuration), serverHostname: nil)
    }

    /// Connects, has `body` send requests, and closes.
    ///
    /// - Throws: ``ConnectionGone`` where no connection was made.
    func withConnection(_ body: (any DrillConnection) async throws -> Void) async throws {
        switch speaks {
        case .http1, .tls:
            let parts: Parts
            do {
                parts = try await bootstrap().connect(host: "127.0.0.1", port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if speaks.isSecure { try channel.pipeline.syncOperations.addHandler(tls(["http/1.1"])) }
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(HTTP1ToHTTPClientCodec())
                        return try Parts(wrappingChannelSynchronously: channel)
                    }
                }
            } catch {
                throw ConnectionGone(outcome: .ofConnecting(error))
            }
            try await parts.executeThenClose { inbound, outbound in
                try await body(
                    HTTP1Connection(channel: parts.channel, inbound: inbound.makeAsyncIterator(), outbound: outbound))
            }
        case .http2:
            let multiplexer: NIOHTTP2Handler.AsyncStreamMultiplexer<Parts>
            let closing = Closing()
            do {
                multiplexer = try await bootstrap().connect(host: "127.0.0.1", port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(tls(["h2"]))
                        return try channel.pipeline.syncOperations.configureAsyncHTTP2Pipeline(
                            mode: .client, streamDelegate: nil, configuration: .init()
                        ) { stream in
                            stream.eventLoop.makeCompletedFuture { try Parts(wrappingChannelSynchronously: stream) }
                        }
                    }.flatMap { multiplexer in
                        channel.closeFuture.whenComplete { _ in closing.close() }
                        return channel.pipeline.addHandler(GoAwayHandler(closing: closing)).map { multiplexer }
                    }
                }
            } catch {
                throw ConnectionGone(outcome: .ofConnecting(error))
            }
            try await body(HTTP2Connection(multiplexer: multiplexer, closing: closing))
            await closing.closeChannel()
        }
    }
}

/// A connection on which requests are sent one after the other.
protocol DrillConnection: AnyObject {
    /// Sends a request and waits for its whole answer.
    ///
    /// - Parameters:
    ///   - path: Its target.
    ///   - body: Parts of a body, each asked for when the last one was sent; a GET has none.
    func send(_ path: String, body: [@Sendable () async throws -> String]) async -> Outcome
}

extension DrillConnection {
    /// Sends a GET.
    func get(_ path: String) async -> Outcome { await send(path, body: []) }
}

/// Sends one request through a pair of part streams.
private func exchange(
    _ path: String, body: [@Sendable () async throws -> String], channel: any Channel,
    inbound: inout NIOAsyncChannelInboundStream<HTTPResponsePart>.AsyncIterator,
    outbound: NIOAsyncChannelOutboundWriter<HTTPRequestPart>
) async -> Outcome {
    var hasBegun = false
    let isSilent = Mutex(false)
    let alarm = channel.eventLoop.scheduleTask(in: DrillClient.patience) {
        isSilent.withLock { $0 = true }
        channel.close(promise: nil)
    }
    defer { alarm.cancel() }
    do {
        let head = HTTPRequest(
            method: body.isEmpty ? .get : .post, scheme: "https", authority: "127.0.0.1", path: path)
        try await outbound.write(.head(head))
        for part in body { try await outbound.write(.body(ByteBuffer(string: try await part()))) }
        try await outbound.write(.end(nil))
        var answer: HTTPResponse?
        while let part = try await inbound.next() {
            switch part {
            case .head(let head) where head.status.kind == .informational: continue
            case .head(let head):
                hasBegun = true
                answer = head
            case .body: continue
            case .end:
                guard let answer else { return .lost(.failed) }
                guard answer.status.code < 500 else { return .lost(.serverError) }
                let saysClose = answer.headerFields[.connection]?.lowercased() == "close"
                return .answered(status: answer.status.code, saysClose: saysClose)
            }
        }
        if isSilent.withLock({ $0 }) { return .lost(.silent) }
        return .lost(hasBegun ? .torn : .closed)
    } catch {
        if isSilent.withLock({ $0 }) { return .lost(.silent) }
        return .of(error, hasBegun: hasBegun)
    }
}

/// HTTP/1.1.
private final class HTTP1Connection: DrillConnection {
    private let channel: any Channel
    private var inbound: NIOAsyncChannelInboundStream<HTTPResponsePart>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<HTTPRequestPart>

    init(
        channel: any Channel, inbound: NIOAsyncChannelInboundStream<HTTPResponsePart>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<HTTPRequestPart>
    ) {
        self.channel = channel
        self.inbound = inbound
        self.outbound = outbound
    }

    func send(_ path: String, body: [@Sendable () async throws -> String]) async -> Outcome {
        await exchange(path, body: body, channel: channel, inbound: &inbound, outbound: outbound)
    }
}

/// What an HTTP/2 client knows about its connection's end.
final class Closing: Sendable {
    /// What is behind the lock.
    private struct State {
        /// Whether the server said that it takes no more.
        var isGoingAway = false
        /// The last stream that the server takes.
        var lastStream = HTTP2StreamID.maxID
        /// Whether the connection is closed.
        var isClosed = false
        /// The channel.
        var channel: (any Channel)?
    }

    private let state = Mutex(State())

    func goAway(after lastStream: HTTP2StreamID) {
        state.withLock { state in
            state.isGoingAway = true
            state.lastStream = min(state.lastStream, lastStream)
        }
    }

    /// Whether the server said that it does not process a stream (RFC 9113, section 6.8).
    func disclaims(_ stream: HTTP2StreamID) -> Bool { state.withLock { stream > $0.lastStream } }

    func close() { state.withLock { $0.isClosed = true } }
    func opened(_ channel: any Channel) { state.withLock { $0.channel = channel } }

    /// Whether a client would open no more streams here.
    var isOver: Bool { state.withLock { $0.isGoingAway || $0.isClosed } }
    /// Whether the server said that it takes no more.
    var isGoingAway: Bool { state.withLock { $0.isGoingAway } }

    func closeChannel() async {
        try? await state.withLock { $0.channel }?.close().get()  // it may be closed already
    }
}

/// Hears GOAWAY.
private final class GoAwayHandler: ChannelInboundHandler, Sendable {
    typealias InboundIn = HTTP2Frame

    private let closing: Closing

    init(closing: Closing) { self.closing = closing }

    func handlerAdded(context: ChannelHandlerContext) { closing.opened(context.channel) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .goAway(let last, _, _) = unwrapInboundIn(data).payload { closing.goAway(after: last) }
        context.fireChannelRead(data)
    }
}

/// HTTP/2: every request is a stream of its own.
private final class HTTP2Connection: DrillConnection {
    private let multiplexer: NIOHTTP2Handler.AsyncStreamMultiplexer<DrillClient.Parts>
    private let closing: Closing

    init(multiplexer: NIOHTTP2Handler.AsyncStreamMultiplexer<DrillClient.Parts>, closing: Closing) {
        self.multiplexer = multiplexer
        self.closing = closing
    }

    func send(_ path: String, body: [@Sendable () async throws -> String]) async -> Outcome {
        if closing.isOver { return .turnedAway }
        do {
            let stream = try await multiplexer.openStream { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(HTTP2FramePayloadToHTTPClientCodec())
                    return try DrillClient.Parts(wrappingChannelSynchronously: channel)
                }
            }
            var number: HTTP2StreamID?
            let outcome = try await stream.executeThenClose { inbound, outbound in
                var iterator = inbound.makeAsyncIterator()
                let outcome = await exchange(
                    path, body: body, channel: stream.channel, inbound: &iterator, outbound: outbound)
                let option = HTTP2StreamChannelOptions.streamID
                number = try? await stream.channel.getOption(option).get()  // one without a number was never sent
                return outcome
            }
            if case .lost = outcome, number.map({ closing.disclaims($0) }) ?? true { return .turnedAway }
            // A client that was told to go away takes its next request elsewhere, as with `Connection: close`.
            if case .answered(let status, _) = outcome, closing.isGoingAway {
                return .answered(status: status, saysClose: true)
            }
            return outcome
        } catch {
            return closing.isGoingAway ? .turnedAway : .of(error, hasBegun: false)
        }
    }
}
