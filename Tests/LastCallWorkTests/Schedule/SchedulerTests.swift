import LastCall
import LastCallConcurrency
import LastCallTesting
import LastCallWork
import Logging
import ServiceLifecycle
import Testing

/// Schedules in a process: when they fire, once however many processes there are, and what a stop does.
@Suite(.timeLimit(.minutes(1))) struct SchedulerTests {
    /// A scheduler in a lifecycle of its own.
    private struct Run: Sendable {
        let scheduler: Scheduler
        let lifecycle: Lifecycle

        init(_ store: any WorkStore, _ clock: ManualClock, _ schedules: [Schedule]) throws {
            scheduler = try Scheduler(store, schedules: schedules, configuration: .init(logger: .quiet, clock: clock))
            let scheduler = scheduler
            let plan = try ShutdownPlan(grace: .stated(.seconds(60)), environment: [:]) {
                Stage("intake", budget: .seconds(20)) { scheduler.named("scheduler") }
            }
            lifecycle = Lifecycle(
                plan,
                configuration: .init(
                    name: "test", logger: .quiet, showsReceipt: .never, clock: ManualClock(), environment: [:]))
        }

        @discardableResult
        func run(_ body: @Sendable () async throws -> Void) async throws -> Receipt.Member {
            async let receipt = lifecycle.runUntilStopped()
            do {
                try await scheduler.waitUntilReady()
                try await body()
            } catch {
                lifecycle.handOver("the test failed")
                _ = await receipt
                throw error
            }
            lifecycle.stop("the test is over")
            return await receipt.stages[0].members[0]
        }
    }

    /// Counts, and tells when a count is reached.
    private final class Counter: Sendable {
        private let state = Mutex<(count: Int, waiting: [(Int, Latch<Void>)])>((0, []))

        var count: Int { state.withLock { $0.count } }

        func add() {
            let reached = state.withLock { state in
                state.count += 1
                let count = state.count
                return state.waiting.filter { $0.0 <= count }.map(\.1)
            }
            for latch in reached { latch.open() }
        }

        func reach(_ count: Int) async throws {
            let latch = Latch<Void>()
            let isThere = state.withLock { state in
                state.waiting.append((count, latch))
                return state.count >= count
            }
            if isThere { return }
            try await latch.wait()
        }
    }

    /// Moves the clock to the next thing that waits for it, until a count is reached.
    private func advance(_ clock: ManualClock, until counter: Counter, reaches count: Int) async throws {
        while counter.count < count {
            await clock.waitForSleepers(1)
            if let wake = clock.nextWake, counter.count < count { clock.advance(to: wake) }
            await Task.yield()
        }
    }

    @Test("P4 the wait between polls ends at once on a stop, without any time going by") func waitEnds() async throws {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let polls = Counter()
        let run = try Run(store, clock, [Schedule("poll", .every(.seconds(1800))) { _ in polls.add() }])
        let before = clock.now
        try await run.run { await clock.waitForSleepers(1) }
        #expect(clock.now == before)
        #expect(polls.count == 0)
        #expect(clock.sleeperCount == 0)
    }

    @Test("a poll runs at each of its instants, which are the same for everybody") func fires() async throws {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let polls = Counter()
        let instants = Notes<WorkInstant>()
        let schedule = Schedule("poll", .every(.seconds(1800))) { tick in
            instants.add(tick.instant)
            polls.add()
        }
        try await Run(store, clock, [schedule]).run {
            try await advance(clock, until: polls, reaches: 3)
        }
        #expect(instants.values.allSatisfy { $0.rawValue % 1_800_000 == 0 })
        #expect(zip(instants.values, instants.values.dropFirst()).allSatisfy { $1 - $0 == .seconds(1800) })
        let keys = try await store.records(WorkQuery()).compactMap(\.key)
        #expect(keys.starts(with: instants.values.map { "poll@\($0.rawValue)" }))
    }

    @Test("several processes with the same schedule fire each tick once") func once() async throws {
        let clock = ManualClock()
        // The clock goes faster than leases are renewed; nobody is dead for that.
        let store = WrappedStore(MemoryStore(clock: clock), isLenient: true)
        let polls = Counter()
        let instants = Notes<WorkInstant>()
        let schedule = Schedule("poll", .every(.seconds(60))) { tick in
            instants.add(tick.instant)
            polls.add()
        }
        try await Run(store, clock, [schedule]).run {
            try await Run(store, clock, [schedule]).run {
                try await advance(clock, until: polls, reaches: 10)
            }
        }
        #expect(Set(instants.values).count == instants.values.count)
    }

    @Test("P5 P7 a poll that runs is cancelled at once on a stop, leaves nothing behind, and the receipt says so")
    func cancelsPoll() async throws {
        let clock = ManualClock()
        let store = WrappedStore(MemoryStore(clock: clock))
        let isRunning = Latch<Void>()
        let children = Counter()
        let ended = Counter()
        let schedule = Schedule("poll", .every(.seconds(60)), runsAtStart: true) { _ in
            defer { ended.add() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        children.add()
                        defer { ended.add() }
                        try await Latch<Void>().wait()
                    }
                }
                try await children.reach(8)
                isRunning.open()
                try await group.waitForAll()
            }
        }
        let line = try await Run(store, clock, [schedule]).run { try await isRunning.wait() }
        // When the scheduler had returned, all nine had.
        #expect(ended.count == 9)
        #expect(line.remarks == ["poll cancelled"])
        #expect(line.heldAtStop == 1)
        #expect(line.ends == [0, 0, 1, 0, 0, 0])
        // It is made up for at the next start.
        let again = Counter()
        let same = Schedule("poll", .every(.seconds(60))) { _ in again.add() }
        try await Run(store, clock, [same]).run { try await again.reach(1) }
    }

    @Test("P5 with a store that dies with the process a cancelled poll is over, and nothing counts as lost")
    func cancelsPollInMemory() async throws {
        let clock = ManualClock()
        let isRunning = Latch<Void>()
        let schedule = Schedule("poll", .every(.seconds(60)), runsAtStart: true) { _ in
            isRunning.open()
            try await Latch<Void>().wait()
        }
        let line = try await Run(MemoryStore(clock: clock), clock, [schedule]).run { try await isRunning.wait() }
        #expect(line.remarks == ["poll cancelled"])
        #expect(line.ends == [1, 0, 0, 0, 0, 0])
    }

    @Test("P6 a cancellation that nobody asked for with a stop goes on to the caller") func cancelled() async throws {
        let clock = ManualClock()
        let scheduler = try Scheduler(
            MemoryStore(clock: clock), schedules: [Schedule("poll", .every(.seconds(60))) { _ in }],
            configuration: .init(logger: .quiet, clock: clock))
        let outcome = await withTaskGroup(of: Result<Void, any Error>.self) { group in
            group.addTask {
                do {
                    try await scheduler.run()
                    return .success(())
                } catch { return .failure(error) }
            }
            await clock.waitForSleepers(1)
            group.cancelAll()
            return await group.next()
        }
        #expect(throws: CancellationError.self) { try outcome?.get() }
    }

    @Test("P6 a poll that is cancelled though no stop was asked for has failed, and the next one runs")
    func pollThrows() async throws {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let polls = Counter()
        let schedule = Schedule("poll", .every(.seconds(60))) { _ in
            polls.add()
            throw CancellationError()
        }
        let run = try Run(store, clock, [schedule])
        let line = try await run.run {
            try await advance(clock, until: polls, reaches: 2)
            // By then each tick that was due is there, and no further one comes.
            await clock.waitForSleepers(1)
            for poll in try await store.records(WorkQuery()) {
                #expect(try await WorkClient(store).wait(for: poll.id).state == .failed)
            }
        }
        #expect(line.remarks == nil)
        #expect(run.scheduler.status[0].lastFailure == "CancellationError")
    }

    @Test("P8 a stop before the start: no poll runs, not even one that was left from before") func stopBeforeStart()
        async throws
    {
        let clock = ManualClock()
        let store = WrappedStore(MemoryStore(clock: clock))
        let polls = Counter()
        let schedule = Schedule("poll", .every(.seconds(60)), runsAtStart: true) { _ in polls.add() }
        _ = try await store.tick(
            ScheduleTick(
                name: "poll", definition: "every 1m", instant: store.now, draft: RecordDraft(kind: "schedule:poll")))
        let run = try Run(store, clock, [schedule])
        run.lifecycle.stop("before the start")
        _ = await run.lifecycle.runUntilStopped()
        #expect(polls.count == 0)
        let alone = try Scheduler(store, schedules: [schedule], configuration: .init(logger: .quiet, clock: clock))
        try await testGracefullyStopped { try await alone.run() }
        #expect(polls.count == 0)
    }

    /// Runs something that was told to stop before it began.
    private func testGracefullyStopped(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: Late(body), successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: .quiet))
        async let run: Void = group.run()
        await group.triggerGracefulShutdown()
        try await run
    }

    /// Begins once its group was told to stop.
    private struct Late: Service {
        let body: @Sendable () async throws -> Void

        init(_ body: @escaping @Sendable () async throws -> Void) { self.body = body }

        func run() async throws {
            try await gracefulShutdown()
            try await body()
        }
    }

    @Test("what was missed is made up for as the schedule says", arguments: Schedule.Missed.allCases)
    func missed(policy: Schedule.Missed) async throws {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let first = Schedule("poll", .every(.seconds(60))) { _ in }
        try await Run(store, clock, [first]).run { await clock.waitForSleepers(1) }
        clock.advance(by: .seconds(605))
        let polls = Counter()
        let again = Schedule("poll", .every(.seconds(60)), overlap: .allow, missed: policy) { _ in polls.add() }
        let wanted = policy == .all ? 10 : 1
        try await Run(store, clock, [again]).run { try await polls.reach(wanted) }
        #expect((wanted...wanted + 1).contains(polls.count))
    }

    @Test("what was missed and is left out moves the next tick on, also for those who look at the store")
    func notesNext() async throws {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let schedule = Schedule("poll", .every(.seconds(3600)), missed: .skip) { _ in }
        try await Run(store, clock, [schedule]).run {
            await clock.waitForSleepers(1)
            let due = try #require(try await store.schedules()[0].nextAt)
            // The machine sleeps through two of them.
            clock.advance(by: due - store.now + .seconds(3600 + 300))
            while try await store.schedules()[0].nextAt == due { await Task.yield() }
            #expect(try #require(try await store.schedules()[0].nextAt) > store.now)
        }
        #expect(try await store.records(WorkQuery()).isEmpty)
    }

    @Test("what the store does not take is tried again soon: the poll at the start, and a tick that is late by then")
    func storeFails() async throws {
        let clock = ManualClock()
        let store = WrappedStore(MemoryStore(clock: clock))
        // An hour lies ahead: the poll at the start is not to meet a tick.
        let hour = try #require(Recurrence.every(.seconds(3600)).next(after: store.now))
        clock.advance(by: hour - store.now + .seconds(1))
        let attempts = Counter()
        let isDown = Mutex(true)
        store.beforeTick { tick in
            guard tick.draft != nil, isDown.withLock({ $0 }) else { return }
            attempts.add()
            throw StoreIsDown()
        }
        let polls = Counter()
        let instants = Notes<WorkInstant>()
        let schedule = Schedule("poll", .every(.seconds(3600)), missed: .skip, runsAtStart: true) { tick in
            instants.add(tick.instant)
            polls.add()
        }
        let run = try Run(store, clock, [schedule])
        try await run.run {
            try await advance(clock, until: attempts, reaches: 3)
            #expect(run.scheduler.status[0].lastFailure == "StoreIsDown")
            isDown.withLock { $0 = false }
            try await advance(clock, until: polls, reaches: 1)
            #expect(run.scheduler.status[0].lastFailure == nil)
            isDown.withLock { $0 = true }
            // More than two minutes of attempts: after 5 s, 10 s, 20 s, 40 s and a minute.
            try await advance(clock, until: attempts, reaches: attempts.count + 6)
            isDown.withLock { $0 = false }
            try await advance(clock, until: polls, reaches: 2)
        }
        #expect(instants.values[1].rawValue % 3_600_000 == 0)
        // It is the first one that was due.
        #expect(instants.values[0] < instants.values[1])
        #expect(instants.values[1] - instants.values[0] <= .seconds(3600))
    }

    @Test("while a poll runs the next tick is left out, waits, or runs beside it", arguments: Schedule.Overlap.allCases)
    func overlap(policy: Schedule.Overlap) async throws {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let begun = Counter()
        let door = Door()
        let schedule = Schedule("poll", .every(.seconds(60)), overlap: policy) { _ in
            begun.add()
            try await door.pass()
        }
        let fired = Notes<Int>()
        try await Run(store, clock, [schedule]).run {
            try await advance(clock, until: begun, reaches: 1)
            let changes = store.changes()
            for _ in 0..<3 {
                let before = try await store.schedules()[0].decidedUntil
                while try await store.schedules()[0].decidedUntil == before {
                    await clock.waitForSleepers(1)
                    if let wake = clock.nextWake { clock.advance(to: wake) }
                    await Task.yield()
                }
            }
            _ = changes
            fired.add(try await store.records(WorkQuery(kinds: ["schedule:poll"])).count)
            if policy == .allow { try await begun.reach(4) }
            door.open()
            if policy == .queue { try await begun.reach(fired.values[0]) }
        }
        switch policy {
        case .skip: #expect(fired.values == [1])
        case .queue, .allow: #expect(fired.values[0] >= 4)
        }
    }

    @Test("a schedule may enqueue a job or a message instead") func enqueues() async throws {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let schedule = Schedule.enqueueing("report", .every(.seconds(60)), jitter: .seconds(10)) { instant in
            RecordDraft(kind: "report", payload: Array("\(instant)".utf8))
        }
        try await Run(store, clock, [schedule]).run {
            await clock.waitForSleepers(1)
            let changes = store.changes()
            while try await store.records(WorkQuery()).isEmpty {
                if let wake = clock.nextWake { clock.advance(to: wake) }
                _ = await changes.next()
            }
        }
        let record = try #require(try await store.records(WorkQuery()).first)
        #expect(record.kind == "report")
        #expect([.scheduled, .ready].contains(record.state))
    }

    @Test("bad schedules are refused with what to do")
    func bad() throws {
        func refusal(_ schedules: [Schedule]) -> String {
            do {
                _ = try Scheduler(MemoryStore(), schedules: schedules)
                return "none"
            } catch { return error.message }
        }
        let nothing: @Sendable (Tick) async throws -> Void = { _ in }
        #expect(refusal([Schedule("a", .every(.zero), run: nothing)]).contains("at least 1s"))
        #expect(refusal([Schedule("a", .every(.seconds(-5)), run: nothing)]).contains("at least 1s"))
        #expect(refusal([Schedule("", .every(.seconds(5)), run: nothing)]).contains("1 to 128"))
        #expect(refusal([Schedule("a\n", .every(.seconds(5)), run: nothing)]).contains("control character"))
        let twice = Schedule("a", .every(.seconds(5)), run: nothing)
        #expect(refusal([twice, twice]).contains("two schedules"))
        #expect(refusal([Schedule("a", .every(.seconds(5)), jitter: .seconds(-1), run: nothing)]).contains("jitter"))
        #expect(refusal([]) == "none")
    }
}
