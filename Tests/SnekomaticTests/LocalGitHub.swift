import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import LastCall
import LastCallConcurrency
import LastCallHTTP
import Logging
import NIOCore

/// A server that speaks the part of GitHub's API that the bot uses, and can be slow, fail and limit.
final class LocalGitHub: Sendable {
    /// The calls there are.
    enum Call: String, Sendable, Hashable {
        case look, invite, comments, comment
    }

    /// What a call is answered instead of what it should be.
    struct Trouble: Sendable {
        /// The status.
        var status: Int
        /// Header fields.
        var headers: [String: String] = [:]
    }

    /// What holds a call until the test lets it go on.
    struct Hold: Sendable {
        /// Opens when the call has come, and has done what it does where it is held behind that.
        let arrived = Latch<Void>()
        /// Lets the call go on.
        let released = Latch<Void>()
    }

    /// What is behind the lock.
    private struct State {
        var members: Set<String> = []
        var commentTexts: [String] = []
        var calls: [Call: Int] = [:]
        var done: [Call: Int] = [:]
        var troubles: [Call: [Trouble]] = [:]
        var before: [Call: Hold] = [:]
        var behind: [Call: Hold] = [:]
        var tokens: Set<String> = []
    }

    private let state = Mutex(State())
    private let service = Mutex<HTTPService?>(nil)

    /// How often each call did what it does.
    var done: [Call: Int] { state.withLock { $0.done } }
    /// How often each call came.
    var calls: [Call: Int] { state.withLock { $0.calls } }
    /// What was written.
    var comments: [String] { state.withLock { $0.commentTexts } }
    /// What the bot showed.
    var tokens: Set<String> { state.withLock { $0.tokens } }
    /// Where it is.
    var url: String { "http://127.0.0.1:\(service.withLock { $0 }?.localAddress?.port ?? 0)" }

    /// Somebody is a member already.
    func add(member login: String) { state.withLock { _ = $0.members.insert(login) } }

    /// The next answers to a call.
    func answer(_ call: Call, with troubles: [Trouble]) { state.withLock { $0.troubles[call] = troubles } }

    /// Holds the next call before it does anything.
    func holdBefore(_ call: Call) -> Hold {
        let hold = Hold()
        state.withLock { $0.before[call] = hold }
        return hold
    }

    /// Holds the answer to the next call, behind what it does.
    func holdBehind(_ call: Call) -> Hold {
        let hold = Hold()
        state.withLock { $0.behind[call] = hold }
        return hold
    }

    /// Runs the server around a test.
    func run(_ body: @Sendable () async throws -> Void) async throws {
        var logger = Logger(label: "github")
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
        router.get("orgs/{org}/memberships/{login}") { [self] request, context in
            try await serve(.look, request) {
                let login = try context.parameters.require("login")
                let isMember = state.withLock { $0.members.contains(login) }
                return isMember ? Self.json("{\"state\":\"pending\"}") : Response(status: .notFound)
            }
        }
        router.put("orgs/{org}/memberships/{login}") { [self] request, context in
            try await serve(.invite, request) {
                let login = try context.parameters.require("login")
                state.withLock { _ = $0.members.insert(login) }
                return Self.json("{\"state\":\"pending\"}")
            }
        }
        router.get("repos/{owner}/{repo}/issues/{number}/comments") { [self] request, _ in
            try await serve(.comments, request) {
                let texts = state.withLock { $0.commentTexts }.map { ["body": $0] }
                return Self.json(String(decoding: try JSONEncoder().encode(texts), as: UTF8.self))
            }
        }
        router.post("repos/{owner}/{repo}/issues/{number}/comments") { [self] request, _ in
            let body = try await request.body.collect(upTo: 100_000)
            let text = try JSONDecoder().decode([String: String].self, from: Data(body.readableBytesView))["body"] ?? ""
            return try await serve(.comment, request) {
                state.withLock { $0.commentTexts.append(text) }
                return Self.json("{\"id\":1}", status: .created)
            }
        }
        return router
    }

    private func serve(
        _ call: Call, _ request: Request, _ work: () async throws -> Response
    ) async throws -> Response {
        let (trouble, before) = state.withLock { state -> (Trouble?, Hold?) in
            state.calls[call, default: 0] += 1
            state.tokens.insert(request.headers[.authorization] ?? "none")
            let trouble = state.troubles[call].flatMap { $0.isEmpty ? nil : $0[0] }
            if trouble != nil { state.troubles[call]?.removeFirst() }
            return (trouble, state.before.removeValue(forKey: call))
        }
        if let before {
            before.arrived.open()
            try await before.released.wait()
        }
        if let trouble {
            var response = Response(status: .init(code: trouble.status))
            for (name, value) in trouble.headers {
                if let name = HTTPField.Name(name) { response.headers[name] = value }
            }
            return response
        }
        let response = try await work()
        let behind = state.withLock { state -> Hold? in
            state.done[call, default: 0] += 1
            return state.behind.removeValue(forKey: call)
        }
        if let behind {
            behind.arrived.open()
            try await behind.released.wait()
        }
        return response
    }

    private static func json(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
