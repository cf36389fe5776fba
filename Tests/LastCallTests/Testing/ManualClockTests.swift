import LastCall
import LastCallTesting
import Testing

/// The clock that the other tests believe.
///
/// A sleeper that is never woken ends with the limit, which cancels it.
@Suite(.timeLimit(.minutes(1))) struct ManualClockTests {
    /// Puts one task to sleep for each duration, in this order, and returns the order in which they went on.
    static func wakings(_ durations: [Duration], _ move: @escaping @Sendable (ManualClock) -> Void) async throws
        -> [Int]
    {
        let (clock, woken) = (ManualClock(), Record<Int>())
        try await withTaskExecutorPreference(OneThreadExecutor()) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, duration) in durations.enumerated() {
                    group.addTask {
                        try await clock.sleep(for: duration)
                        woken.add(index)
                    }
                }
                await clock.waitForSleepers(durations.count)
                move(clock)
                try await group.waitForAll()
            }
        }
        return woken.entries
    }

    @Test("sleepers wake in the order of their deadlines, whatever the order in which they fell asleep")
    func orderOfDeadlines() async throws {
        var random = SeededGenerator(seed: 1)
        let seconds = (1...40).shuffled(using: &random)
        let woken = try await Self.wakings(seconds.map { .seconds($0) }) { $0.advance(by: .seconds(40)) }
        #expect(woken.map { seconds[$0] } == Array(1...40))
    }

    @Test("sleepers of the same deadline wake in the order in which they fell asleep") func sameDeadline() async throws
    {
        let woken = try await Self.wakings(Array(repeating: .seconds(5), count: 40)) { $0.advance(by: .seconds(9)) }
        #expect(woken == Array(0..<40))
    }

    @Test("a sleeper wakes at its deadline and not a nanosecond before it") func exactDeadline() async throws {
        let woken = try await Self.wakings([.seconds(5)]) { clock in
            clock.advance(by: .seconds(5) - .nanoseconds(1))
            #expect(clock.sleeperCount == 1)
            clock.advance(by: clock.minimumResolution)
            #expect(clock.sleeperCount == 0)
        }
        #expect(woken == [0])
    }

    @Test("moving to the next waking wakes that sleeper only") func nextWake() async throws {
        let clock = ManualClock()
        #expect(clock.nextWake == nil)
        let woken = try await Self.wakings([.seconds(7), .seconds(3), .seconds(3), .seconds(20)]) { clock in
            var steps: [String] = []
            while let next = clock.nextWake {
                clock.advance(to: next)
                steps.append("\(clock.now.offset.inSeconds) \(clock.sleeperCount)")
            }
            #expect(steps == ["3.0 2", "7.0 1", "20.0 0"])
        }
        #expect(woken == [1, 2, 0, 3])
    }

    @Test("to sleep until an instant that is past, or that is now, is to go on at once") func pastInstant() async throws
    {
        let clock = ManualClock()
        clock.advance(by: .seconds(10))
        try await clock.sleep(until: .init(offset: .seconds(9)))
        try await clock.sleep(until: clock.now)
        try await clock.sleep(for: .zero)
        try await clock.sleep(for: .seconds(-1))
        #expect(clock.sleeperCount == 0)
    }

    @Test("the clock starts at zero, stands still, and never goes back") func neverBack() {
        let clock = ManualClock()
        #expect(clock.now == ManualClock.Instant(offset: .zero))
        clock.advance(by: .seconds(4))
        clock.advance(by: .seconds(-3))
        clock.advance(to: .init(offset: .seconds(1)))
        #expect(clock.now == ManualClock.Instant(offset: .seconds(4)))
        #expect(clock.minimumResolution == .nanoseconds(1))
    }

    @Test("instants are compared and measured by their offsets") func instants() {
        let (early, late) = (ManualClock.Instant(offset: .seconds(2)), ManualClock.Instant(offset: .seconds(5)))
        #expect(early < late)
        #expect(!(late < early))
        #expect(early.duration(to: late) == .seconds(3))
        #expect(late.duration(to: early) == .seconds(-3))
        #expect(early.advanced(by: .seconds(3)) == late)
    }

    @Test("a sleeper that is cancelled throws, and the others sleep on") func cancellation() async throws {
        let clock = ManualClock()
        let cancelled = UnstructuredTask.startThrowing { try await clock.sleep(for: .seconds(5)) }
        await clock.waitForSleepers(1)
        let other = UnstructuredTask.startThrowing { try await clock.sleep(for: .seconds(5)) }
        await clock.waitForSleepers(2)
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(clock.sleeperCount == 1)
        clock.advance(by: .seconds(5))
        try await other.value
    }

    @Test("whoever is cancelled before it sleeps does not sleep") func cancelledBefore() async {
        let clock = ManualClock()
        await withTaskExecutorPreference(OneThreadExecutor()) {
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    withUnsafeCurrentTask { $0?.cancel() }
                    try await clock.sleep(for: .seconds(5))
                }
                // The thread is the sleeper's until it sleeps or ends.
                await Task.yield()
                #expect(clock.sleeperCount == 0)
                clock.advance(by: .seconds(5))
                await #expect(throws: CancellationError.self) { try await group.next() }
            }
        }
    }

    @Test("whoever waits for sleepers goes on with the last of them, and not before") func watchers() async throws {
        let (clock, record) = (ManualClock(), Record<String>())
        await clock.waitForSleepers(0)
        try await withTaskExecutorPreference(OneThreadExecutor()) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for count in [3, 1] {
                    group.addTask {
                        await clock.waitForSleepers(count)
                        record.add("\(count) sleep")
                    }
                }
                for number in 1...3 {
                    group.addTask {
                        record.add("\(number) lies down")
                        try await clock.sleep(for: .seconds(1))
                    }
                }
                await clock.waitForSleepers(3)
                clock.advance(by: .seconds(1))
                try await group.waitForAll()
            }
        }
        // The one who waits for one goes on once the thread is free again, which is after all three lay down.
        #expect(record.entries == ["1 lies down", "2 lies down", "3 lies down", "1 sleep", "3 sleep"])
    }

    @Test("whoever waits for two sleepers does not go on with one") func watcherOfTwo() async throws {
        let (clock, record) = (ManualClock(), Record<String>())
        try await withTaskExecutorPreference(OneThreadExecutor()) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await clock.waitForSleepers(2)
                    record.add("two sleep")
                }
                group.addTask { try await clock.sleep(for: .seconds(1)) }
                await clock.waitForSleepers(1)
                record.add("one sleeps")
                group.addTask { try await clock.sleep(for: .seconds(1)) }
                await clock.waitForSleepers(2)
                clock.advance(by: .seconds(1))
                try await group.waitForAll()
            }
        }
        #expect(record.entries == ["one sleeps", "two sleep"])
    }

    @Test("however sleeping, moving and cancelling race, everybody goes on once, and nobody too early")
    func race() async {
        let (clock, ended) = (ManualClock(), Record<Bool>())
        let sleepers = (0..<200).map { number in
            UnstructuredTask.start {
                for step in 0..<5 {
                    let deadline = clock.now.advanced(by: .seconds((number + step) % 7))
                    do {
                        try await clock.sleep(until: deadline)
                    } catch {
                        return ended.add(false)
                    }
                    #expect(clock.now >= deadline)
                }
                ended.add(true)
            }
        }
        await withDiscardingTaskGroup { group in
            group.addTask { for sleeper in sleepers[..<100] { sleeper.cancel() } }
            for _ in 0..<2 {
                group.addTask {
                    while ended.entries.count < sleepers.count {
                        if let next = clock.nextWake { clock.advance(to: next) }
                        await Task.yield()
                    }
                }
            }
        }
        for sleeper in sleepers { await sleeper.value }
        #expect(ended.entries.count == 200)
        #expect(ended.entries.count(where: { $0 }) >= 100)
        #expect(clock.sleeperCount == 0)
    }
}
