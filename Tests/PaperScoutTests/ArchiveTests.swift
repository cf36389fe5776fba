import AsyncHTTPClient
import LastCall
import LastCallConcurrency
import LastCallHTTP
import LastCallSQLite
import LastCallTesting
import LastCallWork
import Logging
import ServiceLifecycle
import Testing

@testable import PaperScout

/// The archive and the poll over a real store, with a transport that does as it is told.
@Suite(.timeLimit(.minutes(1))) struct ArchiveTests {
    /// Takes messages, or fails.
    private struct Wire: Transport {
        /// What happened.
        struct State: Sendable {
            /// What was delivered.
            var bodies: [String] = []
            /// How often it failed.
            var failures = 0
            /// Whether it fails.
            var isBroken = false
        }

        /// The name that the bot sends under.
        let name = Alert.transport
        /// How full and how broken it may be.
        let policy: TransportPolicy
        /// What happened.
        let state = Watched(State())

        func deliver(_ delivery: Delivery) async throws -> DeliveryReceipt {
            let isBroken = state.change { state in
                if state.isBroken {
                    state.failures += 1
                } else {
                    state.bodies.append(String(decoding: delivery.message.body, as: UTF8.self))
                }
                return state.isBroken
            }
            if isBroken { throw DeliveryFailure("it is broken", scope: .transport) }
            return DeliveryReceipt()
        }
    }

    /// An archive in a folder of its own.
    private struct Home {
        /// Where the file is.
        let folder: ScratchDirectory
        /// What was seen.
        let archive: Archive
        /// What sends.
        let outbox: Outbox
        /// What it sends through.
        let wire: Wire
        /// Where nothing is logged.
        let logger: Logger

        init(_ policy: TransportPolicy, everything: String? = "CALL") async throws {
            folder = try ScratchDirectory()
            var logger = Logger(label: "scout")
            logger.logLevel = .critical
            self.logger = logger
            let store = try await SQLiteStore.open(folder.path + "/scout.sqlite")
            wire = Wire(policy: policy)
            outbox = try Outbox(store, transports: [wire], configuration: .init(logger: logger))
            archive = Archive(store: store, outbox: outbox, everything: everything, operatorChannel: nil)
            try await archive.prepare()
        }

        /// Runs the outbox around a body.
        func sending(_ body: () async throws -> Void) async throws {
            var configuration = ServiceGroupConfiguration(services: [outbox], logger: logger)
            configuration.maximumGracefulShutdownDuration = .seconds(10)
            let group = ServiceGroup(configuration: configuration)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                try await body()
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }

        /// A poll of a town.
        func poll(_ town: Town) -> Poll {
            let index = PaperIndex(
                client: .shared, url: town.url + "/index.json", bytesMax: 1_000_000, timeout: .seconds(30))
            return Poll(index: index, probe: nil, archive: archive, limits: .init(), logger: logger)
        }
    }

    @Test("P37 P18 an open breaker refuses an alert, and its paper is as unseen as before")
    func openBreaker() async throws {
        let home = try await Home(
            TransportPolicy(
                backoff: RetryPolicy(base: .seconds(3600), delayMax: .seconds(3600), jitter: 0),
                breaker: .init(failuresMax: 1, coolDown: .seconds(3600))))
        home.wire.state.change { $0.isBroken = true }
        try await home.sending {
            #expect(try await home.archive.announce(Paper(id: "P1R0")) == 1)
            while try await home.outbox.status().openBreakers.isEmpty { await Task.yield() }
            do {
                try await home.archive.announce(Paper(id: "P2R0"))
                Issue.record("it was accepted")
            } catch let error as WorkError {
                #expect(error.code == .breakerOpen)
            }
            #expect(try await home.archive.seen() == ["P1R0"])
            let report = Health.report(try await home.outbox.status())
            #expect(report["breaker"] == "open")
            #expect(report["lastError"] == "it is broken")
        }
        #expect(home.outbox.ledger.kept == 1)
    }

    @Test("P37 P18 a full queue refuses an alert; the poll fails, and the next one finds the paper new and tells of it")
    func fullQueue() async throws {
        let town = Town()
        town.publish("P1R0", on: "2026-01-01")
        let home = try await Home(TransportPolicy(waitingMax: 2))
        try await town.run {
            let poll = home.poll(town)
            try await poll.run()
            for day in 2...4 { town.publish("P\(day)R0", on: "2026-01-0\(day)") }
            // One line tells how much is known; one alert fits.
            await #expect(throws: JobFailure.self) { try await poll.run() }
            #expect(try await home.archive.seen() == ["P1R0", "P2R0"])
            // An index with something that was not told is not one that is known.
            #expect(try await home.archive.known().papers == 1)
            await #expect(throws: JobFailure.self) { try await poll.run() }
            try await home.sending {
                try await home.wire.state.wait { $0.bodies.count == 2 }
                while try await home.outbox.status().waiting > 0 { await Task.yield() }
                try await poll.run()
                try await home.wire.state.wait { $0.bodies.count == 4 }
            }
            #expect(
                home.wire.state.value.bodies.dropFirst().map { $0.contains("P2R0") ? 2 : $0.contains("P3R0") ? 3 : 4 }
                    == [2, 3, 4])
            #expect(try await home.archive.known().papers == 4)
            #expect(town.state.value.unchanged == 0)
            try await poll.run()
            #expect(town.state.value.unchanged == 1)
        }
    }

    @Test("P37 P18 an alert that is refused keeps no other channel's from being accepted in the same poll")
    func othersGoOn() async throws {
        let town = Town()
        town.publish("P1R0", on: "2026-01-01")
        let home = try await Home(TransportPolicy(waitingMax: 2), everything: nil)
        for number in 2...4 { _ = try await home.archive.add(Follow(target: "CA", topic: .paper("P000\(number)"))) }
        _ = try await home.archive.add(Follow(target: "CB", topic: .paper("P0005")))
        try await town.run {
            let poll = home.poll(town)
            try await poll.run()
            for day in 2...5 { town.publish("P000\(day)R0", on: "2026-01-0\(day)") }
            await #expect(throws: JobFailure.self) { try await poll.run() }
            #expect(try await home.archive.seen() == ["P1R0", "P0002R0", "P0003R0", "P0005R0"])
            #expect(try await home.archive.known().papers == 1)
        }
    }

    @Test("P37 a paper is told once, however often it is found new")
    func once() async throws {
        let home = try await Home(TransportPolicy())
        #expect(try await home.archive.announce(Paper(id: "P1R0")) == 1)
        #expect(try await home.archive.announce(Paper(id: "P1R0")) == nil)
        let number = PaperNumber(series: "P", number: 1, revision: 1)
        let draft = Draft(number: number, paper: Paper(id: "P1R0"), url: "https://x.org")
        #expect(try await home.archive.announce(draft) == 1)
        #expect(try await home.archive.announce(draft) == nil)
        #expect(try await home.outbox.status().waiting == 2)
    }

    @Test("many papers are seen in pages, and the latest revision of each is known by its number")
    func pages() async throws {
        let home = try await Home(TransportPolicy(), everything: nil)
        let papers = (1...1500).flatMap { number in
            [Paper(id: "P\(number)R2", title: "two", authors: ["A", "B"]), Paper(id: "P\(number)R10", title: "ten")]
        }
        for start in stride(from: 0, to: papers.count, by: Archive.batch) {
            try await home.archive.seed(papers[start..<min(papers.count, start + Archive.batch)])
        }
        try await home.archive.seed([Paper(id: "N4950"), Paper(id: "SD-6"), Paper(id: "P7000R1", authors: ["A", "B"])])
        #expect(try await home.archive.seen().count == 3003)
        let latest = try await home.archive.latest()
        #expect(latest.count == 1501)
        #expect(latest["P0007"] == Paper(id: "P7R10", title: "ten"))
        #expect(latest["P7000"]?.authors == ["A", "B"])
    }

    @Test("a channel follows a hundred things at most")
    func room() async throws {
        let home = try await Home(TransportPolicy())
        func add(_ paper: String) async throws -> Archive.FollowOutcome {
            try await home.archive.add(Follow(target: "C1", topic: .paper(paper)))
        }
        for number in 1...Archive.followsMax { #expect(try await add("P\(number)") == .new) }
        #expect(try await add("P1") == .known)
        #expect(try await add("P999") == .full)
        #expect(try await home.archive.add(Follow(target: "C2", topic: .paper("P1"))) == .new)
        #expect(try await home.archive.remove(Follow(target: "C1", topic: .paper("P1"))))
        #expect(try await add("P999") == .new)
        #expect(try await home.archive.topics(of: "C1").count == Archive.followsMax)
    }
}
