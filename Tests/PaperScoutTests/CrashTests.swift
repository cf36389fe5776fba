import LastCall
import LastCallTesting
import Testing

@testable import PaperScout

#if canImport(Glibc)
    import Glibc
#endif

/// The bot as a real process that is killed: no alert is ever skipped.
@Suite(.timeLimit(.minutes(2))) struct CrashTests {
    /// A town and a bot whose followers are two channels, stopped again.
    private func prepared(_ town: Town) async throws -> ScoutHome {
        town.publish("P2300R10")
        let home = try ScoutHome(town)
        let bot = try await home.startAndPoll()
        try await home.command("follow P2300", from: "C1")
        try await home.command("follow P2300", from: "C2")
        try await home.stop(bot)
        town.publish((11...12).map { Paper(id: "P2300R\($0)", date: "2026-01-\($0)") })
        return home
    }

    /// The revisions that a channel was told of.
    private func revisions(_ town: Town, _ channel: String) -> [Int] {
        town.texts(in: channel).compactMap { text in
            text.split(separator: "*").first.flatMap { PaperNumber($0)?.revision }
        }
    }

    #if DEBUG  // A release has no places to be killed at.
        @Test(
            "P37 SIGKILL anywhere between finding a paper and having its alerts on the disk: after the restart they arrive, once and in order",
            arguments: [
                "before", "marked", "sent", "sent,1", "committed", "before,1", "marked,1", "sent,2", "sent,3",
                "committed,1",
            ])
        func killedAroundTheTransaction(place: String) async throws {
            let town = Town()
            try await town.run {
                let home = try await prepared(town)
                let first = try ProgramUnderTest(
                    BuiltProgram.path("PaperScout"), environment: home.environment([CrashHook.variable: place]))
                #expect(try await first.exit() == -SIGKILL, "\(first.output)")
                let second = try await home.startAndPoll()
                try await town.state.wait { $0.posts.count >= 4 }
                try await home.stop(second)
                // Killed behind a commit, a message whose answer did not come to the disk may be sent again; before it there is none.
                let isBeforeAnyCommit = ["before", "marked", "sent", "sent,1"].contains(place)
                for channel in ["C1", "C2"] {
                    let revisions = revisions(town, channel)
                    #expect(Set(revisions) == [11, 12])
                    #expect(revisions.firstIndex(of: 11) ?? 0 < revisions.firstIndex(of: 12) ?? 0)
                    if isBeforeAnyCommit { #expect(revisions == [11, 12]) }
                }
            }
        }
    #endif

    @Test("P37 SIGKILL while Slack has an alert in hand: it arrives after the restart", arguments: [true, false])
    func killedInADelivery(isTaken: Bool) async throws {
        let town = Town()
        let hold = Town.Hold()
        try await town.run {
            let home = try await prepared(town)
            town.state.change { $0.nextReplies = [isTaken ? .holdBehind(hold) : .holdBefore(hold)] }
            let first = try await home.start()
            try await first.line("new=2", amongPassed: true)
            try await hold.arrived.wait()
            try await home.kill(first)
            let second = try await home.startAndPoll()
            try await town.state.wait { state in
                ["C1", "C2"].allSatisfy { channel in
                    Set(state.posts.filter { $0.channel == channel }.map(\.text)).count == 2
                }
            }
            try await home.stop(second)
            for channel in ["C1", "C2"] {
                let revisions = revisions(town, channel)
                #expect(Set(revisions) == [11, 12])
                #expect(revisions == revisions.sorted())
            }
        }
    }

    @Test(
        "P37 killed again and again, in whatever it does: every paper is told, and none before an earlier one",
        arguments: 1...3)
    func killedAgainAndAgain(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let rounds = (1...6).map { _ in
            (place: Int.random(in: 0...4, using: &random), count: Int.random(in: 1...2, using: &random))
        }
        let town = Town()
        try await town.run { [rounds] in
            let home = try await prepared(town)
            var revision = 12
            for round in rounds {
                town.publish(
                    (1...round.count).map { Paper(id: "P2300R\(revision + $0)", date: "2026-01-\(revision + $0)") })
                revision += round.count
                let (indexCalls, slackCalls) = (town.state.value.indexCalls, town.state.value.slackCalls)
                let bot = try await home.start()
                switch round.place {
                case 0: break
                case 1: try await town.state.wait { $0.indexCalls > indexCalls }
                case 2: try await bot.line("poll ended")
                case 3: try await town.state.wait { $0.slackCalls > slackCalls }
                default: try await town.state.wait { $0.slackCalls > slackCalls + 1 }
                }
                try await home.kill(bot)
            }
            let last = try await home.startAndPoll()
            let all = 11...revision
            try await town.state.wait { state in
                ["C1", "C2"].allSatisfy { channel in
                    Set(state.posts.filter { $0.channel == channel }.map(\.text)).count == all.count
                }
            }
            try await home.stop(last)
            for channel in ["C1", "C2"] {
                var firsts: [Int] = []
                for revision in revisions(town, channel) where !firsts.contains(revision) { firsts.append(revision) }
                #expect(firsts == Array(all), "seed \(seed)")
            }
        }
    }
}
