import HTTPTypes
import LastCall
import NIOCore
import NIOHTTP2
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#endif

/// What became of one request, as its client saw it.
enum Outcome: Sendable, Hashable {
    /// A whole answer came.
    case answered(status: Int, saysClose: Bool)
    /// Nobody listens: no request was ever sent.
    case refused
    /// The server said beforehand that it would not process this one (GOAWAY): the client sends it again elsewhere.
    case turnedAway
    /// The request was sent and its answer is not whole.
    case lost(Loss)

    /// How an answer was lost.
    enum Loss: String, Sendable, Hashable, CaseIterable {
        /// The kernel reset the connection.
        case reset
        /// The connection was closed without an answer.
        case closed
        /// The answer began and did not end.
        case torn
        /// Nothing came for ten seconds.
        case silent
        /// The TLS handshake failed, or another error.
        case failed
        /// An answer of status 500 and above.
        case serverError
    }
}

/// Why a connection has no more answers.
struct ConnectionGone: Error {
    /// What that means for the request under way.
    let outcome: Outcome
}

extension Outcome {
    /// What an error means for a request that was sent.
    static func of(_ error: any Error, hasBegun: Bool) -> Outcome {
        if let gone = error as? ConnectionGone { return gone.outcome }
        if hasBegun { return .lost(.torn) }
        switch error {
        case let error as IOError where error.errnoCode == ECONNRESET || error.errnoCode == EPIPE: return .lost(.reset)
        case is ChannelError, is NIOSSLError: return .lost(.closed)
        // RFC 9113, section 8.7: it was not processed, and may be sent again.
        case let error as NIOHTTP2Errors.StreamClosed where error.errorCode == .refusedStream: return .turnedAway
        default:
            if ProcessEnvironment.current["DRILL_LOG"] != nil { say("\(type(of: error)): \(error)") }
            return .lost(.failed)
        }
    }

    /// What an error means for a connection that was being made.
    static func ofConnecting(_ error: any Error) -> Outcome {
        if let error = error as? NIOConnectionError {
            let codes = error.connectionErrors.compactMap { ($0.error as? IOError)?.errnoCode }
            if codes.contains(ECONNREFUSED) { return .refused }
            if codes.contains(ECONNRESET) { return .lost(.reset) }
            let isTimeout = error.connectionErrors.contains {
                if case ChannelError.connectTimeout = $0.error { true } else { false }
            }
            return .lost(isTimeout ? .silent : .failed)
        }
        if let error = error as? IOError, error.errnoCode == ECONNREFUSED { return .refused }
        if case ChannelError.connectTimeout = error { return .lost(.silent) }
        return of(error, hasBegun: false)
    }
}
