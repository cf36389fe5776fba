import LastCall
import LastCallTesting
import Testing

@testable import PaperScout

#if canImport(Glibc)
    import Glibc
#endif

/// The bot as a real process whose index or settings are bad.
@Suite(.timeLimit(.minutes(2))) struct TroubleTests {
    /// What can be wrong with an index.
    enum BadIndex: CaseIterable {
        case notJSON, array, empty, tooLarge, shrunk, silent

        /// How it is answered.
        var reply: Town.IndexReply {
            switch self {
            case .notJSON: .text("<html>wait a moment</html>")
            case .array: .text("[1, 2]")
            case .empty: .text("{}")
            case .tooLarge: .text("{\"A\":\"" + String(repeating: "x", count: 20_000) + "\"}")
            case .shrunk: .text("{\"P0001R0\":{\"type\":\"paper\"}}")
            case .silent: .status(503)
            }
        }
    }

    @Test(
        "an index that is none is told to the operator once until it is well again, and nothing that was seen is forgotten",
        arguments: BadIndex.allCases)
    func badIndex(_ bad: BadIndex) async throws {
        let town = Town()
        for number in 1...4 { town.publish("P000\(number)R0") }
        try await town.run {
            let home = try ScoutHome(town)
            let bot = try await home.startAndPoll([
                "DEFAULT_CHANNEL": "CALL", "OPERATOR_CHANNEL": "COPS", "INDEX_BYTES_MAX": "10000",
                "INDEX_SILENCE_MAX": "1ms", "PROBE_PORT": "\(home.port + 1)",
            ])
            town.state.change { $0.indexReply = bad.reply }
            try await bot.line("the index has trouble")
            try await bot.line("poll failed")
            try await bot.line("poll failed")
            let (status, health) = try await home.probe("health")
            #expect(status == 200)
            #expect(health.contains("\"lastError\":\"the index "), "\(health)")
            let calls = town.state.value.indexCalls
            try await town.state.wait { $0.indexCalls >= calls + 2 }
            // The same trouble after a restart is no news either.
            try await home.stop(bot)
            let second = try await home.start([
                "DEFAULT_CHANNEL": "CALL", "OPERATOR_CHANNEL": "COPS", "INDEX_BYTES_MAX": "10000",
                "INDEX_SILENCE_MAX": "1ms",
            ])
            try await second.line("poll failed")
            town.publish("P0005R0")
            town.state.change { $0.indexReply = .papers }
            try await second.line("the index is well again")
            try await second.line("new=1", amongPassed: true)
            try await home.stop(second)
            let told = town.texts(in: "COPS").dropFirst()
            #expect(told.count == 2, "\(told)")
            #expect(told.first?.hasPrefix("The paper index has trouble") == true)
            #expect(told.last == Alert.wellAgain)
            #expect(town.texts(in: "CALL").map { $0.prefix(9) } == ["*P0005R0*"])
        }
    }

    @Test("an index that is bad from the beginning is no first look")
    func badFromTheBeginning() async throws {
        let town = Town()
        town.publish("P0001R0")
        town.state.change { $0.indexReply = .text("{}") }
        try await town.run {
            let home = try ScoutHome(town)
            let bot = try await home.start(["DEFAULT_CHANNEL": "CALL"])
            try await bot.line("poll failed")
            town.state.change { $0.indexReply = .papers }
            try await bot.line("first look")
            try await home.stop(bot)
            #expect(town.texts(in: "CALL").count == 1)
        }
    }

    @Test("an index that does not come in time is given up until the next poll")
    func slowIndex() async throws {
        let town = Town()
        town.publish("P0001R0")
        let hold = Town.Hold()
        town.state.change { $0.indexReply = .hold(hold) }
        try await town.run {
            let home = try ScoutHome(town)
            let bot = try await home.start(["INDEX_TIMEOUT": "100ms"])
            try await bot.line("the download of the index took longer than 100ms")
            town.state.change { $0.indexReply = .papers }
            try await bot.line("first look")
            try await home.stop(bot)
        }
    }

    @Test("an index that answers 503 is asked for again, and nobody is bothered")
    func unwell() async throws {
        let town = Town()
        town.publish("P0001R0")
        try await town.run {
            let home = try ScoutHome(town)
            let bot = try await home.startAndPoll(["DEFAULT_CHANNEL": "CALL", "OPERATOR_CHANNEL": "COPS"])
            town.state.change { $0.indexReply = .status(503) }
            try await bot.line("the index answered 503")
            town.publish("P0002R0")
            town.state.change { $0.indexReply = .papers }
            try await bot.line("new=1")
            try await home.stop(bot)
            #expect(town.texts(in: "COPS").count == 1)
            #expect(town.texts(in: "CALL").count == 1)
        }
    }

    @Test(
        "P33 a setting that is missing or makes no sense ends the start with 78, is named, and no secret is printed",
        arguments: [
            (["SLACK_TOKEN": ""], "SLACK_TOKEN is not set"),
            (["SLACK_SIGNING_SECRET": ""], "SLACK_SIGNING_SECRET is not set"),
            (["SLACK_TOKEN": "xoxb-secret\n"], "SLACK_TOKEN has spaces"),
            (["GRACE": "30s"], "the plan does not fit"), (["LASTCALL_GRACE": "30s"], "the plan does not fit"),
            (["SHUTDOWN_MQ_DRAIN_TIMEOUT_SECONDS": "60"], "the plan does not fit"),
        ] as [([String: String], String)])
    func badSettings(change: [String: String], words: String) async throws {
        let town = Town()
        try await town.run {
            let home = try ScoutHome(town)
            let bot = try ProgramUnderTest(
                BuiltProgram.path("PaperScout"), environment: home.environment(change))
            #expect(try await bot.exit() == ExitCode.configuration, "\(bot.output)")
            #expect(bot.output.contains(words), "\(bot.output)")
            #expect(!bot.output.contains("xoxb"))
            #expect(!bot.output.contains(ScoutHome.secret))
            #expect(town.state.value.indexCalls == 0)
        }
    }
}
