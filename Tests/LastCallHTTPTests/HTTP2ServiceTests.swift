import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import LastCall
import LastCallConcurrency
import LastCallTesting
import NIOCore
import Testing

@testable import LastCallHTTP

/// HTTP/2 in the clear, frame by frame, with clients that do what no library does.
@Suite(.timeLimit(.minutes(1))) struct HTTP2ServiceTests {
    private let routes = TestRoutes()

    @Test(
        "B11 a client that answers no PING is told its last stream all the same; its stream is answered, then it is closed"
    )
    func silentClient() async throws {
        let receipt = try await withService(routes.router(), speaking: .plaintextHTTP2()) { running in
            let client = try await RawHTTP2Client(running)
            try await client.request(1, "GET", "/held")
            try await routes.entered.wait()
            try await running.stop()
            #expect(try await client.next(.goAway).lastStream == 0x7fff_ffff)
            // What was on its way before the client heard of it is served.
            try await client.request(3, "GET", "/")
            #expect(try await client.body(of: 3) == 4)
            #expect(try await client.next(.goAway).lastStream == 3)
            // What comes behind the last one is not served, and nobody else suffers from it.
            try await client.request(5, "GET", "/")
            routes.released.open()
            #expect(try await client.body(of: 1) == "held and done".utf8.count)
            #expect(await client.raw.end() == .closed)
        }
        #expect(receipt.totals.done == 2)
        #expect(receipt.totals.cut == 0)
    }

    @Test("B11 of two requests that come at once in the lame duck both are answered, and the connection is told to go")
    func twoInLameDuck() async throws {
        let configuration = testConfiguration { $0.propagationDelay = .seconds(3600) }
        try await withService(routes.router(), configuration: configuration, speaking: .plaintextHTTP2()) { running in
            try await running.stop()
            let client = try await RawHTTP2Client(running)
            try await client.raw.send(
                RawHTTP2Client.bytes(ofRequest: 1, "GET", "/held") + RawHTTP2Client.bytes(ofRequest: 3, "GET", "/"))
            #expect(try await client.next(.goAway).lastStream == 0x7fff_ffff)
            #expect(try await client.body(of: 3) == 4)
            routes.released.open()
            #expect(try await client.body(of: 1) == "held and done".utf8.count)
            running.lifecycle.handOver()
        }
    }

    @Test(
        "B11 a client that answers the PING is told its last stream at once, and the connection ends with that stream")
    func politeClient() async throws {
        let receipt = try await withService(routes.router(), speaking: .plaintextHTTP2()) { running in
            let client = try await RawHTTP2Client(running)
            try await client.request(1, "GET", "/held")
            try await routes.entered.wait()
            try await running.stop()
            _ = try await client.next(.goAway)
            try await client.send(.ping, stream: 0, client.next(.ping).payload, flags: 1)
            #expect(try await client.next(.goAway).lastStream == 1)
            routes.released.open()
            #expect(try await client.body(of: 1) == "held and done".utf8.count)
            #expect(await client.raw.end() == .closed)
        }
        #expect(receipt.totals.done == 1)
    }

    @Test("a request that is none resets its own stream and no other")
    func brokenStream() async throws {
        try await withService(routes.router(), speaking: .plaintextHTTP2()) { running in
            let client = try await RawHTTP2Client(running)
            try await client.request(1, "GET", "/held")
            try await routes.entered.wait()
            // Its body is longer than it says: literal field 28 of the static table, content-length.
            try await client.send(
                .headers, stream: 3, RawHTTP2Client.fields("POST", "/upload") + [0x0f, 0x0d, 1, 0x31], flags: 4)
            try await client.send(.data, stream: 3, Array("hello".utf8), flags: 1)
            #expect(try await client.next(.reset).stream == 3)
            routes.released.open()
            #expect(try await client.body(of: 1) == "held and done".utf8.count)
        }
    }

    @Test("a stream's body that stops coming is answered 408; a handler that takes longer than that is left in peace")
    func slowBody() async throws {
        let configuration = testConfiguration { $0.limits.bodyTimeout = .milliseconds(50) }
        try await withService(routes.router(), configuration: configuration, speaking: .plaintextHTTP2()) { running in
            let slow = try await RawHTTP2Client(running)
            try await slow.request(1, "GET", "/held")
            try await routes.entered.wait()
            let client = try await RawHTTP2Client(running)
            try await client.request(1, "POST", "/upload", isWhole: false)
            try await client.send(.data, stream: 1, Array("hello".utf8))
            let head = try await client.next(.headers)
            #expect(head.stream == 1)
            // `:status: 408`, in Huffman's code (RFC 7541, appendix B).
            #expect(head.payload.starts(with: [0x48, 0x83, 0x68, 0x0f, 0x7f]))
            routes.released.open()
            #expect(try await slow.body(of: 1) == "held and done".utf8.count)
        }
    }

    @Test("B1 a stream whose client opens no window is reset after its time and counted as cut; others go on")
    func neverReads() async throws {
        let router = routes.router()
        router.get("large") { _, _ in
            Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(repeating: 120, count: 1 << 20)))
        }
        let configuration = testConfiguration { $0.limits.writeTimeout = .milliseconds(200) }
        try await withService(router, configuration: configuration, speaking: .plaintextHTTP2()) { running in
            // 100 bytes for each stream.
            let client = try await RawHTTP2Client(running, window: 100)
            try await client.request(1, "GET", "/large")
            let reset = try await client.next(.reset)
            #expect(reset.stream == 1)
            #expect(running.service.ledger.cut == 1)
            try await client.request(3, "GET", "/")
            #expect(try await client.body(of: 3) == 4)
        }
    }

    @Test(
        "B11 S3 a large answer that the client takes slowly is whole, though the server stops and the stream is long over"
    )
    func slowReader() async throws {
        let size = 24 << 20
        let router = routes.router()
        router.get("large") { _, _ in
            Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(repeating: 120, count: size)))
        }
        let receipt = try await withService(router, speaking: .plaintextHTTP2()) { running in
            let client = try await RawHTTP2Client(running, window: 1 << 30)
            let idle = try await RawHTTP2Client(running)
            try await client.raw.stopReading()
            try await client.request(1, "GET", "/large")
            while !running.service.registry.all.contains(where: { $0.inFlight.contains(where: \.isAnswered) }) {
                await Task.yield()
            }
            try await running.stopListening()
            #expect(await idle.raw.end() == .closed)
            try await client.raw.startReading()
            #expect(try await client.body(of: 1) == size)
            #expect(await client.raw.end() == .closed)
        }
        #expect(receipt.totals.done == 1)
        #expect(receipt.totals.cut == 0)
    }

    @Test("B1 a hand-over in the middle of many streams ends them, counts each, and nothing traps")
    func handOverUnderLoad() async throws {
        let receipt = try await withService(routes.router(), speaking: .plaintextHTTP2()) { running in
            var clients: [RawHTTP2Client] = []
            for _ in 0..<4 {
                let client = try await RawHTTP2Client(running)
                for stream in 0..<20 { try await client.request(UInt32(stream * 2 + 1), "GET", "/held") }
                clients.append(client)
            }
            while running.service.ledger.held < 80 { await Task.yield() }
            running.lifecycle.handOver("now")
            // Streams go on coming while the connections are closed.
            for client in clients {
                for stream in 20..<60 {
                    try? await client.request(UInt32(stream * 2 + 1), "GET", "/held")  // it may be closed by now
                }
                #expect(await client.raw.end() != nil)
            }
        }
        #expect(receipt.totals.cut >= 80)
        #expect(receipt.totals.unaccounted == 0)
    }
}

/// Speaks HTTP/2 as a test wants it (RFC 9113).
private struct RawHTTP2Client: Sendable {
    /// Types of frames.
    enum Kind: UInt8 {
        case data = 0, headers = 1, reset = 3, settings = 4, ping = 6, goAway = 7, windowUpdate = 8
    }

    /// A frame.
    struct Frame {
        var kind: UInt8
        var flags: UInt8
        var stream: UInt32
        var payload: [UInt8]

        /// What GOAWAY says.
        var lastStream: UInt32 { payload.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    }

    /// There was no such frame.
    struct Over: Error {}

    let raw: RawClient

    init(_ running: RunningService, window: UInt32 = 65_535) async throws {
        raw = try await running.connect()
        try await raw.send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8))
        // SETTINGS_INITIAL_WINDOW_SIZE.
        try await send(.settings, stream: 0, [0, 4] + Self.bytes(window))
        try await send(.windowUpdate, stream: 0, Self.bytes(1 << 30))
        _ = try await next(.settings)
        try await send(.settings, stream: 0, [], flags: 1)
    }

    private static func bytes(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }

    private static func bytes(of kind: Kind, stream: UInt32, _ payload: [UInt8], flags: UInt8) -> [UInt8] {
        var bytes = Array(bytes(UInt32(payload.count)).dropFirst())
        bytes += [kind.rawValue, flags]
        bytes += Self.bytes(stream)
        return bytes + payload
    }

    func send(_ kind: Kind, stream: UInt32, _ payload: [UInt8], flags: UInt8 = 0) async throws {
        try await raw.send(Self.bytes(of: kind, stream: stream, payload, flags: flags))
    }

    /// Header fields that need no table (RFC 7541, section 6.2.2).
    static func fields(_ method: String, _ path: String) -> [UInt8] {
        func literal(_ index: UInt8, _ text: String) -> [UInt8] { [index, UInt8(text.utf8.count)] + Array(text.utf8) }
        return literal(2, method) + literal(4, path) + [0x86] + literal(1, "test")
    }

    /// A request without a body.
    static func bytes(ofRequest stream: UInt32, _ method: String, _ path: String) -> [UInt8] {
        bytes(of: .headers, stream: stream, fields(method, path), flags: 5)
    }

    /// Opens a stream.
    func request(_ stream: UInt32, _ method: String, _ path: String, isWhole: Bool = true) async throws {
        try await send(.headers, stream: stream, Self.fields(method, path), flags: isWhole ? 5 : 4)
    }

    /// The next frame.
    private func frame() async -> Frame? {
        let bytes = await raw.take { bytes in
            guard bytes.count >= 9 else { return nil }
            return 9 + bytes[..<3].reduce(0) { $0 << 8 | Int($1) }
        }
        guard let bytes else { return nil }
        return Frame(
            kind: bytes[3], flags: bytes[4], stream: bytes[5..<9].reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff,
            payload: Array(bytes[9...]))
    }

    /// The next frame of a kind; the others are passed over.
    func next(_ kind: Kind) async throws -> Frame {
        while let frame = await frame() { if frame.kind == kind.rawValue { return frame } }
        throw Over()
    }

    /// The size of the body of a stream's answer, to its end.
    func body(of stream: UInt32) async throws -> Int {
        var size = 0
        while true {
            let frame = try await next(.data)
            guard frame.stream == stream else { continue }
            size += frame.payload.count
            if frame.flags & 1 != 0 { return size }
        }
    }
}
