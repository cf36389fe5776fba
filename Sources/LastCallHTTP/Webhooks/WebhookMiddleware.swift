public import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// Lets only signed webhooks through, and each only once.
///
/// A body that is too large is answered 413, a signature that is missing, malformed, wrong or too old 401, and the repetition of a
/// request that was accepted 409; all of them before the handler is called. One that is still being handled is answered 503 with
/// `Retry-After`, and the repetition of one whose answer was an error is let through, so that its sender can try again. What was accepted is remembered in memory only: give the durable job that a webhook
/// starts a key made of the delivery, and a repetition after a restart starts nothing either.
public struct WebhookMiddleware<Context: RequestContext>: RouterMiddleware {
    private let signature: WebhookSignature
    private let bodySizeMax: Int
    private let seen: SeenSignatures

    /// Creates a middleware.
    ///
    /// - Parameters:
    ///   - signature: How the sender signs.
    ///   - bodySizeMax: The size of a body in bytes; 5 MiB by default.
    ///   - remembered: How many accepted requests are remembered; 10,000 by default.
    public init(_ signature: WebhookSignature, bodySizeMax: Int = 5 * 1024 * 1024, remembered: Int = 10_000) {
        self.signature = signature
        self.bodySizeMax = bodySizeMax
        self.seen = SeenSignatures(countMax: remembered)
    }

    /// Checks a request and passes it on.
    public func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        if let text = request.headers[.contentLength], let size = Int(text), size > bodySizeMax {
            return Self.refusal(.contentTooLarge, "the body is larger than \(bodySizeMax) bytes")
        }
        var request = request
        let body: ByteBuffer
        do {
            body = try await request.collectBody(upTo: bodySizeMax)
        } catch is NIOTooManyBytesError {
            return Self.refusal(.contentTooLarge, "the body is larger than \(bodySizeMax) bytes")
        }
        let proof: String
        do {
            proof = try signature.verify(headers: request.headers, body: body.readableBytesView)
        } catch {
            context.logger.info(
                "webhook refused", metadata: ["why": "\(error.description)", "bytes": "\(body.readableBytes)"])
            return Self.refusal(.unauthorized, error.description)
        }
        switch seen.begin(proof) {
        case .new: break
        case .accepted:
            context.logger.info("webhook refused", metadata: ["why": "a repetition", "bytes": "\(body.readableBytes)"])
            return Self.refusal(.conflict, "this request was accepted before")
        case .inHand:
            var refusal = Self.refusal(
                .serviceUnavailable, "this request is being handled; ask again what became of it")
            refusal.headers[.retryAfter] = "1"
            return refusal
        }
        var isAccepted = false
        defer { seen.end(proof, isAccepted: isAccepted) }
        let response = try await next(request, context)
        isAccepted = response.status.kind == .successful
        return response
    }

    private static func refusal(_ status: HTTPResponse.Status, _ reason: String) -> Response {
        // The reasons are sentences of ours, without quotes or control characters.
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: "{\"error\":\"\(reason)\"}\n")))
    }
}
