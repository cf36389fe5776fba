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

    private var machine: HTTP2ConnectionStateMachine
    private let registry: ConnectionRegistry
    private var context: ChannelHandlerContext?
    private var front: FrontHandler?
    private var timer = CheckTimer()

    private let linger: TimeAmount
    private var isClosing = false

    init(registry: ConnectionRegistry, linger: TimeAmount) {
        self.registry = registry
        self.linger = linger
        self.machine = HTTP2ConnectionStateMachine(linger: linger, phase: registry.phase, at: .now())
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        front = try? context.pipeline.syncOperations.handler(type: FrontHandler.self)  // absent in embedded tests
        front?.negotiated()
        perform(machine.check(at: .now()))
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer.cancel()
        front = nil
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as ServingPhaseEvent: perform(machine.entered(event.phase, at: .now()))
        case is CutEvent: front?.close()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, let front else { return context.close(mode: mode, promise: promise) }
        context.channel.closeFuture.cascade(to: promise)
        guard !isClosing else { return }
        isClosing = true
        let eventLoop = context.eventLoop.assumeIsolated()
        eventLoop.execute { [self] in
            guard let context = self.context else { return }
            context.flush()
            front.whenWritten { [self] in
                self.context?.close(mode: .output, promise: nil)
                eventLoop.scheduleTask(in: linger) { front.close() }
            }
        }
    }

    /// A stream of this connection was opened.
    fileprivate func streamOpened() { perform(machine.streamOpened()) }

    /// A stream of this connection was closed.
    fileprivate func streamClosed() { perform(machine.streamClosed(at: .now())) }

    private func perform(_ action: HTTP2ConnectionStateMachine.Action) {
        guard let context else { return }
        switch action {
        case .none: return
        case .goAway: sendGoAway(context)
        case .goAwayAndCheck(let instant):
            sendGoAway(context)
            scheduleCheck(at: instant)
        case .checkAt(let instant): scheduleCheck(at: instant)
        case .close: if let front { front.close() } else { context.close(mode: .all, promise: nil) }
        }
    }

    /// Hummingbird's connection handler sends the frames; it is told from the pipeline's head.
    private func sendGoAway(_ context: ChannelHandlerContext) {
        context.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }

    private func scheduleCheck(at instant: NIODeadline) {
        guard let context else { return }
        timer.schedule(at: instant, on: context.eventLoop) { [self] in
            timer.fired()
            perform(machine.check(at: .now()))
        }
    }
}

/// Sits in each stream of an HTTP/2 connection and tells the connection's handler of it.
final class HTTP2StreamHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    private var connection: HTTP2Handler?

    func handlerAdded(context: ChannelHandlerContext) {
        // A stream lives on its connection's loop.
        let pipeline = context.channel.parent?.pipeline.syncOperations
        connection = try? pipeline?.handler(type: HTTP2Handler.self)  // absent in embedded tests
        connection?.streamOpened()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        connection?.streamClosed()
        connection = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The multiplexer passes the connection's event on to every stream, and Hummingbird's handler there closes the stream
        // with the end of its answer, which loses the answer (seen with 2.28.1).
        if event is ChannelShouldQuiesceEvent { return }
        context.fireUserInboundEventTriggered(event)
    }
}

/// Counts the bytes of a stream's request.
final class HTTP2BodyLimit: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    private let bytesMax: Int
    private var bytes = 0

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .body(let part) = unwrapInboundIn(data) {
            bytes += part.readableBytes
            guard bytes <= bytesMax else {
                return context.fireErrorCaught(RequestBodyTooLarge(bytesMax: bytesMax))
            }
        }
        context.fireChannelRead(data)
    }
}
