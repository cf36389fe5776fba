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
        case tls(TLSSource, HTTP1Channel.Configuration)
        /// HTTP/2, or HTTP/1.1 for clients that ask for no better, over TLS.
        case http2(TLSSource, HTTP2ChannelConfiguration)
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
        ConnectionProtocol(kind: .tls(.configuration(tls), configuration))
    }

    /// HTTP/2 over TLS, and HTTP/1.1 for clients that ask for no better (ALPN, RFC 7301).
    ///
    /// - Parameters:
    ///   - tls: Certificate and key.
    ///   - configuration: Hummingbird's configuration of connection and streams.
    public static func http2(tls: TLSConfiguration, configuration: HTTP2ChannelConfiguration = .init())
        -> ConnectionProtocol
    {
        ConnectionProtocol(kind: .http2(.configuration(tls), configuration))
    }

    /// HTTP/1.1 over TLS, with certificate and key in files.
    ///
    /// The files are read when the service starts.
    ///
    /// - Parameters:
    ///   - certificate: The path of the certificate and its chain, as PEM.
    ///   - key: The path of the private key, as PEM.
    ///   - configuration: As for ``http1(configuration:)``.
    public static func tls(certificate: String, key: String, configuration: HTTP1Channel.Configuration = .init())
        -> ConnectionProtocol
    {
        ConnectionProtocol(kind: .tls(.files(certificate: certificate, key: key), configuration))
    }

    /// HTTP/2 over TLS, with certificate and key in files.
    ///
    /// The files are read when the service starts.
    ///
    /// - Parameters:
    ///   - certificate: The path of the certificate and its chain, as PEM.
    ///   - key: The path of the private key, as PEM.
    ///   - configuration: Hummingbird's configuration of connection and streams.
    public static func http2(certificate: String, key: String, configuration: HTTP2ChannelConfiguration = .init())
        -> ConnectionProtocol
    {
        ConnectionProtocol(kind: .http2(.files(certificate: certificate, key: key), configuration))
    }

    /// HTTP/2 without TLS, for clients that know it beforehand (RFC 9113, section 3.3).
    ///
    /// - Parameter configuration: Hummingbird's configuration of connection and streams.
    public static func plaintextHTTP2(configuration: HTTP2ChannelConfiguration = .init()) -> ConnectionProtocol {
        ConnectionProtocol(kind: .plaintextHTTP2(configuration))
    }
}

/// Where certificate and key come from.
enum TLSSource: Sendable {
    /// Somebody read them.
    case configuration(TLSConfiguration)
    /// Two files.
    case files(certificate: String, key: String)

    /// Makes what a connection needs.
    ///
    /// - Throws: ``HTTPServiceError/Code/invalidCertificate``.
    func context(protocols: [String]) throws(HTTPServiceError) -> NIOSSLContext {
        var tls = try configuration()
        if tls.applicationProtocols.isEmpty || protocols.count > 1 { tls.applicationProtocols = protocols }
        do {
            return try NIOSSLContext(configuration: tls)
        } catch {
            throw HTTPServiceError(
                .invalidCertificate, "certificate and key cannot be used: they have to fit together", underlying: error)
        }
    }

    private func configuration() throws(HTTPServiceError) -> TLSConfiguration {
        switch self {
        case .configuration(let configuration): return configuration
        case .files(let certificate, let key):
            let chain: [NIOSSLCertificate]
            do {
                chain = try NIOSSLCertificate.fromPEMFile(certificate)
            } catch {
                throw Self.unreadable("certificate", certificate, error)
            }
            guard !chain.isEmpty else { throw Self.unreadable("certificate", certificate, nil) }
            do {
                let key = try NIOSSLPrivateKey(file: key, format: .pem)
                return .makeServerConfiguration(
                    certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            } catch {
                throw Self.unreadable("key", key, error)
            }
        }
    }

    private static func unreadable(_ what: String, _ path: String, _ error: (any Error)?) -> HTTPServiceError {
        HTTPServiceError(
            .invalidCertificate, "the \(what) \(path) cannot be read: it has to exist, be readable and hold PEM",
            underlying: error)
    }
}
