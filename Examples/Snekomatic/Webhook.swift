import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import LastCallHTTP
import LastCallWork
import Logging
import NIOCore
import NIOFoundationEssentialsCompat

/// Takes GitHub's webhooks and makes jobs of those that matter.
struct Webhook: Sendable {
    /// What of a `pull_request` event matters.
    struct Event: Decodable {
        struct Person: Decodable {
            let login: String
            let type: String
        }
        struct PullRequest: Decodable {
            let number: Int
            let merged: Bool
            let user: Person
        }
        struct Repository: Decodable {
            let fullName: String
            let owner: Person

            enum CodingKeys: String, CodingKey {
                case fullName = "full_name"
                case owner
            }
        }
        let action: String
        let pullRequest: PullRequest
        let repository: Repository

        enum CodingKeys: String, CodingKey {
            case action, repository
            case pullRequest = "pull_request"
        }
    }

    /// Where the jobs go.
    let work: WorkClient
    /// Who was welcomed.
    let people: People
    /// The organisation, where it is not the repository's owner.
    let organisation: String?

    /// The routes.
    func router(secret: String) throws(HTTPServiceError) -> Router<BasicRequestContext> {
        let router = Router()
        router.group("webhook").add(middleware: WebhookMiddleware(try .gitHub(secret: secret)))
            .post("github") { request, context in try await take(request, context) }
        return router
    }

    private func take(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        guard request.headers[Self.eventName] == "pull_request" else { return Self.answer(.ok, "ignored") }
        // The middleware has read it, within its limit.
        let body = try await request.body.collect(upTo: .max)
        let event: Event
        do {
            event = try JSONDecoder().decode(Event.self, from: Data(buffer: body))
        } catch {
            context.logger.warning("no pull_request event", metadata: ["error.type": "\(type(of: error))"])
            return Self.answer(.badRequest, "the body is no pull_request event")
        }
        guard let welcome = welcome(for: event) else { return Self.answer(.ok, "ignored") }
        // They become parts of URLs.
        let repository = welcome.repository.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard repository.count == 2, ([welcome.login, welcome.organisation] + repository).allSatisfy(GitHub.isName)
        else {
            return Self.answer(.badRequest, "the event has a name with characters that no name on GitHub has")
        }
        guard !people.knows(welcome.key) else { return Self.answer(.ok, "known") }
        // When this returns the job is on the disk, and GitHub is told so: 202.
        let job = try await work.enqueue(welcome, key: welcome.key)
        return Self.answer(.accepted, "job \(job.id)")
    }

    /// The job that an event asks for.
    func welcome(for event: Event) -> Welcome? {
        guard event.action == "closed", event.pullRequest.merged, event.pullRequest.user.type == "User" else {
            return nil
        }
        return Welcome(
            login: event.pullRequest.user.login, organisation: organisation ?? event.repository.owner.login,
            repository: event.repository.fullName, number: event.pullRequest.number)
    }

    private static let eventName = HTTPField.Name("X-GitHub-Event")!

    private static func answer(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text + "\n")))
    }
}
