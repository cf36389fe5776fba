import Hummingbird
import HummingbirdCore
import LastCallHTTP

/// Lets in who may use the API: who has the token, or who is on this machine and no web page.
///
/// A page in somebody's browser can send requests to a loopback address. It cannot help sending `Origin` with those that do something
/// (Fetch Standard, section 3.1), and one that was rebound to this address names its own host.
struct APIGuard<Context: RequestContext>: RouterMiddleware {
    /// The token, where one is needed.
    let token: [UInt8]?
    /// Whether requests have to name this machine.
    let checksHost: Bool

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        if let token {
            let given = request.headers[.authorization].flatMap { text in
                text.lowercased().hasPrefix("bearer ") ? Array(text.dropFirst(7).utf8) : nil
            }
            guard let given, Self.isSame(given, token) else {
                var refusal = APIError(.unauthorized, "the token is missing or wrong: send Authorization: Bearer TOKEN")
                    .response
                refusal.headers[.wwwAuthenticate] = "Bearer"
                return refusal
            }
        } else {
            guard request.headers[.origin] == nil else {
                return APIError(.forbidden, "requests of web pages need a token; see http.tokenFile").response
            }
            guard !checksHost || Self.isThisMachine(request.head.authority) else {
                return APIError(.forbidden, "the request names another host; write 127.0.0.1 or localhost").response
            }
        }
        return try await next(request, context)
    }

    /// Compares in a time that depends on the lengths alone.
    private static func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        return zip(one, other).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func isThisMachine(_ authority: String?) -> Bool {
        guard let authority else { return true }
        let isLiteral = authority.hasPrefix("[")
        return ListenAddress.isLoopback(
            isLiteral ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" })
    }
}
