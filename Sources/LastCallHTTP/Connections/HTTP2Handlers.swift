import HTTPTypes
import NIOCore
import NIOHTTP2
import NIOHTTPTypes

/// Performs what ``HTTP2ConnectionStateMachine`` decides, between NIO's framing and Hummingbird's connection handler.
///
/// That handler closes the connection when its last stream is closed, which is in the middle of the write that ends the stream: the
/// answer is lost (seen with 2.28.1). So a close waits here until everything was written, and closes our half first.
final class HTTP2Handler: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame
    typealias InboundOut = HTTP2Frame
    typealias OutboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let connection: Connection
    private var machine: HTTP2ConnectionStateMachine
    private var context: ChannelHandlerContext?
    private var front: FrontHandler?
    private var timer = CheckTimer()
    /// The stream that was opened last.
    private var lastStream = HTTP2StreamID.rootStream
    /// Whether the client was told which stream is the last one.
    private var isLastSent = false

    init(connection: Connection, registry: ConnectionRegistry, times: ConnectionTimes) {
        self.connection = connection
        self.machine = HTTP2ConnectionStateMachine(times: times, phase: registry.phase, at: .now())
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        front = try? context.pipeline.syncOperations.handler(type: FrontHandler.self)  // absent in embedded tests
        front?.negotiated()
        look()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer.cancel()
        front = nil
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        machine.closed()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is LookEvent: look()
        case let event as ServingPhaseEvent: perform(machine.entered(event.phase, at: .now()))
        case is CutEvent: front?.close()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        perform(machine.writable(context.channel.isWritable, at: .now()))
        context.fireChannelWritabilityChanged()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .goAway(let lastStream, let code, _) = unwrapOutboundIn(data).payload else {
            return context.write(data, promise: promise)
        }
        // A PING that is answered after all has nothing to say any more.
        guard !isLastSent else {
            promise?.succeed()
            return
        }
        guard lastStream == .maxID, code == .noError, let framing else {
            isLastSent = true
            return context.write(data, promise: promise)
        }
        // Through NIO's framing the first GOAWAY would have every stream that is already on its way refused (seen with 1.46.0).
        framing.write(NIOAny(ByteBuffer(bytes: Self.firstGoAway)), promise: promise)
    }

    /// GOAWAY with the highest number there is, and without an error (RFC 9113, section 6.8).
    private static let firstGoAway: [UInt8] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]

    /// Where what is written passes the framing by.
    private var framing: ChannelHandlerContext? {
        try? context?.pipeline.syncOperations.context(handlerType: NIOHTTP2Handler.self)  // absent in embedded tests
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // NIO has reset that stream. Hummingbird's handler would close the connection under all others.
        guard !Self.isOfOneStream(error) else { return }
        context.fireErrorCaught(error)
    }

    private static func isOfOneStream(_ error: any Error) -> Bool {
        switch error {
        case is NIOHTTP2Errors.StreamError, is NIOHTTP2Errors.BadStreamStateTransition,
            is NIOHTTP2Errors.CreatedStreamAfterGoaway, is NIOHTTP2Errors.StreamClosed,
            is NIOHTTP2Errors.MaxStreamsViolation, is NIOHTTP2Errors.FlowControlViolation,
            is NIOHTTP2Errors.InvalidFlowControlWindowSize, is NIOHTTP2Errors.InvalidWindowIncrementSize,
            is NIOHTTP2Errors.TrailersWithoutEndStream, is NIOHTTP2Errors.ContentLengthViolated,
            is NIOHTTP2Errors.ContentLengthHeadersMismatch, is NIOHTTP2Errors.ContentLengthHeaderNegative,
            is NIOHTTP2Errors.ContentLengthHeaderMalformedValue, is NIOHTTP2Errors.MissingPseudoHeader,
            is NIOHTTP2Errors.DuplicatePseudoHeader, is NIOHTTP2Errors.PseudoHeaderAfterRegularHeader,
            is NIOHTTP2Errors.UnknownPseudoHeader, is NIOHTTP2Errors.InvalidPseudoHeaders,
            is NIOHTTP2Errors.InvalidPseudoHeaderValue, is NIOHTTP2Errors.EmptyPathHeader,
            is NIOHTTP2Errors.InvalidHTTP2HeaderFieldName, is NIOHTTP2Errors.InvalidHTTP2HeaderFieldValue,
            is NIOHTTP2Errors.ForbiddenHeaderField:
            true
        default: false
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, front != nil else { return context.close(mode: mode, promise: promise) }
        context.channel.closeFuture.cascade(to: promise)
        // We may be in the middle of a write.
        context.eventLoop.assumeIsolated().execute { [self] in perform(machine.closeRequested(at: .now())) }
    }

    /// A stream of this connection was opened.
    fileprivate func streamOpened(_ channel: any Channel) {
        let id = try? channel.syncOptions?.getOption(HTTP2StreamChannelOptions.streamID)  // it has one from the start
        if let id { lastStream = max(lastStream, id) }
        perform(machine.streamOpened(at: .now()))
    }

    /// When the client took something of any stream.
    fileprivate(set) var progressAt = NIODeadline.now()

    /// A stream of this connection was closed.
    fileprivate func streamClosed() { perform(machine.streamClosed(at: .now())) }

    // MARK: Actions

    private func perform(_ action: HTTP2ConnectionStateMachine.Action) {
        guard let context else { return }
        switch action {
        case .none: return
        case .goAway(let instant):
            // Hummingbird's connection handler sends the frames; it is told from the pipeline's head.
            context.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            scheduleCheck(at: instant)
        case .lastGoAway(let instant):
            if !isLastSent {
                isLastSent = true
                let payload = HTTP2Frame.FramePayload.goAway(
                    lastStreamID: lastStream, errorCode: .noError, opaqueData: nil)
                context.writeAndFlush(
                    wrapOutboundOut(HTTP2Frame(streamID: .rootStream, payload: payload)), promise: nil)
            }
            scheduleCheck(at: instant)
        case .checkAt(let instant): scheduleCheck(at: instant)
        case .closeOutput(let instant):
            context.flush()
            closeOutput()
            scheduleCheck(at: instant)
        case .close:
            connection.giveUp()
            if let front { front.close() } else { context.close(mode: .all, promise: nil) }
        }
    }

    private func closeOutput() {
        front?.closeOutput(of: context) { [self] in perform(machine.outputClosed(at: .now())) }
    }

    private func scheduleCheck(at instant: NIODeadline) {
        guard let context else { return }
        timer.schedule(at: instant, on: context.eventLoop) { [self] in
            timer.fired()
            look()
        }
    }

    private func look() { perform(machine.check(front?.socket ?? SocketState(), at: .now())) }
}

/// Sits in each stream of an HTTP/2 connection: keeps its books, holds it to the limits, and tells the connection's handler of it.
final class HTTP2StreamHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let connection: Connection
    private let times: ConnectionTimes
    private let bodySizeMax: Int
    private var handler: HTTP2Handler?
    private var timer = CheckTimer()
    /// Bytes of the request's body.
    private var bodySize = 0
    /// Whether the request's head has come and its end has not.
    private var isReading = false
    /// Since when somebody waits for the next bytes of the body.
    private var waitingSince: NIODeadline?
    /// Since when the client has taken nothing of what is to be written.
    private var stuckSince: NIODeadline?
    /// Whether the end of the answer is on its way.
    private var isEnding = false

    init(connection: Connection, times: ConnectionTimes, bodySizeMax: Int) {
        self.connection = connection
        self.times = times
        self.bodySizeMax = bodySizeMax
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // A stream lives on its connection's loop.
        let pipeline = context.channel.parent?.pipeline.syncOperations
        handler = try? pipeline?.handler(type: HTTP2Handler.self)  // absent in embedded tests
        handler?.streamOpened(context.channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer.cancel()
        handler?.streamClosed()
        handler = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The multiplexer passes the connection's event on to every stream, and Hummingbird's handler there closes the stream
        // with the end of its answer, which loses the answer (seen with 2.28.1).
        if event is ChannelShouldQuiesceEvent { return }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: The request

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        waitingSince = nil
        switch unwrapInboundIn(data) {
        case .head(let head):
            isReading = true
            connection.arrived(
                method: head.method.rawValue, target: head.path ?? "", on: context.channel, at: .now())
        case .body(let part):
            bodySize += part.readableBytes
            guard bodySize <= bodySizeMax else {
                return context.fireErrorCaught(RequestBodyTooLarge(bytesMax: bodySizeMax))
            }
        case .end: isReading = false
        }
        context.fireChannelRead(data)
    }

    /// Somebody wants more; where nobody does, the silence is not the client's.
    func read(context: ChannelHandlerContext) {
        if isReading && waitingSince == nil {
            let now = NIODeadline.now()
            waitingSince = now
            scheduleCheck(at: now + times.body, context)
        }
        context.read()
    }

    // MARK: The answer

    /// How large a part is written at once: the client's progress is seen between two.
    private static let partSizeMax = 64 * 1024

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head: context.write(data, promise: promise)
        case .body(var bytes):
            while bytes.readableBytes > Self.partSizeMax, let part = bytes.readSlice(length: Self.partSizeMax) {
                let taken = context.eventLoop.makePromise(of: Void.self)
                taken.futureResult.assumeIsolated().whenSuccess { [self] in progressed() }
                context.write(wrapOutboundOut(.body(part)), promise: taken)
            }
            context.write(wrapOutboundOut(.body(bytes)), promise: promise)
        case .end:
            isEnding = true
            let written = promise ?? context.eventLoop.makePromise()
            let (connection, channel) = (connection, context.channel)
            written.futureResult.assumeIsolated().whenComplete { [self] result in
                isEnding = false
                switch result {
                case .success:
                    progressed()
                    connection.written(on: channel)
                case .failure: connection.lost(on: channel)
                }
            }
            context.write(data, promise: written)
        }
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        stuckIfSo(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        progressed()
        stuckIfSo(context)
        context.fireChannelWritabilityChanged()
    }

    /// The client took some.
    private func progressed() {
        let now = NIODeadline.now()
        if stuckSince != nil { stuckSince = now }
        handler?.progressAt = now
    }

    private func stuckIfSo(_ context: ChannelHandlerContext) {
        guard isEnding || !context.channel.isWritable else {
            stuckSince = nil
            return
        }
        guard stuckSince == nil else { return }
        let now = NIODeadline.now()
        stuckSince = now
        scheduleCheck(at: now + times.write, context)
    }

    /// How long a stream is left alone whose siblings are read, in times of a client that reads nothing.
    private static let siblingFactor: Int64 = 4

    /// When a stream that the client does not read is given up: where it reads others the turn of this one may still come.
    private func stuckEnd(since: NIODeadline) -> NIODeadline {
        let most = since + .nanoseconds(times.write.nanoseconds * Self.siblingFactor)
        return max(since + times.write, min((handler?.progressAt ?? since) + times.write, most))
    }

    // MARK: Time

    private func scheduleCheck(at instant: NIODeadline, _ context: ChannelHandlerContext) {
        timer.schedule(at: instant, on: context.eventLoop) { [self] in
            timer.fired()
            look(context)
        }
    }

    private func look(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        if let stuckSince, isEnding || !context.channel.isWritable {
            let end = stuckEnd(since: stuckSince)
            guard now < end else {
                connection.giveUp(on: context.channel)
                return context.close(promise: nil)
            }
            scheduleCheck(at: end, context)
        }
        if isReading, let waitingSince {
            guard now < waitingSince + times.body else {
                isReading = false
                return context.fireErrorCaught(RequestBodyTimedOut(after: times.body))
            }
            scheduleCheck(at: waitingSince + times.body, context)
        }
    }
}
