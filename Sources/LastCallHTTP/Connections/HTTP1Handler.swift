import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOTLS

/// Performs what ``HTTP1ConnectionStateMachine`` decides, on the connection's event loop.
final class HTTP1Handler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let connection: Connection
    private let registry: ConnectionRegistry
    private let times: HTTP1ConnectionStateMachine.Times
    private let bodySizeMax: Int
    private var machine: HTTP1ConnectionStateMachine
    private var context: ChannelHandlerContext?
    private var front: FrontHandler?
    private var timer = CheckTimer()
    /// Bytes of the current request's body.
    private var bodySize = 0
    /// Whether the client waits for a 100 before it sends its body, and other answers are due first.
    private var owesContinue = false
    /// Whether the parser gave up because the head was too large.
    private var isHeadTooLarge = false

    init(
        connection: Connection, registry: ConnectionRegistry, times: HTTP1ConnectionStateMachine.Times, bodySizeMax: Int
    ) {
        self.connection = connection
        self.registry = registry
        self.times = times
        self.bodySizeMax = bodySizeMax
        self.machine = HTTP1ConnectionStateMachine(times: times, phase: registry.phase, at: .now())
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        // Both are on this connection's loop, and the front handler was added before.
        front = try? context.pipeline.syncOperations.handler(type: FrontHandler.self)  // absent in embedded tests
        front?.listener = self
        front?.negotiated()
        perform(machine.check(hasUnread: false, at: .now()))
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer.cancel()
        front?.listener = nil
        front = nil
        self.context = nil
    }

    // MARK: Inbound

    /// Bytes came that made nothing whole.
    func bytesArrived() {
        let now = NIODeadline.now()
        machine.bytesArrived(at: now)
        scheduleCheck(at: now + times.head)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        front?.progress &+= 1
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard machine.headArrived(at: .now()) == .deliver else { return }
            bodySize = 0
            if head.method != .get && !takesBody(of: head) { return }
        case .body(let bytes):
            guard machine.bodyArrived(at: .now()) == .deliver else { return }
            bodySize += bytes.readableBytes
            guard bodySize <= bodySizeMax else {
                context.fireErrorCaught(RequestBodyTooLarge(bytesMax: bodySizeMax))
                return
            }
        case .end:
            guard machine.endArrived(at: .now()) == .deliver else { return }
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if machine.isReading { scheduleCheck(at: .now() + times.body) }
        context.fireChannelReadComplete()
    }

    /// Looks at what a head says about its body.
    ///
    /// - Returns: Whether the request is passed on.
    private func takesBody(of head: HTTPRequest) -> Bool {
        if let size = head.headerFields[.contentLength].flatMap({ Int($0) }), size > bodySizeMax {
            let action = machine.headRefused(.contentTooLarge, at: .now())
            perform(action)
            return action == .none
        }
        // RFC 9110, section 10.1.1: who expects a 100 gets it.
        if head.headerFields[.expect]?.lowercased() == "100-continue" {
            owesContinue = true
            continueIfDue()
        }
        return true
    }

    private func continueIfDue() {
        guard owesContinue, machine.pending == 1, let context else { return }
        owesContinue = false
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is LookEvent: look()
        case let event as ServingPhaseEvent: perform(machine.entered(event.phase, at: .now()))
        case TLSUserEvent.handshakeCompleted:
            // What came was no part of a request.
            front?.progress &+= 1
            machine.handshakeEnded(at: .now())
            context.fireUserInboundEventTriggered(event)
        case is CutEvent: perform(machine.cut(at: .now()))
        case let event as ChannelEvent where event == .outputClosed:
            perform(machine.outputClosed(at: .now()))
            context.fireUserInboundEventTriggered(event)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case HTTPParserError.headerOverflow = error { isHeadTooLarge = true }
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        machine.closed()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        machine.writable(context.channel.isWritable, at: now)
        if !context.channel.isWritable { scheduleCheck(at: now + times.write) }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head): write(head, data, promise: promise, context: context)
        case .body: context.write(data, promise: promise)
        case .end:
            context.write(data, promise: promise)
            perform(machine.answerEnded(at: .now()))
            if owesContinue { continueIfDue() }
        }
    }

    private func write(
        _ head: HTTPResponse, _ data: NIOAny, promise: EventLoopPromise<Void>?, context: ChannelHandlerContext
    ) {
        let code = head.status.code
        guard code >= 200 else { return context.write(data, promise: promise) }
        var head = head
        if isHeadTooLarge && code == 400 { head.status = .requestHeaderFieldsTooLarge }
        // Whoever is refused for the size of a body has the rest of it still to send.
        let isRefusal = code == 413 || isHeadTooLarge
        let saysClose = machine.looksAtAnswers && Self.saysClose(head)
        if isRefusal && !saysClose { head.headerFields[.connection] = "close" }
        switch machine.answerBegan(saysClose: saysClose || isRefusal) {
        case .asIs:
            context.write(isRefusal ? wrapOutboundOut(.head(head)) : data, promise: promise)
        case .withClose:
            head.headerFields[.connection] = "close"
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        }
    }

    private static func saysClose(_ head: HTTPResponse) -> Bool {
        head.headerFields[values: .connection].contains { $0.lowercased().contains("close") }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode != .input else { return context.close(mode: mode, promise: promise) }
        switch machine.closeRequested(at: .now()) {
        case .close: context.close(mode: mode, promise: promise)
        case let action:
            perform(action)
            if mode == .output {
                promise?.succeed()
            } else {
                context.channel.closeFuture.cascade(to: promise)
            }
        }
    }

    // MARK: Actions

    private func perform(_ action: HTTP1ConnectionStateMachine.Action) {
        guard let context else { return }
        switch action {
        case .none: return
        // Who is at rest is looked at now and then, together with all others.
        case .checkAt(let instant): if !machine.isAtRest { scheduleCheck(at: instant) }
        case .closeOutput(let instant):
            context.flush()
            closeOutput(context)
            scheduleCheck(at: instant)
        case .refuse(let status, let instant):
            let head = HTTPResponse(status: status, headerFields: [.connection: "close", .contentLength: "0"])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            closeOutput(context)
            scheduleCheck(at: instant)
        case .close:
            if let front { front.close() } else { context.close(mode: .all, promise: nil) }
        }
    }

    private func closeOutput(_ context: ChannelHandlerContext) {
        let closed = context.eventLoop.makePromise(of: Void.self)
        closed.futureResult.assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success: perform(machine.outputClosed(at: .now()))
            // The client was faster.
            case .failure: perform(.close)
            }
        }
        context.close(mode: .output, promise: closed)
    }

    private func scheduleCheck(at instant: NIODeadline) {
        guard let context else { return }
        timer.schedule(at: instant, on: context.eventLoop) { [self] in
            timer.fired()
            look()
        }
    }

    private func look() {
        perform(machine.check(hasUnread: front?.hasUnread ?? false, unwritten: unwritten, at: .now()))
    }

    /// How many bytes wait for the client to take others.
    private var unwritten: Int {
        guard let options = context?.channel.syncOptions else { return 0 }
        return (try? options.getOption(.bufferedWritableBytes)) ?? 0  // a channel that has none cannot be asked
    }

    /// The connection is closed with whatever it still had to say.
    func closesWithoutMercy() {
        if machine.isFlushing || unwritten > 0, let request = connection.lastAnswerWasCut() { registry.cut(request) }
    }
}

/// A request's body is larger than the limit.
struct RequestBodyTooLarge: Error, CustomStringConvertible {
    /// The limit.
    let bytesMax: Int

    var description: String { "the request's body is larger than \(bytesMax) bytes, the limit `bodySizeMax`" }
}
