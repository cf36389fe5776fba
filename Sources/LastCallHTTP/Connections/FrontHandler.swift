import NIOCore

/// Sits next to the socket: sees that bytes came, before TLS and parser do, and can close under both.
final class FrontHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// What of the pipeline cares about bytes that make nothing whole; it lets go of itself when it is removed.
    var listener: HTTP1Handler?
    /// Counts whatever became whole of the bytes.
    var progress = 0
    private var context: ChannelHandlerContext?
    private let registry: ConnectionRegistry
    private let linger: TimeAmount
    /// How long client and server may take to agree on a protocol; `nil` where there is only one.
    private let negotiationTime: TimeAmount?
    private var negotiationEnd: Scheduled<Void>?
    private var isNegotiating: Bool
    private var hasSpoken = false
    private var isSettled = false

    init(registry: ConnectionRegistry, linger: TimeAmount, negotiationTime: TimeAmount? = nil) {
        self.registry = registry
        self.linger = linger
        self.negotiationTime = negotiationTime
        self.isNegotiating = negotiationTime != nil
    }

    /// Client and server agreed on a protocol: its handler takes over.
    func negotiated() {
        isNegotiating = false
        // What came was no part of a request.
        progress &+= 1
        negotiationEnd?.cancel()
        negotiationEnd = nil
    }

    private func endNegotiation(in time: TimeAmount) {
        guard isNegotiating, let context else { return }
        negotiationEnd?.cancel()
        negotiationEnd = context.eventLoop.assumeIsolated().scheduleTask(in: time) { [self] in close() }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { settle(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        settle(context)
        negotiated()
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        settle(context)
        context.fireChannelActive()
    }

    private func settle(_ context: ChannelHandlerContext) {
        guard !isSettled else { return }
        isSettled = true
        registry.settled(context.channel)
        guard let negotiationTime else { return }
        endNegotiation(in: registry.phase == .closingIdle ? linger : negotiationTime)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        // Who has not said a word by now is idle; who has is in the middle of a handshake.
        if let event = event as? ServingPhaseEvent, event.phase == .closingIdle, !hasSpoken {
            endNegotiation(in: linger)
        }
        guard event is CutEvent else { return }
        // What the others had left to say gets a moment; then it ends, whatever they do.
        context.eventLoop.assumeIsolated().scheduleTask(in: linger) { [self] in
            close()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isNegotiating && !hasSpoken {
            hasSpoken = true
            if let negotiationTime { endNegotiation(in: negotiationTime) }
        }
        let before = progress
        context.fireChannelRead(data)
        guard progress == before, let listener else { return }
        // RFC 9112, section 2.2: an empty line before a request is none.
        let bytes = unwrapInboundIn(data).readableBytesView
        listener.bytesArrived(isEmptyLine: bytes.allSatisfy { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") })
    }

    /// Closes without asking TLS, which would wait for the client.
    func close() { context?.close(mode: .all, promise: nil) }

    /// Calls `body` once the socket has taken everything that was written so far, or is gone.
    func whenWritten(_ body: @escaping () -> Void) {
        guard let context else { return body() }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in body() }
        context.writeAndFlush(NIOAny(ByteBuffer()), promise: written)
    }

    /// Closes our half once the socket has taken everything: where the client has closed its own, NIO would close both at once.
    ///
    /// - Parameter done: Called where the client is still there.
    func closeOutput(of handler: ChannelHandlerContext?, done: @escaping () -> Void) {
        whenWritten { [self] in
            guard context != nil, let handler else { return }
            let closed = handler.eventLoop.makePromise(of: Void.self)
            closed.futureResult.assumeIsolated().whenComplete { [self] result in
                switch result {
                case .success: done()
                // The client was faster.
                case .failure: close()
                }
            }
            handler.close(mode: .output, promise: closed)
        }
    }

    /// What is on its way.
    var socket: SocketState {
        guard let channel = context?.channel else { return SocketState() }
        let waiting = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0  // not every channel can say
        return SocketState(
            hasUnread: SocketFacts.unreadBytes(of: channel) > 0, unsent: waiting + SocketFacts.unsentBytes(of: channel))
    }
}
