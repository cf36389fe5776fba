import LastCall
import LastCallTesting
import Logging
import Testing

@testable import PaperScout

#if canImport(Glibc)
    import Glibc
#endif

/// The bot as a real process that is told to stop.
@Suite(.timeLimit(.minutes(2))) struct StopTests {
    /// Who follows the paper; nothing else has this name in it.
    private static let channel = "CQUIETPLEASE"

    /// A bot that follows one paper and has seen what there is.
    private func follower(_ town: Town, _ more: [String: String] = [:]) async throws -> (ScoutHome, ProgramUnderTest) {
        town.publish("P2300R10")
        let home = try ScoutHome(town)
        let bot = try await home.startAndPoll(more)
        try await home.command("follow P2300", from: Self.channel)
        return (home, bot)
    }

    /// Publishes three revisions and waits until their alerts are accepted.
    private func publishThree(_ town: Town, _ bot: ProgramUnderTest) async throws {
        town.publish((11...13).map { Paper(id: "P2300R\($0)", title: "Revision \($0)", date: "2026-01-\($0)") })
        try await bot.line("new=3")
    }

    /// The revisions that Slack was told of.
    private func revisions(_ town: Town) -> [Int?] {
        town.texts(in: Self.channel).map { text in
            text.split(separator: "*").first.flatMap { PaperNumber($0)?.revision }
        }
    }

    @Test(
        "P1 P35 SIGTERM and SIGINT each begin an orderly stop, and the receipt says which",
        arguments: [SIGTERM, SIGINT])
    func signals(signal: Int32) async throws {
        let town = Town()
        try await town.run {
            let (home, bot) = try await follower(town)
            let receipt = try await home.stop(bot, with: signal)
            #expect(receipt.cause.kind == .signal)
            #expect(receipt.cause.detail == (signal == SIGTERM ? "SIGTERM" : "SIGINT"))
            #expect(receipt.stages.map(\.name) == ["intake", "outbox", "close"])
            #expect(receipt.stages.map(\.budgetSeconds) == [5, 30, 5])
            #expect(receipt.grace.seconds == 45)
            #expect(bot.output.split(separator: "\n").last?.contains("outcome=clean") == true)
        }
    }

    @Test("P2 the first cause is the recorded one, a later one is noted")
    func firstCause() async throws {
        let town = Town()
        let hold = Town.Hold()
        try await town.run {
            let (home, bot) = try await follower(town)
            town.state.change { $0.slackReply = .holdBefore(hold) }
            try await publishThree(town, bot)
            try await hold.arrived.wait()
            bot.signal(SIGTERM)
            try await bot.line("stop began")
            bot.signal(SIGHUP)
            try await bot.line("told to stop again")
            hold.released.open()
            let receipt = try await home.receipt(of: bot)
            #expect(receipt.cause.detail == "SIGTERM")
            #expect(receipt.laterCauses.map(\.detail) == ["SIGHUP"])
        }
    }

    @Test("P5 a poll that runs is cancelled promptly, the receipt says so, and the next start makes up for it")
    func pollCancelled() async throws {
        let town = Town()
        try await town.run {
            let (home, bot) = try await follower(town)
            let hold = Town.Hold()
            town.state.change { $0.indexReply = .hold(hold) }
            try await hold.arrived.wait()
            let receipt = try await home.stop(bot)
            #expect(receipt.member("scheduler")?.remarks == ["poll cancelled"])
            #expect(receipt.member("scheduler")?.outcome == .drained)
            town.state.change { $0.indexReply = .papers }
            town.publish("P2300R11")
            let second = try await home.start()
            try await second.line("new=1", amongPassed: true)
            try await home.stop(second)
            #expect(revisions(town) == [11])
        }
    }

    @Test("P5 requests for drafts are cancelled with their poll")
    func probesCancelled() async throws {
        let town = Town()
        try await town.run {
            let (home, bot) = try await follower(
                town, ["DRAFT_URL_TEMPLATE": town.url + "/drafts/{paper}.html"])
            town.state.change { $0.draftHolds = [] }
            try await town.state.wait { $0.draftHolds?.isEmpty == false }
            let receipt = try await home.stop(bot)
            #expect(receipt.member("scheduler")?.remarks == ["poll cancelled"])
        }
    }

    @Test("P8 a stop that was asked for before the start: nothing is polled")
    func stoppedBeforeStart() async throws {
        let town = Town()
        try await town.run {
            let home = try ScoutHome(town)
            let settings = try Settings(home.environment(["PORT": "0"]))
            var logger = Logger(label: "scout")
            logger.logLevel = .critical
            let scout = try await Scout(settings, logger: logger)
            let lifecycle = Lifecycle(
                try settings.plan.shutdownPlan(scout, environment: [:]),
                configuration: .init(name: "scout", logger: logger, environment: [:]))
            lifecycle.stop()
            let receipt = await lifecycle.runUntilStopped()
            #expect(receipt.isClean)
            #expect(town.state.value.indexCalls == 0)
        }
    }

    @Test("P12 P20 SIGTERM with alerts in the queue: what Slack takes in time is sent in order, and counted")
    func drains() async throws {
        let town = Town()
        let hold = Town.Hold()
        try await town.run {
            let (home, bot) = try await follower(town)
            town.state.change { $0.nextReplies = [.holdBefore(hold)] }
            try await publishThree(town, bot)
            try await hold.arrived.wait()
            bot.signal(SIGTERM)
            try await bot.line("stop began")
            hold.released.open()
            let receipt = try await home.receipt(of: bot)
            #expect(receipt.member("outbox")?.heldAtStop == 3)
            #expect(receipt.member("outbox")?.done == 3)
            #expect(revisions(town) == [11, 12, 13])
        }
    }

    /// What Slack does while the bot stops.
    enum Trouble: CaseIterable {
        /// It does not answer.
        case hangs
        /// It has enough for longer than the stop takes.
        case limits
        /// It is unwell.
        case fails

        /// How it answers.
        var reply: Town.Reply {
            switch self {
            case .hangs: .holdBefore(Town.Hold())
            case .limits: .status(429, ["Retry-After": "6"])
            case .fails: .status(500)
            }
        }
    }

    @Test(
        "P19 P35 SIGTERM with alerts that Slack does not take: the receipt says kept, and after the restart all arrive in order, once",
        arguments: Trouble.allCases)
    func kept(trouble: Trouble) async throws {
        let town = Town()
        try await town.run {
            let (home, bot) = try await follower(town, ["SHUTDOWN_MQ_DRAIN_TIMEOUT_SECONDS": "4.5"])
            let calls = town.state.value.slackCalls
            town.state.change { $0.slackReply = trouble.reply }
            try await publishThree(town, bot)
            try await town.state.wait { $0.slackCalls > calls }
            let receipt = try await home.stop(bot)
            #expect(receipt.member("outbox")?.kept == 3)
            #expect(receipt.stages[1].budgetSeconds == 4.5)
            #expect(revisions(town) == [])
            town.state.change { $0.slackReply = .ok }
            let second = try await home.start()
            try await town.state.wait { $0.posts.count >= 3 }
            try await second.line("poll ended")
            try await home.stop(second)
            #expect(revisions(town) == [11, 12, 13])
        }
    }

    @Test("P22a an alert that Slack refuses for good is given up, and the ones behind it arrive")
    func refused() async throws {
        let town = Town()
        try await town.run {
            let (home, bot) = try await follower(town)
            town.state.change {
                $0.nextReplies = [.refuse("msg_too_long"), .status(503), .status(429, ["Retry-After": "1"])]
            }
            try await publishThree(town, bot)
            try await town.state.wait { $0.posts.count >= 2 }
            try await home.stop(bot)
            #expect(revisions(town) == [12, 13])
            #expect(!bot.output.contains(Self.channel))
            #expect(!bot.output.contains("Revision"))
        }
    }
}
