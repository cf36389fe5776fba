import LastCallCommand
import LastCallTesting
import Testing

@Suite("Commands in a process of their own")
struct CommandFixtureTests {
    private func answer(_ scenario: String) async throws -> [String] {
        let fixture = Command(
            BuiltProgram.path("CommandFixture"), [scenario], limits: CommandLimits(time: .seconds(60)))
        return try await fixture.collect().lines.map(\.text)
    }

    @Test("B13 orphans are reaped one by one, and a command keeps its status")
    func reapOnce() async throws {
        #expect(try await answer("reap-once") == ["code 7 reaped 20 left 0"])
    }

    @Test("B13 orphans are reaped as they end")
    func reapContinuously() async throws {
        #expect(try await answer("reap-continuously") == ["code 7 left 0"])
    }

    @Test("B13 C4 a subreaper's only command is ended with all that it left behind, whatever that did to hide")
    func adopt() async throws {
        #expect(try await answer("adopt") == ["stopped(requested) left 0"])
    }

    @Test("C16 closed standard descriptors of ours are no danger to a program's own")
    func closedStdio() async throws {
        #expect(try await answer("closed-stdio") == ["err,out code 4 inherited 0"])
    }

    @Test("C16 a process that ignores SIGCHLD still learns its commands' exit codes")
    func ignoredChildSignal() async throws {
        #expect(try await answer("ignored-sigchld") == ["code 5"])
    }

    @Test("C20 a status that somebody else took is a loss, not a success")
    func stolenStatus() async throws {
        #expect(try await answer("stolen-status") == ["lost"])
    }

    @Test("C16 a hundred commands leave no descriptor behind")
    func descriptors() async throws {
        #expect(try await answer("descriptors") == ["0 more"])
    }

    @Test("C16 without a descriptor left a start fails with a clear error, and later ones work")
    func noDescriptors() async throws {
        #expect(try await answer("no-descriptors") == ["systemRefused then succeeded"])
    }
}
