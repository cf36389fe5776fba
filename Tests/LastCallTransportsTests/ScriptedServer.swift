import LastCall
import LastCallConcurrency
import NIOCore
import NIOPosix
import Testing

/// A server on a port of its own that answers each request as its script says, byte by byte.
final class ScriptedServer: Sendable {
    /// What it does once a request has come.
    enum Reply: Sendable {
        /// Sends these bytes and keeps the connection.
        case bytes(String)
        /// Sends these bytes one after the other, each by itself.
        case drip(String)
        /// Sends these bytes and closes the connection.
        case bytesThenClose(String)
        /// Sends nothing, ever.
        case nothing

        /// A whole answer.
        static func answer(_ status: String, _ fields: [String] = [], body: String = "") -> Reply {
            bytes(text(status, fields, body: body))
        }

        /// The text of a whole answer.
        static func text(_ status: String, _ fields: [String] = [], body: String = "") -> String {
            let head = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + fields
            return head.joined(separator: "\r\n") + "\r\n\r\n" + body
        }
    }

    /// A request as it came.
    struct Request: Sendable {
        /// The first line.
        var line: String
        /// The header fields, with names in lower case.
        var headers: [String: String]
        /// The body.
        var body: String
        /// Which connection it came on, from 1.
        var connection: Int
    }

    /// What is behind the lock.
    private struct State {
        /// What comes next; the last is said again and again.
        var script: [Reply]
        /// What came.
        var requests: [Request] = []
        /// How many connections there were.
        var connections = 0
        /// Who waits for so many requests.
        var waiters: [(count: Int, latch: Latch<Void>)] = []
    }

    private let state: Mutex<State>
    private let channel = Mutex<(any Channel)?>(nil)

    private init(_ script: [Reply]) { state = Mutex(State(script: script)) }

    /// Runs a server around a test.
    static func run<Result: Sendable>(
        _ script: Reply..., body: (ScriptedServer) async throws -> Result
    ) async throws -> Result {
        let server = ScriptedServer(script)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Conversation(server, server.nextConnection()))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        server.channel.withLock { $0 = channel }
        do {
            let result = try await body(server)
            try await channel.close().get()
            return result
        } catch {
            try await channel.close().get()
            throw error
        }
    }

    /// Where it is.
    var url: String { "http://127.0.0.1:\(channel.withLock { $0 }?.localAddress?.port ?? 0)" }
    /// What came.
    var requests: [Request] { state.withLock { $0.requests } }

    /// Waits until so many requests have come.
    func waitForRequests(_ count: Int) async throws {
        let latch = Latch<Void>()
        state.withLock { state in
            if state.requests.count >= count { latch.open() } else { state.waiters.append((count, latch)) }
        }
        try await latch.wait()
    }

    private func nextConnection() -> Int {
        state.withLock { state in
            state.connections += 1
            return state.connections
        }
    }

    fileprivate func reply(to request: Request) -> Reply {
        let (reply, ready) = state.withLock { state -> (Reply, [Latch<Void>]) in
            state.requests.append(request)
            let ready = state.waiters.filter { $0.count <= state.requests.count }.map(\.latch)
            state.waiters.removeAll { $0.count <= state.requests.count }
            return (state.script.count > 1 ? state.script.removeFirst() : state.script[0], ready)
        }
        for latch in ready { latch.open() }
        return reply
    }
}

/// One connection.
private final class Conversation: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: ScriptedServer
    private let number: Int
    private var bytes: [UInt8] = []

    init(_ server: ScriptedServer, _ number: Int) {
        self.server = server
        self.number = number
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes += unwrapInboundIn(data).readableBytesView
        while let request = takeRequest() {
            switch server.reply(to: request) {
            case .bytes(let text): write(text, context)
            case .drip(let text): for byte in text { write(String(byte), context) }
            case .bytesThenClose(let text):
                write(text, context)
                context.close(promise: nil)
            case .nothing: break
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
        guard !text.isEmpty else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }

    private func takeRequest() -> ScriptedServer.Request? {
        // The first record of a TLS handshake (RFC 8446, section 5.1) is answered as a server does that speaks none.
        if bytes.first == 22 {
            bytes = []
            return .init(line: "TLS", headers: [:], body: "", connection: number)
        }
        guard let headEnd = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<headEnd.lowerBound], as: UTF8.self).split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        guard bytes.count >= headEnd.upperBound + length else { return nil }
        let body = String(decoding: bytes[headEnd.upperBound..<(headEnd.upperBound + length)], as: UTF8.self)
        bytes.removeSubrange(..<(headEnd.upperBound + length))
        return .init(line: String(lines[0]), headers: headers, body: body, connection: number)
    }
}
