import LastCall
import LastCallTesting
import Testing

/// The receipt as a function of what happened.
@Suite struct ReceiptBuilderTests {
    /// A machine with one member that was told at 10 s and ended, or did not.
    static func machine(endsAfterTold: Duration?, error: String? = nil) -> LifecycleStateMachine {
        var script = Rehearsal.Script("worker", stage: 0, endsAfterTold: endsAfterTold)
        script.endsAfterCancelled = nil
        script.error = error
        var rehearsal = Rehearsal(scripts: [script], stages: [StageSpec(name: "work", budget: .seconds(10))])
        rehearsal.at(.seconds(10), .stop(ShutdownCause(kind: .signal, detail: "SIGTERM", pid: 1, uid: 0), .drain))
        rehearsal.play()
        return rehearsal.machine
    }

    static func receipt(
        _ machine: LifecycleStateMachine, before: Ledger, after: Ledger, items: [LedgerItem] = [],
        remarks: [String] = []
    ) throws -> Receipt {
        let arithmetic = try PlanArithmetic(
            grace: GracePeriod(.seconds(20)), requests: [.init(stage: "work", budget: .seconds(10))])
        return ReceiptBuilder(name: "test", arithmetic: arithmetic, platform: "unknown", epochMilliseconds: 0)
            .receipt(
                machine: machine, ledgers: [.init(before: before, after: after, items: items, remarks: remarks)],
                at: .seconds(20))
    }

    @Test("B1 held + accepted = done + handed over + kept + dead-lettered + cut") func conservation() throws {
        let receipt = try Self.receipt(
            Self.machine(endsAfterTold: .seconds(1)), before: Ledger(held: 10, accepted: 110, done: 100),
            after: Ledger(held: 2, accepted: 113, done: 104, handedOver: 2, kept: 3, deadLettered: 1, cut: 1),
            items: [LedgerItem("a", age: .seconds(2)), LedgerItem("GET /b?token=secret now"), LedgerItem("c")])
        let member = receipt.stages[0].members[0]
        #expect(member.heldAtStop == 10)
        #expect(member.acceptedDuringStop == 3)
        #expect([member.done, member.handedOver, member.kept, member.deadLettered, member.cut] == [4, 2, 3, 1, 3])
        #expect(member.unaccounted == 0)
        #expect(member.cutItems.map(\.label) == ["a", "GET /b now", "c"])
        #expect(receipt.exitCode == ExitCode.cut)
        #expect(receipt.outcome == .partial)
    }

    @Test("B1 a difference between both sides is unaccounted, and exits with 70") func unaccounted() throws {
        let receipt = try Self.receipt(
            Self.machine(endsAfterTold: .seconds(1)), before: Ledger(held: 5, accepted: 5),
            after: Ledger(held: 0, accepted: 5, done: 4))
        #expect(receipt.totals.unaccounted == 1)
        #expect(receipt.exitCode == ExitCode.unaccounted)
        #expect(receipt.outcome == .partial)
    }

    @Test("P5 what a member says of its stop stands in the receipt, at most ten short sentences") func remarks() throws
    {
        let machine = Self.machine(endsAfterTold: .seconds(1))
        let receipt = try Self.receipt(machine, before: Ledger(), after: Ledger(), remarks: ["poll cancelled"])
        #expect(receipt.stages[0].members[0].remarks == ["poll cancelled"])
        #expect(ReceiptTable(receipt).lines.contains("  worker: poll cancelled"))
        #expect(try Receipt(json: receipt.json().utf8).stages[0].members[0].remarks == ["poll cancelled"])
        let many = try Self.receipt(
            machine, before: Ledger(), after: Ledger(),
            remarks: (0..<50).map { "\($0)" + String(repeating: "x", count: 2000) })
        #expect(many.stages[0].members[0].remarks?.count == ReceiptBuilder.remarksMax)
        #expect(try many.shortJSON().utf8.count <= 4096)
        let none = try Self.receipt(machine, before: Ledger(), after: Ledger())
        #expect(none.stages[0].members[0].remarks == nil)
        #expect(try !none.json().contains("remarks"))
    }

    @Test("B1 the list of what was cut is capped, and the rest is counted") func cap() throws {
        let items = (0..<1000).map { LedgerItem("item \($0)") }
        let receipt = try Self.receipt(
            Self.machine(endsAfterTold: .seconds(1)), before: Ledger(held: 1000, accepted: 1000),
            after: Ledger(held: 1000, accepted: 1000), items: items)
        let member = receipt.stages[0].members[0]
        #expect(member.cut == 1000)
        #expect(member.cutItems.count == ReceiptBuilder.cutItemsMax)
        #expect(member.cutItemsOmitted == 1000 - ReceiptBuilder.cutItemsMax)
        #expect(try receipt.shortJSON().utf8.count <= 4096)
    }

    @Test("B1 what is stored when its member is abandoned is kept, and only the rest is cut") func stored() throws {
        var after = Ledger(held: 7, accepted: 10, done: 3)
        after.stored = 5
        let receipt = try Self.receipt(
            Self.machine(endsAfterTold: nil), before: Ledger(held: 10, accepted: 10), after: after,
            items: [LedgerItem("a"), LedgerItem("b")])
        let member = receipt.stages[0].members[0]
        #expect(member.outcome == .abandoned)
        #expect([member.done, member.kept, member.cut, member.unaccounted] == [3, 5, 2, 0])
        #expect(member.cutItems.map(\.label) == ["a", "b"])
        // Who says to have stored more than it holds is not believed.
        after.stored = 50
        let odd = try Self.receipt(
            Self.machine(endsAfterTold: nil), before: Ledger(held: 10, accepted: 10), after: after)
        #expect([odd.totals.kept, odd.totals.cut, odd.totals.unaccounted] == [7, 0, 0])
    }

    @Test("a failure is 1 also where something was cut; what was abandoned without a ledger is 75") func precedence()
        throws
    {
        let failed = try Self.receipt(
            Self.machine(endsAfterTold: .seconds(1), error: "broken"), before: Ledger(held: 1, accepted: 1),
            after: Ledger(held: 1, accepted: 1))
        #expect(failed.exitCode == ExitCode.failure)
        #expect(failed.stages[0].members[0].error == "broken")
        let abandoned = try Self.receipt(
            Self.machine(endsAfterTold: nil), before: Ledger(), after: Ledger())
        #expect(abandoned.exitCode == ExitCode.cut)
        #expect(abandoned.stages[0].members[0].outcome == .abandoned)
    }

    @Test("B2 what cannot make it is predicted when the stop begins") func prediction() {
        let ledger = Ledger(held: 312, donePerSecond: 1)
        #expect(
            ReceiptBuilder.prediction(ledger, available: .seconds(12))
                == "312 queued at 1/s need 5m12s, there are 12s: 300 will not make it")
        // A moving average that has faded.
        for rate in [1e-300, .leastNonzeroMagnitude] {
            let faded = ReceiptBuilder.prediction(Ledger(held: .max, donePerSecond: rate), available: .seconds(12))
            #expect(faded?.contains("will not make it") == true)
        }
        #expect(ReceiptBuilder.prediction(Ledger(held: 10, donePerSecond: 1), available: .seconds(12)) == nil)
        #expect(ReceiptBuilder.prediction(Ledger(held: 312), available: .seconds(12)) == nil)
    }

    @Test("the receipt survives its own JSON, and a newer schema is refused") func json() throws {
        let receipt = try Self.receipt(
            Self.machine(endsAfterTold: .seconds(1)), before: Ledger(held: 1, accepted: 1),
            after: Ledger(held: 0, accepted: 1, done: 1))
        #expect(try Receipt(json: receipt.json().utf8) == receipt)
        #expect(receipt.startedAt == "1970-01-01T00:00:10.000Z")
        #expect(receipt.deadline == "1970-01-01T00:00:29.000Z")
        let newer = try receipt.json().replacing("\"version\" : 1", with: "\"version\" : 2")
        #expect(throws: LastCallError.self) { try Receipt(json: newer.utf8) }
    }
}
