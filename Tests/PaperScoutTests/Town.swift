import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import LastCall
import LastCallConcurrency
import LastCallHTTP
import Logging
import NIOCore

@testable import PaperScout

/// A server with everything that the bot talks to: Slack's API, the index of papers, and the places of drafts.
final class Town: Sendable {
    /// A message that Slack has.
    struct Post: Sendable, Hashable, Decodable {
        /// The channel or user.
        var channel: String
        /// What was said.
        var text: String
    }

    /// What holds a request until the test lets it go on.
    struct Hold: Sendable {
        /// Opens when a request has come.
        let arrived = Latch<Void>()
        /// Lets the requests go on.
        let released = Latch<Void>()
    }

    /// How Slack answers.
    enum Reply: Sendable {
        /// It has the message.
        case ok
        /// It refuses the message, with a code.
        case refuse(String)
        /// It answers with a status and header fields.
        case status(Int, [String: String] = [:])
        /// It waits before it takes the message.
        case holdBefore(Hold)
        /// It takes the message, and waits before it says so.
        case holdBehind(Hold)
    }

    /// How the index is answered.
    enum IndexReply: Sendable {
        /// With the papers.
        case papers
        /// With this text.
        case text(String)
        /// With a status.
        case status(Int)
        /// Not before the test says so.
        case hold(Hold)
    }

    /// Everything that happened, and what happens next.
    struct State: Sendable {
        /// What Slack has.
        var posts: [Post] = []
        /// How often Slack was called.
        var slackCalls = 0
        /// What it was shown.
        var tokens: Set<String> = []
        /// How it answers next; then as ``slackReply`` says.
        var nextReplies: [Reply] = []
        /// How it answers.
        var slackReply = Reply.ok
        /// The entries of the index.
        var papers: [String: [String: String]] = [:]
        /// How it is answered.
        var indexReply = IndexReply.papers
        /// How often it was asked for.
        var indexCalls = 0
        /// How often nothing new was answered.
        var unchanged = 0
        /// The drafts that are there.
        var drafts: Set<String> = []
        /// What is answered in the place of that.
        var draftStatus: Int?
        /// The drafts that were asked for.
        var draftCalls: [String] = []
        /// How many requests for drafts are in hand.
        var draftsInHand = 0
        /// The most that ever were.
        var draftsInHandMax = 0
        /// What holds them, if something does.
        var draftHolds: [Latch<Void>]?
    }

    /// What happened.
    let state = Watched(State())
    /// What serves it.
    private let service = Mutex<HTTPService?>(nil)

    /// Where it is.
    var url: String { "http://127.0.0.1:\(service.withLock { $0 }?.localAddress?.port ?? 0)" }
    /// What Slack has.
    var posts: [Post] { state.value.posts }

    /// What a channel has, in its order.
    func texts(in channel: String) -> [String] { posts.filter { $0.channel == channel }.map(\.text) }

    /// Puts a paper into the index.
    func publish(
        _ id: String, _ title: String = "A title", by authors: String = "Somebody", on date: String = "2026-01-01"
    ) { publish([Paper(id: id, title: title, authors: [authors], date: date)]) }

    /// Puts papers into the index, all in one instant: one poll finds them.
    func publish(_ papers: [Paper]) {
        state.change { state in
            for paper in papers {
                state.papers[paper.id] = [
                    "type": "paper", "title": paper.title, "author": paper.authors.joined(separator: ", "),
                    "date": paper.date, "link": "https://wg21.link/\(paper.id.lowercased())", "subgroup": "LWG",
                ]
            }
        }
    }

    /// Runs the server around a test.
    func run(_ body: @Sendable () async throws -> Void) async throws {
        var logger = Logger(label: "town")
        logger.logLevel = .critical
        let server = HTTPService(
            Application(router: router(), logger: logger), listener: .hostname("127.0.0.1", port: 0))
        service.withLock { $0 = server }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            try await server.waitUntilReady()
            // A bot that is killed leaves its calls behind: the server ends without waiting for them.
            defer { group.cancelAll() }
            try await body()
        }
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.post("api/chat.postMessage") { [self] request, _ in try await slack(request) }
        router.get("index.json") { [self] request, _ in try await index(request) }
        router.head("drafts/{file}") { [self] _, context in try await draft(try context.parameters.require("file")) }
        return router
    }

    // MARK: Slack

    private func slack(_ request: Request) async throws -> Response {
        let body = try await request.body.collect(upTo: 1_000_000)
        let post = try JSONDecoder().decode(Post.self, from: Data(body.readableBytesView))
        let reply = state.change { state in
            state.slackCalls += 1
            state.tokens.insert(request.headers[.authorization] ?? "none")
            return state.nextReplies.isEmpty ? state.slackReply : state.nextReplies.removeFirst()
        }
        switch reply {
        case .ok: state.change { $0.posts.append(post) }
        case .refuse(let code): return Self.json("{\"ok\":false,\"error\":\"\(code)\"}")
        case .status(let status, let headers): return Self.response(status, headers)
        case .holdBefore(let hold):
            hold.arrived.open()
            try await hold.released.wait()
            state.change { $0.posts.append(post) }
        case .holdBehind(let hold):
            state.change { $0.posts.append(post) }
            hold.arrived.open()
            try await hold.released.wait()
        }
        return Self.json("{\"ok\":true}")
    }

    // MARK: the index

    private func index(_ request: Request) async throws -> Response {
        let reply = state.change { state in
            state.indexCalls += 1
            return state.indexReply
        }
        switch reply {
        case .papers: break
        case .text(let text): return Self.json(text)
        case .status(let status): return Self.response(status, [:])
        case .hold(let hold):
            hold.arrived.open()
            try await hold.released.wait()
        }
        let papers = state.value.papers
        let etag = "\"\(papers.keys.sorted().joined(separator: "-"))\""
        if request.headers[.ifNoneMatch] == etag {
            state.change { $0.unchanged += 1 }
            return Response(status: .notModified)
        }
        var response = Self.json(String(decoding: try JSONEncoder().encode(papers), as: UTF8.self))
        response.headers[.eTag] = etag
        return response
    }

    // MARK: drafts

    private func draft(_ file: String) async throws -> Response {
        let hold = state.change { state -> Latch<Void>? in
            state.draftCalls.append(file)
            state.draftsInHand += 1
            state.draftsInHandMax = max(state.draftsInHandMax, state.draftsInHand)
            guard state.draftHolds != nil else { return nil }
            let latch = Latch<Void>()
            state.draftHolds?.append(latch)
            return latch
        }
        defer { state.change { $0.draftsInHand -= 1 } }
        try await hold?.wait()
        let (drafts, status) = (state.value.drafts, state.value.draftStatus)
        return Self.response(status ?? (drafts.contains(file) ? 200 : 404), [:])
    }

    // MARK: answers

    private static func response(_ status: Int, _ headers: [String: String]) -> Response {
        var response = Response(status: .init(code: status))
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { response.headers[name] = value }
        }
        return response
    }

    private static func json(_ text: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
