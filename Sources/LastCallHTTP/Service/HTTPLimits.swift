/// What a client may send, and how long it may take.
///
/// The defaults keep a service alive that faces the internet alone; each can be raised for one that does not.
/// All hold for HTTP/1.1. On HTTP/2 the size of a body, the time of a silent body and the idle time hold; NIO has limits of its own for heads.
public struct HTTPLimits: Sendable, Hashable {
    /// The size of a request's head in bytes; 32 KiB by default.
    ///
    /// A larger one is answered 431 (RFC 6585, section 5).
    public var headSizeMax = 32 * 1024
    /// How many header fields a request may have; 200 by default.
    public var headFieldsMax = 200
    /// The size of a request's body in bytes; 16 MiB by default.
    ///
    /// A larger one is answered 413 (RFC 9110, section 15.5.14), and its connection is closed.
    public var bodySizeMax = 16 * 1024 * 1024
    /// How long a request's head may take, from its first byte; 10 s by default.
    ///
    /// Then it is answered 408 and its connection is closed.
    public var headTimeout = Duration.seconds(10)
    /// How long a client may be silent within a request's body; 30 s by default.
    public var bodyTimeout = Duration.seconds(30)
    /// How long a connection may be idle between requests; 75 s by default.
    ///
    /// Keep it above the idle timeout of the load balancer in front, so that only the balancer closes.
    public var idleTimeout = Duration.seconds(75)
    /// How long a client may take none of an answer's bytes; 60 s by default.
    public var writeTimeout = Duration.seconds(60)

    /// The defaults.
    public init() {}
}
