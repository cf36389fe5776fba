import LastCall
import LastCallTesting
import ServiceLifecycle
import Testing

/// A lifecycle with real tasks, in this process.
@Suite(.timeLimit(.minutes(2))) struct LifecycleTests {
    // MARK: Causes

    @Test("P3 P23 a stop by call is the same stop: told in order, clean, and the reason is in the receipt")
    func stopByCall() async throws {
        let run = try LifecycleRun([
            "intake": [obedient("web")], "work": [obedient("worker")], "close": [obedient("store")],
        ])
        let receipt = try await run.run { $0.lifecycle.stop("deploy of 1.2") }
        #expect(receipt.cause == ShutdownCause(kind: .call, detail: "deploy of 1.2"))
        #expect(run.told == ["web", "worker", "store"])
        #expect(receipt.isClean)
        #expect(receipt.exitCode == ExitCode.clean)
        #expect(receipt.stages.flatMap(\.members).map(\.outcome) == [.drained, .drained, .drained])
    }

    @Test("P3 a hand-over by call cancels, stage by stage") func handOverByCall() async throws {
        let run = try LifecycleRun(["work": [lingering("worker")], "close": [lingering("store")]])
        let receipt = try await run.run { $0.lifecycle.handOver("memory is short") }
        #expect(receipt.cause.detail == "memory is short")
        let cancelled = run.events.compactMap { if case .memberCancelled(let name) = $0 { name } else { nil } }
        #expect(cancelled == ["worker", "store"])
    }

    @Test("P2 L7 a member that is handed over at once can ask why") func causeOfHandOver() async throws {
        let cause = Latch<ShutdownCause?>()
        let member = Member("worker") {
            let shutdown = Shutdown.current
            do { try await Latch<Void>().wait() } catch { cause.open(shutdown?.cause) }
        }
        _ = try await LifecycleRun(["work": [member]]).run { $0.lifecycle.handOver("memory is short") }
        #expect(cause.value??.detail == "memory is short")
    }

    @Test("P2 the first cause is the reason, and the later ones are noted") func firstCause() async throws {
        let finish = Latch<Void>()
        let run = try LifecycleRun(["work": [deaf("worker", until: finish)]])
        let receipt = try await run.run { run in
            run.lifecycle.stop("first")
            run.lifecycle.stop("second")
            try await run.waitFor(.causeNoted(ShutdownCause(kind: .call, detail: "second")))
            finish.open()
        }
        #expect(receipt.cause.detail == "first")
        #expect(receipt.laterCauses.map(\.detail) == ["second"])
    }

    @Test("P2 where nobody gives a reason the receipt says unknown, not nothing") func unknownCause() async throws {
        let receipt = try await LifecycleRun(["work": [obedient("worker")]]).run { $0.lifecycle.stop("") }
        #expect(receipt.cause.detail == "unknown")
        #expect(try Receipt(json: receipt.json().utf8).cause.description == "unknown")
    }

    @Test("a cancelled task is a stop without grace, and the receipt says so") func cancelledTask() async throws {
        let run = try LifecycleRun(["work": [lingering("worker")], "close": [lingering("store")]])
        let running = UnstructuredTask.start { await run.lifecycle.runUntilStopped() }
        try await run.waitFor(.ready)
        running.cancel()
        let receipt = await running.value
        #expect(receipt.cause.kind == .cancelled)
        #expect(receipt.stages.flatMap(\.members).map(\.outcome) == [.cancelled, .cancelled])
        #expect(run.told == ["worker", "store"])
    }

    @Test("P25 a stop that comes before the start runs nothing") func stopBeforeStart() async throws {
        let run = try LifecycleRun(["work": [Member("worker") { Issue.record("it ran") }]])
        run.lifecycle.stop("too early")
        let receipt = await run.lifecycle.runUntilStopped()
        #expect(receipt.isClean)
        #expect(receipt.stages[0].members[0].outcome == .neverStarted)
        #expect(receipt.cause.detail == "too early")
    }

    // MARK: Awaiting

    @Test("P30 the end can be awaited by every owner, during the stop and after it") func awaitedByOwners() async throws
    {
        let run = try LifecycleRun(["work": [obedient("worker")]])
        #expect(run.lifecycle.receipt == nil)
        async let first = run.lifecycle.runUntilStopped()
        try await run.waitFor(.ready)
        async let second = run.lifecycle.runUntilStopped()
        run.lifecycle.stop()
        let receipts = await [first, second, run.lifecycle.runUntilStopped()]
        #expect(Set(receipts).count == 1)
        #expect(run.lifecycle.receipt == receipts[0])
    }

    @Test("a lifecycle runs as a service once") func runsOnce() async throws {
        let run = try LifecycleRun(["work": [Member("job") {}]])
        try await run.lifecycle.run()
        let error = await #expect(throws: LastCallError.self) { try await run.lifecycle.run() }
        #expect(error?.code == .alreadyRun)
    }

    @Test("L2 a drain that timed out is not reported as success") func timedOutDrain() async throws {
        let finish = Latch<Void>()
        let run = try LifecycleRun(["work": [deaf("worker", until: finish)]])
        let running = UnstructuredTask.startThrowing { try await run.lifecycle.run() }
        try await run.waitFor(.ready)
        run.lifecycle.stop()
        try await run.waitFor(.memberTold("worker", .drain))
        await run.clock.waitForSleepers(1)
        run.clock.advance(by: .seconds(9))
        try await run.waitFor(.memberCancelled("worker"))
        await run.clock.waitForSleepers(1)
        run.clock.advance(by: .seconds(1))
        let error = await #expect(throws: LastCallError.self) { try await running.value }
        #expect(error?.code == .stopNotClean)
        #expect(run.lifecycle.receipt?.stages[0].members[0].outcome == .abandoned)
        finish.open()
    }

    // MARK: Start

    @Test("members start from the last stage to the first, each stage once the one behind it is ready")
    func startOrder() async throws {
        let store = Gradual()
        let run = try LifecycleRun(["web": [obedient("web")], "close": [store.named("store")]])
        async let receipt = run.lifecycle.runUntilStopped()
        try await run.waitFor(.memberStarted("store"))
        #expect(run.events == [.memberStarted("store")])
        store.isReady.open()
        try await run.waitFor(.ready)
        #expect(
            run.events == [
                .memberStarted("store"), .memberReady("store"), .memberStarted("web"), .memberReady("web"), .ready,
            ])
        run.lifecycle.stop()
        #expect(await receipt.isClean)
    }

    @Test("P28 a member that never becomes ready ends the start with its name, and what had started stops")
    func startTimeout() async throws {
        let run = try LifecycleRun([
            "web": [Member("web") { Issue.record("it ran") }], "work": [Gradual().named("worker")],
            "close": [obedient("store")],
        ])
        let running = UnstructuredTask.startThrowing { try await run.lifecycle.run() }
        try await run.waitFor(.memberStarted("worker"))
        await run.clock.waitForSleepers(1)
        run.clock.advance(by: .seconds(60))
        let error = await #expect(throws: LastCallError.self) { try await running.value }
        #expect(error?.code == .startTimedOut)
        let receipt = try #require(run.lifecycle.receipt)
        #expect(receipt.cause.kind == .startFailure)
        #expect(receipt.cause.detail.contains("worker"))
        #expect(run.told == ["worker", "store"])
        #expect(receipt.exitCode == ExitCode.failure)
    }

    @Test("P28 a member that says it will never be ready surfaces its own error") func neverReady() async throws {
        let run = try LifecycleRun(["work": [Gradual(error: Broken()).named("worker")], "close": [obedient("store")]])
        let receipt = await run.lifecycle.runUntilStopped()
        #expect(receipt.cause.kind == .startFailure)
        #expect(receipt.cause.detail.contains("Broken"))
        #expect(run.told == ["worker", "store"])
    }

    @Test("P28 run() throws the very error of the member that failed") func originalError() async throws {
        let run = try LifecycleRun(["work": [Member("worker") { throw Broken() }], "close": [obedient("store")]])
        await #expect(throws: Broken()) { try await run.lifecycle.run() }
        #expect(run.lifecycle.receipt?.exitCode == ExitCode.failure)
        #expect(run.told == ["store"])
    }

    // MARK: Ends

    /// What a member does of its own, what was agreed for it, and what follows.
    struct EarlyEnd: Sendable, CustomTestStringConvertible {
        /// Whether it throws.
        let throwing: Bool
        /// What was agreed.
        let policy: Member.EndPolicy
        /// What the receipt gives as cause.
        let cause: ShutdownCause.Kind
        /// How the other member is told; `nil` where it is not.
        let urgency: Shutdown.Urgency?

        var testDescription: String { "\(throwing ? "throws" : "returns"), \(policy.kind)" }
    }

    @Test(
        "each rule for an early end does what it says",
        arguments: [
            EarlyEnd(throwing: false, policy: .stop, cause: .memberEnded, urgency: .drain),
            EarlyEnd(throwing: false, policy: .handOver, cause: .memberEnded, urgency: .handOver),
            EarlyEnd(throwing: false, policy: .ignore, cause: .call, urgency: .drain),
            EarlyEnd(throwing: true, policy: .stop, cause: .memberFailed, urgency: .drain),
            EarlyEnd(throwing: true, policy: .handOver, cause: .memberFailed, urgency: .handOver),
            EarlyEnd(throwing: true, policy: .ignore, cause: .call, urgency: .drain),
        ])
    func earlyEnd(_ early: EarlyEnd) async throws {
        let go = Latch<Void>()
        let job = Member("job") {
            try await go.wait()
            if early.throwing { throw Broken() }
        }
        let run = try LifecycleRun(["work": [job.onEnd(early.policy).onFailure(early.policy), obedient("other")]])
        let receipt = try await run.run { run in
            go.open()
            try await run.waitFor(.memberEnded("job", error: early.throwing ? "Broken()" : nil))
            // An end that is ignored changes nothing: the stop that follows is the caller's.
            if early.policy == .ignore { run.lifecycle.stop() }
        }
        #expect(receipt.cause.kind == early.cause)
        #expect(run.events.contains(.memberTold("other", early.urgency ?? .drain)))
        #expect(receipt.stages[0].members[0].outcome == (early.throwing ? .failed : .ended))
        // Whoever ignores a failure has said that it is none.
        let isFailure = early.throwing && early.policy != .ignore
        #expect(receipt.exitCode == (isFailure ? ExitCode.failure : ExitCode.clean))
    }

    @Test("the stop begins when the last member whose end is ignored has ended") func lastIgnored() async throws {
        let run = try LifecycleRun(["work": [Member("a") {}.onEnd(.ignore), Member("b") {}.onEnd(.ignore)]])
        let receipt = await run.lifecycle.runUntilStopped()
        #expect(receipt.cause == ShutdownCause(kind: .memberEnded, detail: "every member ended"))
        #expect(receipt.isClean)
    }

    @Test("P24 a member that throws while it drains fails the stop by name, and the others still stop")
    func throwsWhileDraining() async throws {
        let broken = Member("broken") {
            try await gracefulShutdown()
            throw Broken()
        }
        let receipt = try await LifecycleRun(["work": [broken], "close": [obedient("store")]]).runAndStop()
        let members = receipt.stages.flatMap(\.members)
        #expect(members.map(\.outcome) == [.failed, .drained])
        #expect(members[0].error == "Broken()")
        #expect(receipt.exitCode == ExitCode.failure)
    }

    @Test("P27 a best-effort member that throws is reported, and the stop stays clean") func bestEffortThrows()
        async throws
    {
        let chat = Member("chat") {
            try await gracefulShutdown()
            throw Broken()
        }
        let receipt = try await LifecycleRun(["chat": [chat.bestEffort()], "close": [obedient("store")]]).runAndStop()
        #expect(receipt.stages[0].members[0].outcome == .failed)
        #expect(receipt.stages[0].members[0].error == "Broken()")
        #expect(receipt.isClean)
        #expect(receipt.exitCode == ExitCode.clean)
    }

    @Test("P27 a best-effort member that never stops is abandoned by name, and the stop stays clean")
    func bestEffortHangs() async throws {
        let finish = Latch<Void>()
        let run = try LifecycleRun([
            "chat": [deaf("chat", until: finish).bestEffort()], "close": [obedient("store")],
        ])
        let receipt = try await run.run { run in
            run.lifecycle.stop()
            try await run.waitFor(.memberTold("chat", .drain))
            run.clock.advance(by: .seconds(9))
            try await run.waitFor(.memberCancelled("chat"))
            run.clock.advance(by: .seconds(1))
        }
        #expect(receipt.stages[0].members[0].outcome == .abandoned)
        #expect(receipt.stages[1].members[0].outcome == .drained)
        #expect(receipt.isClean)
        #expect(receipt.exitCode == ExitCode.clean)
        finish.open()
    }

    // MARK: What members see

    @TaskLocal static var tenant = "none"

    @Test("task-locals of the caller reach every member") func taskLocals() async throws {
        let seen = Latch<String>()
        let run = try LifecycleRun(["work": [Member("worker") { seen.open(Self.tenant) }]])
        _ = await Self.$tenant.withValue("blue") { await run.lifecycle.runUntilStopped() }
        #expect(seen.value == "blue")
    }

    @Test("a member knows the cause and the time it has as soon as the stop begins, and is told only in its turn")
    func remainingTime() async throws {
        let (told, finish) = (Latch<Shutdown>(), Latch<Void>())
        let store = Member("store") {
            let shutdown = try #require(Shutdown.current)
            #expect(shutdown.cause == nil && shutdown.remaining == nil && !shutdown.isStopping)
            told.open(shutdown)
            #expect(try await shutdown.stopRequested().detail == "stop() was called")
            #expect(shutdown.urgency == .drain)
        }
        let run = try LifecycleRun(["work": [deaf("worker", until: finish)], "close": [store]])
        let receipt = try await run.run { run in
            let shutdown = try await told.wait()
            run.lifecycle.stop()
            try await run.waitFor(.memberTold("worker", .drain))
            #expect(shutdown.cause?.kind == .call)
            #expect(!shutdown.isStopping)
            // Two stages of 10 s, less the last one's second for cancelling.
            #expect(shutdown.remaining == .seconds(19))
            #expect(shutdown.remainingUntilAbandoned == .seconds(20))
            run.clock.advance(by: .seconds(4))
            #expect(shutdown.remaining == .seconds(15))
            finish.open()
        }
        #expect(receipt.isClean)
    }

    @Test("a lifecycle's ledger is the sum of its members' ledgers") func sums() async throws {
        let (first, second) = (InFlightGate(), InFlightGate())
        let run = try LifecycleRun([
            "work": [Gated(gate: first).named("first"), Gated(gate: second).named("second")]
        ])
        let receipt = try await run.run { run in
            try first.enter { "one" }.end(.kept)
            let held = try second.enter { "two" }
            #expect(run.lifecycle.ledger == Ledger(held: 1, accepted: 2, kept: 1))
            #expect(run.lifecycle.heldItems(itemsMax: 5).map(\.label) == ["two"])
            #expect(run.lifecycle.heldItems(itemsMax: 0).isEmpty)
            run.lifecycle.stop()
            try await run.waitFor(.memberTold("second", .drain))
            held.end(.done)
        }
        #expect(receipt.totals.heldAtStop == 1)
        #expect(receipt.totals.done == 1)
        #expect(receipt.isClean)
    }
}

/// A member that is ready when the test says so, or never.
private struct Gradual: Service, ReadinessReporting {
    let isReady = Latch<Void>()
    var error: Broken?

    func run() async throws { try await gracefulShutdown() }

    func waitUntilReady() async throws {
        if let error { throw error }
        try await isReady.wait()
    }

    @Test("B1 what was cut before the stop is not listed as the stop's") func cutBefore() async throws {
        let gate = InFlightGate()
        try gate.enter { "long ago" }.end(.cut)
        let worker = Member("worker") {
            let token = try gate.enter { "just now" }
            try await gracefulShutdown()
            token.end(.cut)
        }
        let run = try LifecycleRun(["work": [worker], "gate": [gate.named("gate")]])
        let member = try await run.runAndStop().stages[1].members[0]
        #expect(member.cut == 1)
        #expect(member.cutItems.map(\.label) == ["just now"])
    }
}

/// A member whose ledger is its gate's.
private struct Gated: Service, LedgerReporting {
    let gate: InFlightGate

    func run() async throws {
        try await gracefulShutdown()
        gate.close()
        try await gate.drain()
    }

    var ledger: Ledger { gate.ledger }
    func heldItems(itemsMax: Int) -> [LedgerItem] { gate.heldItems(itemsMax: itemsMax) }
}
