import InMemoryLogging
import LastCall
import LastCallConcurrency
import LastCallTesting
import LastCallWork
import Logging
import Testing

/// What an outbox accepts, and what it refuses.
@Suite(.timeLimit(.minutes(1))) struct OutboxTests {
    @Test("P9 an outbox runs once: a second run is refused, and nothing is sent twice")
    func runsOnce() async throws {
        let transport = ScriptedTransport()
        let line = try await OutboxRun(MemoryStore(), [transport]).run { run in
            await #expect(throws: WorkError.self) { try await run.outbox.run() }
            let ids = try await run.outbox.send((0..<20).map { Message("test", to: "there", text: "\($0)") }).map(\.id)
            for id in ids { try await run.ended(id) }
            await #expect(throws: WorkError.self) { try await run.outbox.run() }
        }
        #expect(transport.attempts.values == (0..<20).map { "\($0)" })
        #expect(line.unaccounted == 0)
    }

    @Test("P9 two outboxes on one store send each message once and keep the order of each lane")
    func twoOnOneStore() async throws {
        let store = MemoryStore()
        let transport = ScriptedTransport()
        try await OutboxRun(store, [transport]).run { first in
            try await OutboxRun(store, [transport]).run { second in
                var ids: [WorkID] = []
                for number in 0..<200 {
                    let run = number.isMultiple(of: 2) ? first : second
                    ids.append(try await run.send("\(number % 5) \(number)", to: "\(number % 5)"))
                }
                for id in ids { try await first.ended(id) }
            }
        }
        let delivered = transport.delivered.values
        #expect(delivered.count == 200)
        for lane in 0..<5 {
            let numbers = delivered.filter { $0.hasPrefix("\(lane) ") }
            #expect(numbers == (0..<200).filter { $0 % 5 == lane }.map { "\(lane) \($0)" })
        }
    }

    @Test(
        "P13 a message after the stop is refused with an error of its own, nothing is added, and no log says what it was"
    )
    func afterStop() async throws {
        let log = InMemoryLogHandler()
        let store = MemoryStore()
        let run = try OutboxRun(store, [ScriptedTransport()], logger: Logger(label: "test") { _ in log })
        run.outbox.stop()
        let error = await #expect(throws: WorkError.self) {
            try await run.outbox.send(Message("test", to: "secret-channel", text: "secret words"))
        }
        #expect(error?.code == .stopping)
        #expect(try await run.waiting() == 0)
        #expect(try await store.records(WorkQuery()).isEmpty)
        let entries = log.entries.map { "\($0.message) \($0.metadata)" }
        #expect(entries.count == 1)
        #expect(entries.allSatisfy { $0.contains("refused") && $0.contains("12") && !$0.contains("secret") })
    }

    @Test(
        "a policy that no clock can keep, or that is no number, is refused with the setting's name",
        arguments: [
            (.init(timeout: .seconds(Int64.max)), "timeout"), (.init(timeout: .zero), "timeout"),
            (.init(givesUpAfter: .seconds(Int64.max)), "givesUpAfter"),
            (.init(backoff: RetryPolicy(base: .seconds(Int64.max))), "base"),
            (.init(backoff: RetryPolicy(jitter: .nan)), "jitter"),
            (.init(backoff: RetryPolicy(factor: .infinity)), "factor"),
            (.init(breaker: .init(coolDown: .seconds(Int64.max))), "coolDown"),
            (.init(ratePerDestination: .init(1, per: .seconds(Int64.max))), "ratePerDestination"),
        ] as [(TransportPolicy, String)])
    func policyBounds(policy: TransportPolicy, words: String) {
        let error = #expect(throws: WorkError.self) {
            try Outbox(MemoryStore(), transports: [ScriptedTransport("test", policy)])
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(words) == true)
        // Nobody asks whether a policy is valid before it is used elsewhere.
        #expect(policy.backoff.delay(afterFailures: 9, random: 1) >= .zero)
    }

    @Test("P10 stopping twice changes no counter")
    func stopsTwice() async throws {
        let door = Door()
        let transport = ScriptedTransport { _ in
            try await door.pass()
            return DeliveryReceipt()
        }
        let line = try await OutboxRun(WrappedStore(), [transport]).run { run in
            for number in 0..<3 { try await run.send("\(number)") }
            try await door.reached.wait()
            run.outbox.stop()
            let before = run.outbox.ledger
            run.outbox.stop()
            #expect(run.outbox.ledger == before)
        } stopping: { run in
            run.outbox.stop()
            run.lifecycle.stop("again")
            door.open()
        }
        #expect(line.heldAtStop == 3)
        #expect(line.ends == [3, 0, 0, 0, 0, 0])
    }

    @Test(
        "P11 P15 stopping returns at once, whatever the overflow policy, also while the queue is full and the sender hangs",
        arguments: TransportPolicy.Overflow.allCases)
    func stopNeverBlocks(overflow: TransportPolicy.Overflow) async throws {
        let door = Door()
        let transport = ScriptedTransport("test", .quick(waitingMax: 2, overflow: overflow)) { _ in
            try await door.pass()
            return DeliveryReceipt()
        }
        let line = try await OutboxRun(WrappedStore(), [transport]).run { run in
            try await run.send("0")
            try await door.reached.wait()
            for number in 1...2 { try await run.send("\(number)") }
            // Synchronous: were it to wait for room or for the sender, this test would never go on.
            run.outbox.stop()
            let error = await #expect(throws: WorkError.self) { try await run.send("more") }
            #expect(error?.code == .stopping)
        } stopping: { _ in
            door.open()
        }
        #expect(transport.delivered.values == ["0", "1", "2"])
        #expect(line.ends == [3, 0, 0, 0, 0, 0])
    }

    @Test("P16 where the oldest is dropped, the first that waits becomes a dead letter, once, with one warning")
    func dropOldest() async throws {
        let log = InMemoryLogHandler()
        let door = Door()
        let transport = ScriptedTransport("test", .quick(waitingMax: 2, overflow: .dropOldest)) { _ in
            try await door.pass()
            return DeliveryReceipt()
        }
        let store = WrappedStore()
        let run = try OutboxRun(store, [transport], logger: Logger(label: "test") { _ in log })
        let line = try await run.run { run in
            try await run.send("0", to: "secret")
            try await door.reached.wait()
            let oldest = try await run.send("1", to: "secret")
            for number in 2...3 { try await run.send("\(number)", to: "secret") }
            let record = try await run.ended(oldest)
            #expect(record.state == .dead)
            #expect(record.reason == .overflow)
            door.open()
        }
        #expect(transport.delivered.values == ["0", "2", "3"])
        #expect(line.unaccounted == 0)
        let warnings = log.entries.filter { $0.level == .warning }.map { "\($0.message) \($0.metadata)" }
        #expect(warnings.count == 1)
        #expect(warnings.allSatisfy { !$0.contains("secret") })
        // A dead letter is not lost: somebody lets it be sent after all.
        let replayed = try await WorkClient(store).replay()
        #expect(replayed.changed.count == 1)
        try await OutboxRun(store, [transport]).run { run in try await run.ended(replayed.changed[0]) }
        #expect(transport.delivered.values.last == "1")
    }

    @Test("P16 where more is refused, the caller is told, and what waits stays")
    func reject() async throws {
        let door = Door()
        let transport = ScriptedTransport("test", .quick(waitingMax: 2)) { _ in
            try await door.pass()
            return DeliveryReceipt()
        }
        try await OutboxRun(MemoryStore(), [transport]).run { run in
            try await run.send("0")
            try await door.reached.wait()
            for number in 1...2 { try await run.send("\(number)") }
            let error = await #expect(throws: WorkError.self) { try await run.send("3") }
            #expect(error?.code == .laneFull)
            try await run.send("elsewhere", to: "elsewhere")
            #expect(try await run.outbox.status().utilisation == 1.5)
            door.open()
        }
        #expect(Set(transport.delivered.values) == ["0", "1", "2", "elsewhere"])
    }

    @Test("P16 where the caller waits, it goes on once there is room, and is told of a stop")
    func waits() async throws {
        let door = Door()
        let transport = ScriptedTransport("test", .quick(waitingMax: 1, overflow: .wait)) { delivery in
            if delivery.attempt == 1 { try await door.pass() }
            return DeliveryReceipt()
        }
        try await OutboxRun(MemoryStore(), [transport]).run { run in
            try await run.send("0")
            try await door.reached.wait()
            try await run.send("1")
            async let second = run.send("2")
            async let third = run.send("3")
            door.open()
            _ = try await (second, third)
        }
        #expect(transport.delivered.values.count == 4)
        let stuck = ScriptedTransport("test", .quick(waitingMax: 1, overflow: .wait)) { _ in
            try await Latch<Void>().wait()
            return DeliveryReceipt()
        }
        let run = try OutboxRun(MemoryStore(), [stuck])
        try await run.send("0")
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await run.send("1") }
            while run.outbox.waitingCount == 0 { await Task.yield() }
            run.outbox.stop()
            let error = await #expect(throws: WorkError.self) { try await group.next() }
            #expect(error?.code == .stopping)
        }
        #expect(try await run.waiting() == 1)
    }

    @Test("P16 all who wait for room get it, and all are told of a stop") func manyWait() async throws {
        let door = Door()
        let transport = ScriptedTransport("test", .quick(waitingMax: 2, overflow: .wait)) { _ in
            try await door.pass()
            return DeliveryReceipt()
        }
        try await OutboxRun(MemoryStore(), [transport]).run { run in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 { group.addTask { try await run.send("\(number)") } }
                try await door.reached.wait()
                door.open()
                try await group.waitForAll()
            }
        }
        #expect(Set(transport.delivered.values).count == 100)
        let stuck = try OutboxRun(MemoryStore(), [ScriptedTransport("test", .quick(waitingMax: 1, overflow: .wait))])
        try await stuck.send("first")
        await withTaskGroup(of: WorkError.Code?.self) { group in
            for number in 0..<50 {
                group.addTask {
                    do { try await stuck.send("\(number)") } catch { return (error as? WorkError)?.code }
                    return nil
                }
            }
            while stuck.outbox.waitingCount < 50 { await Task.yield() }
            stuck.outbox.stop()
            for await code in group { #expect(code == .stopping) }
        }
        #expect(try await stuck.waiting() == 1)
    }

    @Test(
        "P16 more at once than may ever wait is refused, also where the caller would wait",
        arguments: TransportPolicy.Overflow.allCases)
    func tooMany(overflow: TransportPolicy.Overflow) async throws {
        let outbox = try Outbox(
            MemoryStore(), transports: [ScriptedTransport("test", .quick(waitingMax: 3, overflow: overflow))],
            configuration: .init(logger: .quiet))
        let messages = (0..<5).map { Message("test", to: "secret", text: "\($0)") }
        guard overflow != .dropOldest else {
            #expect(try await outbox.send(messages).count == 5)
            return
        }
        let error = await #expect(throws: WorkError.self) { try await outbox.send(messages) }
        #expect(error?.code == .laneFull)
        #expect(error?.message.contains("secret") == false)
    }

    @Test("P16 who waits for room and is cancelled hears that, and sent nothing")
    func waitCancelled() async throws {
        let run = try OutboxRun(MemoryStore(), [ScriptedTransport("test", .quick(waitingMax: 1, overflow: .wait))])
        try await run.send("0")
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await run.send("1") }
            while run.outbox.waitingCount == 0 { await Task.yield() }
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.next() }
        }
        #expect(try await run.waiting() == 1)
    }

    @Test(
        "P18 an open breaker refuses new messages and parks those that wait; its transport's other destinations go on")
    func breakerOpens() async throws {
        let breaker = TransportPolicy.Breaker(failuresMax: 3, coolDown: .seconds(3600))
        let transport = ScriptedTransport("test", .quick(breaker: breaker)) { delivery in
            if delivery.message.destination == "ill" { throw DeliveryFailure("503") }
            return DeliveryReceipt()
        }
        try await OutboxRun(WrappedStore(), [transport]).run { run in
            // Together: the breaker may open as soon as the first is there.
            let sent = try await run.outbox.send(["1", "2"].map { Message("test", to: "ill", text: $0) })
            let (first, second) = (sent[0].id, sent[1].id)
            try await run.store.until(first) { $0.state == .scheduled && $0.attempt == 3 }
            let error = await #expect(throws: WorkError.self) { try await run.send("3", to: "ill") }
            #expect(error?.code == .breakerOpen)
            try await run.ended(try await run.send("4", to: "well"))
            #expect(try await WorkClient(run.store).record(second).state == .blocked)
            #expect(try await run.outbox.status().openBreakers == ["test/ill"])
            #expect(try await run.outbox.status().lastFailure == "503")
        }
        #expect(transport.attempts.values.filter { $0 == "4" }.count == 1)
    }

    @Test("P22c a breaker of the transport lets one message try after its cool-down, and then all")
    func breakerCloses() async throws {
        let clock = ManualClock()
        let isWell = Latch<Void>()
        let breaker = TransportPolicy.Breaker(failuresMax: 3, coolDown: .seconds(30))
        let transport = ScriptedTransport("test", .quick(breaker: breaker)) { _ in
            if isWell.value == nil { throw DeliveryFailure("503", scope: .transport) }
            return DeliveryReceipt()
        }
        let store = MemoryStore(clock: clock)
        try await OutboxRun(store, [transport]).run { run in
            let ids = try await run.outbox.send((0..<3).map { Message("test", to: "\($0)", text: "\($0)") }).map(\.id)
            let changes = store.changes()
            while try await store.gates().first?.breaker.openUntil == nil { _ = await changes.next() }
            // One that failed only after the cool-down would open it again.
            for id in ids { try await store.until(id) { !$0.state.isHeld } }
            isWell.open()
            clock.advance(by: .seconds(30))
            // The outbox's own timer counts by another clock; what is due is looked for whenever something happens.
            _ = try await store.sweep(SweepOrders())
            for id in ids { try await run.ended(id) }
            let gates = try await store.gates()
            #expect(gates.allSatisfy { $0.breaker.isPristine })
        }
        #expect(Set(transport.delivered.values) == ["0", "1", "2"])
    }

    @Test(
        "bad messages are refused with what to do, and nothing is stored",
        arguments: [
            (Message("nobody", to: "there", text: "x"), "there are: test"),
            (Message("test", to: "", text: "x"), "1 to 256"),
            (Message("test", to: "a\u{1B}[2J", text: "x"), "control character"),
            (Message("test", to: String(repeating: "x", count: 257), text: "x"), "257 bytes"),
            (Message("test", to: "there", body: Array(repeating: 0, count: 1 << 20)), "bytes"),
        ])
    func badMessages(message: Message, words: String) async throws {
        let store = MemoryStore()
        let outbox = try Outbox(store, transports: [ScriptedTransport()])
        let error = await #expect(throws: WorkError.self) { try await outbox.send(message) }
        #expect(error?.message.contains(words) == true)
        #expect(try await store.records(WorkQuery()).isEmpty)
    }

    @Test("bad transports are refused with what to do")
    func badTransports() throws {
        func refusal(_ transports: [any Transport]) -> String {
            do {
                _ = try Outbox(MemoryStore(), transports: transports)
                return "none"
            } catch { return error.message }
        }
        #expect(refusal([]).contains("needs a transport"))
        #expect(refusal([ScriptedTransport(), ScriptedTransport()]).contains("two transports"))
        #expect(refusal([ScriptedTransport("a/b")]).contains("letters"))
        let fast = TransportPolicy(ratePerDestination: .init(2000, per: .seconds(1)))
        #expect(refusal([ScriptedTransport("test", fast)]).contains("1,000 a second"))
        #expect(refusal([ScriptedTransport("test", .quick(waitingMax: 0))]).contains("waitingMax"))
        let breaker = TransportPolicy.Breaker(failuresMax: 0)
        #expect(refusal([ScriptedTransport("test", .quick(breaker: breaker))]).contains("failuresMax"))
    }
}
