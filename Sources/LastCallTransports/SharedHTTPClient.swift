import AsyncHTTPClient
import NIOCore

/// The client that all transports of the process send with, where they are not given another one.
enum SharedHTTPClient {
    /// The longest that a connection may take to come about; an attempt's own time may be shorter.
    static let connectTimeMax = TimeAmount.seconds(10)
    /// From how many requests to one host under way on HTTP/1.1 a further one waits for a connection: more than lanes that send at once.
    static let connectionsPerHostMax = 256

    /// The client.
    ///
    /// It lives as long as the process and is never shut down: a client traps where it is freed before that, and a static never is.
    /// AsyncHTTPClient's own `HTTPClient.shared` is kept the same way, and follows redirects. Its threads are NIO's, which the process
    /// shares.
    static let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)

    /// How it is set.
    static var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: connectTimeMax), decompression: .disabled)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connectionsPerHostMax
        // It would try again, unseen, until the time to connect is over; when to try again is the outbox's to decide.
        configuration.connectionPool.retryConnectionEstablishment = false
        // A span would hold the URL, which may be a secret.
        configuration.tracing.tracer = nil
        return configuration
    }
}
