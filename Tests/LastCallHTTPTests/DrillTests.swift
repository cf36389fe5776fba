import LastCall
import LastCallTesting
import Testing

@testable import HTTPDrill

#if canImport(Glibc)
    import Glibc
#endif

/// Real processes under a real load, stopped by real signals.
@Suite(.serialized) struct DrillTests {
    /// Ports below the ephemeral range, so that no client's own port is in the way.
    private static let firstPort = 17_100

    /// Other tests run at the same time, in the process of the clients: these may need seconds for their next request, and the default
    /// linger is a tenth of one.
    private func scenarios() throws -> Scenarios { try Scenarios(options: ["--linger", "3s"]) }

    private func expectNothingLost(_ result: DrillResult, told: Bool = true) {
        for (kind, tally) in result.tallies {
            #expect(tally.lostCount == 0, "\(kind.rawValue): \(tally.lost)")
            if told {
                #expect(tally.told == tally.sentAfter, "\(kind.rawValue): told \(tally.told) of \(tally.sentAfter)")
            }
        }
        #expect(result.exitCode == 0)
        for kind in [DrillResult.Class.reused, .fresh, .slow, .stream, .upload] {
            #expect((result.tallies[kind]?.answered ?? 0) > 0, "nobody was \(kind.rawValue)")
        }
    }

    @Test(
        "B10 five stops under 64 keep-alive and 16 fresh clients lose nothing, everybody is told, and no idle or silent one holds the exit"
    )
    func http1() async throws {
        let scenario = try scenarios().own(.http1, isBare: false)
        var sum = DrillResult()
        for run in 0..<5 { sum.add(try await scenario.run(port: Self.firstPort + run, keepAlive: 64, fresh: 16)) }
        expectNothingLost(sum)
        #expect(sum.tallies[.halfHead]?.answered == 5)
        #expect(sum.tallies[.slow].map { $0.answered >= 5 } == true)
    }

    @Test("B10 in lame duck new connections are taken and told to close")
    func lameDuck() async throws {
        let result = try await scenarios().lameDuck().run(port: Self.firstPort + 10, keepAlive: 16, fresh: 8)
        expectNothingLost(result)
        #expect((result.tallies[.fresh]?.sentAfter ?? 0) > 0)
    }

    @Test("B10 over TLS nothing is lost")
    func tls() async throws {
        let scenarios = try self.scenarios()
        try await scenarios.makeCertificate()
        expectNothingLost(
            try await scenarios.own(.tls, isBare: false).run(port: Self.firstPort + 11, keepAlive: 32, fresh: 8))
    }

    @Test("B11 over HTTP/2 nothing is lost: GOAWAY, streams finish, a stream that never ends is told to")
    func http2() async throws {
        let scenarios = try self.scenarios()
        try await scenarios.makeCertificate()
        expectNothingLost(
            try await scenarios.own(.http2, isBare: false).run(port: Self.firstPort + 12, keepAlive: 32, fresh: 8))
    }

    @Test("S7 several processes that share a port drain one after the other, and nobody is refused")
    func rolling() async throws {
        let result = try await scenarios().rolling().run(port: Self.firstPort + 13, keepAlive: 32, fresh: 8)
        expectNothingLost(result, told: false)
    }

    @Test("S7 with an inherited socket the connections between two processes wait, and nobody is refused")
    func inherited() async throws {
        let result = try await scenarios().inherited().run(port: Self.firstPort + 14, keepAlive: 32, fresh: 8)
        expectNothingLost(result, told: false)
    }

    @Test("S14 S15 a signal right after the first accept, repeated, and to the whole group, is one orderly stop")
    func signals() async throws {
        for port in [Self.firstPort + 15, Self.firstPort + 16] {
            let server = try ProgramUnderTest(
                BuiltProgram.path("HTTPDrill"), ["serve", "--port", "\(port)"],
                environment: ["DRILL_LOG": "notice", "PATH": "/usr/bin"])
            try await server.line("listening")
            server.signal(SIGTERM)
            server.signalGroup(SIGTERM)
            server.signal(SIGTERM)
            #expect(try await server.exit() == 0)
            #expect(server.output.contains("outcome=clean"))
        }
    }
}
