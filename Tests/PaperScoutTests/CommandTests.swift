import FoundationEssentials
import LastCall
import LastCallTesting
import Testing

@testable import PaperScout

#if canImport(Glibc)
    import Glibc
#endif

/// The bot as a real process that is written to, and asked how it is.
@Suite(.timeLimit(.minutes(2))) struct CommandTests {
    @Test("commands follow and unfollow for the channel they come from, or for the user in a direct message")
    func follows() async throws {
        let town = Town()
        town.publish("P2300R10")
        try await town.run {
            let home = try ScoutHome(town)
            let bot = try await home.startAndPoll()
            #expect(try await home.command("list").contains("follow nothing"))
            #expect(try await home.command("follow P2300").contains("P2300 from now on"))
            #expect(try await home.command("follow  author  Eric Niebler").contains("author Eric Niebler"))
            #expect(try await home.command("follow author eric  NIEBLER").contains("already"))
            #expect(try await home.command("list") == "You follow P2300, author Eric Niebler.")
            #expect(try await home.command("list", from: "D1", user: "U5").contains("follow nothing"))
            try await home.command("follow d9", from: "D1", user: "U5")
            #expect(try await home.command("list", from: "D1", user: "U5") == "You follow P0009.")
            #expect(try await home.command("unfollow P2300").contains("no more"))
            #expect(try await home.command("unfollow P2300").contains("did not follow"))
            #expect(try await home.command("sing").contains("I know"))
            #expect(try await home.command("").contains("/scout follow"))
            try await home.stop(bot)
            // What was answered is on the disk.
            let second = try await home.start()
            #expect(try await home.command("list") == "You follow author Eric Niebler.")
            try await home.kill(second)
        }
    }

    @Test(
        "S16 a command that is unsigned, signed by somebody else, too old, repeated or none is refused, and changes nothing"
    )
    func refused() async throws {
        let town = Town()
        town.publish("P2300R10")
        try await town.run {
            let home = try ScoutHome(town)
            let bot = try await home.startAndPoll()
            let body = ScoutHome.form("follow P2300")
            let now = time(nil)
            #expect(try await home.post(body, signature: "").0 == 401)
            #expect(
                try await home.post(body, at: now, signature: ScoutHome.signature(body, at: now, secret: "other")).0
                    == 401)
            #expect(try await home.post(body, at: now - 1000).0 == 401)
            #expect(try await home.post(body, at: now + 1000).0 == 401)
            #expect(try await home.post("channel_id=%zz&text=follow+P2300").0 == 400)
            #expect(try await home.post("channel_id=../etc&text=follow+P2300").0 == 400)
            #expect(try await home.post("a=" + String(repeating: "x", count: 70_000)).0 == 413)
            #expect(try await home.command("list").contains("follow nothing"))
            #expect(try await home.post(body, at: now).0 == 200)
            #expect(try await home.post(body, at: now).0 == 409)
            try await home.stop(bot)
        }
    }

    /// What `/health` says.
    private struct Health: Decodable {
        /// An entry.
        struct Checks: Decodable {
            /// The queue.
            struct Outbox: Decodable {
                /// How it is.
                let status: String
                let depth, delivered: Int
                let utilisation: Double
                let breaker: String
                let lastError: String?
            }
            /// The poll.
            struct Poll: Decodable {
                /// How it is.
                let status: String
                let last, next, lastError: String?
                let papers: Int
            }
            let outbox: Outbox
            let poll: Poll
        }
        let status, version: String
        let uptimeSeconds: Double
        let checks: Checks
    }

    @Test(
        "P36 /health tells version, uptime, queue depth, utilisation, breaker, last poll and last error; unknown paths are 404"
    )
    func health() async throws {
        let town = Town()
        town.publish("P2300R10")
        try await town.run {
            let home = try ScoutHome(town)
            let bot = try await home.startAndPoll(["PROBE_PORT": "\(home.port + 1)", "DEFAULT_CHANNEL": "CALL"])
            func health() async throws -> Health {
                let (status, text) = try await home.probe("health")
                #expect(status == 200)
                #expect(!text.contains("CALL"))
                return try JSONDecoder().decode(Health.self, from: Data(text.utf8))
            }
            try await town.state.wait { $0.posts.count == 1 }
            let hold = Town.Hold()
            town.state.change { $0.slackReply = .holdBefore(hold) }
            town.publish([Paper(id: "P2300R11"), Paper(id: "P2300R12")])
            try await bot.line("new=2")
            try await hold.arrived.wait()
            try await bot.line("poll ended")
            let good = try await health()
            #expect(good.status == "ok")
            #expect(good.version == Scout.version)
            #expect(good.uptimeSeconds > 0)
            #expect(good.checks.outbox.depth == 2)
            #expect(good.checks.outbox.utilisation == 2.0 / 10_000)
            #expect(good.checks.outbox.breaker == "closed")
            #expect(good.checks.outbox.lastError == nil)
            #expect(good.checks.poll.papers == 3)
            #expect(good.checks.poll.last?.hasPrefix("20") == true)
            #expect(good.checks.poll.next?.hasPrefix("20") == true)
            #expect(good.checks.poll.lastError == nil)
            town.state.change { $0.indexReply = .status(500) }
            hold.released.open()
            try await bot.line("poll failed")
            try await bot.line("poll failed")
            let bad = try await health()
            #expect(bad.checks.poll.lastError == "the index answered 500")
            for path in ["livez", "readyz"] { #expect(try await home.probe(path).0 == 200) }
            #expect(try await home.probe("else").0 == 404)
            try await home.stop(bot)
        }
    }
}
