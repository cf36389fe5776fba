import NIOCore
import NIOHTTP1
import NIOTLS

/// Performs what ``HTTP1ConnectionStateMachine`` decides, on the connection's event loop.
///
/// It sits right above NIO's parser, where a request's version and its wish to be the last one can still be seen.
final class HTTP1Handler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let connection: Connection
    private let registry: ConnectionRegistry
    private let times: ConnectionTimes
    private let bodySizeMax: Int
    private var machine: HTTP1ConnectionStateMachine
    private var context: ChannelHandlerContext?
    private var front: FrontHandler?
    private var timer = CheckTimer()
    /// Bytes of the current request's body.
    private var bodySize = 0
    /// Whether the client waits for a 100 before it sends its body, and other answers are due first.
    private var owesContinue = false
    /// Bytes of answers since the kernel was last seen to have everything.
    private var unconfirmed = 0
    /// How many of them are taken for written without asking.
    private static let unconfirmedMax = 8 * 1024
    /// Whether the parser gave up because the head was too large.
    private var isHeadTooLarge = false
    /// Whether the client speaks HTTP/1.0, and does not know of chunks.
    private var isOld = false

    init(
        connection: Connection, registry: ConnectionRegistry, times: ConnectionTimes, bodySizeMax: Int,
        isHandshaking: Bool
    ) {
        self.connection = connection
        self.registry = registry
        self.times = times
        self.bodySizeMax = bodySizeMax
        self.machine = HTTP1ConnectionStateMachine(
            times: times, phase: registry.phase, isHandshaking: isHandshaking, at: .now())
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        // Both are on this connection's loop, and the front handler was added before.
        front = try? context.pipeline.syncOperations.handler(type: FrontHandler.self)  // absent in embedded tests
        front?.listener = self
        front?.negotiated()
        perform(machine.check(SocketState(), at: .now()))
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer.cancel()
        front?.listener = nil
        front = nil
        self.context = nil
    }

    // MARK: Inbound

    /// Bytes came that made nothing whole.
    func bytesArrived(isEmptyLine: Bool) {
        guard !isEmptyLine || machine.isReadingHead else { return }
        let now = NIODeadline.now()
        machine.bytesArrived(at: now)
        scheduleCheck(at: now + times.head)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        front?.progress &+= 1
        switch unwrapInboundIn(data) {
        case .head(let head):
            let now = NIODeadline.now()
            if head.version.major == 1 && head.version.minor == 0 { isOld = true }
            guard machine.headArrived(isLast: isLast(head), at: now) == .deliver else { return }
            bodySize = 0
            if head.method != .GET && !takesBody(of: head) { return }
            connection.arrived(method: head.method.rawValue, target: head.uri, on: context.channel, at: now)
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
        if machine.isClosing {
            machine.bytesArrived(at: .now())
            // Nobody above wants it, but what nobody reads would make the kernel reset the connection.
            context.read()
        } else if machine.isReading {
            scheduleCheck(at: .now() + times.body)
        }
        context.fireChannelReadComplete()
    }

    /// Whether nothing can follow behind a request on this connection.
    private func isLast(_ head: HTTPRequestHead) -> Bool {
        // What HTTP/1.0 calls keep-alive nobody needs any more, and where the client wants to speak something else NIO's parser
        // does not go on.
        isOld || !head.isKeepAlive || head.method == .CONNECT || head.headers.contains(name: "upgrade")
    }

    /// Looks at what a head says about its body.
    ///
    /// - Returns: Whether the request is passed on.
    private func takesBody(of head: HTTPRequestHead) -> Bool {
        if let size = head.headers.first(name: "content-length").flatMap({ Int($0) }), size > bodySizeMax {
            let action = machine.headRefused(.payloadTooLarge, at: .now())
            perform(action)
            return action == .none
        }
        // RFC 9110, section 10.1.1: who expects a 100 gets it.
        if !isOld, head.headers.first(name: "expect")?.lowercased() == "100-continue" {
            owesContinue = true
            continueIfDue()
        }
        return true
    }

    private func continueIfDue() {
        guard owesContinue, machine.pending == 1, let context else { return }
        owesContinue = false
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
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
        case let event as ChannelEvent:
            if event == .outputClosed { perform(machine.outputClosed(at: .now())) }
            if event == .inputClosed { machine.inputClosed(at: .now()) }
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
        if !context.channel.isWritable { scheduleCheck(at: now + times.firstLook) }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head): write(head, data, promise: promise, context: context)
        case .body(let bytes):
            unconfirmed += bytes.readableBytes
            context.write(data, promise: promise)
        case .end:
            // A small answer is the kernel's with the next flush; asking about each would cost a twentieth of a request.
            if unconfirmed < Self.unconfirmedMax {
                context.write(data, promise: promise)
                connection.written(on: context.channel)
            } else {
                writeEnd(data, promise: promise, context: context)
            }
            perform(machine.answerEnded(at: .now()))
            if owesContinue { continueIfDue() }
        }
    }

    /// Writes the end of an answer, which is held until the kernel has it.
    private func writeEnd(_ data: NIOAny, promise: EventLoopPromise<Void>?, context: ChannelHandlerContext) {
        let written = promise ?? context.eventLoop.makePromise()
        let channel = context.channel
        // One that fails closes the connection, which settles everything.
        written.futureResult.assumeIsolated().whenSuccess { [self] in
            unconfirmed = 0
            connection.written(on: channel)
        }
        context.write(data, promise: written)
    }

    private func write(
        _ head: HTTPResponseHead, _ data: NIOAny, promise: EventLoopPromise<Void>?, context: ChannelHandlerContext
    ) {
        guard head.status.code >= 200 else { return context.write(data, promise: promise) }
        let saysClose = !head.isKeepAlive
        var head = head
        if isHeadTooLarge && head.status.code == 400 { head.status = .requestHeaderFieldsTooLarge }
        // Whoever is refused for the size of a body has the rest of it still to send.
        let isRefusal = head.status.code == 413 || isHeadTooLarge
        let action = machine.answerBegan(saysClose: saysClose || isRefusal)
        guard isRefusal || isOld || action == .withClose else { return context.write(data, promise: promise) }
        if !saysClose { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        if isOld { head.version = .http1_0 }
        context.write(wrapOutboundOut(.head(head)), promise: promise)
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
            closeOutput()
            scheduleCheck(at: instant)
        case .refuse(let status, let instant):
            let head = HTTPResponseHead(
                version: isOld ? .http1_0 : .http1_1, status: status,
                headers: ["Connection": "close", "Content-Length": "0"])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            closeOutput()
            scheduleCheck(at: instant)
        case .close:
            connection.giveUp()
            if let front { front.close() } else { context.close(mode: .all, promise: nil) }
        }
    }

    private func closeOutput() {
        front?.closeOutput(of: context) { [self] in
            perform(machine.outputClosed(at: .now()))
            context?.read()
        }
    }

    private func scheduleCheck(at instant: NIODeadline) {
        guard let context else { return }
        timer.schedule(at: instant, on: context.eventLoop) { [self] in
            timer.fired()
            look()
        }
    }

    private func look() {
        perform(machine.check(front?.socket ?? SocketState(), at: .now()))
    }
}

/// A request's body is larger than the limit.
struct RequestBodyTooLarge: Error, CustomStringConvertible {
    /// The limit.
    let bytesMax: Int

    var description: String { "the request's body is larger than \(bytesMax) bytes, the limit `bodySizeMax`" }
}

/// The rest of a request's body did not come.
struct RequestBodyTimedOut: Error, CustomStringConvertible {
    /// How long somebody waited for it.
    let after: TimeAmount

    var description: String { "nothing of the request's body came within the limit `bodyTimeout`" }
}
