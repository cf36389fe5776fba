import FoundationEssentials
import LastCall
import LastCallTesting
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// What a process does when its members do not end, and what is left when it is killed.
@Suite(.serialized, .timeLimit(.minutes(1))) struct DeadlineProcessTests {
    @Test("L2 L8 a member that hangs is cancelled, named, and the exit is not 0")
    func hang() async throws {
        let run = try await FixtureRun.ready("hang")
        let warning = try await run.program.line("member used up its time")
        #expect(warning.contains("member=web"))
        #expect(try await run.program.exit() == 75)
        let receipt = try run.receipt()
        #expect(receipt.outcome == .partial)
        #expect(receipt.stages[0].members[0].outcome == .cancelled)
    }

    @Test("P26 L8 a member that ignores even cancellation is abandoned by name, and the stages after it still stop")
    func stubborn() async throws {
        let run = try await FixtureRun.ready("stubborn")
        try await run.program.line("told store")
        #expect(try await run.program.exit() == 75)
        let receipt = try run.receipt()
        #expect(receipt.stages[0].members[0].outcome == .abandoned)
        #expect(receipt.stages[1].members[0].outcome == .drained)
        let overruns = run.program.output.split(separator: "\n").filter { $0.contains("used up its time") }
        #expect(overruns.count == 1)
        #expect(overruns.first?.contains("budget=2s") == true)
    }

    @Test("B2 L8 the deadline holds when members block every thread of the concurrency pool")
    func blockedPool() async throws {
        let run = try FixtureRun("blocked-pool")
        try await run.program.line("blocking")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == 75)
        #expect(try run.receipt().stages[0].members.allSatisfy { $0.outcome == .abandoned })
    }

    @Test("B2 L8 the deadline holds when a ledger never answers, and the receipt says so")
    func stuckLedger() async throws {
        let run = try await FixtureRun.ready("stuck-ledger")
        #expect(try await run.program.exit() == 124)
        let receipt = try run.receipt()
        #expect(receipt.outcome == .forced)
        #expect(receipt.notes.contains { $0.contains("ledger did not answer") })
    }

    @Test(
        "B8a SIGKILL during the drain leaves a provisional receipt",
        arguments: ["stopBegan", "stageEnded work", "finishing"])
    func killed(place: String) async throws {
        let run = try FixtureRun("crash", place)
        try await run.program.line("ready")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == -SIGKILL)
        let receipt = try run.receipt()
        #expect(receipt.outcome == .unfinished)
        #expect(receipt.cause.detail == "SIGTERM")
        #expect(receipt.stages.map(\.name) == ["work", "close"])
    }

    @Test("B14a P35 on Kubernetes a short receipt is in the termination message")
    func terminationMessage() async throws {
        let folder = try ScratchDirectory()
        let path = folder.path + "/termination-log"
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        let run = try FixtureRun(
            "idle", environment: ["KUBERNETES_SERVICE_HOST": "10.0.0.1", "LASTCALL_TERMINATION_LOG": path])
        try await run.program.line("ready")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == 0)
        let text = try FileText.read(path)
        #expect(text.utf8.count <= 4096)
        let receipt = try Receipt(json: text.utf8)
        #expect(receipt.platform == "kubernetes")
        #expect(receipt.outcome == .clean)
    }

    @Test("B1 what was held, accepted, finished, kept and cut adds up, and the cut is listed without its query")
    func conservation() async throws {
        let run = try FixtureRun("holds")
        try await run.program.line("holding")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == 75)
        let member = try #require(try run.receipt().stages.flatMap(\.members).first { $0.name == "holder" })
        #expect(member.heldAtStop == 3)
        #expect(member.acceptedDuringStop == 1)
        #expect(member.done == 1)
        #expect(member.kept == 1)
        #expect(member.cut == 2)
        #expect(member.unaccounted == 0)
        #expect(Set(member.cutItems.map(\.label)) == ["GET /export", "report 3"])
        #expect(!run.program.output.contains("secret"))
    }

    @Test("a receipt that cannot be written is an error in the log, and the stop goes on")
    func unwritableReceipt() async throws {
        let run = try FixtureRun("idle", environment: ["LASTCALL_RECEIPT": "/proc/nowhere/receipt.json"])
        try await run.program.line("receipt cannot be written")
        // Whether it is said before or after `ready` is the disk's affair; a signal in between is kept.
        run.program.signal(SIGTERM)
        try await run.program.line("receipt could not be written")
        #expect(try await run.program.exit() == 0)
    }

    @Test("a closed standard output does not kill the process")
    func closedOutput() async throws {
        let run = try FixtureRun("slow", readsOutput: false)
        // Nothing can be read from it: its provisional receipt shows that it has come to the stop.
        try await run.stopOnceReady()
        #expect(try await run.program.exit() == 0)
        #expect(try run.receipt().outcome == .clean)
    }

    @Test("P33 a service writes its plan with --print-plan, and starts nothing")
    func printPlan() async throws {
        let run = try FixtureRun("idle", "--print-plan", grace: "2s")
        #expect(try await run.program.exit() == 0)
        let plan = try JSONDecoder().decode(PlanDescription.self, from: Data(run.program.output.utf8))
        #expect(
            try plan
                == PlanDescription(
                    name: "LifecycleFixture",
                    stages: [.init(name: "work", budgetSeconds: nil), .init(name: "close", budgetSeconds: nil)]))
    }

    @Test("P33 budgets that do not fit a stated grace are refused with the sum")
    func refusedPlan() async throws {
        let run = try FixtureRun("idle", environment: ["LASTCALL_BUDGET_WORK": "10s"])
        let line = try await run.program.line("does not fit")
        #expect(line.contains("grace 8s (stated) - reserve 4s = 4s"))
        #expect(try await run.program.exit() == 78)
    }

    @Test("B8a P35 a log that blocks costs neither the provisional nor the final receipt") func blockedLog()
        async throws
    {
        let run = try await FixtureRun.ready("blocked-log")
        #expect(try await run.program.exit() == 0)
        #expect(try run.receipt().outcome == .clean)
    }

    @Test("P35 L8 a log that blocks at the deadline does not make the exit code contradict the receipt")
    func blockedLogAtTheDeadline() async throws {
        let run = try await FixtureRun.ready("blocked-log-at-the-deadline")
        #expect(try await run.program.exit() == 75)
        let receipt = try run.receipt()
        #expect(receipt.exitCode == 75)
        #expect(receipt.stages[1].members[0].outcome == .abandoned)
    }

    @Test("B1 B2 a ledger that stops answering during the stop costs no receipt") func lateStuckLedger() async throws {
        let run = try await FixtureRun.ready("late-stuck-ledger")
        #expect(try await run.program.exit() == 124)
        let receipt = try run.receipt()
        #expect(receipt.exitCode == 124)
        #expect(receipt.notes.contains { $0.contains("ledger did not answer") })
    }

    @Test("P35 without a reserve an overrun still leaves its last receipt") func noReserve() async throws {
        let run = try FixtureRun(
            "blocked-log-at-the-deadline", grace: "2s", environment: ["LASTCALL_RESERVE": "0"])
        try await run.program.line("ready")
        run.program.signal(SIGTERM)
        let code = try await run.program.exit()
        let receipt = try run.receipt()
        #expect(receipt.outcome != .unfinished)
        #expect(receipt.exitCode == code)
    }

    @Test("B14a however long an error is, the termination message is whole") func longError() async throws {
        let folder = try ScratchDirectory()
        let path = try folder.write("", to: "termination-log")
        let run = try FixtureRun("long-error", environment: ["LASTCALL_TERMINATION_LOG": path])
        #expect(try await run.program.exit() == 1)
        let text = try FileText.read(path)
        #expect(text.utf8.count <= 4096)
        #expect(try Receipt(json: text.utf8).exitCode == 1)
    }
}
