import LastCall
import LastCallTesting
import Logging
import ServiceLifecycle
import Testing

/// A lifecycle inside another one, and inside a `ServiceGroup`.
@Suite(.timeLimit(.minutes(2))) struct NestedLifecycleTests {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test("L7 a handler asks for the stop inside a nested lifecycle and is told that lifecycle's own truth")
    func handlerInside() async throws {
        let (seen, late) = (Latch<Shutdown.Urgency?>(), Latch<ShutdownCause?>())
        let worker = Member("worker") {
            try await withGracefulShutdownHandler {
                try await gracefulShutdown()
                // Registered late: it is called at once, on this thread.
                try await withGracefulShutdownHandler {
                    _ = try await late.wait()
                } onGracefulShutdown: {
                    late.open(Shutdown.current?.cause)
                }
            } onGracefulShutdown: {
                seen.open(Shutdown.current?.urgency)
            }
        }
        let inner = try LifecycleRun(["work": [worker]])
        let outer = try LifecycleRun(["inner": [inner.lifecycle.named("inner")], "close": [obedient("store")]])
        let receipt = try await outer.run { outer in
            try await inner.waitFor(.ready)
            outer.lifecycle.stop("a new version")
        }
        #expect(receipt.isClean)
        #expect(try await seen.wait() == .drain)
        #expect(try await late.wait()?.kind == .parent)
        let innerReceipt = await inner.lifecycle.runUntilStopped()
        #expect(innerReceipt.cause.detail.contains("a new version"))
        #expect(innerReceipt.isClean)
    }

    @Test("L5 a finite member inside ends while others drain, and nobody is cancelled for it")
    func finiteInside() async throws {
        let (go, finish) = (Latch<Void>(), Latch<Void>())
        let inner = try LifecycleRun([
            "work": [Member("job") { try await go.wait() }.onEnd(.ignore), deaf("worker", until: finish)]
        ])
        let outer = try LifecycleRun(["inner": [inner.lifecycle.named("inner")]])
        let receipt = try await outer.run { outer in
            try await inner.waitFor(.ready)
            outer.lifecycle.stop()
            try await inner.waitFor(.memberTold("worker", .drain))
            go.open()
            try await inner.waitFor(.memberEnded("job", error: nil))
            finish.open()
        }
        #expect(receipt.isClean)
        let members = try #require(inner.lifecycle.receipt).stages[0].members
        #expect(members.map(\.outcome) == [.drained, .drained])
        #expect(!inner.events.contains(.memberCancelled("worker")))
    }

    @Test("B2 L3 the time of the lifecycle around it bounds a nested one, whatever its own plan grants")
    func outerDeadline() async throws {
        let (clock, finish) = (ManualClock(), Latch<Void>())
        let inner = try LifecycleRun(["work": [deaf("worker", until: finish)]], budget: .seconds(50), clock: clock)
        let outer = try LifecycleRun(
            ["inner": [inner.lifecycle.named("inner")], "close": [obedient("store")]], budget: .seconds(10),
            clock: clock)
        async let receipt = outer.lifecycle.runUntilStopped()
        try await inner.waitFor(.ready)
        try await outer.waitFor(.ready)
        outer.lifecycle.stop()
        try await inner.waitFor(.memberTold("worker", .drain))
        // The outer stage cancels at 9 s; the inner lifecycle has to be over a little earlier.
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(9))
        try await inner.waitFor(.finished(.partial))
        clock.advance(by: .seconds(1))
        let members = await receipt.stages.flatMap(\.members)
        #expect(members.map(\.name) == ["inner", "store"])
        #expect(members[1].outcome == .drained)
        let innerReceipt = await inner.lifecycle.runUntilStopped()
        #expect(innerReceipt.stages[0].members[0].outcome == .abandoned)
        finish.open()
    }

    @Test("L2 a nested lifecycle whose stop was not clean fails its member, by name") func notClean() async throws {
        let gate = InFlightGate()
        let worker = Holding(gate: gate).named("worker")
        let inner = try LifecycleRun(["work": [worker]])
        let outer = try LifecycleRun(["inner": [inner.lifecycle.named("inner")]])
        let receipt = try await outer.run { outer in
            try await inner.waitFor(.ready)
            inner.lifecycle.handOver()
        }
        #expect(inner.lifecycle.receipt?.outcome == .partial)
        #expect(receipt.cause.kind == .memberFailed)
        #expect(receipt.cause.detail.contains("test stopped partial"))
        #expect(receipt.stages[0].members[0].outcome == .failed)
    }

    @Test("L5 L7 inside a ServiceGroup the stop keeps its order, and the group ends without an error")
    func insideServiceGroup() async throws {
        let inner = try LifecycleRun(["web": [obedient("web")], "close": [obedient("store")]])
        let group = ServiceGroup(services: [inner.lifecycle], logger: Self.silent)
        async let running: Void = group.run()
        try await inner.waitFor(.ready)
        await group.triggerGracefulShutdown()
        try await running
        #expect(inner.told == ["web", "store"])
        let receipt = try #require(inner.lifecycle.receipt)
        #expect(receipt.cause.kind == .parent)
        #expect(receipt.isClean)
    }

    @Test("a ServiceGroup is a member as it is, and drains inside its stage") func serviceGroupInside() async throws {
        let finish = Latch<Void>()
        let group = ServiceGroup(services: [Draining(finish: finish)], logger: Self.silent)
        let run = try LifecycleRun(["work": [group.named("group")], "close": [obedient("store")]])
        let receipt = try await run.run { run in
            run.lifecycle.stop()
            try await run.waitFor(.memberTold("group", .drain))
            #expect(!run.told.contains("store"))
            finish.open()
        }
        #expect(receipt.stages.flatMap(\.members).map(\.outcome) == [.drained, .drained])
        #expect(run.told == ["group", "store"])
    }

    @Test("B9 a nested lifecycle that is told to hand over has the time for it", arguments: [true, false])
    func nestedHandOver(isAlreadyStopping: Bool) async throws {
        let (handsOver, finish) = (Latch<Void>(), Latch<Void>())
        let worker = Member("worker") {
            do {
                try await Latch<Void>().wait()
            } catch {
                // What gives a job back takes a moment.
                handsOver.open()
                await finish.waitThroughCancellation()
            }
        }
        let inner = try LifecycleRun(["work": [worker]])
        let outer = try LifecycleRun(["inner": [inner.lifecycle.named("inner")]])
        let receipt = try await outer.run { outer in
            try await inner.waitFor(.ready)
            if isAlreadyStopping {
                outer.lifecycle.stop()
                try await inner.waitFor(.memberTold("worker", .drain))
            }
            outer.lifecycle.handOver()
            try await handsOver.wait()
            // Whatever else was on its way to the inner lifecycle has arrived: its clock stands still, so nobody's time is over.
            for _ in 0..<1000 { await Task.yield() }
            finish.open()
        }
        #expect(receipt.isClean)
        #expect(!inner.events.contains(.memberAbandoned("worker")))
    }

    @Test("B1 what a nested lifecycle cut is listed by the one around it") func nestedCutItems() async throws {
        let gate = InFlightGate()
        let worker = Member("worker") {
            let token = try gate.enter { "report 7" }
            try await gracefulShutdown()
            token.end(.cut)
        }
        let inner = try LifecycleRun(["work": [worker], "gate": [gate.named("gate")]])
        let outer = try LifecycleRun(["inner": [inner.lifecycle.named("inner")]])
        let receipt = try await outer.run { outer in
            try await inner.waitFor(.ready)
            outer.lifecycle.stop()
        }
        #expect(receipt.totals.cut == 1)
        #expect(receipt.stages[0].members[0].cutItems.map(\.label) == ["report 7"])
    }
}

/// A service of a group that takes its time.
private struct Draining: Service {
    let finish: Latch<Void>

    func run() async throws {
        try await gracefulShutdown()
        try await finish.wait()
    }
}

/// A member that loses what it holds when it is cancelled.
private struct Holding: Service, LedgerReporting {
    let gate: InFlightGate

    func run() async throws {
        let token = try gate.enter { "job 8" }
        do {
            try await Latch<Void>().wait()
            token.end(.done)
        } catch {
            token.end(.cut)
        }
    }

    var ledger: Ledger { gate.ledger }
    func heldItems(itemsMax: Int) -> [LedgerItem] { gate.heldItems(itemsMax: itemsMax) }
    func cutItems(itemsMax: Int) -> [LedgerItem] { gate.cutItems(itemsMax: itemsMax) }
}
