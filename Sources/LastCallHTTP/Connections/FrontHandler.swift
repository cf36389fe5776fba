import NIOCore

/// Sits next to the socket: sees that bytes came, before TLS and parser do, and can close under both.
final class FrontHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// What of the pipeline cares about bytes that make nothing whole.
    weak var listener: HTTP1Handler?
    /// Counts whatever became whole of the bytes.
    var progress = 0
    private var context: ChannelHandlerContext?
    private let registry: ConnectionRegistry
    private let linger: TimeAmount
    private var isSettled = false

    init(registry: ConnectionRegistry, linger: TimeAmount) {
        self.registry = registry
        self.linger = linger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { settle(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        settle(context)
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
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        guard event is CutEvent else { return }
        // What the others had left to say gets a moment; then it ends, whatever they do.
        context.eventLoop.assumeIsolated().scheduleTask(in: linger) { [self] in
            listener?.closesWithoutMercy()
            close()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let before = progress
        context.fireChannelRead(data)
        if progress == before { listener?.bytesArrived() }
    }

    /// Closes without asking TLS, which would wait for the client.
    func close() { context?.close(mode: .all, promise: nil) }

    /// Whether the kernel holds bytes that nobody has read.
    var hasUnread: Bool {
        guard let context else { return false }
        return SocketFacts.unreadBytes(of: context.channel) > 0
    }
}
