import FoundationEssentials
import LastCall
import LastCallTesting
import Logging
import Testing

@testable import PaperScout

@Suite struct SettingsTests {
    /// What has to be there.
    private static let good = ["SLACK_TOKEN": "t0ken", "SLACK_SIGNING_SECRET": "s3cret"]

    /// A file of the example.
    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: path(name), encoding: .utf8)
    }

    /// Where a file of the example is.
    private func path(_ name: String) -> String {
        let folder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
        return "\(folder)/Examples/PaperScout/\(name)"
    }

    @Test("P32 every variable is in the README with its default and meaning, and in .env.example, and nothing else is")
    func documented() throws {
        let rows = try text("README.md").split(separator: "\n").filter { $0.contains(#/^\| `[A-Z_]+` \|/#) }
        let table = Settings.variables.map { "| `\($0.name)` | \($0.defaultValue) | \($0.meaning) |" }
        #expect(rows.map(String.init) == table)
        let example = try text(".env.example").split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(example.map(String.init) == Settings.variables.map { $0.name + "=" })
    }

    @Test("P32 the defaults of the table are those of the code")
    func defaults() throws {
        let settings = try Settings(Self.good)
        #expect(settings.slackURL == "https://slack.com/api")
        #expect(settings.indexURL == "https://wg21.link/index.json")
        #expect(settings.indexBytesMax == 64 * 1024 * 1024)
        #expect(settings.indexTimeout == .seconds(120))
        #expect(settings.limits == Judgement.Limits(shrinkMax: 50, silenceMax: .seconds(6 * 3600)))
        #expect(settings.draftTemplate == "https://isocpp.org/files/papers/{paper}.html")
        #expect(settings.pollInterval == .seconds(1800))
        #expect(settings.probeConcurrency == 8)
        #expect(settings.defaultChannel == nil)
        #expect(settings.operatorChannel == nil)
        #expect(settings.port == 8080)
        #expect(settings.probePort == 8081)
        #expect(settings.stateFolder == "state")
        #expect(settings.plan == Plan())
        // What is set to nothing is not set, as a copied .env.example has it.
        let empty = Dictionary(uniqueKeysWithValues: Settings.variables.map { ($0.name, "") }).merging(Self.good) { $1 }
        #expect(try Settings(empty).plan == Plan())
    }

    @Test(
        "P32 a setting that is missing or makes no sense is named, and a secret is never printed",
        arguments: [
            (["SLACK_TOKEN": ""], "SLACK_TOKEN is not set"),
            (["SLACK_SIGNING_SECRET": ""], "SLACK_SIGNING_SECRET is not set"),
            (["SLACK_TOKEN": "t0ken\n"], "SLACK_TOKEN has spaces"), (["PORT": "http"], "PORT=http"),
            (["PORT": "8081"], "PORT and PROBE_PORT are both 8081"),
            (["SLACK_API_URL": "slack"], "SLACK_API_URL=slack"),
            (["INDEX_URL": "https://"], "INDEX_URL=https://"), (["INDEX_BYTES_MAX": "0"], "INDEX_BYTES_MAX=0"),
            (["INDEX_TIMEOUT": "0"], "INDEX_TIMEOUT=0"), (["INDEX_SHRINK_MAX": "101"], "INDEX_SHRINK_MAX=101"),
            (["DRAFT_URL_TEMPLATE": "https://x.org/"], "DRAFT_URL_TEMPLATE=https://x.org"),
            (["POLL_INTERVAL": "500ms"], "POLL_INTERVAL=500ms"), (["PROBE_CONCURRENCY": "65"], "PROBE_CONCURRENCY=65"),
            (["DEFAULT_CHANNEL": "general"], "DEFAULT_CHANNEL=general"),
            (["OPERATOR_CHANNEL": "#"], "OPERATOR_CHANNEL=#"), (["GRACE": "soon"], "GRACE=soon"),
            (["SHUTDOWN_MQ_DRAIN_TIMEOUT_SECONDS": "0"], "SHUTDOWN_MQ_DRAIN_TIMEOUT_SECONDS=0"),
            (["SHUTDOWN_THREAD_JOIN_TIMEOUT_SECONDS": "5s"], "SHUTDOWN_THREAD_JOIN_TIMEOUT_SECONDS=5s"),
            (["SHUTDOWN_THREAD_JOIN_TIMEOUT_SECONDS": "inf"], "SHUTDOWN_THREAD_JOIN_TIMEOUT_SECONDS=inf"),
        ] as [([String: String], String)])
    func refused(change: [String: String], words: String) {
        #expect(throws: Never.self) { _ = try Settings(Self.good) }
        do {
            _ = try Settings(Self.good.merging(change) { $1 })
            Issue.record("it was taken")
        } catch {
            #expect(error.description.contains(words), "\(error.description)")
            #expect(!error.description.contains("s3cret"))
            #expect(!error.description.contains("t0ken"))
        }
    }

    // MARK: the plan

    /// What the stages get.
    private func arithmetic(_ environment: [String: String], plan: Plan? = nil) async throws -> PlanArithmetic {
        let folder = try ScratchDirectory()
        let settings = try Settings(
            Self.good.merging(environment) { $1 }.merging(["STATE_FOLDER": folder.path, "PORT": "0"]) { $1 })
        let scout = try await Scout(settings, logger: Logger(label: "scout"))
        return try (plan ?? settings.plan).shutdownPlan(scout, environment: environment).arithmetic
    }

    @Test("P31 intake gets 5 s, the outbox 30 s and closing 5 s of a grace of 45 s")
    func plan() async throws {
        let arithmetic = try await arithmetic([:])
        #expect(arithmetic.grace == (try GracePeriod(.seconds(45), source: .stated)))
        #expect(arithmetic.requests.map(\.stage) == ["intake", "outbox", "close"])
        #expect(arithmetic.budgets == [.seconds(5), .seconds(30), .seconds(5)])
        #expect(!arithmetic.isScaled)
    }

    @Test("P31 P32 each can be changed in code, and in the environment by the names of old")
    func changedPlan() async throws {
        let byName = try await arithmetic([
            "SHUTDOWN_MQ_DRAIN_TIMEOUT_SECONDS": "12.5", "SHUTDOWN_THREAD_JOIN_TIMEOUT_SECONDS": "2.25", "GRACE": "25s",
        ])
        #expect(byName.budgets == [.milliseconds(2250), .milliseconds(12500), .milliseconds(2250)])
        #expect(byName.grace.duration == .seconds(25))
        let byLibrary = try await arithmetic(["LASTCALL_GRACE": "60s", "LASTCALL_BUDGET_OUTBOX": "40s"])
        #expect(byLibrary.budgets == [.seconds(5), .seconds(40), .seconds(5)])
        #expect(byLibrary.grace.duration == .seconds(60))
        let inCode = try await arithmetic(
            [:], plan: Plan(grace: .seconds(20), intake: .seconds(1), outbox: .seconds(2), close: .seconds(3)))
        #expect(inCode.budgets == [.seconds(1), .seconds(2), .seconds(3)])
    }

    @Test("P33 a plan that does not fit its grace is refused with the arithmetic")
    func doesNotFit() async throws {
        do {
            _ = try await arithmetic(["GRACE": "30s"])
            Issue.record("it was taken")
        } catch let error as LastCallError {
            #expect(error.code == .planDoesNotFit)
            for words in ["30s", "intake 5s", "outbox 30s", "close 5s"] { #expect("\(error)".contains(words)) }
        }
    }

    @Test("P33 what the shipped compose file grants is what the plan is made for")
    func compose() async throws {
        let compose = try text("compose.yml")
        let granted = try #require(compose.firstMatch(of: #/stop_grace_period:\s*(\S+)/#).map { String($0.1) })
        let told = try #require(compose.firstMatch(of: #/LASTCALL_GRACE:\s*(\S+)/#).map { String($0.1) })
        #expect(DurationText.parse(granted) == Plan().grace)
        #expect(granted == told)
        let arithmetic = try await arithmetic(["LASTCALL_GRACE": granted])
        #expect(!arithmetic.isScaled)
        #expect(arithmetic.total + arithmetic.reserve <= Plan().grace)
    }

    @Test("P33 lastcall check finds nothing wrong with the shipped compose file, and finds a shorter one out")
    func checked() async throws {
        let budgets = ["intake=5s", "outbox=30s", "close=5s"].flatMap { ["--budget", $0] }
        let folder = try ScratchDirectory()
        let short = try folder.write(
            try text("compose.yml").replacing("stop_grace_period: 45s", with: "stop_grace_period: 30s"),
            to: "compose.yml")
        for (file, code) in [(path("compose.yml"), Int32(0)), (short, 1)] {
            let check = try ProgramUnderTest(BuiltProgram.path("lastcall"), ["check", file] + budgets)
            #expect(try await check.exit() == code, "\(check.output)")
        }
    }
}
