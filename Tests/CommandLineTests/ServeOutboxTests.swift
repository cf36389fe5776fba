import Foundation
import HTTPTypes
import Hummingbird
import LastCall
import LastCallConcurrency
import LastCallHTTP
import LastCallTesting
import Logging
import Testing

/// `lastcall serve` with schedules and an outbox, over a real store, with real signals and a real endpoint.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ServeOutboxTests {
    /// An endpoint that remembers what it was sent, and can hang and fail.
    private final class Endpoint: Sendable {
        /// What is behind the lock.
        private struct State {
            var bodies: [String] = []
            var keys: [String] = []
            var authorizations: Set<String?> = []
            var status = 200
            var waiting: [(count: Int, latch: Latch<Void>)] = []
        }

        private let state = Mutex(State())
        private let service = Mutex<HTTPService?>(nil)
        /// Requests wait here while it is set.
        let hold = Mutex<Latch<Void>?>(nil)
        /// Opens when a request is held.
        let isHolding = Latch<Void>()

        var bodies: [String] { state.withLock { $0.bodies } }
        var keys: [String] { state.withLock { $0.keys } }
        var authorizations: Set<String?> { state.withLock { $0.authorizations } }
        var url: String { "http://127.0.0.1:\(service.withLock { $0 }?.localAddress?.port ?? 0)/secret-path" }

        func answer(_ status: Int) { state.withLock { $0.status = status } }

        /// Waits until so many were delivered.
        func reach(_ count: Int) async throws {
            let latch = Latch<Void>()
            let isThere = state.withLock { state in
                state.waiting.append((count, latch))
                return state.bodies.count >= count
            }
            if !isThere { try await latch.wait() }
        }

        func run(_ body: @Sendable () async throws -> Void) async throws {
            var logger = Logger(label: "endpoint")
            logger.logLevel = .critical
            let router = Router()
            router.post("secret-path") { [self] request, _ in
                let text = String(buffer: try await request.body.collect(upTo: 1 << 20))
                if let hold = hold.withLock({ $0 }) {
                    isHolding.open()
                    try await hold.wait()
                }
                let key = request.headers[HTTPField.Name("Idempotency-Key")!] ?? ""
                let authorization = request.headers[.authorization]
                let (status, reached) = state.withLock { state -> (Int, [Latch<Void>]) in
                    state.authorizations.insert(authorization)
                    if state.status < 300 {
                        state.bodies.append(text)
                        state.keys.append(key)
                    }
                    return (state.status, state.waiting.filter { $0.count <= state.bodies.count }.map(\.latch))
                }
                for latch in reached { latch.open() }
                return Response(status: .init(code: status))
            }
            let server = HTTPService(
                Application(router: router, logger: logger), listener: .hostname("127.0.0.1", port: 0))
            service.withLock { $0 = server }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                try await server.waitUntilReady()
                defer { group.cancelAll() }
                try await body()
            }
        }
    }

    private static let tasks = """
        good: {command: [echo, "{x}"], notify: {through: hooks, to: ops}}
        bad: {command: [sh, -c, "exit 3"], notify: {through: hooks, to: ops, on: failed}}
        quiet: {command: ["true"], notify: {through: hooks, to: ops, on: [failed, partial]}}
        plain: {command: ["true"]}
        """
    private static let outbox =
        "grace: 20s\nconcurrency: 4\noutbox: {hooks: {type: http, endpoints: {ops: {urlEnv: OPS_URL}}}}\n"

    @Test("C25 an end is told of once, with its outcome, for a task and for a whole workflow") func notifies()
        async throws
    {
        let endpoint = Endpoint()
        try await endpoint.run {
            let folder = try ServeFolder(
                Self.tasks,
                root: Self.outbox.replacingOccurrences(of: "OPS_URL}", with: "OPS_URL, authorizationFile: auth}"))
            try folder.folder.write("Bearer of-news\n", to: "auth")
            let program = try await folder.serve([], ["OPS_URL": endpoint.url])
            let good = try await folder.submit(["good", "x=1"])[0]
            try await endpoint.reach(1)
            let bad = try await folder.submit(["bad"])[0]
            try await endpoint.reach(2)
            _ = try await folder.submit(["quiet", "--wait"])
            let flow = try folder.folder.write(
                "chain: [{task: plain}, {group: [{task: plain}, {command: [sh, -c, \"exit 4\"]}]}]\nnotify: {through: hooks, to: ops}\n",
                to: "flow.yml")
            let ids = try await folder.submit([flow])
            #expect(ids.count == 3)
            try await endpoint.reach(3)
            let bodies = try endpoint.bodies.map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            #expect(bodies[0]["text"] as? String == "good is complete (job \(good))")
            #expect(bodies[1]["text"] as? String == "bad failed (job \(bad)): exit code 3")
            #expect(bodies[2]["outcome"] as? String == "failed")
            #expect(bodies[2]["counts"] as? [String: Int] == ["succeeded": 2, "failed": 1])
            #expect(Set(endpoint.keys).count == 3)
            #expect(endpoint.authorizations == ["Bearer of-news"])
            program.signal(SIGTERM)
            #expect(try await program.exit() == ExitCode.clean)
            #expect(endpoint.bodies.count == 3)
        }
    }

    @Test(
        "P19 B3 SIGTERM and SIGKILL while the endpoint hangs: what waits is kept, and arrives in order after the restart"
    )
    func keeps() async throws {
        let endpoint = Endpoint()
        try await endpoint.run {
            endpoint.hold.withLock { $0 = Latch() }
            let folder = try ServeFolder(
                Self.tasks, root: Self.outbox.replacingOccurrences(of: "grace: 20s", with: "grace: 12s"))
            // A tenth of its time is for being cancelled.
            let budgets = [
                "LASTCALL_BUDGET_WORK": "2s", "LASTCALL_BUDGET_OUTBOX": "8s", "LASTCALL_RESERVE": "600ms",
            ]
            let program = try await folder.serve([], budgets.merging(["OPS_URL": endpoint.url]) { $1 })
            var ids: [String] = []
            for number in 1...3 {
                ids += try await folder.submit(["good", "x=\(number)"])
                #expect(try await folder.follow(ids[number - 1]).exit() == 0)
                // The messages are accepted in the order of the ends that they tell of.
                try await folder.until { status in
                    let lanes = status["lanes"] as? [[String: Any]] ?? []
                    return lanes.first?["depth"] as? Int == number
                }
            }
            let jobs = ids
            try await endpoint.isHolding.wait()
            program.signal(SIGTERM)
            #expect(try await program.exit() == ExitCode.clean)
            let receipt = try folder.receipt()
            #expect(receipt.stages.first { $0.name == "outbox" }?.members[0].kept == 3)
            #expect(receipt.totals.unaccounted == 0)
            let second = try await folder.serve([], ["OPS_URL": endpoint.url])
            second.signal(SIGKILL)
            _ = try await second.exit()
            endpoint.hold.withLock { hold in
                hold?.open()
                hold = nil
            }
            let third = try await folder.serve([], ["OPS_URL": endpoint.url])
            while Set(endpoint.keys).count < 3 { await Task.yield() }
            third.signal(SIGTERM)
            #expect(try await third.exit() == ExitCode.clean)
            // At least once, and never out of order.
            var order: [String] = []
            for body in endpoint.bodies {
                let job = try #require(jobs.first { body.contains("(job \($0))") })
                if !order.contains(job) { order.append(job) }
            }
            #expect(order == jobs)
        }
    }

    @Test("C5 an end that the stop itself brings is told of in the same stop") func evicted() async throws {
        let endpoint = Endpoint()
        try await endpoint.run {
            let folder = try ServeFolder(
                "long: {command: [sh, -c, \"echo one; while :; do sleep 0.05; done\"], notify: {through: hooks, to: ops}}",
                root: Self.outbox)
            let program = try await folder.serve([], ["OPS_URL": endpoint.url])
            let id = try await folder.submit(["long"])[0]
            try await folder.follow(id).line("one")
            program.signal(SIGTERM)
            #expect(try await program.exit() == ExitCode.clean)
            #expect(endpoint.bodies.count == 1)
            #expect(endpoint.bodies.first?.contains("long ended partial (job \(id))") == true)
            #expect(try folder.receipt().totals.kept == 0)
            #expect(try folder.receipt().totals.unaccounted == 0)
        }
    }

    @Test("P22b ends are told in their order, also those that came while the destination was down, whatever else waits")
    func orderAfterOutage() async throws {
        let endpoint = Endpoint()
        try await endpoint.run {
            endpoint.answer(503)
            let root = Self.outbox.replacingOccurrences(of: "concurrency: 4", with: "concurrency: 1")
            let folder = try ServeFolder(Self.tasks, root: root)
            let first = try await folder.serve([], ["OPS_URL": endpoint.url])
            let ids = try await folder.submit(["good", "--each", "x"] + (0..<12).map { "\($0)" })
            try await folder.until { ($0["lanes"] as? [[String: Any]])?.first?["depth"] as? Int == 12 }
            first.signal(SIGTERM)
            #expect(try await first.exit() == ExitCode.clean)
            #expect(try folder.receipt().totals.kept == 12)
            endpoint.answer(200)
            let second = try await folder.serve([], ["OPS_URL": endpoint.url])
            second.signal(SIGTERM)
            #expect(try await second.exit() == ExitCode.clean)
            let told = endpoint.bodies.compactMap { body in ids.first { body.contains("(job \($0))") } }
            #expect(told == ids)
        }
    }

    @Test("P22d no task is given the variables that hold the outbox's secrets") func hiddenVariables() async throws {
        let folder = try ServeFolder(
            "dump: {command: [env]}",
            root: Self.outbox.replacingOccurrences(of: "OPS_URL}", with: "OPS_URL, authorizationEnv: OPS_AUTH}"))
        let program = try await folder.serve(
            [], ["OPS_URL": "http://127.0.0.1:1/secret-path", "OPS_AUTH": "Bearer secret", "OTHER": "seen"])
        for submission in [["dump"], ["--", "env"]] {
            let id = try await folder.submit(submission)[0]
            #expect(try await folder.follow(id).exit() == 0)
            let output = try await folder.run(["output", id]).output
            #expect(output.contains("OTHER=seen"))
            #expect(!output.contains("OPS_"))
            #expect(!output.contains("secret"))
        }
        program.signal(SIGTERM)
        #expect(try await program.exit() == ExitCode.clean)
    }

    @Test("P18 status shows a destination that keeps failing, what waits for it, and the schedules") func status()
        async throws
    {
        let endpoint = Endpoint()
        try await endpoint.run {
            endpoint.answer(503)
            let root = Self.outbox + "schedules: {nightly: {cron: \"30 2 * * *\", zone: UTC, task: plain}}\n"
            let folder = try ServeFolder(Self.tasks, root: root)
            let program = try await folder.serve([], ["OPS_URL": endpoint.url])
            _ = try await folder.submit(["good", "x=1", "--wait"])
            try await folder.until { status in
                let lanes = status["lanes"] as? [[String: Any]] ?? []
                return lanes.first?["lane"] as? String == "hooks/ops" && (lanes.first?["failures"] as? Int ?? 0) > 0
            }
            let text = try await folder.run(["status"]).output
            #expect(text.contains("hooks/ops"))
            #expect(text.contains("nightly"))
            #expect(text.contains("02:30:00"))
            #expect(!text.contains("secret-path"))
            program.signal(SIGTERM)
            #expect(try await program.exit() == ExitCode.clean)
            #expect(try folder.receipt().totals.kept == 1)
        }
    }

    @Test("several workers with the same schedule submit each tick once") func schedules() async throws {
        let folder = try ServeFolder(
            Self.tasks,
            root:
                "grace: 20s\nconcurrency: 4\nschedules: {often: {every: 1s, task: plain, overlap: allow}}\noutbox: {hooks: {type: http, endpoints: {ops: \"http://127.0.0.1:1\"}}}\n"
        )
        let programs = [try await folder.serve(), try await folder.serve()]
        try await folder.until { status in
            ((status["counts"] as? [String: Int])?["succeeded"] ?? 0) >= 3
        }
        for program in programs { program.signal(SIGTERM) }
        for program in programs { #expect(try await program.exit() == ExitCode.clean) }
        let jobs = try await folder.json(["list", "--limit", "1000"])["jobs"] as? [[String: Any]] ?? []
        let keys = jobs.compactMap { $0["key"] as? String }
        #expect(keys.count >= 3)
        #expect(Set(keys).count == keys.count)
        #expect(keys.allSatisfy { $0.hasPrefix("often@") })
    }

    @Test("P22d a secret that is missing ends the start with its name and 78, and is never printed")
    func missingSecrets() async throws {
        for (root, words, environment) in [
            (Self.outbox, "outbox.hooks.endpoints.ops.urlEnv: the variable OPS_URL is not set", [:]),
            (Self.outbox, "endpoint \"ops\"", ["OPS_URL": "no-url-secret"]),
            // Every one that is missing is named.
            (
                Self.outbox.replacingOccurrences(
                    of: "outbox: {", with: "outbox: {slack: {type: slack, tokenEnv: TOKEN}, "),
                "outbox.slack.tokenEnv: the variable TOKEN is not set", [:]
            ),
            (
                Self.outbox.replacingOccurrences(
                    of: "outbox: {", with: "outbox: {slack: {type: slack, tokenEnv: TOKEN}, "),
                "outbox.hooks.endpoints.ops.urlEnv: the variable OPS_URL is not set", [:]
            ),
            (
                Self.outbox.replacingOccurrences(of: "{urlEnv: OPS_URL}", with: "{urlFile: missing}"),
                "outbox.hooks.endpoints.ops.urlFile:", [:]
            ),
        ] as [(String, String, [String: String])] {
            let other = try ServeFolder(Self.tasks, root: root)
            let program = try other.start(["serve", other.path("lastcall.yml")], environment)
            #expect(try await program.exit() == ExitCode.configuration)
            let errors = program.output
            #expect(errors.contains(words), "\(errors)")
            #expect(!errors.contains("secret"))
            #expect(!FileManager.default.fileExists(atPath: other.path("state")))
        }
    }
}

extension ServeFolder {
    /// Looks at the status until it satisfies a condition.
    func until(_ condition: ([String: Any]) -> Bool) async throws {
        for _ in 0..<600 {
            if condition(try await json(["status"])) { return }
        }
        throw ProgramUnderTest.Failure(description: "the status never came to be so")
    }
}
