import AsyncHTTPClient
import Crypto
import FoundationEssentials
import LastCall
import LastCallConcurrency
import LastCallTesting
import NIOCore
import NIOHTTP1
import Testing

@testable import Snekomatic

#if canImport(Glibc)
    import Glibc
#endif

/// The bot as a real process, with real signals, against a local server that speaks GitHub's API.
@Suite(.timeLimit(.minutes(2))) struct BotTests {
    private static let secret = "a secret that nobody knows"

    /// Where one test's bot lives.
    private struct Home {
        let folder: ScratchDirectory
        let gitHub: LocalGitHub
        let port: Int

        /// Below the ephemeral range, one for each test.
        private static let nextPort = Mutex(16_500)

        init(_ gitHub: LocalGitHub) throws {
            folder = try ScratchDirectory()
            self.gitHub = gitHub
            port = Self.nextPort.withLock { port in
                port += 1
                return port
            }
        }

        /// Starts the bot and waits until it takes webhooks.
        func start(_ more: [String: String] = [:]) async throws -> ProgramUnderTest {
            let bot = try ProgramUnderTest(
                BuiltProgram.path("Snekomatic"),
                environment: [
                    "GITHUB_WEBHOOK_SECRET": BotTests.secret, "GITHUB_TOKEN": "token-of-the-bot",
                    "GITHUB_API_URL": gitHub.url, "PORT": "\(port)", "PROBE_PORT": "0",
                    "STATE_FOLDER": folder.path + "/state", "LASTCALL_GRACE": "20s",
                    "LASTCALL_RECEIPT": folder.path + "/receipt.json",
                ].merging(more) { $1 })
            try await bot.line("ready")
            return bot
        }

        /// Posts a webhook.
        func post(_ body: String, event: String = "pull_request", signature: String? = nil) async throws -> (
            Int, String
        ) {
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/webhook/github")
            request.method = .POST
            request.headers = [
                "X-GitHub-Event": event, "Content-Type": "application/json",
                "X-Hub-Signature-256": signature ?? "sha256=" + BotTests.sign(body),
            ]
            request.body = .bytes(ByteBuffer(string: body))
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
            return (Int(response.status.code), String(buffer: try await response.body.collect(upTo: 100_000)))
        }
    }

    private static func sign(_ body: String) -> String {
        let key = SymmetricKey(data: Array(secret.utf8))
        return HMAC<SHA256>.authenticationCode(for: Array(body.utf8), using: key)
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func merged(_ login: String, action: String = "closed", isMerged: Bool = true, type: String = "User")
        -> String
    {
        """
        {"action":"\(action)","pull_request":{"number":7,"merged":\(isMerged),"user":{"login":"\(login)","type":"\(type)"}},\
        "repository":{"full_name":"python-trio/trio","owner":{"login":"python-trio","type":"Organization"}}}
        """
    }

    /// Ends the bot and expects that everything was accounted for.
    private func stop(_ bot: ProgramUnderTest) async throws {
        bot.signal(SIGTERM)
        #expect(try await bot.exit() == 0, "\(bot.output)")
    }

    private func expectWelcomedOnce(_ gitHub: LocalGitHub) {
        #expect(gitHub.done[.invite] == 1)
        #expect(gitHub.done[.comment] == 1)
        #expect(gitHub.comments.count == 1)
        #expect(gitHub.comments.first?.contains("@newcomer") == true)
    }

    /// Waits until the comment was written and its answer is out.
    private func waitForComment(_ gitHub: LocalGitHub) async throws {
        while gitHub.done[.comment] == nil { await Task.yield() }
    }

    @Test("S2 SIGTERM between invite and comment: both happen, before the process ends")
    func terminatedBetween() async throws {
        let gitHub = LocalGitHub()
        try await gitHub.run {
            let home = try Home(gitHub)
            let hold = gitHub.holdBefore(.comment)
            let bot = try await home.start()
            #expect(try await home.post(Self.merged("newcomer")).0 == 202)
            try await hold.arrived.wait()
            #expect(gitHub.done[.invite] == 1)
            #expect(gitHub.done[.comment] == nil)
            bot.signal(SIGTERM)
            try await bot.line("stop began")
            hold.released.open()
            #expect(try await bot.exit() == 0, "\(bot.output)")
            expectWelcomedOnce(gitHub)
        }
    }

    @Test("S17 S2 SIGKILL between invite and comment: the restart comments and does not invite again")
    func killedBetween() async throws {
        let gitHub = LocalGitHub()
        try await gitHub.run {
            let home = try Home(gitHub)
            let hold = gitHub.holdBefore(.comments)
            let first = try await home.start()
            #expect(try await home.post(Self.merged("newcomer")).0 == 202)
            try await hold.arrived.wait()
            first.signal(SIGKILL)
            #expect(try await first.exit() == -SIGKILL)
            hold.released.open()
            let second = try await home.start()
            try await waitForComment(gitHub)
            try await stop(second)
            expectWelcomedOnce(gitHub)
            #expect(gitHub.calls[.invite] == 1)
        }
    }

    @Test(
        "S17 SIGKILL in the middle of any step, before or behind what it does: after the restart each has happened once",
        arguments: [
            (LocalGitHub.Call.look, true), (.invite, true), (.invite, false), (.comment, true), (.comment, false),
        ])
    func killedInAStep(call: LocalGitHub.Call, isBefore: Bool) async throws {
        let gitHub = LocalGitHub()
        try await gitHub.run {
            let home = try Home(gitHub)
            let hold = isBefore ? gitHub.holdBefore(call) : gitHub.holdBehind(call)
            let first = try await home.start()
            #expect(try await home.post(Self.merged("newcomer")).0 == 202)
            try await hold.arrived.wait()
            first.signal(SIGKILL)
            #expect(try await first.exit() == -SIGKILL)
            let second = try await home.start()
            try await waitForComment(gitHub)
            try await stop(second)
            #expect(gitHub.comments.count == 1)
            // GitHub's invitation is a PUT: twice is once.
            #expect((gitHub.calls[.invite] ?? 0) <= 2)
            #expect(second.output.contains("unaccounted=0"))
        }
    }

    @Test("S17 failures, 429 with Retry-After and a secondary limit are waited out, and each thing happens once")
    func limits() async throws {
        let gitHub = LocalGitHub()
        try await gitHub.run {
            let home = try Home(gitHub)
            gitHub.answer(.invite, with: [.init(status: 429, headers: ["Retry-After": "0"])])
            gitHub.answer(.comment, with: [.init(status: 403, headers: ["Retry-After": "1"])])
            let bot = try await home.start()
            #expect(try await home.post(Self.merged("newcomer")).0 == 202)
            try await waitForComment(gitHub)
            try await stop(bot)
            expectWelcomedOnce(gitHub)
            #expect(gitHub.calls[.invite] == 2)
            #expect(gitHub.calls[.comment] == 2)
            // What was done before a failure is not done again.
            #expect(gitHub.calls[.look] == 1)
            #expect(gitHub.tokens == ["Bearer token-of-the-bot"])
            #expect(!bot.output.contains("token-of-the-bot"))
        }
    }

    @Test("S17 a limit is told from a refusal, and says how long to wait")
    func pauses() {
        func pause(_ status: UInt, _ headers: HTTPHeaders = [:], _ text: String = "") -> Duration? {
            GitHub.pause(status, headers, ByteBuffer(string: text))
        }
        #expect(pause(429) == GitHub.secondaryLimitPause)
        #expect(pause(429, ["Retry-After": "7"]) == .seconds(7))
        #expect(pause(429, ["Retry-After": "-7"]) == GitHub.secondaryLimitPause)
        #expect(pause(403, ["Retry-After": "0"]) == .zero)
        #expect(
            pause(403, [:], #"{"message":"You have exceeded a Secondary Rate Limit."}"#) == GitHub.secondaryLimitPause)
        #expect(pause(403, ["X-RateLimit-Remaining": "0"]) == GitHub.secondaryLimitPause)
        #expect(pause(403, ["X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"]) == .seconds(1))
        #expect(pause(403, ["X-RateLimit-Remaining": "12"], "Must have admin rights") == nil)
        #expect(pause(404, ["Retry-After": "7"]) == nil)
    }

    @Test("S16 wrong, missing and repeated signatures, other events and bodies that are none start nothing")
    func refused() async throws {
        let gitHub = LocalGitHub()
        try await gitHub.run {
            let home = try Home(gitHub)
            let bot = try await home.start()
            let body = Self.merged("newcomer")
            #expect(try await home.post(body, signature: "").0 == 401)
            #expect(try await home.post(body, signature: "sha256=" + Self.sign("else")).0 == 401)
            #expect(try await home.post("not JSON at all").0 == 400)
            #expect(try await home.post("{\"action\":\"closed\"}").0 == 400)
            #expect(try await home.post("{\"zen\":\"…\"}", event: "ping").0 == 200)
            #expect(try await home.post(Self.merged("newcomer", action: "opened")).1 == "ignored\n")
            #expect(try await home.post(Self.merged("newcomer", isMerged: false)).1 == "ignored\n")
            #expect(try await home.post(Self.merged("dependabot", type: "Bot")).1 == "ignored\n")
            #expect(gitHub.calls.isEmpty)
            #expect(try await home.post(body).0 == 202)
            try await waitForComment(gitHub)
            #expect(try await home.post(body).0 == 409)
            try await stop(bot)
            expectWelcomedOnce(gitHub)
            #expect(!bot.output.contains(Self.secret))
        }
    }

    @Test("whoever is a member is left alone, and whoever was welcomed is known after a restart")
    func members() async throws {
        let gitHub = LocalGitHub()
        gitHub.add(member: "veteran")
        try await gitHub.run {
            let home = try Home(gitHub)
            let first = try await home.start()
            #expect(try await home.post(Self.merged("veteran")).0 == 202)
            #expect(try await home.post(Self.merged("newcomer")).0 == 202)
            try await waitForComment(gitHub)
            try await stop(first)
            let second = try await home.start()
            #expect(try await home.post(Self.merged("newcomer")).1 == "known\n")
            try await stop(second)
            expectWelcomedOnce(gitHub)
        }
    }

    @Test("every variable is in the README with its default, and in .env.example")
    func documentedSettings() throws {
        let readme = try text("README.md")
        let example = try text(".env.example").split(separator: "\n").filter { !$0.hasPrefix("#") }
        for variable in Settings.variables {
            #expect(readme.contains("| `\(variable.name)` | \(variable.defaultValue) | \(variable.meaning) |"))
        }
        #expect(example.map(String.init) == Settings.variables.map { $0.name + "=" })
        // The defaults in the table are those of the code.
        let settings = try Settings(["GITHUB_WEBHOOK_SECRET": "s", "GITHUB_TOKEN": "t"])
        let defaults = Dictionary(uniqueKeysWithValues: Settings.variables.map { ($0.name, $0.defaultValue) })
        #expect(defaults["PORT"] == "\(settings.port)")
        #expect(defaults["PROBE_PORT"] == "\(settings.probePort)")
        #expect(defaults["GITHUB_API_URL"] == settings.apiURL)
        #expect(defaults["STATE_FOLDER"] == settings.stateFolder)
    }

    /// A file of the example.
    private func text(_ name: String) throws -> String {
        let folder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
        return try String(contentsOfFile: "\(folder)/Examples/Snekomatic/\(name)", encoding: .utf8)
    }

    @Test(
        "a setting that is missing or makes no sense is named, and a secret is never printed",
        arguments: [
            (["GITHUB_WEBHOOK_SECRET": ""], "GITHUB_WEBHOOK_SECRET is not set"),
            (["GITHUB_TOKEN": ""], "GITHUB_TOKEN is not set"), (["PORT": "http"], "PORT=http"),
            (["GITHUB_API_URL": "github"], "GITHUB_API_URL=github"),
            (["GITHUB_ORGANISATION": "../.."], "GITHUB_ORGANISATION=../.."),
            (["GITHUB_TOKEN": "t0ken\n"], "GITHUB_TOKEN has spaces"),
            (["PORT": "8081"], "PORT and PROBE_PORT are both 8081"),
        ] as [([String: String], String)])
    func settings(change: [String: String], words: String) {
        let good = ["GITHUB_WEBHOOK_SECRET": "s3cret", "GITHUB_TOKEN": "t0ken"]
        #expect(throws: Never.self) { _ = try Settings(good) }
        do {
            _ = try Settings(good.merging(change) { $1 })
            Issue.record("it was taken")
        } catch {
            #expect(error.description.contains(words))
            #expect(!error.description.contains("s3cret"))
        }
    }
}
