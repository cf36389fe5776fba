import Hummingbird
import HummingbirdCore
import LastCall
import LastCallHTTP
import LastCallWork
import Logging
import NIOCore
import ServiceLifecycle

/// The HTTP API of `serve`: what the verbs do, over a socket.
struct ServeAPI: Sendable {
    /// What acts on the store.
    let work: WorkClient
    /// The tasks.
    let configuration: WorkConfiguration
    /// The token, where one is needed.
    let token: String?
    /// Whether commands may be submitted, and not only tasks.
    let takesCommands: Bool
    /// Whether requests have to name this machine.
    let checksHost: Bool

    /// The size of a submission in bytes.
    static let bodySizeMax = 4 * 1024 * 1024
    /// How many jobs are listed at most.
    private static let listMax = 1000

    /// The routes, from the table that the document is made of.
    func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.middlewares.add(APIErrors())
        router.middlewares.add(APIGuard(token: token.map { Array($0.utf8) }, checksHost: checksHost))
        for route in APIRoute.allCases {
            let path = RouterPath(route.path)
            let method: HTTPRequest.Method = route.method == "POST" ? .post : .get
            router.on(path, method: method) { request, context in
                try await answer(route, request, context)
            }
        }
        return router
    }

    private func answer(_ route: APIRoute, _ request: Request, _ context: BasicRequestContext) async throws -> Response
    {
        try check(request.uri.queryParameters, of: route)
        return switch route {
        case .submit: try await submit(request)
        case .list: try await list(request)
        case .show: try await show(try id(context), request)
        case .output: try await output(try id(context), request)
        case .cancel: try await act(.cancel, on: try id(context))
        case .retry: try await act(.retry, on: try id(context))
        case .document: Self.json(.ok, text: OpenAPIDocument.text)
        }
    }

    /// Whoever misspells a filter would act on more than he meant.
    private func check(_ query: FlatDictionary<Substring, Substring>, of route: APIRoute) throws {
        for (key, _) in query {
            let name = String(key)
            guard let known = route.query.first(where: { $0.name == name }) else {
                let names = route.query.map(\.name).joined(separator: ", ")
                throw APIError(
                    .badRequest,
                    "\(name.prefix(40)) is no parameter here; there are \(names.isEmpty ? "none" : names)")
            }
            guard known.type == "array" || query.filter({ $0.key == key }).count == 1 else {
                throw APIError(.badRequest, "\(name) is there twice; write it once")
            }
        }
    }

    // MARK: Submitting

    private func submit(_ request: Request) async throws -> Response {
        let kind = request.headers[.contentType]?.lowercased().prefix { $0 != ";" }
        guard kind == "application/json" else {
            throw APIError(.unsupportedMediaType, "send the job as JSON, with Content-Type: application/json")
        }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Self.bodySizeMax)
        } catch is NIOTooManyBytesError {
            throw APIError(.contentTooLarge, "the body is larger than \(Self.bodySizeMax) bytes; submit it in parts")
        }
        let bytes = Array(body.readableBytesView)
        guard case .object = AnyJSON(bytes) else {
            throw APIError(
                .badRequest,
                #"the body is no JSON object; send one as in {"task": "hash", "arguments": {"path": "a.iso"}}"#)
        }
        let flow = try WorkflowFile(InputFile(name: "the body", bytes: YAMLText.bytes(ofJSON: bytes), wanted: "a job"))
        guard takesCommands || !flow.root.hasCommand else {
            throw APIError(
                .forbidden, "commands can be submitted over a unix socket or with a token; without one, submit a task")
        }
        let submission = SubmitRequest(flow)
        try submission.validate(with: configuration)
        let drafting = JobDrafting(configuration: configuration, directory: configuration.directory.path)
        return Self.json(.created, try await Submitted(submission, drafting, work).json())
    }

    // MARK: Looking

    private func list(_ request: Request) async throws -> Response {
        let query = request.uri.queryParameters
        let limit = try number(query["limit"], "limit", in: 1...Self.listMax) ?? 20
        let states = try query.getAll("state").map { name in
            guard let state = WorkState(name: String(name)) else {
                throw APIError(
                    .badRequest,
                    "state \(name) is no state; there are \(WorkState.allCases.map(\.description).joined(separator: ", "))"
                )
            }
            return state
        }
        let tasks = query.getAll("task").map { String($0) }
        let queues = query.getAll("queue").map { String($0) }
        let found = try await work.store.records(
            WorkQuery(
                states: states.isEmpty ? nil : Set(states), kinds: tasks.isEmpty ? nil : Set(tasks),
                queues: queues.isEmpty ? nil : Set(queues),
                workflow: try query["workflow"].map { try Self.id(String($0)) }, newestFirst: true, limit: limit + 1))
        let shown = found.prefix(limit).map(RecordJSON.init)
        return Self.json(.ok, ListCommand.JSON(jobs: shown, more: found.count > limit))
    }

    private func show(_ id: WorkID, _ request: Request) async throws -> Response {
        let lines = try number(request.uri.queryParameters["lines"], "lines", in: 0...10_000) ?? 10
        return Self.json(.ok, RecordDetailsJSON(try await RecordDetails(of: id, work, linesMax: lines)))
    }

    private func output(_ id: WorkID, _ request: Request) async throws -> Response {
        let query = request.uri.queryParameters
        let follows = try flag(query["follow"], "follow")
        let isAll = try flag(query["all"], "all")
        let source: WorkLine.Source =
            switch query["source"].map({ String($0) }) ?? "output" {
            case "output": .output
            case "error": .error
            case let other: throw APIError(.badRequest, "source=\(other): write output or error")
            }
        // Asked first, so that what is not there is a 404 and no broken stream.
        _ = try await work.record(id)
        let pages = work.outputPages(of: id, from: isAll ? .start : nil, follows: follows)
        return Response(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                guard follows else {
                    try await Self.write(pages, source, to: &writer)
                    return try await writer.finish(nil)
                }
                // Whoever follows a quiet job and leaves would otherwise be waited for until the job writes.
                try await request.body.consumeWithCancellationOnInboundClose { _ in
                    try await Self.write(pages, source, to: &writer)
                }
                try await writer.finish(nil)
            })
    }

    private static func write(
        _ pages: OutputPages, _ source: WorkLine.Source, to writer: inout any ResponseBodyWriter
    ) async throws {
        for try await page in pages.endingOnShutdown() {
            var buffer = ByteBuffer()
            for line in page.lines where line.source == source {
                buffer.writeBytes(line.bytes)
                buffer.writeInteger(0x0A as UInt8)
            }
            if buffer.readableBytes > 0 { try await writer.write(buffer) }
        }
    }

    // MARK: Acting

    /// What `cancel` and `retry` answer.
    private struct Action: Encodable {
        let version = 1
        let id: Int64
        let done: String

        private enum CodingKeys: CodingKey { case version, id, done }
    }

    private func act(_ action: ActionText.Action, on id: WorkID) async throws -> Response {
        let result = action == .cancel ? try await work.cancel([id]) : try await work.retry([id])
        let refusals = ActionText.refusals(result, action, in: work.store.traits.name)
        if let refusal = refusals.first {
            throw APIError(result.missing.isEmpty ? .conflict : .notFound, refusal)
        }
        let done = result.asked.isEmpty ? (action == .cancel ? "cancelled" : "runs again") : "told to stop"
        return Self.json(.ok, Action(id: id.rawValue, done: done))
    }

    // MARK: Reading and writing

    private func id(_ context: BasicRequestContext) throws -> WorkID {
        try Self.id(try context.parameters.require("id"))
    }

    private static func id(_ text: String) throws -> WorkID {
        guard let id = WorkID(text) else {
            throw APIError(
                .badRequest, "\"\(text.prefix(40))\" is no job's id; write the number that submitting answers")
        }
        return id
    }

    private func number(_ text: Substring?, _ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw APIError(.badRequest, "\(name): write a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private func flag(_ text: Substring?, _ name: String) throws -> Bool {
        switch text {
        case nil, "false": false
        case "true", "": true
        case .some: throw APIError(.badRequest, "\(name): write true or false")
        }
    }

    private static func json(_ status: HTTPResponse.Status, _ value: some Encodable) -> Response {
        json(status, text: JSONText.encode(value))
    }

    private static func json(_ status: HTTPResponse.Status, text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text + "\n")))
    }
}

extension WorkflowFile.Element {
    /// Whether a command is among its jobs.
    var hasCommand: Bool {
        switch self {
        case .task: false
        case .command: true
        case .chain(let elements): elements.contains(where: \.hasCommand)
        case .group(let group): group.members.contains(where: \.hasCommand) || group.callback?.hasCommand == true
        }
    }
}
