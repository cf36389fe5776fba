import LastCall
import LastCallConcurrency
import LastCallTesting
import LastCallWork
import Testing

/// What a stop does with messages.
@Suite(.timeLimit(.minutes(1))) struct OutboxDrainTests {
    @Test("P12 with a full queue and a sender that hangs and then recovers, everything accepted is sent, in order")
    func recovers() async throws {
        let door = Door()
        let transport = ScriptedTransport("test", .quick(waitingMax: 50)) { _ in
            try await door.pass()
            return DeliveryReceipt()
        }
        let line = try await OutboxRun(MemoryStore(), [transport]).run { run in
            try await run.send("0")
            try await door.reached.wait()
            for number in 1...50 { try await run.send("\(number)") }
            await #expect(throws: WorkError.self) { try await run.send("more") }
        } stopping: { _ in
            door.open()
        }
        #expect(transport.delivered.values == (0...50).map { "\($0)" })
        #expect(line.heldAtStop == 51)
        #expect(line.ends == [51, 0, 0, 0, 0, 0])
    }

    @Test(
        "P17 in a drain an open breaker is bypassed: each lane is tried, once while it stays open, and what fails is kept"
    )
    func bypassesBreaker() async throws {
        let breaker = TransportPolicy.Breaker(failuresMax: 1, coolDown: .seconds(3600))
        let transport = ScriptedTransport("test", .quick(breaker: breaker)) { _ in
            throw DeliveryFailure("503", scope: .transport)
        }
        let before = Latch<Int>()
        let store = WrappedStore()
        let line = try await OutboxRun(store, [transport]).run { run in
            let messages = (0..<8).map { Message("test", to: "\($0)", text: "\($0)") }
            let ids = try await run.outbox.send(messages).map(\.id)
            try await run.store.until(ids[0]) { $0.state == .scheduled }
            // The breaker is open then; those that were on their way beside the first end too.
            for id in ids { try await run.store.until(id) { !$0.state.isHeld } }
            before.open(transport.attempts.values.count)
        }
        let drained = Array(transport.attempts.values.dropFirst(before.value ?? 0))
        // Each of them once more, whatever the breaker says.
        #expect(drained.sorted() == (0..<8).map { "\($0)" })
        #expect(line.heldAtStop == 8)
        #expect(line.ends == [0, 0, 8, 0, 0, 0])
    }

    @Test("P17 in a drain a destination that is well again gets everything, though its breaker was open")
    func bypassedBreakerCloses() async throws {
        let isWell = Latch<Void>()
        let breaker = TransportPolicy.Breaker(failuresMax: 1, coolDown: .seconds(3600))
        let transport = ScriptedTransport("test", .quick(breaker: breaker)) { _ in
            if isWell.value == nil { throw DeliveryFailure("503") }
            return DeliveryReceipt()
        }
        let line = try await OutboxRun(WrappedStore(), [transport]).run { run in
            let ids = try await run.outbox.send((0..<5).map { Message("test", to: "a", text: "\($0)") }).map(\.id)
            try await run.store.until(ids[0]) { $0.state == .scheduled }
            isWell.open()
        }
        #expect(transport.delivered.values == (0..<5).map { "\($0)" })
        #expect(line.ends == [5, 0, 0, 0, 0, 0])
    }

    @Test("P17 P22b behind a message that fails in a drain nothing overtakes it: all of its lane is kept, in order")
    func keepsOrder() async throws {
        let isWell = Latch<Void>()
        let transport = ScriptedTransport { delivery in
            if isWell.value == nil { throw DeliveryFailure("503", retryAfter: .seconds(3600)) }
            return DeliveryReceipt()
        }
        let store = WrappedStore()
        let line = try await OutboxRun(store, [transport]).run { run in
            for number in 0..<4 { try await run.send("\(number)") }
        }
        #expect(line.ends == [0, 0, 4, 0, 0, 0])
        #expect(transport.attempts.values == ["0"])
        // Its turn comes at the next start, once somebody lets it run before the hour is over.
        isWell.open()
        #expect(try await store.lanes(prefix: "").map(\.depth) == [4])
    }

    @Test("P19 a drain with a sender that hangs ends with its budget; what is left is kept")
    func bounded() async throws {
        let begun = Door()
        let transport = ScriptedTransport { _ in
            begun.reached.open()
            try await Latch<Void>().wait()
            return DeliveryReceipt()
        }
        let store = WrappedStore()
        let line = try await OutboxRun(store, [transport]).run { run in
            for number in 0..<10 { try await run.send("\(number)", to: "\(number % 2)") }
            try await begun.reached.wait()
            // What a third Ctrl-C would count as kept.
            #expect(run.outbox.ledger.stored == 10)
        } stopping: { run in
            await run.budgetEnds()
        }
        #expect(line.heldAtStop == 10)
        #expect(line.ends == [0, 0, 10, 0, 0, 0])
        // The next start goes on where this one ended.
        let door = Door()
        let well = ScriptedTransport { _ in
            try await door.pass()
            return DeliveryReceipt()
        }
        let next = try await OutboxRun(store, [well]).run { run in
            #expect(run.outbox.ledger.held == 10)
            door.open()
        }
        #expect(well.delivered.values.count == 10)
        #expect(next.done == 10 || next.heldAtStop < 10)
        #expect(try await store.lanes(prefix: "").isEmpty)
    }

    @Test("P19 with a store that dies with the process what is left is listed, one by one, without its destination")
    func listed() async throws {
        let begun = Door()
        let transport = ScriptedTransport { _ in
            begun.reached.open()
            try await Latch<Void>().wait()
            return DeliveryReceipt()
        }
        let line = try await OutboxRun(MemoryStore(), [transport]).run { run in
            for number in 0..<3 { try await run.send("secret \(number)", to: "secret") }
            try await begun.reached.wait()
            #expect(run.outbox.ledger.stored == 0)
        } stopping: { run in
            await run.budgetEnds()
        }
        #expect(line.ends == [0, 0, 0, 0, 3, 0])
        #expect(line.cutItems.map(\.label).allSatisfy { $0.hasPrefix("message ") && !$0.contains("secret") })
        #expect(line.cutItems.count == 3)
    }

    @Test(
        "B1 what others accept, cancel and send is taken in before a stop, and a late accept after it is accounted for")
    func othersTakenIn() async throws {
        // It counts when the test says so and at no other time.
        let store = WrappedStore(isMute: true)
        let other = try Outbox(store, transports: [ScriptedTransport()], configuration: .init(retention: nil))
        let limited = TransportPolicy.quick(ratePerDestination: .init(1, per: .seconds(1)))
        let run = try OutboxRun(store, [ScriptedTransport("test", limited)])
        let line = try await run.run { run in
            var message = Message("test", to: "a", text: "later")
            message.delay = .seconds(3600)
            let sent = try await other.send([message, message, message, message])
            #expect(run.outbox.ledger.held == 0)
            await run.outbox.recount()
            #expect(run.outbox.ledger.held == 4)
            _ = try await WorkClient(store).cancel([sent[1].id])
            await run.outbox.recount()
            #expect(run.outbox.ledger.held == 3)
            #expect(run.outbox.ledger.done == 1)
            await run.outbox.recount()
            #expect(run.outbox.ledger.accepted == 4)
            // Its prediction knows of them too.
            #expect(run.outbox.ledger.donePerSecond == 1)
        }
        #expect(line.heldAtStop == 3)
        #expect(line.ends == [0, 0, 3, 0, 0, 0])
        // A store that was slow to take one took it after the end.
        let before = run.outbox.ledger
        run.outbox.noteAccepted([Message("test", to: "a", text: "late")], [Acceptance(ids: [WorkID(rawValue: 99)])])
        let after = run.outbox.ledger
        #expect(after.accepted - before.accepted == 1)
        #expect(after.kept - before.kept == 1)
        let late = Acceptance(ids: [WorkID(rawValue: 100)], dropped: [WorkID(rawValue: 99), WorkID(rawValue: 98)])
        run.outbox.noteAccepted([Message("test", to: "a", text: "later")], [late])
        let end = run.outbox.ledger
        #expect(end.accepted - after.accepted == 1)
        #expect(end.deadLettered - after.deadLettered + end.kept - after.kept == 1)
    }

    @Test("P20 what was delivered before the stop is not counted in the drain: two before, three after, three")
    func countsDrained() async throws {
        let door = Door()
        let transport = ScriptedTransport { delivery in
            if String(decoding: delivery.message.body, as: UTF8.self) >= "2" { try await door.pass() }
            return DeliveryReceipt()
        }
        let line = try await OutboxRun(WrappedStore(), [transport]).run { run in
            let first = try await run.send("0")
            let second = try await run.send("1")
            for id in [first, second] { try await run.ended(id) }
            for number in 2...4 { try await run.send("\(number)") }
            try await door.reached.wait()
        } stopping: { _ in
            door.open()
        }
        #expect(line.heldAtStop == 3)
        #expect(line.done == 3)
        #expect(transport.delivered.values.count == 5)
    }

    @Test("P14 whoever was let in before the stop and is slow to be accepted is waited for, and his message is sent")
    func waitsForIntake() async throws {
        let store = WrappedStore()
        let door = Door()
        let transport = ScriptedTransport()
        let line = try await OutboxRun(store, [transport]).run { run in
            store.beforeAccept { _ in try await door.pass() }
            async let sent = run.send("slow")
            try await door.reached.wait()
            run.lifecycle.stop("while it is accepted")
            try await run.told.wait()
            // Time enough for a drain that waits for nobody to find nothing and to end.
            for _ in 0..<500 { await Task.yield() }
            door.open()
            _ = try await sent
        }
        #expect(transport.delivered.values == ["slow"])
        #expect(line.kept == 0)
        #expect(line.unaccounted == 0)
    }

    @Test("P21 P22 draining stops first, and says whether it finished")
    func drains() async throws {
        let transport = ScriptedTransport()
        let outbox = try Outbox(MemoryStore(), transports: [transport], configuration: .init(logger: .quiet))
        async let run: Void = outbox.run()
        try await outbox.waitUntilReady()
        for number in 0..<20 { try await outbox.send(Message("test", to: "\(number % 3)", text: "\(number)")) }
        let drained = await outbox.drain(within: .seconds(Int64.max))
        #expect(drained.isComplete)
        #expect(drained.left == 0)
        #expect(transport.delivered.values.count == 20)
        let error = await #expect(throws: WorkError.self) { try await outbox.send(Message("test", to: "a", text: "b")) }
        #expect(error?.code == .stopping)
        try await run
        let again = await outbox.drain(within: .seconds(30))
        #expect(again == Outbox.Drained(isComplete: true, delivered: 0, left: 0))
    }

    @Test("P21 a drain that runs out of time says so, and how many are left")
    func drainRunsOut() async throws {
        let begun = Door()
        let transport = ScriptedTransport { _ in
            begun.reached.open()
            try await Latch<Void>().wait()
            return DeliveryReceipt()
        }
        let outbox = try Outbox(WrappedStore(), transports: [transport], configuration: .init(logger: .quiet))
        async let run: Void = outbox.run()
        try await outbox.waitUntilReady()
        for number in 0..<4 { try await outbox.send(Message("test", to: "a", text: "\(number)")) }
        try await begun.reached.wait()
        let drained = await outbox.drain(within: .milliseconds(10))
        #expect(drained == Outbox.Drained(isComplete: false, delivered: 0, left: 4))
        try await run
        #expect(outbox.ledger.kept == 4)
    }

    @Test("P21 a drain of an outbox that never ran says what is left")
    func drainWithoutRun() async throws {
        let outbox = try Outbox(MemoryStore(), transports: [ScriptedTransport()], configuration: .init(logger: .quiet))
        try await outbox.send(Message("test", to: "a", text: "1"))
        #expect(await outbox.drain(within: .seconds(30)) == Outbox.Drained(isComplete: false, delivered: 0, left: 1))
    }

    @Test("B4 what the other side wants later than the deadline is kept at once, and the others are sent meanwhile")
    func retryAfterDeadline() async throws {
        let door = Door()
        let transport = ScriptedTransport { delivery in
            if delivery.message.destination == "limited" {
                throw DeliveryFailure("429", retryAfter: .seconds(3600))
            }
            try await door.pass()
            return DeliveryReceipt()
        }
        let line = try await OutboxRun(WrappedStore(), [transport]).run { run in
            let limited = try await run.send("0", to: "limited")
            for number in 1...3 { try await run.send("\(number)", to: "limited") }
            for number in 4...6 { try await run.send("\(number)", to: "other") }
            try await run.store.until(limited) { $0.state == .scheduled }
            try await door.reached.wait()
        } stopping: { _ in
            door.open()
        }
        // No time passed by the lifecycle's clock: nothing was waited for.
        #expect(line.ends == [3, 0, 4, 0, 0, 0])
        #expect(transport.attempts.values.filter { $0 == "0" }.count == 1)
        #expect(transport.delivered.values == ["4", "5", "6"])
    }

    @Test("B4 what the other side wants before the deadline is waited for and sent")
    func retryAfterInTime() async throws {
        let transport = ScriptedTransport { delivery in
            if delivery.attempt == 1 { throw DeliveryFailure("429", retryAfter: .milliseconds(20)) }
            return DeliveryReceipt()
        }
        let line = try await OutboxRun(WrappedStore(), [transport]).run { run in
            for number in 0..<3 { try await run.send("\(number)") }
        }
        #expect(transport.delivered.values == ["0", "1", "2"])
        #expect(line.kept == 0)
        #expect(line.unaccounted == 0)
    }

    @Test("a stop with another process that sends the same hands over what waits, and finishes what is on its way")
    func handsOver() async throws {
        let store = WrappedStore()
        let door = Door()
        let slow = ScriptedTransport { _ in
            try await door.pass()
            return DeliveryReceipt()
        }
        let peer = ScriptedTransport()
        try await OutboxRun(store, [peer]).run { _ in
            // The other one takes nothing as long as this one has the lane.
            let line = try await OutboxRun(store, [slow, ScriptedTransport("own")]).run { run in
                _ = try await run.store.perform(.pause(queue: Outbox.queueName))
                try await run.send("0")
            } stopping: { run in
                _ = try await run.store.perform(.resume(queue: Outbox.queueName))
                door.open()
            }
            #expect(line.unaccounted == 0)
            #expect(line.kept == 0)
            #expect(line.cut == 0)
        }
        #expect(slow.delivered.values.count + peer.delivered.values.count == 1)
    }

    @Test("B1 messages that somebody cancelled while they waited are done, not handed over") func cancelled()
        async throws
    {
        let store = WrappedStore()
        let begun = Door()
        let transport = ScriptedTransport { _ in
            begun.reached.open()
            try await Latch<Void>().wait()
            return DeliveryReceipt()
        }
        let ids = Notes<WorkID>()
        let line = try await OutboxRun(store, [transport]).run { run in
            for number in 0..<6 { ids.add(try await run.send("\(number)")) }
            try await begun.reached.wait()
        } stopping: { run in
            // What was held at the stop is told of by then.
            _ = try await store.perform(.cancel([ids.values[2], ids.values[4]]))
            await run.budgetEnds()
        }
        #expect(line.heldAtStop == 6)
        #expect(line.ends == [2, 0, 4, 0, 0, 0])
    }

    @Test("P17 a peer that sends only a part of it takes over only that") func partialPeer() async throws {
        let store = WrappedStore()
        let slow = Door()
        let own = ScriptedTransport("own")
        let shared = ScriptedTransport("test") { _ in
            try await slow.pass()
            return DeliveryReceipt()
        }
        let peer = ScriptedTransport("test") { _ in
            try await slow.pass()
            return DeliveryReceipt()
        }
        try await OutboxRun(store, [peer]).run { _ in
            let line = try await OutboxRun(store, [shared, own]).run { run in
                _ = try await store.perform(.pause(queue: Outbox.queueName))
                for number in 0..<3 { try await run.send("\(number)", through: "own") }
            } stopping: { _ in
                _ = try await store.perform(.resume(queue: Outbox.queueName))
            }
            // The pause may be over before it looks; what it looked at is its own to send.
            #expect(line.unaccounted == 0)
            #expect(line.handedOver == 0)
            #expect(line.done + line.kept == 3)
            slow.open()
        }
        #expect(own.delivered.values.count <= 3)
    }

    @Test("B2 the receipt predicts what a rate does not let through in time")
    func prediction() async throws {
        let policy = TransportPolicy.quick(ratePerDestination: .init(1, per: .seconds(1)))
        let transport = ScriptedTransport("test", policy)
        // By the store's clock no second goes by.
        let store = WrappedStore(MemoryStore(clock: ManualClock()))
        let line = try await OutboxRun(store, [transport]).run { run in
            let first = try await run.send("0")
            try await run.ended(first)
            while run.outbox.ledger.held > 0 { await Task.yield() }
            for number in 1...312 { try await run.send("\(number)") }
        } stopping: { run in
            await run.budgetEnds()
        }
        #expect(line.prediction?.contains("312") == true)
        #expect(line.kept + line.done == 312)
        #expect(line.unaccounted == 0)
    }
}
