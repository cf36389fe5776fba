import HTTPTypes
import FoundationEssentials
import Hummingbird
import HummingbirdCore
import LastCallHTTP
import Logging
import NIOCore
import NIOFoundationEssentialsCompat

/// Answers Slack's slash command.
struct Commands: Sendable {
    /// What one may write.
    static let help = """
        `/scout follow P2300` · `/scout follow author Eric Niebler` · `/scout unfollow …` · `/scout list`
        What is followed is told in the channel where you write this, or to you in a direct message.
        """
    /// The most bytes of a request.
    private static let bodyBytesMax = 64 * 1024

    /// An answer that only its asker sees (docs: Slash commands, Responding to commands).
    private struct Answer: Encodable {
        /// The keys, as Slack has them.
        enum CodingKeys: String, CodingKey {
            case responseType = "response_type"
            case text
        }

        /// Who sees it.
        let responseType = "ephemeral"
        /// What is said.
        let text: String
    }

    /// Who follows what.
    let archive: Archive

    /// The routes.
    func router(signingSecret: String) throws(HTTPServiceError) -> Router<BasicRequestContext> {
        let router = Router()
        let signature = try WebhookSignature.slack(signingSecret: signingSecret)
        router.group("slack").add(middleware: WebhookMiddleware(signature, bodySizeMax: Self.bodyBytesMax))
            .post("command") { request, context in try await take(request, context) }
        return router
    }

    /// Answers a command.
    private func take(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        // The middleware has read it, within its limit.
        let body = try await request.body.collect(upTo: .max)
        guard let form = SlackForm(String(buffer: body)), let target = form.target else {
            return Response(
                status: .badRequest, headers: [.contentType: "text/plain; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: "this is no slash command\n")))
        }
        do {
            return try Self.json(try await answer(SlashCommand(form.text), for: target))
        } catch {
            context.logger.error("a command failed", metadata: ["error.type": "\(type(of: error))"])
            return try Self.json("That could not be written down. Please try again.")
        }
    }

    /// Does what a command says, and says so.
    private func answer(_ command: SlashCommand, for target: String) async throws -> String {
        switch command {
        case .help: return Self.help
        case .mistake(let words): return "\(words)\n\(Self.help)"
        case .follow(let topic):
            let name = Alert.escaped(topic.description)
            switch try await archive.add(Follow(target: target, topic: topic)) {
            case .new: return "You hear of \(name) from now on."
            case .known: return "You follow \(name) already."
            case .full: return "You follow \(Archive.followsMax) already, which is the most; unfollow something first."
            }
        case .unfollow(let topic):
            let name = Alert.escaped(topic.description)
            let wasFollowed = try await archive.remove(Follow(target: target, topic: topic))
            return wasFollowed ? "You hear of \(name) no more." : "You did not follow \(name)."
        case .list:
            let topics = try await archive.topics(of: target)
            guard !topics.isEmpty else { return "You follow nothing yet.\n\(Self.help)" }
            return "You follow " + topics.map { Alert.escaped($0.description) }.joined(separator: ", ") + "."
        }
    }

    /// An answer as Slack reads it.
    private static func json(_ text: String) throws -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(data: try JSONEncoder().encode(Answer(text: text)))))
    }
}
