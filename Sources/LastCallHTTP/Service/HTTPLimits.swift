/// What a client may send, and how long it may take.
///
/// The defaults keep a service alive that faces the internet alone; each can be raised for one that does not.
/// All hold for HTTP/1.1. On HTTP/2 all hold but those for heads, for which NIO has its own: 16 KiB, and frames that continue one.
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

    /// Says what is out of its range.
    ///
    /// - Throws: ``HTTPServiceError/Code/invalidConfiguration``.
    func validate() throws(HTTPServiceError) {
        let counts = [
            ("headSizeMax", headSizeMax), ("headFieldsMax", headFieldsMax), ("bodySizeMax", bodySizeMax),
        ]
        for (name, value) in counts where value < 1 {
            throw HTTPServiceError(.invalidConfiguration, "limits.\(name) is \(value); write 1 or more")
        }
        let times = [
            ("headTimeout", headTimeout), ("bodyTimeout", bodyTimeout), ("idleTimeout", idleTimeout),
            ("writeTimeout", writeTimeout),
        ]
        for (name, value) in times where value <= .zero {
            throw HTTPServiceError(
                .invalidConfiguration, "limits.\(name) is \(value); write a time above zero, .seconds(30) for instance")
        }
    }
}
