import AsyncHTTPClient
import Crypto
import FoundationEssentials
import LastCall
import LastCallConcurrency
import LastCallTesting
import NIOCore
import NIOHTTP1
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Where one test's bot lives: its folder, its ports and its town.
struct ScoutHome {
    /// What Slack signs with.
    static let secret = "a-secret-that-nobody-knows"
    /// What the bot shows Slack.
    static let token = "xoxb-token-of-the-bot"

    /// Where its state is.
    let folder: ScratchDirectory
    /// What it talks to.
    let town: Town
    /// Where it takes commands; probes are on the next one.
    let port: Int

    /// Below the ephemeral range, two for each test.
    private static let nextPort = Mutex(16_700)

    init(_ town: Town) throws {
        folder = try ScratchDirectory()
        self.town = town
        port = Self.nextPort.withLock { port in
            port += 2
            return port
        }
    }

    /// What the bot is told.
    func environment(_ more: [String: String] = [:]) -> [String: String] {
        [
            "SLACK_TOKEN": Self.token, "SLACK_SIGNING_SECRET": Self.secret, "SLACK_API_URL": town.url + "/api",
            "INDEX_URL": town.url + "/index.json", "DRAFT_URL_TEMPLATE": "off", "POLL_INTERVAL": "1s",
            "PORT": "\(port)", "PROBE_PORT": "0", "STATE_FOLDER": folder.path + "/state",
            "LASTCALL_RECEIPT": folder.path + "/receipt.json",
        ].merging(more) { $1 }
    }

    /// Starts the bot and waits until it takes commands.
    func start(_ more: [String: String] = [:]) async throws -> ProgramUnderTest {
        let bot = try ProgramUnderTest(BuiltProgram.path("PaperScout"), environment: environment(more))
        try await bot.line("ready")
        return bot
    }

    /// Starts the bot, and waits until it has looked at the index once.
    func startAndPoll(_ more: [String: String] = [:]) async throws -> ProgramUnderTest {
        let bot = try await start(more)
        try await bot.line("poll ended")
        return bot
    }

    /// Ends the bot, expects that everything was accounted for, and returns the receipt.
    @discardableResult
    func stop(_ bot: ProgramUnderTest, with signal: Int32 = SIGTERM) async throws -> Receipt {
        bot.signal(signal)
        return try await receipt(of: bot)
    }

    /// Waits for the bot's end, expects that everything was accounted for, and returns the receipt.
    @discardableResult
    func receipt(of bot: ProgramUnderTest) async throws -> Receipt {
        #expect(try await bot.exit() == 0, "\(bot.output)")
        let receipt = try Receipt(json: Data(contentsOf: URL(filePath: folder.path + "/receipt.json")))
        #expect(receipt.outcome == .clean)
        #expect(receipt.totals.cut == 0)
        #expect(receipt.totals.unaccounted == 0)
        for secret in [Self.secret, Self.token] { #expect(!bot.output.contains(secret)) }
        return receipt
    }

    /// Kills the bot.
    func kill(_ bot: ProgramUnderTest) async throws {
        bot.signal(SIGKILL)
        #expect(try await bot.exit() == -SIGKILL)
    }

    // MARK: commands

    /// Tells two commands apart.
    private static let nextTrigger = Mutex(0)

    /// The body of a command.
    static func form(_ text: String, from channel: String = "C1", user: String = "U1") -> String {
        let name = channel.hasPrefix("D") ? "directmessage" : "papers"
        // Slack gives each command a trigger of its own, so that no two requests are the same.
        let trigger = nextTrigger.withLock { trigger in
            trigger += 1
            return trigger
        }
        return "channel_id=\(channel)&channel_name=\(name)&user_id=\(user)&command=%2Fscout&trigger_id=\(trigger)&text="
            + text.split(separator: " ").joined(separator: "+")
    }

    /// The signature of a body at a time.
    static func signature(_ body: String, at seconds: Int, secret: String = Self.secret) -> String {
        let key = SymmetricKey(data: Array(secret.utf8))
        return "v0="
            + HMAC<SHA256>.authenticationCode(for: Array("v0:\(seconds):\(body)".utf8), using: key)
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Posts a command as Slack does, or as somebody who is not Slack.
    func post(_ body: String, at seconds: Int = time(nil), signature: String? = nil) async throws -> (Int, String) {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/slack/command")
        request.method = .POST
        request.headers = [
            "Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": "\(seconds)",
            "X-Slack-Signature": signature ?? Self.signature(body, at: seconds),
        ]
        request.body = .bytes(ByteBuffer(string: body))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        return (Int(response.status.code), String(buffer: try await response.body.collect(upTo: 100_000)))
    }

    /// What the bot answers to a command.
    @discardableResult
    func command(_ text: String, from channel: String = "C1", user: String = "U1") async throws -> String {
        let (status, answer) = try await post(Self.form(text, from: channel, user: user))
        #expect(status == 200, "\(answer)")
        let fields = try JSONDecoder().decode([String: String].self, from: Data(answer.utf8))
        #expect(fields["response_type"] == "ephemeral")
        return fields["text"] ?? ""
    }

    /// Asks a probe.
    func probe(_ path: String) async throws -> (Int, String) {
        let request = HTTPClientRequest(url: "http://127.0.0.1:\(port + 1)/\(path)")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        return (Int(response.status.code), String(buffer: try await response.body.collect(upTo: 100_000)))
    }
}

extension Receipt {
    /// A member of any stage.
    func member(_ name: String) -> Member? { stages.flatMap(\.members).first { $0.name == name } }
}
