public import HummingbirdCore
public import HummingbirdHTTP2
public import NIOSSL

/// What an ``HTTPService`` speaks on its connections.
///
/// ```swift
/// let web = HTTPService(app, speaking: .http2(tls: certificates))
/// ```
public struct ConnectionProtocol: Sendable {
    /// The protocols there are.
    enum Kind: Sendable {
        /// What the application itself is configured to speak, which has to be HTTP/1.1.
        case application
        /// HTTP/1.1.
        case http1(HTTP1Channel.Configuration)
        /// HTTP/1.1 over TLS.
        case tls(TLSConfiguration, HTTP1Channel.Configuration)
        /// HTTP/2, or HTTP/1.1 for clients that ask for no better, over TLS.
        case http2(TLSConfiguration, HTTP2ChannelConfiguration)
        /// HTTP/2 for clients that know it beforehand.
        case plaintextHTTP2(HTTP2ChannelConfiguration)
    }

    /// The protocol.
    let kind: Kind

    /// HTTP/1.1 with the application's own configuration; the default.
    ///
    /// An application that is configured for TLS or HTTP/2 is refused, because what it needs cannot be read from it.
    public static let application = ConnectionProtocol(kind: .application)

    /// HTTP/1.1.
    ///
    /// - Parameter configuration: Handlers to add, the parser's limits, and the time a connection may be idle; what is not set
    ///   there follows ``HTTPLimits``.
    public static func http1(configuration: HTTP1Channel.Configuration = .init()) -> ConnectionProtocol {
        ConnectionProtocol(kind: .http1(configuration))
    }

    /// HTTP/1.1 over TLS.
    ///
    /// - Parameters:
    ///   - tls: Certificate and key.
    ///   - configuration: As for ``http1(configuration:)``.
    public static func tls(_ tls: TLSConfiguration, configuration: HTTP1Channel.Configuration = .init())
        -> ConnectionProtocol
    {
        ConnectionProtocol(kind: .tls(tls, configuration))
    }

    /// HTTP/2 over TLS, and HTTP/1.1 for clients that ask for no better (ALPN, RFC 7301).
    ///
    /// - Parameters:
    ///   - tls: Certificate and key.
    ///   - configuration: Hummingbird's configuration of connection and streams.
    public static func http2(tls: TLSConfiguration, configuration: HTTP2ChannelConfiguration = .init())
        -> ConnectionProtocol
    {
        ConnectionProtocol(kind: .http2(tls, configuration))
    }

    /// HTTP/2 without TLS, for clients that know it beforehand (RFC 9113, section 3.3).
    ///
    /// - Parameter configuration: Hummingbird's configuration of connection and streams.
    public static func plaintextHTTP2(configuration: HTTP2ChannelConfiguration = .init()) -> ConnectionProtocol {
        ConnectionProtocol(kind: .plaintextHTTP2(configuration))
    }
}
