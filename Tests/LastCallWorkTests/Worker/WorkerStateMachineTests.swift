import Testing

@testable import LastCallWork

/// What a worker asks of its store, decided without a store.
@Suite struct WorkerStateMachineTests {
    private let worker = WorkerID(rawValue: 1)

    private func machine(
        _ queues: [(String, Int)] = [("default", 10)], concurrency: Int = 10
    ) -> WorkerStateMachine {
        WorkerStateMachine(
            queues: queues.map { .init(name: $0.0, concurrency: $0.1) }, kinds: ["hash"], concurrency: concurrency)
    }

    private func claim(_ id: Int64, epoch: Int64 = 1) -> ClaimKey { ClaimKey(id: WorkID(rawValue: id), epoch: epoch) }

    private func record(
        _ id: Int64, queue: String = "default", change: (inout RecordFacts) -> Void = { _ in }
    ) -> ClaimedRecord {
        var facts = RecordFacts(state: .running)
        facts.epoch = 1
        facts.attempt = 1
        change(&facts)
        return ClaimedRecord(
            id: WorkID(rawValue: id), epoch: 1, kind: "hash", payload: [], payloadVersion: 1, queue: queue,
            workflow: WorkID(rawValue: id), node: nil, waitsForNode: nil, facts: facts, timeout: nil, key: nil,
            checkpoint: nil, hasJournal: false, lineCount: 0, trace: [:], acceptedAt: .init(rawValue: 0),
            dueAt: .init(rawValue: 0),
            claimedAt: .init(rawValue: 0))
    }

    private func done(_ id: Int64, output: [String] = []) -> Settlement {
        var machine = RecordStateMachine(record(id).facts)
        let change = machine.ended(.succeeded)!
        return Settlement(
            claim: claim(id), change: change,
            output: output.isEmpty ? nil : OutputChunk(output.map { WorkLine($0) }))
    }

    private func wrote(_ id: Int64, _ line: String) -> JobUpdate {
        JobUpdate(claim: claim(id), output: OutputChunk([WorkLine(line)]))
    }

    private func claimed(_ records: ClaimedRecord...) -> ExchangeResult {
        var result = ExchangeResult()
        result.claimed = records
        return result
    }

    /// The next exchange, which there has to be.
    private func exchange(_ machine: inout WorkerStateMachine) throws -> ExchangeRequest {
        let request = machine.nextExchange(for: worker)
        return try #require(request)
    }

    private func expectNoExchange(_ machine: inout WorkerStateMachine, at place: SourceLocation = #_sourceLocation) {
        let request = machine.nextExchange(for: worker)
        #expect(request == nil, sourceLocation: place)
    }

    /// The next beat, which there has to be.
    private func nextBeat(_ machine: inout WorkerStateMachine, renews: Bool) throws -> BeatRequest {
        let request = machine.nextBeat(for: worker, renews ? .renews : .writes)
        return try #require(request)
    }

    private func expectNoBeat(
        _ machine: inout WorkerStateMachine, renews: Bool, at place: SourceLocation = #_sourceLocation
    ) {
        let request = machine.nextBeat(for: worker, renews ? .renews : .writes)
        #expect(request == nil, sourceLocation: place)
    }

    /// A job ends that is still the worker's.
    private func end(
        _ settlement: Settlement, _ machine: inout WorkerStateMachine, at place: SourceLocation = #_sourceLocation
    ) {
        let isOurs = machine.ended(settlement)
        #expect(isOurs, sourceLocation: place)
    }

    /// A machine that holds jobs, with nothing on its way and nothing more to claim.
    private func holding(
        _ records: ClaimedRecord..., queues: [(String, Int)] = [("default", 10)], concurrency: Int = 10
    ) throws -> WorkerStateMachine {
        var machine = machine(queues, concurrency: concurrency)
        let request = try exchange(&machine)
        var result = ExchangeResult()
        result.claimed = records
        let outcome = machine.exchanged(request, result)
        #expect(outcome.start.map(\.claim) == records.map(\.claim))
        return machine
    }

    // MARK: exchanges

    @Test("a worker begins by asking for as much as it can take") func begins() throws {
        var machine = machine(concurrency: 4)
        let request = try exchange(&machine)
        #expect(request.demands == [QueueDemand(queue: "default", kinds: ["hash"], limit: 4)])
        #expect(request.worker == worker)
    }

    @Test("one exchange is on its way at a time, and what ends meanwhile goes together with the next")
    func naturalBatching() throws {
        var machine = try holding(record(1), record(2), record(3))
        end(done(1), &machine)
        let first = try exchange(&machine)
        #expect(first.settlements.map(\.claim) == [claim(1)])
        end(done(2), &machine)
        end(done(3), &machine)
        expectNoExchange(&machine)
        let outcome = machine.exchanged(first, ExchangeResult())
        #expect(outcome.settled.map(\.claim) == [claim(1)])
        let second = try exchange(&machine)
        #expect(second.settlements.map(\.claim) == [claim(2), claim(3)])
    }

    @Test("a queue that had less than was asked for is not asked again until something is heard")
    func hintsAreUsedUp() throws {
        var machine = try holding(record(1))
        expectNoExchange(&machine)
        machine.workMayBeThere()
        let found1 = try exchange(&machine).demands.map(\.limit)
        #expect(found1 == [9])
    }

    @Test("what is heard while an exchange is on its way is not lost with its empty answer") func hintsMeanwhile()
        throws
    {
        var machine = machine()
        let request = try exchange(&machine)
        machine.workMayBeThere()
        let found2 = machine.exchanged(request, ExchangeResult()).goesOn
        #expect(found2)
        _ = try exchange(&machine)
    }

    @Test("a queue that gave all that was asked for is asked again once a place is free") func fullAnswer() throws {
        var machine = try holding(record(1), record(2), concurrency: 2)
        expectNoExchange(&machine)
        end(done(1), &machine)
        let request = try exchange(&machine)
        // The place that this very exchange frees is free for its claim.
        #expect(request.demands.map(\.limit) == [1])
    }

    @Test("each queue has its own limit and all together have the worker's") func limits() throws {
        var machine = machine([("mail", 2), ("default", 10)], concurrency: 5)
        let request = try exchange(&machine)
        #expect(request.demands.map(\.queue) == ["mail", "default"])
        #expect(request.demands.map(\.limit) == [2, 3])
        _ = machine.exchanged(request, claimed(record(1, queue: "mail"), record(2, queue: "mail")))
        machine.workMayBeThere()
        let next = try exchange(&machine)
        #expect(next.demands == [QueueDemand(queue: "default", kinds: ["hash"], limit: 3)])
    }

    @Test("queues that are always full take turns") func fairness() throws {
        var machine = machine([("a", 1), ("b", 1)], concurrency: 1)
        var asked: [String] = []
        for id in Int64(1)...4 {
            machine.workMayBeThere()
            let request = try exchange(&machine)
            let queue = try #require(request.demands.first).queue
            asked.append(queue)
            _ = machine.exchanged(request, claimed(record(id, queue: queue)))
            end(done(id), &machine)
        }
        #expect(Set(asked) == ["a", "b"])
    }

    @Test("a failed exchange loses nothing and doubles nothing") func exchangeFails() throws {
        var machine = try holding(record(1), record(2))
        end(done(1), &machine)
        let request = try exchange(&machine)
        end(done(2), &machine)
        machine.exchangeFailed(request)
        #expect(machine.heldCount == 2)
        let isNew = machine.ended(done(1))
        #expect(!isNew)
        let again = try exchange(&machine)
        #expect(again.settlements.map(\.claim) == [claim(1), claim(2)])
        let found3 = machine.exchanged(again, ExchangeResult()).settled.count
        #expect(found3 == 2)
        #expect(machine.heldCount == 0)
    }

    @Test("a failed claim is asked for again") func claimFails() throws {
        var machine = machine()
        let request = try exchange(&machine)
        machine.exchangeFailed(request)
        let found4 = try exchange(&machine).demands
        #expect(found4 == request.demands)
    }

    @Test("a job keeps its place until what became of it is committed") func keepsItsPlace() throws {
        var machine = try holding(record(1), concurrency: 1)
        end(done(1), &machine)
        let request = try exchange(&machine)
        #expect(machine.heldCount == 1)
        machine.workMayBeThere()
        expectNoExchange(&machine)
        _ = machine.exchanged(request, ExchangeResult())
        #expect(machine.heldCount == 0)
    }

    @Test("C8 a job that was cancelled between two runs is not started, but settled as cancelled")
    func cancelledBeforeStart() throws {
        var machine = machine()
        let request = try exchange(&machine)
        let outcome = machine.exchanged(request, claimed(record(1) { $0.cancelRequested = true }))
        #expect(outcome.start.isEmpty)
        let next = try exchange(&machine)
        #expect(next.settlements.map(\.change.state) == [.cancelled])
    }

    // MARK: overtaken

    @Test("C29 a settlement that was overtaken is told once, and takes its place away") func overtakenSettlement()
        throws
    {
        var machine = try holding(record(1))
        end(done(1), &machine)
        let request = try exchange(&machine)
        var result = ExchangeResult()
        result.overtaken = [claim(1)]
        let outcome = machine.exchanged(request, result)
        #expect(outcome.overtaken == [claim(1)])
        #expect(outcome.settled.isEmpty)
        #expect(machine.heldCount == 0)
    }

    @Test("B1 a job that ends while its mark is found overtaken is told once") func overtakenTwice() throws {
        var machine = try holding(record(1))
        let found5 = machine.drain()
        #expect(found5 == [claim(1)])
        let marks = try exchange(&machine)
        #expect(marks.stopping == [claim(1)])
        end(done(1), &machine)
        var result = ExchangeResult()
        result.overtaken = [claim(1)]
        var told = machine.exchanged(marks, result).overtaken
        if let next = machine.nextExchange(for: worker) { told += machine.exchanged(next, result).overtaken }
        #expect(told == [claim(1)])
        #expect(machine.isOver)
    }

    @Test("B1 a job that a beat and a mark both find overtaken is told once") func overtakenByBoth() throws {
        var machine = try holding(record(1))
        _ = machine.drain()
        let marks = try exchange(&machine)
        let beat = try nextBeat(&machine, renews: true)
        var beaten = BeatResult()
        beaten.overtaken = [claim(1)]
        let found6 = machine.beaten(beat, beaten).overtaken
        #expect(found6 == [claim(1)])
        var exchanged = ExchangeResult()
        exchanged.overtaken = [claim(1)]
        let found7 = machine.exchanged(marks, exchanged).overtaken.isEmpty
        #expect(found7)
        #expect(machine.isOver)
    }

    @Test("a beat that missed a committed settlement does not take the job for overtaken") func staleBeat() throws {
        var machine = try holding(record(1))
        let beat = try nextBeat(&machine, renews: true)
        end(done(1), &machine)
        let request = try exchange(&machine)
        _ = machine.exchanged(request, ExchangeResult())
        var result = BeatResult()
        result.overtaken = [claim(1)]
        let found8 = machine.beaten(beat, result).overtaken.isEmpty
        #expect(found8)
    }

    // MARK: beats

    @Test("a settlement waits for a beat in flight and takes the unsent lines with it, in order") func beatInFlight()
        throws
    {
        var machine = try holding(record(1))
        machine.wrote(wrote(1, "a"))
        let beat = try nextBeat(&machine, renews: false)
        #expect(beat.updates.map { $0.output?.lines.map(\.text) } == [["a"]])
        machine.wrote(wrote(1, "b"))
        end(done(1, output: ["c"]), &machine)
        expectNoExchange(&machine)
        _ = machine.beaten(beat, BeatResult())
        let request = try exchange(&machine)
        #expect(request.settlements.first?.output?.lines.map(\.text) == ["b", "c"])
    }

    @Test("a beat that failed under a settlement gives its lines to the settlement, once and first") func failedBeat()
        throws
    {
        var machine = try holding(record(1))
        machine.wrote(wrote(1, "a"))
        let beat = try nextBeat(&machine, renews: false)
        machine.wrote(wrote(1, "b"))
        end(done(1), &machine)
        machine.beatFailed(beat)
        let request = try exchange(&machine)
        #expect(request.settlements.first?.output?.lines.map(\.text) == ["a", "b"])
        expectNoBeat(&machine, renews: false)
    }

    @Test("a failed beat is written again with what came meanwhile, in order and once") func beatAgain() throws {
        var machine = try holding(record(1))
        machine.wrote(wrote(1, "a"))
        let beat = try nextBeat(&machine, renews: false)
        machine.wrote(wrote(1, "b"))
        machine.beatFailed(beat)
        machine.wrote(wrote(1, "c"))
        let again = try nextBeat(&machine, renews: false)
        #expect(again.updates.map { $0.output?.lines.map(\.text) } == [["a", "b", "c"]])
        _ = machine.beaten(again, BeatResult())
        expectNoBeat(&machine, renews: false)
    }

    @Test("one beat is on its way at a time, and what is written meanwhile goes with the next") func oneBeat() throws {
        var machine = try holding(record(1), record(2))
        machine.wrote(wrote(1, "a"))
        let beat = try nextBeat(&machine, renews: false)
        machine.wrote(wrote(2, "b"))
        expectNoBeat(&machine, renews: true)
        _ = machine.beaten(beat, BeatResult())
        let next = try nextBeat(&machine, renews: true)
        #expect(next.updates.map(\.claim) == [claim(2)])
        #expect(Set(next.held) == [claim(1), claim(2)])
    }

    @Test("what a job writes after its end is dropped") func lateLines() throws {
        var machine = try holding(record(1))
        end(done(1), &machine)
        machine.wrote(wrote(1, "late"))
        let request = try exchange(&machine)
        #expect(request.settlements.first?.output == nil)
        expectNoBeat(&machine, renews: false)
    }

    @Test("the newest checkpoint and progress win, the lines add up") func merging() {
        var first = wrote(1, "a")
        first.checkpoint = [1]
        first.progress = JobProgress(fraction: 0.1)
        var second = wrote(1, "b")
        second.checkpoint = [2]
        let merged = first.merged(with: second)
        #expect(merged.output?.lines.map(\.text) == ["a", "b"])
        #expect(merged.checkpoint == [2])
        #expect(merged.progress?.fraction == 0.1)
    }

    // MARK: the stop

    @Test("C11 C12 what was claimed while the stop came is given back, uncounted, and not started")
    func claimedMeanwhile()
        throws
    {
        var machine = machine()
        let request = try exchange(&machine)
        let found9 = machine.drain().isEmpty
        #expect(found9)
        #expect(!machine.isOver)
        let outcome = machine.exchanged(request, claimed(record(1)))
        #expect(outcome.start.isEmpty)
        #expect(!machine.isOver)
        let back = try exchange(&machine)
        #expect(back.demands.isEmpty)
        #expect(back.settlements.map(\.change.state) == [.ready])
        #expect(back.settlements.map(\.change.attempt) == [0])
        #expect(back.settlements.map(\.change.evictions) == [0])
        _ = machine.exchanged(back, ExchangeResult())
        #expect(machine.isOver)
    }

    @Test("a worker that stops claims nothing and shows what runs as stopping, once") func draining() throws {
        var machine = try holding(record(1))
        let found10 = machine.drain()
        #expect(found10 == [claim(1)])
        let found11 = machine.drain().isEmpty
        #expect(found11)
        machine.workMayBeThere()
        let request = try exchange(&machine)
        #expect(request.demands.isEmpty)
        #expect(request.stopping == [claim(1)])
        _ = machine.exchanged(request, ExchangeResult())
        expectNoExchange(&machine)
        #expect(!machine.isOver)
        end(done(1), &machine)
        _ = machine.exchanged(try exchange(&machine), ExchangeResult())
        #expect(machine.isOver)
    }

    @Test("a failed exchange keeps the marks too") func marksFail() throws {
        var machine = try holding(record(1))
        _ = machine.drain()
        machine.exchangeFailed(try exchange(&machine))
        let found12 = try exchange(&machine).stopping
        #expect(found12 == [claim(1)])
    }

    @Test("the hand-over names what runs, and not what is being settled") func handOver() throws {
        var machine = try holding(record(1), record(2), record(3))
        end(done(1), &machine)
        machine.wrote(wrote(2, "a"))
        let beat = try nextBeat(&machine, renews: false)
        end(done(2), &machine)
        let found13 = machine.handOver()
        #expect(found13 == [claim(3)])
        _ = machine.beaten(beat, BeatResult())
        let request = try exchange(&machine)
        #expect(Set(request.settlements.map(\.claim)) == [claim(1), claim(2)])
        #expect(request.stopping == [claim(3)])
    }

    @Test("a worker is over when nothing is held and nothing is on its way, and not before it was told") func isOver()
        throws
    {
        var machine = machine()
        #expect(!machine.isOver)
        let request = try exchange(&machine)
        let beat = try nextBeat(&machine, renews: true)
        _ = machine.drain()
        #expect(!machine.isOver)
        _ = machine.exchanged(request, ExchangeResult())
        #expect(!machine.isOver)
        _ = machine.beaten(beat, BeatResult())
        #expect(machine.isOver)
    }

    @Test("C9 looking for cancellations renews no lease, and happens only where something is held")
    func lookingBeat() throws {
        var machine = WorkerStateMachine(
            queues: [.init(name: "default", concurrency: 2)], kinds: ["job"], concurrency: 2)
        #expect(machine.nextBeat(for: worker, .looks) == nil)
        let first = machine.nextExchange(for: worker)
        let request = try #require(first)
        var result = ExchangeResult()
        var store = WorkTables()
        let now = WorkInstant(rawValue: 1)
        let id = try store.register(
            WorkerDescription(name: "w", host: "h", process: .current, kinds: ["job"], queues: ["default"]), at: now)
        _ = try store.accept([Submission(RecordDraft(kind: "job"))], payloadBytesMax: 100, at: now)
        result.claimed =
            store.exchange(ExchangeRequest(worker: id, demands: request.demands), at: now).claimed
        _ = machine.exchanged(request, result)
        let looking = machine.nextBeat(for: worker, .looks)
        let beat = try #require(looking)
        #expect(beat.worker == nil)
        #expect(beat.held == result.claimed.map(\.claim))
        _ = machine.beaten(beat, BeatResult())
        #expect(machine.nextBeat(for: worker, .renews)?.worker == worker)
    }
}
