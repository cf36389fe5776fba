import LastCall
import LastCallConcurrency
import LastCallTesting
import ServiceLifecycle
import ServiceLifecycleTestKit
import Testing

/// The gate, background tasks, and the sequence that ends.
@Suite(.timeLimit(.minutes(2))) struct InFlightTests {
    @Test("S3 whoever got a token is waited for, whoever did not was told, however entering and closing race")
    func race() async throws {
        for _ in 0..<200 {
            let gate = InFlightGate()
            let entered = Counter()
            await withDiscardingTaskGroup { group in
                for task in 0..<4 {
                    group.addTask {
                        for _ in 0..<50 {
                            guard let token = try? gate.enter() else { return }  // closed: that is what is tested
                            _ = entered.next()
                            token.end(task == 0 ? .kept : .done)
                        }
                    }
                }
                group.addTask { gate.close() }
            }
            try await gate.drain()
            let ledger = gate.ledger
            #expect(ledger.held == 0)
            #expect(ledger.accepted == entered.current)
            #expect(ledger.done + ledger.kept == ledger.accepted)
        }
    }

    @Test("a closed gate refuses with its own error, and lists what it holds by label") func labels() throws {
        let gate = InFlightGate()
        let asked = Mutex(false)
        let token = try gate.enter {
            asked.withLock { $0 = true }
            return "report 7"
        }
        gate.close()
        let error = #expect(throws: LastCallError.self) { try gate.enter().end(.done) }
        #expect(error?.code == .closed)
        #expect(!asked.withLock { $0 })
        #expect(gate.heldItems(itemsMax: 5).map(\.label) == ["report 7"])
        token.end(.cut)
        #expect(gate.cutItems(itemsMax: 5).map(\.label) == ["report 7"])
        #expect(gate.ledger == Ledger(held: 0, accepted: 1, cut: 1))
    }

    @Test("a drain with a deadline says how many are left") func deadline() async throws {
        let (gate, clock) = (InFlightGate(), ManualClock())
        let token = try gate.enter()
        let drain = UnstructuredTask.startThrowing {
            try await gate.drain(until: ManualClock.Instant(offset: .seconds(5)), clock: clock)
        }
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(5))
        #expect(try await drain.value == 1)
        token.end(.done)
        #expect(try await gate.drain(until: ManualClock.Instant(offset: .seconds(9)), clock: clock) == 0)
    }

    @Test("S10 background work may start while a request is in flight, and is waited for after the last one")
    func background() async throws {
        let (requests, finish) = (InFlightGate(), Latch<Void>())
        let background = BackgroundTasks(after: requests)
        let request = Mutex<InFlightToken?>(try requests.enter())
        #expect(throws: LastCallError.self) { try background.start("too early") {} }
        try await testGracefulShutdown { trigger in
            async let running: Void = background.run()
            while (try? background.start("probe") {}) == nil { await Task.yield() }  // not running yet
            trigger.triggerGracefulShutdown()
            requests.close()
            try background.start("index") { try await finish.wait() }
            request.withLock { $0.take() }?.end(.done)
            finish.open()
            try await running
        }
        #expect(background.ledger == Ledger(held: 0, accepted: 2, done: 2))
    }

    /// A source that counts what was taken from it, and does not stop when it is cancelled in the middle of a pull.
    struct CountingSource: AsyncSequence, AsyncIteratorProtocol, Sendable {
        let taken: Latch<Int> = Latch()
        let count = Counter()
        mutating func next() async -> Int? {
            await Task.yield()
            guard !Task.isCancelled else { return nil }
            let number = count.next()
            await Task.yield()
            return number
        }
        func makeAsyncIterator() -> CountingSource { self }
    }

    /// A number that goes up.
    final class Counter: Sendable {
        private let value = Mutex(0)
        var current: Int { value.withLock { $0 } }
        func next() -> Int {
            value.withLock {
                $0 += 1
                return $0
            }
        }
    }

    @Test("L6 an element that was taken from the source is never dropped") func sequence() async throws {
        for run in 0..<1000 {
            let source = CountingSource()
            let received = try await testGracefulShutdown { trigger in
                var received = 0
                for try await element in source.endingOnShutdown() {
                    received = element
                    if element == 3 { UnstructuredTask.start { trigger.triggerGracefulShutdown() } }
                }
                return received
            }
            #expect(received == source.count.current, "run \(run)")
        }
    }

    @Test("B1 background work that is started after the cancellation is refused, and none is let in that nobody runs")
    func backgroundAfterCancel() async throws {
        let (finish, entered) = (Latch<Void>(), Latch<Void>())
        let background = BackgroundTasks()
        let running = UnstructuredTask.startThrowing {
            try await testGracefulShutdown { _ in try await background.run() }
        }
        try await background.waitUntilReady()
        // Deaf to cancellation: the member still runs when the next one comes.
        try background.start("deaf") {
            entered.open()
            await finish.waitThroughCancellation()
        }
        try await entered.wait()
        running.cancel()
        var started = 0
        while (try? background.start("late") {}) != nil {  // let in until the cancellation got through: then it runs
            started += 1
            await Task.yield()
        }
        let error = #expect(throws: LastCallError.self) { try background.start("later") {} }
        #expect(error?.code == .closed)
        finish.open()
        _ = await running.result
        #expect(background.ledger.held == 0)
        #expect(background.ledger.accepted - background.ledger.cut - background.ledger.done == 0)
        #expect(background.ledger.accepted >= started + 1)
    }

    @Test("B9 a gate that is cancelled closes and does not wait", arguments: [true, false])
    func cancelledGate(isRunning: Bool) async throws {
        let gate = InFlightGate()
        let token = try gate.enter()
        let running = UnstructuredTask.startThrowing {
            if !isRunning { withUnsafeCurrentTask { $0?.cancel() } }
            try await testGracefulShutdown { _ in try await gate.run() }
        }
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
        #expect(gate.isClosed)
        token.end(.kept)
        #expect(gate.held == 0)
    }

    @Test("a gate remembers the newest of what was cut") func newestCut() throws {
        let gate = InFlightGate()
        for number in 1...(ReceiptBuilder.cutItemsMax + 2) { try gate.enter { "\(number)" }.end(.cut) }
        #expect(gate.cutItems(itemsMax: 2).map(\.label) == ["101", "102"])
        #expect(gate.cutItems(itemsMax: 1000).first?.label == "3")
    }

    /// A source that answers a cancelled pull with an error.
    struct ThrowingSource: AsyncSequence, AsyncIteratorProtocol, Sendable {
        let pulled = Latch<Void>()
        mutating func next() async throws -> Int? {
            pulled.open()
            try await Latch<Void>().wait()
            return nil
        }
        func makeAsyncIterator() -> ThrowingSource { self }
    }

    @Test("L6 a source that answers the cancelled pull with an error ends as well, and the code behind the loop runs")
    func throwingSource() async throws {
        let source = ThrowingSource()
        let isBehind = try await testGracefulShutdown { trigger in
            async let end: Bool = {
                for try await _ in source.endingOnShutdown() {}
                return true
            }()
            try await source.pulled.wait()
            trigger.triggerGracefulShutdown()
            return try await end
        }
        #expect(isBehind)
    }
}
