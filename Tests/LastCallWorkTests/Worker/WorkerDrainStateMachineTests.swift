import Testing

@testable import LastCallWork

/// What a worker that goes on claiming while it drains asks of its store, decided without a store.
@Suite struct WorkerDrainStateMachineTests {
    private let worker = WorkerID(rawValue: 1)
    private let gates = [KindGate(kind: "message", spacing: .seconds(1))]
    private let zero = WorkInstant(rawValue: 1000)

    private func machine(drains: Bool = true) -> WorkerStateMachine {
        WorkerStateMachine(
            queues: [.init(name: "outbox", concurrency: 2)], kinds: ["message"], concurrency: 2, gates: gates,
            drainsByClaiming: drains)
    }

    private func record(_ id: Int64) -> ClaimedRecord {
        var facts = RecordFacts(state: .running)
        facts.epoch = 1
        return ClaimedRecord(
            id: WorkID(rawValue: id), epoch: 1, kind: "message", payload: [], payloadVersion: 1, queue: "outbox",
            workflow: WorkID(rawValue: id), node: nil, waitsForNode: nil, facts: facts, timeout: nil, key: nil,
            checkpoint: nil, hasJournal: false, lineCount: 0, trace: [:], acceptedAt: zero, dueAt: zero, claimedAt: zero
        )
    }

    private func done(_ id: Int64) -> Settlement {
        var machine = RecordStateMachine(record(id).facts)
        let change = machine.ended(.succeeded)!
        return Settlement(claim: record(id).claim, change: change)
    }

    /// Plays the next exchange, which there has to be; the machine's outcome and what was asked.
    private func exchange(
        _ machine: inout WorkerStateMachine, _ claimed: ClaimedRecord..., due: WorkInstant? = nil
    ) throws -> (ExchangeRequest, WorkerStateMachine.ExchangeOutcome) {
        let request = machine.nextExchange(for: worker)
        let asked = try #require(request)
        var result = ExchangeResult()
        result.claimed = claimed
        result.demandDue = due
        return (asked, machine.exchanged(asked, result))
    }

    @Test("P22c the gates go with every demand") func gatesGo() throws {
        var machine = machine()
        let (request, _) = try exchange(&machine)
        #expect(request.demands.map(\.gates) == [gates])
        #expect(request.demands.map(\.drainingSince) == [nil])
    }

    @Test("P12 told to stop it asks for nothing until it is decided, then goes on, and is over when nothing is found")
    func goesOn() throws {
        var machine = machine()
        _ = try exchange(&machine, record(1))
        _ = machine.drain()
        let ended = machine.ended(done(1))
        #expect(ended)
        let (marks, _) = try exchange(&machine)
        #expect(marks.demands.isEmpty)
        #expect(!machine.isOver)
        machine.goOnClaiming(["message"], since: zero, until: zero + .seconds(5))
        let (request, outcome) = try exchange(&machine, record(2), record(3))
        #expect(request.demands.map(\.drainingSince) == [zero])
        #expect(outcome.start.map(\.id.rawValue) == [2, 3])
        // What ends frees its lane: the same exchange asks for the next.
        let second = machine.ended(done(2))
        #expect(second)
        let (next, _) = try exchange(&machine, record(4))
        #expect(next.demands.map(\.limit) == [1])
        for id in [Int64(3), 4] {
            let isEnded = machine.ended(done(id))
            #expect(isEnded)
        }
        #expect(!machine.isOver)
        _ = try exchange(&machine)
        #expect(machine.isOver)
    }

    @Test("B4 what is due in time is waited for, and what is due later is left at once") func waitsForDue() throws {
        for (due, isOver) in [(zero + .seconds(4), false), (zero + .seconds(5), true), (zero + .seconds(9), true)] {
            var machine = machine()
            _ = machine.drain()
            machine.goOnClaiming(["message"], since: zero, until: zero + .seconds(5))
            _ = try exchange(&machine, due: due)
            #expect(machine.isOver == isOver)
            guard !isOver else { continue }
            let request = machine.nextExchange(for: worker)
            #expect(request == nil)
            machine.workMayBeThere()
            let (_, outcome) = try exchange(&machine, record(1))
            #expect(outcome.start.count == 1)
        }
    }

    @Test("B4 without a deadline whatever is due is waited for") func noDeadline() throws {
        var machine = machine()
        _ = machine.drain()
        machine.goOnClaiming(["message"], since: zero, until: nil)
        _ = try exchange(&machine, due: zero + .seconds(100_000))
        #expect(!machine.isOver)
    }

    @Test("while something is on its way nothing found is not the end") func onItsWay() throws {
        var machine = machine()
        _ = try exchange(&machine, record(1))
        _ = machine.drain()
        machine.goOnClaiming(["message"], since: zero, until: nil)
        _ = try exchange(&machine)
        #expect(!machine.isOver)
        let ended = machine.ended(done(1))
        #expect(ended)
        _ = try exchange(&machine)
        #expect(machine.isOver)
    }

    @Test("P17 what somebody else handles too he takes over; the rest is claimed on") func sharesKinds() throws {
        var machine = WorkerStateMachine(
            queues: [.init(name: "outbox", concurrency: 2)], kinds: ["a", "b"], concurrency: 2, drainsByClaiming: true)
        _ = machine.drain()
        machine.goOnClaiming(["b"], since: zero, until: nil)
        let (request, _) = try exchange(&machine)
        #expect(request.demands.map(\.kinds) == [["b"]])
    }

    @Test("another worker takes over: nothing more is claimed") func handsOver() throws {
        var machine = machine()
        _ = machine.drain()
        machine.goOnClaiming([], since: zero, until: nil)
        #expect(machine.isOver)
        let request = machine.nextExchange(for: worker)
        #expect(request == nil)
    }

    @Test(
        "P19 its time is over: nothing more is claimed, also where it was never decided, and what comes late is given back"
    )
    func timeIsOver() throws {
        for isDecided in [false, true] {
            var machine = machine()
            _ = machine.drain()
            if isDecided { machine.goOnClaiming(["message"], since: zero, until: nil) }
            if isDecided {
                let request = machine.nextExchange(for: worker)
                let asked = try #require(request)
                _ = machine.handOver()
                var result = ExchangeResult()
                result.claimed = [record(1)]
                let outcome = machine.exchanged(asked, result)
                #expect(outcome.start.isEmpty)
                let (back, _) = try exchange(&machine)
                #expect(back.settlements.map(\.change.state) == [.ready])
            } else {
                _ = machine.handOver()
            }
            #expect(machine.isOver)
        }
    }

    @Test("a worker that runs jobs claims nothing while it drains, whatever is decided") func jobs() {
        var machine = machine(drains: false)
        _ = machine.drain()
        machine.goOnClaiming(["message"], since: zero, until: nil)
        #expect(machine.isOver)
        #expect(!machine.startsJobs)
    }
}
