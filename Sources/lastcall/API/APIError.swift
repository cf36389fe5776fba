import Hummingbird
import HummingbirdCore
import LastCallWork
import Logging
import NIOCore
import NIOHTTP1

/// Why a request is refused, as it is answered: a status and one sentence.
struct APIError: Error, HTTPResponseError {
    /// The status.
    let status: HTTPResponse.Status
    /// What is wrong and what to do about it.
    let message: String

    init(_ status: HTTPResponse.Status, _ message: String) {
        self.status = status
        self.message = message
    }

    /// The error as the API answers it; what is none of ours is answered without a word of it.
    init(_ error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let error as ConfigurationErrors: self.init(.badRequest, error.description)
        case let error as WorkError where error.code == .notFound: self.init(.notFound, error.description)
        case let error where VerbError(error) != nil:
            let told = VerbError(error) ?? VerbError(.unavailable, "")
            let status: HTTPResponse.Status =
                switch told.kind {
                case .refused: .conflict
                case .usage, .configuration: .badRequest
                case .unavailable: .serviceUnavailable
                }
            self.init(status, told.description)
        case let error as HTTPError: self.init(error.status, error.body ?? error.status.reasonPhrase)
        default: self.init(.internalServerError, "an internal error; the log of serve has its kind")
        }
    }

    /// The answer.
    var response: Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: JSONText.encode(["error": message]) + "\n")))
    }

    func response(from request: Request, context: some RequestContext) throws -> Response { response }
}

/// Answers every error as JSON.
struct APIErrors<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error where error is CancellationError || error is HTTPParserError {
            // Whoever cancelled answers; and the loop over the connection's requests answers what is no HTTP.
            throw error
        } catch {
            let answer = APIError(error)
            if answer.status == .internalServerError {
                context.logger.error("request failed", metadata: ["error.type": "\(type(of: error))"])
            }
            return answer.response
        }
    }
}
