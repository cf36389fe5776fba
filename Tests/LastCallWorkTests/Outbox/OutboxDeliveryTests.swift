import InMemoryLogging
import LastCall
import LastCallConcurrency
import LastCallTesting
import LastCallWork
import Logging
import Testing

/// How messages are delivered: order, retries, dead letters, and what logs say.
@Suite(.timeLimit(.minutes(1))) struct OutboxDeliveryTests {
    @Test(
        "P14 whoever is let in while the stop comes is sent; all others are told: none is accepted and forgotten",
        arguments: 0..<8)
    func stress(round: Int) async throws {
        let transport = ScriptedTransport(
            "test", .quick(waitingMax: 20, overflow: round.isMultiple(of: 2) ? .reject : .dropOldest))
        let store = WrappedStore()
        let accepted = Notes<String>()
        let line = try await OutboxRun(store, [transport]).run { run in
            let isTime = Latch<Void>()
            await withTaskGroup(of: Void.self) { group in
                for producer in 0..<16 {
                    group.addTask {
                        for number in 0..<40 {
                            do {
                                try await run.send("\(producer) \(number)", to: "\(producer % 4)")
                                if accepted.add("\(producer) \(number)") == 60 + round * 20 { isTime.open() }
                            } catch let error as WorkError where error.code == .laneFull {
                                await Task.yield()
                            } catch { return }
                        }
                    }
                }
                group.addTask {
                    _ = try? await isTime.wait()  // the producers ended first
                    run.lifecycle.stop("in the middle")
                }
                for _ in 0..<16 { await group.next() }
                isTime.open()
            }
        }
        let dead = try await store.records(WorkQuery(states: [.dead])).map {
            String(decoding: $0.payload, as: UTF8.self)
        }
        #expect(line.unaccounted == 0)
        #expect(line.cut == 0)
        #expect(line.kept == 0)
        let delivered = transport.delivered.values
        #expect(delivered.count + dead.count == accepted.values.count)
        #expect(Set(delivered).count == delivered.count)
        #expect(Set(delivered).isSubset(of: Set(accepted.values)))
        for text in accepted.values where !delivered.contains(text) {
            #expect(dead.contains { $0.contains("\"\(text)\"") })
        }
    }

    @Test("P22b a destination that hangs or is limited delays no other, and keeps its own order") func lanes()
        async throws
    {
        let door = Door()
        let transport = ScriptedTransport { delivery in
            switch delivery.message.destination {
            case "hangs": try await door.pass()
            case "limited" where delivery.attempt == 1: throw DeliveryFailure("429", retryAfter: .milliseconds(5))
            case "fails" where delivery.attempt < 4: throw DeliveryFailure("503")
            default: break
            }
            return DeliveryReceipt()
        }
        try await OutboxRun(WrappedStore(), [transport]).run { run in
            try await run.send("hangs 0", to: "hangs")
            try await door.reached.wait()
            var ids: [WorkID] = []
            for number in 0..<5 {
                for lane in ["limited", "fails", "well"] {
                    ids.append(try await run.send("\(lane) \(number)", to: lane))
                }
            }
            try await run.send("hangs 1", to: "hangs")
            for id in ids { try await run.ended(id) }
            #expect(transport.attempts.values.contains("hangs 1") == false)
            door.open()
        }
        for lane in ["limited", "fails", "well"] {
            #expect(transport.delivered.values.filter { $0.hasPrefix(lane) } == (0..<5).map { "\(lane) \($0)" })
        }
        #expect(transport.delivered.values.filter { $0.hasPrefix("hangs") } == ["hangs 0", "hangs 1"])
    }

    @Test("P22b the rate of a destination is kept, and others do not wait for it") func rate() async throws {
        let clock = ManualClock()
        let transport = ScriptedTransport("test", .quick(ratePerDestination: .init(1, per: .seconds(60))))
        let store = MemoryStore(clock: clock)
        try await OutboxRun(store, [transport]).run { run in
            let ids = try await run.outbox.send((0..<3).map { Message("test", to: "a", text: "a\($0)") }).map(\.id)
            try await run.ended(ids[0])
            let other = try await run.send("b0", to: "b")
            try await run.ended(other)
            #expect(try await WorkClient(store).record(ids[1]).state == .scheduled)
            for (number, id) in ids.enumerated().dropFirst() {
                clock.advance(by: .seconds(60))
                _ = try await store.sweep(SweepOrders())
                try await run.ended(id)
                #expect(transport.delivered.values.count == number + 2)
            }
        }
        #expect(transport.delivered.values == ["a0", "b0", "a1", "a2"])
    }

    @Test("P22a what another attempt may mend is tried again, under the same key, with growing waits and jitter")
    func retries() async throws {
        let keys = Notes<String>()
        let transport = ScriptedTransport { delivery in
            keys.add(delivery.idempotencyKey)
            if delivery.attempt < 5 { throw DeliveryFailure("503") }
            return DeliveryReceipt()
        }
        try await OutboxRun(MemoryStore(), [transport]).run { run in
            let record = try await run.ended(try await run.send("0"))
            #expect(record.state == .succeeded)
            #expect(record.attempt == 5)
            try await run.ended(try await run.send("1"))
        }
        #expect(Set(keys.values.prefix(5)).count == 1)
        #expect(Set(keys.values).count == 2)
        let policy = TransportPolicy()
        let waits = (1...12).map { policy.backoff.delay(afterFailures: $0, random: 0) }
        #expect(waits.prefix(4) == [.seconds(1), .seconds(2), .seconds(4), .seconds(8)])
        #expect(waits.last == .seconds(300))
        #expect(policy.backoff.delay(afterFailures: 1, random: 1) == .milliseconds(500))
    }

    @Test("P22a what the other side asks to wait for is waited for, whatever the backoff says") func retryAfter()
        async throws
    {
        let clock = ManualClock()
        let transport = ScriptedTransport { delivery in
            if delivery.attempt == 1 { throw DeliveryFailure("429", retryAfter: .seconds(120)) }
            return DeliveryReceipt()
        }
        let store = MemoryStore(clock: clock)
        try await OutboxRun(store, [transport]).run { run in
            let id = try await run.send("0")
            let record = try await run.store.until(id) { $0.state == .scheduled }
            #expect(record.dueAt == store.now + .seconds(120))
            clock.advance(by: .seconds(120))
            _ = try await store.sweep(SweepOrders())
            try await run.ended(id)
        }
    }

    @Test("P22a what can never be delivered is a dead letter at once, with its payload, and can be replayed")
    func deadLetter() async throws {
        let isMended = Latch<Void>()
        let transport = ScriptedTransport { delivery in
            if isMended.value == nil, delivery.message.destination == "gone" {
                throw DeliveryFailure("answered 404", isRetryable: false)
            }
            return DeliveryReceipt()
        }
        let store = WrappedStore()
        let line = try await OutboxRun(store, [transport]).run { run in
            let id = try await run.send("hello", to: "gone")
            let next = try await run.send("after", to: "gone")
            let record = try await run.ended(id)
            try await run.ended(next)
            #expect(record.state == .dead)
            #expect(record.attempt == 1)
            #expect(record.detail == "answered 404")
            #expect(String(decoding: record.payload, as: UTF8.self).contains("\"text\":\"hello\""))
            isMended.open()
            _ = try await WorkClient(store).replay(kinds: ["message:test"])
            let again = try await run.ended(id)
            #expect(again.state == .succeeded)
        }
        #expect(line.unaccounted == 0)
        #expect(transport.delivered.values.contains("hello"))
    }

    @Test("P22a what is not delivered in its time is a dead letter that says so") func givenUp() async throws {
        let clock = ManualClock()
        let transport = ScriptedTransport("test", .quick(givesUpAfter: .seconds(3600))) { _ in
            throw DeliveryFailure("answered 503", retryAfter: .seconds(1800))
        }
        let store = MemoryStore(clock: clock)
        try await OutboxRun(store, [transport]).run { run in
            let id = try await run.send("0")
            for attempt in 1...2 {
                try await run.store.until(id) { $0.state == .scheduled && $0.attempt == attempt }
                clock.advance(by: .seconds(1800))
                _ = try await store.sweep(SweepOrders())
            }
            let record = try await run.ended(id)
            #expect(record.state == .dead)
            #expect(record.detail == "not delivered within 1h; the last failure: answered 503")
        }
    }

    @Test("P22a what was kept until its time was over is tried once more by whoever comes next, and given up only then")
    func triedAfterItsTime() async throws {
        let clock = ManualClock()
        let store = WrappedStore(MemoryStore(clock: clock))
        let unwell = ScriptedTransport("test", .quick(givesUpAfter: .seconds(3600))) { _ in
            throw DeliveryFailure("answered 503", retryAfter: .seconds(60))
        }
        let ids = Notes<WorkID>()
        let line = try await OutboxRun(store, [unwell]).run { run in
            for number in 0..<2 {
                let id = try await run.send("\(number)", to: "\(number)")
                try await run.store.until(id) { $0.state == .scheduled }
                ids.add(id)
            }
        }
        #expect(line.ends == [0, 0, 2, 0, 0, 0])
        clock.advance(by: .seconds(100_000))
        _ = try await store.sweep(SweepOrders())
        let half = ScriptedTransport("test", .quick(givesUpAfter: .seconds(3600))) { delivery in
            if delivery.message.destination == "0" { throw DeliveryFailure("still 503") }
            return DeliveryReceipt()
        }
        try await OutboxRun(store, [half]).run { run in
            let given = try await run.ended(ids.values[0])
            #expect(given.state == .dead)
            #expect(given.detail?.contains("still 503") == true)
            #expect(try await run.ended(ids.values[1]).state == .succeeded)
        }
        #expect(half.attempts.values.sorted() == ["0", "1"])
    }

    @Test("P22a a message whose time is over and that gets no answer either is given up after that one attempt")
    func silentAfterItsTime() async throws {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let silent = ScriptedTransport("test", .quick(givesUpAfter: .seconds(3600), timeout: .milliseconds(50))) { _ in
            try await Latch<Void>().wait()
            return DeliveryReceipt()
        }
        let run = try OutboxRun(store, [silent])
        let id = try await run.send("0")
        clock.advance(by: .seconds(100_000))
        try await run.run { run in
            let record = try await run.ended(id)
            #expect(record.state == .dead)
            #expect(record.detail?.contains("no answer in time") == true)
        }
        #expect(silent.attempts.values == ["0"])
    }

    @Test("P22a who asks for time is given it, also where the message's own time is over: the next one waits")
    func restsAfterLate() async throws {
        let clock = ManualClock()
        let store = WrappedStore(MemoryStore(clock: clock))
        let limited = ScriptedTransport("test", .quick(givesUpAfter: .seconds(3600))) { _ in
            throw DeliveryFailure("answered 429", retryAfter: .seconds(60))
        }
        let idle = try Outbox(store, transports: [limited], configuration: .init(retention: nil))
        let sent = try await idle.send((0..<3).map { Message("test", to: "there", text: "\($0)") })
        clock.advance(by: .seconds(100_000))
        try await OutboxRun(store, [limited]).run { run in
            #expect(try await run.ended(sent[0].id).state == .dead)
            let next = try await run.store.until(sent[1].id) { $0.state == .scheduled }
            #expect(try #require(next.dueAt) == store.now + .seconds(60))
        }
        #expect(limited.attempts.values == ["0"])
    }

    @Test("P22a a dead letter that is replayed has all its time again") func replayed() async throws {
        let clock = ManualClock()
        let isWell = Latch<Void>()
        let transport = ScriptedTransport("test", .quick(givesUpAfter: .seconds(3600))) { delivery in
            if isWell.value != nil, delivery.attempt == 2 { return DeliveryReceipt() }
            throw DeliveryFailure("answered 503", retryAfter: .seconds(1800))
        }
        let store = MemoryStore(clock: clock)
        try await OutboxRun(store, [transport]).run { run in
            let id = try await run.send("0")
            func fails(_ attempts: ClosedRange<Int>) async throws {
                for attempt in attempts {
                    try await run.store.until(id) { $0.state == .scheduled && $0.attempt == attempt }
                    clock.advance(by: .seconds(1800))
                    _ = try await store.sweep(SweepOrders())
                }
            }
            try await fails(1...2)
            #expect(try await run.ended(id).state == .dead)
            isWell.open()
            clock.advance(by: .seconds(100_000))
            _ = try await WorkClient(store).retry([id])
            try await fails(1...1)
            #expect(try await run.ended(id).state == .succeeded)
        }
    }

    @Test("P22a nobody is waited for longer than the message itself") func longRetryAfter() async throws {
        let transport = ScriptedTransport("test", .quick(givesUpAfter: .seconds(3600))) { _ in
            throw DeliveryFailure("answered 429", retryAfter: .seconds(604_800))
        }
        let store = MemoryStore(clock: ManualClock())
        try await OutboxRun(store, [transport]).run { run in
            let id = try await run.send("0")
            let record = try await run.store.until(id) { $0.state == .scheduled }
            #expect(try #require(record.dueAt) <= store.now + .seconds(3600))
        }
    }

    @Test("P22a a transport that never answers is broken off, and the message is tried again") func timeout()
        async throws
    {
        let transport = ScriptedTransport("test", .quick(timeout: .milliseconds(50))) { delivery in
            if delivery.attempt == 1 { try await Latch<Void>().wait() }
            return DeliveryReceipt()
        }
        try await OutboxRun(MemoryStore(), [transport]).run { run in
            let record = try await run.ended(try await run.send("0"))
            #expect(record.attempt == 2)
        }
    }

    @Test(
        "P22a an error that is none of the transport's own counts as one that may pass, and its words stay out of everything"
    )
    func foreignError() async throws {
        /// An error that quotes too much.
        struct Talkative: Error, CustomStringConvertible {
            let description = "secret"
        }
        let log = InMemoryLogHandler()
        let transport = ScriptedTransport { delivery in
            if delivery.attempt == 1 { throw Talkative() }
            return DeliveryReceipt()
        }
        let run = try OutboxRun(MemoryStore(), [transport], logger: Logger(label: "test") { _ in log })
        try await run.run { run in
            let id = try await run.send("0")
            let record = try await run.ended(id)
            #expect(record.attempt == 2)
            #expect(record.detail?.contains("secret") != true)
        }
        #expect(log.entries.allSatisfy { !"\($0.message) \($0.metadata)".contains("secret") })
    }

    @Test("P22d no log line holds a payload or a destination, whatever happens to a message") func redaction()
        async throws
    {
        let log = InMemoryLogHandler()
        let transport = ScriptedTransport("test", .quick(waitingMax: 2, overflow: .dropOldest)) { delivery in
            if delivery.message.destination.hasSuffix("1") { throw DeliveryFailure("answered 410", isRetryable: false) }
            if delivery.attempt < 2 { throw DeliveryFailure("answered 503") }
            return DeliveryReceipt()
        }
        var logger = Logger(label: "test") { _ in log }
        logger.logLevel = .trace
        let run = try OutboxRun(MemoryStore(), [transport], logger: logger)
        try await run.run { run in
            for number in 0..<20 { try await run.send("secret-body", to: "secret-place-\(number % 2)") }
        }
        _ = try? await run.send("secret-body", to: "secret-place")  // it is refused, and logged
        let lines = log.entries.map { "\($0.message) \($0.metadata)" }
        #expect(lines.count > 5)
        #expect(lines.allSatisfy { !$0.contains("secret") })
        #expect(Redaction.hash("secret") == Redaction.hash("secret"))
        #expect(Redaction.hash("secret").utf8.count == 8)
    }

    @Test("B12 a message with a key is sent once, however often the job that sends it runs") func key() async throws {
        let transport = ScriptedTransport()
        let store = WrappedStore()
        try await OutboxRun(store, [transport]).run { run in
            let outbox = run.outbox
            let handler = JobHandler("notify", retryPolicy: RetryPolicy(attemptsMax: 3, base: .milliseconds(1))) {
                context in
                try await outbox.send(Message("test", to: "a", text: "done", key: "job \(context.id)"))
                if context.attempt < 3 { throw Broken() }
                return nil
            }
            try await WorkerRun(store, [handler]).run { worker in
                let id = try await worker.enqueue("notify") { $0.attemptsMax = 3 }
                #expect(try await worker.ended(id).state == .succeeded)
            }
        }
        #expect(transport.delivered.values == ["done"])
    }

    @Test("bodies that are no text arrive as they are") func bytes() async throws {
        let bytes: [UInt8] = Array(0...255)
        let bodies = Notes<[UInt8]>()
        let transport = ScriptedTransport { delivery in
            bodies.add(delivery.message.body)
            return DeliveryReceipt()
        }
        try await OutboxRun(MemoryStore(), [transport]).run { run in
            for body in [bytes, [], Array("zwölf\u{0}\"".utf8)] {
                try await run.ended(try await run.outbox.send(Message("test", to: "a", body: body)).id)
            }
        }
        #expect(bodies.values == [bytes, [], Array("zwölf\u{0}\"".utf8)])
    }
}
