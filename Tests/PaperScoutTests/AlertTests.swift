import LastCall
import LastCallTesting
import Testing

@testable import PaperScout

#if canImport(Glibc)
    import Glibc
#endif

/// The bot as a real process: who hears of what, and when.
@Suite(.timeLimit(.minutes(2))) struct AlertTests {
    /// The texts that begin with a paper's number, as numbers.
    private func numbers(_ texts: [String]) -> [String] {
        texts.compactMap { $0.split(separator: "*").first.map(String.init) }.filter { PaperNumber($0) != nil }
    }

    /// A town with some papers.
    private func town() -> Town {
        let town = Town()
        town.publish("P2300R10", "std::execution", by: "Eric Niebler, Lewis Baker", on: "2024-06-28")
        town.publish("P0009R18", "mdspan", by: "Christian Trott", on: "2022-07-13")
        town.publish("N4950", "Working Draft", by: "Thomas Koeppe", on: "2023-05-10")
        return town
    }

    @Test("P37 the first look tells nobody of anything but how much is known")
    func seedsQuietly() async throws {
        let town = town()
        try await town.run {
            let home = try ScoutHome(town)
            let bot = try await home.startAndPoll(["DEFAULT_CHANNEL": "CALL"])
            try await bot.line("poll ended")
            try await home.stop(bot)
            #expect(town.posts.map(\.channel) == ["CALL"])
            #expect(town.posts.first?.text.hasPrefix("3 papers known") == true)
            #expect(town.state.value.tokens == ["Bearer \(ScoutHome.token)"])
        }
    }

    @Test("P37 a new paper is told to everybody who follows it or its author, once and in order")
    func newPapers() async throws {
        let town = town()
        try await town.run {
            let home = try ScoutHome(town)
            let bot = try await home.startAndPoll(["DEFAULT_CHANNEL": "CALL"])
            #expect(try await home.command("follow p2300r10", from: "C1").contains("P2300 from now on"))
            try await home.command("follow author eric niebler", from: "D7", user: "U1")
            try await home.command("follow author Niebler", from: "C1")
            town.publish([
                Paper(id: "P2300R11", title: "A <new> & better one", authors: ["Lewis Baker"], date: "2026-02-01"),
                Paper(id: "P2999R0", title: "Other", authors: ["Kirk Shoop", "Eric  Niebler"], date: "2026-02-02"),
                Paper(id: "P2300R12", title: "The last", authors: ["Eric Niebler"], date: "2026-02-03"),
                Paper(id: "P3000R0", title: "Nobody's", authors: ["Somebody Else"], date: "2026-02-04"),
            ])
            try await bot.line("new=4")
            // A later poll does not tell again.
            try await bot.line("poll ended")
            try await home.stop(bot)
            #expect(numbers(town.texts(in: "C1")) == ["P2300R11", "P2999R0", "P2300R12"])
            #expect(numbers(town.texts(in: "U1")) == ["P2999R0", "P2300R12"])
            #expect(numbers(town.texts(in: "CALL")) == ["P2300R11", "P2999R0", "P2300R12", "P3000R0"])
            #expect(
                town.texts(in: "C1").first
                    == "*P2300R11* <https://wg21.link/p2300r11|A &lt;new&gt; &amp; better one> by Lewis Baker (2026-02-01, LWG)"
            )
        }
    }

    @Test(
        "P37 what changed while it was down is told after the restart, however it went down", arguments: [true, false])
    func changedWhileDown(isKilled: Bool) async throws {
        let town = town()
        try await town.run {
            let home = try ScoutHome(town)
            let first = try await home.startAndPoll()
            try await home.command("follow P2300")
            if isKilled { try await home.kill(first) } else { try await home.stop(first) }
            town.publish("P2300R11", on: "2026-02-01")
            town.publish("P2300R12", on: "2026-02-02")
            let second = try await home.start()
            try await second.line("new=2", amongPassed: true)
            try await home.stop(second)
            #expect(numbers(town.texts(in: "C1")) == ["P2300R11", "P2300R12"])
        }
    }

    @Test("P37 killed in its first look, it looks quietly again")
    func killedWhileSeeding() async throws {
        let town = town()
        let hold = Town.Hold()
        town.state.change { $0.indexReply = .hold(hold) }
        try await town.run {
            let home = try ScoutHome(town)
            let first = try await home.start(["DEFAULT_CHANNEL": "CALL"])
            try await hold.arrived.wait()
            try await home.kill(first)
            town.state.change { $0.indexReply = .papers }
            let second = try await home.startAndPoll(["DEFAULT_CHANNEL": "CALL"])
            try await home.stop(second)
            #expect(town.texts(in: "CALL").count == 1)
        }
    }

    @Test("an index that is what it was is not downloaded again, and one that is not is")
    func entityTags() async throws {
        let town = town()
        try await town.run {
            let home = try ScoutHome(town)
            let bot = try await home.startAndPoll(["DEFAULT_CHANNEL": "CALL"])
            try await town.state.wait { $0.unchanged >= 2 }
            town.publish("P3000R0")
            try await bot.line("new=1")
            try await home.stop(bot)
            #expect(numbers(town.texts(in: "CALL")) == ["P3000R0"])
        }
    }

    @Test("a draft of what is followed is told once, and the next revision is looked for then")
    func drafts() async throws {
        let town = town()
        town.state.change { $0.drafts = ["P2300R11.html", "P9999R0.html", "N4951.html", "P0009R19.html"] }
        try await town.run {
            let home = try ScoutHome(town)
            let more = ["DRAFT_URL_TEMPLATE": town.url + "/drafts/{paper}.html", "PROBE_CONCURRENCY": "2"]
            let bot = try await home.startAndPoll(more)
            for what in ["P2300", "P9999", "N4950"] { try await home.command("follow \(what)") }
            try await town.state.wait {
                $0.draftCalls.contains("P2300R12.html") && $0.draftCalls.contains("P9999R1.html")
            }
            // The published one is news of its own.
            town.publish("P2300R11", on: "2026-02-01")
            try await bot.line("new=1")
            try await home.stop(bot)
            #expect(numbers(town.texts(in: "C1")).sorted() == ["P2300R11", "P2300R11", "P9999R0"])
            #expect(Set(town.state.value.draftCalls).isDisjoint(with: ["N4951.html", "P0009R19.html"]))
            // It stays between two polls, too.
            let second = try await home.startAndPoll(more)
            try await home.stop(second)
            #expect(town.posts.count == 3)
        }
    }
}
