import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why a request has no answer, in words that are safe to show: an error of the client may hold the host, the path or a header.
struct WebTrouble: Error, Equatable {
    /// What the other side does, to go behind its name: "refuses connections".
    let words: String
    /// Whether the request itself is at fault, so that another attempt ends in the same way.
    var isOurs = false

    /// A trouble in these words.
    init(_ words: String, isOurs: Bool = false) {
        self.words = words
        self.isOurs = isOurs
    }

    /// What an error of the client means.
    ///
    /// - Parameters:
    ///   - error: What sending threw.
    ///   - time: How long the attempt could take, in words.
    init(_ error: any Error, within time: String) {
        switch error {
        case let error as HTTPClientError: self.init(error, within: time)
        case let error as NIOConnectionError: self.init(Self.words(of: error))
        case let error as IOError: self.init(Self.words(ofNumber: error.errnoCode))
        case is ChannelError: self.init("closed the connection without an answer")
        case HTTPParserError.invalidEOFState: self.init("closed the connection in the middle of its answer's head")
        case is HTTPParserError: self.init("answered with something that is not HTTP")
        default:
            // The type's name only: what the error says may hold anything.
            let type = "\(type(of: error))"
            self.init(
                type.contains("SSL")
                    ? "could not be connected to by TLS (\(type)); look at its certificate"
                    : "could not be asked (\(type))")
        }
    }

    /// What one of the client's own errors means.
    private init(_ error: HTTPClientError, within time: String) {
        switch error {
        case .deadlineExceeded, .readTimeout, .writeTimeout: self.init("did not answer within \(time)")
        case .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout, .socksHandshakeTimeout,
            .httpProxyHandshakeTimeout:
            self.init("did not take a connection in time")
        case .remoteConnectionClosed: self.init("closed the connection without an answer")
        case .alreadyShutdown, .cancelled: self.init("could not be asked: the HTTP client was shut down")
        case .invalidProxyResponse, .proxyAuthenticationRequired:
            self.init("could not be asked: the proxy does not let it through")
        case _ where Self.isOurs(error):
            self.init("could not be asked: the request is not valid (\(error.shortDescription))", isOurs: true)
        default: self.init("could not be asked (\(error.shortDescription))")
        }
    }

    /// Whether the request itself is at fault, whoever it is sent to.
    private static func isOurs(_ error: HTTPClientError) -> Bool {
        switch error {
        case .invalidURL, .emptyHost, .emptyScheme, .missingSocketPath, .identityCodingIncorrectlyPresent,
            .contentLengthMissing, .traceRequestWithBody, .bodyLengthMismatch,
            .writeAfterRequestSent:
            true
        // What these hold keeps them from being compared with.
        default: ["Unsupported scheme", "Invalid header field"].contains { error.shortDescription.hasPrefix($0) }
        }
    }

    /// Why there is no connection.
    private static func words(of error: NIOConnectionError) -> String {
        if let first = error.connectionErrors.first?.error {
            switch first {
            case let first as IOError: return words(ofNumber: first.errnoCode)
            case ChannelError.connectTimeout: return "did not take a connection in time"
            default: break
            }
        }
        let hasNoAddress = error.dnsAError != nil && error.dnsAAAAError != nil
        return hasNoAddress ? "could not be found: its name has no address" : "could not be connected to"
    }

    /// What the system's error says.
    private static func words(ofNumber number: CInt) -> String {
        switch number {
        case ECONNREFUSED: "refuses connections"
        case ECONNRESET, EPIPE: "closed the connection without an answer"
        case ETIMEDOUT: "did not take a connection in time"
        case ENETUNREACH, EHOSTUNREACH: "could not be reached: there is no route to it"
        default: "could not be connected to (error \(number) of the system)"
        }
    }
}
