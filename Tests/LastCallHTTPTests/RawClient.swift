import LastCall
import LastCallConcurrency
import NIOCore
import NIOPosix
import Testing

/// A client that says exactly what a test wants, byte by byte.
final class RawClient: Sendable {
    /// An answer as it came.
    struct Answer: Sendable, Equatable {
        /// The status code.
        var status: Int
        /// The header fields, with names in lower case.
        var headers: [String: String]
        /// The body.
        var body: String

        /// Whether it says that the connection closes.
        var saysClose: Bool { headers["connection"] == "close" }
    }

    /// Why there are no more bytes.
    enum End: Sendable, Equatable {
        /// The server closed its half.
        case closed
        /// The connection was reset.
        case reset
    }

    /// What the event loop and the test share.
    private struct State {
        /// Bytes that no answer has taken.
        var bytes: [UInt8] = []
        /// Why there are no more.
        var end: End?
        /// Who waits for news.
        var waiters: [CheckedContinuation<Void, Never>] = []
        /// How often something came.
        var news = 0
    }

    private let state = Mutex(State())
    private let channel = Mutex<(any Channel)?>(nil)

    private init() {}

    /// Connects.
    static func connect(to address: SocketAddress?) async throws -> RawClient {
        let address = try #require(address)
        let client = RawClient()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(client: client))
                }
            }
            .connect(to: address).get()
        client.channel.withLock { $0 = channel }
        return client
    }

    deinit {
        // The test is over; nobody waits for this close.
        channel.withLock { $0 }?.close(promise: nil)
    }

    fileprivate func received(_ bytes: ByteBuffer) { change { $0.bytes += bytes.readableBytesView } }

    fileprivate func ended(_ end: End) { change { $0.end = $0.end ?? end } }

    private func change(_ body: (inout State) -> Void) {
        let waiters = state.withLock { state in
            body(&state)
            state.news += 1
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until `body` finds what it looks for, or the bytes are over.
    private func look<Found>(_ body: (inout [UInt8]) -> Found?) async -> Found? {
        while true {
            let (found, isOver, news): (Found?, Bool, Int) = state.withLock { state in
                (body(&state.bytes), state.end != nil, state.news)
            }
            if found != nil || isOver { return found }
            await withCheckedContinuation { continuation in
                let isNews = state.withLock { state in
                    // Whatever came in between has to be looked at first.
                    if state.news != news { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if isNews { continuation.resume() }
            }
        }
    }

    /// Sends text as it is.
    func send(_ text: String) async throws {
        let channel = try #require(channel.withLock { $0 })
        try await channel.writeAndFlush(ByteBuffer(string: text)).get()
    }

    /// Sends bytes as they are.
    func send(_ bytes: [UInt8]) async throws {
        let channel = try #require(channel.withLock { $0 })
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// Takes the first bytes that come, once there are as many as `count` says; it sees what is there.
    func take(_ count: @escaping ([UInt8]) -> Int?) async -> [UInt8]? {
        await look { bytes in
            guard let size = count(bytes), bytes.count >= size else { return nil }
            defer { bytes.removeFirst(size) }
            return Array(bytes.prefix(size))
        }
    }

    /// Sends a GET for a path on a connection that is kept.
    func get(_ path: String) async throws { try await send("GET \(path) HTTP/1.1\r\nHost: test\r\n\r\n") }

    /// Waits for the next whole answer; `nil` where the connection ends first.
    func answer() async -> Answer? { await look(Self.takeAnswer) }

    /// Waits for a text anywhere in the bytes that no answer has taken, and takes everything up to its end.
    func text(_ text: String) async -> Bool {
        let wanted = Array(text.utf8)
        return await look { bytes -> Bool? in
            guard let range = bytes.firstRange(of: wanted) else { return nil }
            bytes.removeSubrange(..<range.upperBound)
            return true
        } ?? false
    }

    /// Waits until no more bytes come.
    func end() async -> End? {
        _ = await look { _ in nil as Bool? }
        return state.withLock { $0.end }
    }

    /// Closes our half.
    func closeOutput() async throws { try await channel.withLock { $0 }?.close(mode: .output).get() }

    /// Closes.
    func close() async {
        try? await channel.withLock { $0 }?.close().get()  // the server may have been faster
    }

    /// Stops reading, as a client does that has lost interest.
    func stopReading() async throws { try await channel.withLock { $0 }?.setOption(.autoRead, value: false).get() }

    /// Reads on.
    func startReading() async throws { try await channel.withLock { $0 }?.setOption(.autoRead, value: true).get() }

    private static func takeAnswer(_ bytes: inout [UInt8]) -> Answer? {
        guard let headEnd = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<headEnd.lowerBound], as: UTF8.self).split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        let rest = bytes[headEnd.upperBound...]
        if headers["transfer-encoding"] == "chunked" {
            guard let end = rest.firstRange(of: Array("0\r\n\r\n".utf8)) else { return nil }
            let body = String(decoding: rest[..<end.lowerBound], as: UTF8.self)
            bytes.removeSubrange(..<end.upperBound)
            return Answer(status: status, headers: headers, body: body)
        }
        let length = status < 200 ? 0 : Int(headers["content-length"] ?? "0") ?? 0
        guard rest.count >= length else { return nil }
        let body = String(decoding: rest.prefix(length), as: UTF8.self)
        bytes.removeSubrange(..<(headEnd.upperBound + length))
        return Answer(status: status, headers: headers, body: body)
    }
}

/// Collects what comes.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let client: RawClient

    init(client: RawClient) { self.client = client }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { client.received(unwrapInboundIn(data)) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { client.ended(.closed) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        client.ended(.reset)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { client.ended(.closed) }
}
