import LastCall
import LastCallTesting
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Real signals to a real process.
@Suite(.serialized, .timeLimit(.minutes(2))) struct SignalProcessTests {
    @Test("P35 P29 SIGTERM ends the process as its receipt says, and the last line is flushed into the pipe")
    func terminate() async throws {
        let run = try await FixtureRun.ready("slow")
        try await run.program.line("drained web")
        let last = try await run.program.line("[LastCall] stopped")
        #expect(try await run.program.exit() == 0)
        let receipt = try run.receipt()
        #expect(receipt.outcome == .clean)
        #expect(receipt.exitCode == 0)
        #expect(receipt.cause == ShutdownCause(kind: .signal, detail: "SIGTERM", pid: getpid(), uid: getuid()))
        #expect(last.contains("cause=SIGTERM from pid \(getpid())"))
        #expect(last.contains("seconds=\(receipt.elapsedSeconds)"))
        #expect(last.contains("cut=0"))
    }

    @Test("S15 L1 P2 repeated SIGTERM and SIGHUP, also to the whole group, are recorded and harmless")
    func repeatedTerminate() async throws {
        let folder = try ScratchDirectory()
        let go = folder.path + "/go"
        let run = try FixtureRun("waits", go, grace: "60s")
        try await run.program.line("ready")
        run.program.signalGroup(SIGTERM)
        try await run.program.line("told web")
        run.program.signal(SIGTERM)
        try await run.program.line("noted SIGTERM")
        run.program.signalGroup(SIGHUP)
        try await run.program.line("noted SIGHUP")
        close(open(go, O_CREAT | O_WRONLY, 0o600))
        try await run.program.line("drained web")
        #expect(try await run.program.exit() == 0)
        let receipt = try run.receipt()
        #expect(receipt.outcome == .clean)
        #expect(receipt.cause.detail == "SIGTERM")
        #expect(receipt.laterCauses.map(\.detail) == ["SIGTERM", "SIGHUP"])
    }

    @Test("B9 L1 the first SIGINT drains, the second hands over, the third exits; each leaves its receipt")
    func ladder() async throws {
        let first = try await FixtureRun.ready("slow", then: SIGINT, grace: "60s")
        #expect(try await first.program.exit() == 0)
        #expect(try first.receipt().outcome == .clean)

        let second = try await FixtureRun.ready("hang", then: SIGINT, grace: "60s")
        try await second.program.line("told web")
        second.program.signal(SIGINT)
        try await second.program.line("cancelled web")
        #expect(try await second.program.exit() == 0)
        let handedOver = try second.receipt()
        #expect(handedOver.stages.first?.members.first?.outcome == .cancelled)
        #expect(handedOver.laterCauses.map(\.detail) == ["SIGINT"])

        let third = try await FixtureRun.ready("stubborn-stages", then: SIGINT, grace: "600s")
        try await third.program.line("told web")
        third.program.signal(SIGINT)
        try await third.program.line("cancelled web")
        third.program.signal(SIGINT)
        #expect(try await third.program.exit() == 124)
        let forced = try third.receipt()
        #expect(forced.outcome == .forced)
        #expect(forced.exitCode == 124)
        #expect(forced.laterCauses.map(\.detail) == ["SIGINT", "SIGINT"])
    }

    @Test("B9 a third SIGINT leaves nobody untold where the process goes on") func forcedReturn() async throws {
        let run = try await FixtureRun.ready("returns-when-forced", then: SIGINT, grace: "60s")
        try await run.program.line("told web")
        run.program.signal(SIGINT)
        try await run.program.line("cancelled web")
        run.program.signal(SIGINT)
        try await run.program.line("told later at last")
        try await run.program.line("returned forced")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == 124)
    }

    @Test("B9 SIGQUIT hands over at once")
    func quit() async throws {
        let run = try await FixtureRun.ready("hang", then: SIGQUIT, grace: "60s")
        try await run.program.line("cancelled web")
        #expect(try await run.program.exit() == 0)
        #expect(try run.receipt().cause.detail == "SIGQUIT")
    }

    @Test("L9 S14 a SIGTERM that comes before the lifecycle runs is kept for it")
    func beforeRun() async throws {
        let folder = try ScratchDirectory()
        let run = try FixtureRun("before-run", folder.path + "/go")
        try await run.program.line("before")
        run.program.signal(SIGTERM)
        close(open(folder.path + "/go", O_CREAT | O_WRONLY, 0o600))
        #expect(try await run.program.exit() == 0)
        let receipt = try run.receipt()
        #expect(receipt.cause.detail == "SIGTERM")
        #expect(receipt.outcome == .clean)
    }

    @Test("L9 a SIGTERM that no lifecycle ever takes still ends the process, with 124 and a reason")
    func neverRuns() async throws {
        let run = try FixtureRun("never-runs", grace: "500ms")
        try await run.program.line("before")
        run.program.signal(SIGTERM)
        try await run.program.line("SIGTERM came before the service ran")
        #expect(try await run.program.exit() == 124)
    }

    @Test("L9 a SIGTERM after the lifecycle returned exits with the receipt's code")
    func afterRun() async throws {
        let run = try FixtureRun("after-run")
        try await run.program.line("returned clean")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == 0)
    }

    @Test("L9 a SIGTERM after a lifecycle that was stopped before it ran is not swallowed either") func stoppedFirst()
        async throws
    {
        let run = try FixtureRun("stopped-first")
        try await run.program.line("returned clean")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == 0)
    }

    @Test("L8 a failed member exits with 1 and its name, never by a trap")
    func failed() async throws {
        let run = try FixtureRun("fails")
        let last = try await run.program.line("[LastCall] stopped")
        #expect(last.contains("the fixture failed on purpose"))
        #expect(try await run.program.exit() == 1)
        let members = try run.receipt().stages.flatMap(\.members)
        #expect(members.first { $0.name == "job" }?.error == "the fixture failed on purpose")
        #expect(members.first { $0.name == "web" }?.outcome == .drained)
    }

    @Test("L4 P24 a member that throws while it drains does not lift the cap of the one that hangs")
    func failsDraining() async throws {
        let run = try await FixtureRun.ready("fails-draining")
        try await run.program.line("cancelled stuck")
        #expect(try await run.program.exit() == 1)
        let receipt = try run.receipt()
        #expect(receipt.stages[0].members.map(\.outcome) == [.failed, .cancelled])
        #expect(receipt.stages[1].members.map(\.outcome) == [.drained])
    }

    @Test("a signal handler that somebody replaced is taken back, loudly, and the stop is orderly either way")
    func stolenSignals() async throws {
        let run = try FixtureRun("steals-signals")
        try await run.program.line("the handler for SIGTERM was replaced")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == 0)
        let receipt = try run.receipt()
        // The other side also reads the signal from a descriptor (signalfd(2)): whoever is first gets it. If that is the inner
        // group, its member ends, which begins the same stop.
        #expect(["SIGTERM", "member \"thief\" ended"].contains(receipt.cause.detail))
        #expect(receipt.notes.contains { $0.contains("SIGTERM was replaced") })
        #expect(receipt.stages.flatMap(\.members).map(\.name) == ["thief", "store"])
        #expect(receipt.outcome == .clean)
    }

    @Test("L7 a handler that asks for the stop is told the truth, also one that is registered late")
    func askingHandlers() async throws {
        let run = try await FixtureRun.ready("asks")
        try await run.program.line("handler SIGTERM true")
        try await run.program.line("late SIGTERM true")
        #expect(try await run.program.exit() == 0)
    }
}
