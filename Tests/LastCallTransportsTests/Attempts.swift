import LastCallWork
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What tests of transports send, and how it ends.
enum Attempts {
    /// The key of an attempt, where the test does not say another one.
    static let key = "8e03978e-40d5-43dd-bc93-6894a57f9324"

    /// An attempt to deliver a message.
    static func delivery(_ message: Message, key: String = key) -> Delivery {
        Delivery(message: message, id: WorkID(rawValue: 1), idempotencyKey: key, attempt: 1)
    }

    /// How an attempt fails.
    static func failure(
        _ transport: some Transport, _ message: Message, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> DeliveryFailure {
        try #require(
            await #expect(throws: DeliveryFailure.self, sourceLocation: sourceLocation) {
                try await transport.deliver(delivery(message))
            }, sourceLocation: sourceLocation)
    }

    /// A port of 127.0.0.1 that nobody listens on, and nobody else gets while `body` runs.
    static func withClosedPort<Result>(_ body: (Int) async throws -> Result) async throws -> Result {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { plain in
                bind(descriptor, plain, length) == 0 && getsockname(descriptor, plain, &length) == 0
            }
        }
        try #require(isBound)
        return try await body(Int(UInt16(bigEndian: address.sin_port)))
    }
}
