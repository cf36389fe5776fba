import LastCall
import LastCallTesting
import Testing

/// The event that happens once.
///
/// A waiter that nobody wakes ends with the limit, which cancels it.
@Suite(.timeLimit(.minutes(1))) struct LatchTests {
    @Test("whoever waits before and whoever comes after get the same value, and the first one stays") func value()
        async throws
    {
        let (latch, record) = (Latch<Int>(), Record<String>())
        #expect(latch.value == nil)
        try await withTaskExecutorPreference(OneThreadExecutor()) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for waiter in 1...3 {
                    group.addTask {
                        record.add("\(waiter) waits")
                        let value = try await latch.wait()
                        record.add("\(value)")
                    }
                }
                // On one thread this task goes on once the three are waiting.
                await Task.yield()
                #expect(record.entries == ["1 waits", "2 waits", "3 waits"])
                #expect(latch.open(7))
                #expect(!latch.open(8))
                try await group.waitForAll()
            }
        }
        #expect(record.entries.dropFirst(3) == ["7", "7", "7"])
        #expect(latch.value == 7)
        #expect(try await latch.wait() == 7)
        #expect(await latch.waitThroughCancellation() == 7)
    }

    @Test("a latch that carries nothing opens the same way") func empty() async throws {
        let latch = Latch<Void>()
        #expect(latch.open())
        #expect(!latch.open())
        try await latch.wait()
    }

    @Test("a waiter that is cancelled throws, and the others wait on") func cancelledWaiter() async throws {
        let latch = Latch<Int>()
        try await withTaskExecutorPreference(OneThreadExecutor()) {
            try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask { try await latch.wait() }
                async let other = latch.wait()
                // On one thread this task goes on once both are waiting.
                await Task.yield()
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.next() }
                #expect(latch.value == nil)
                latch.open(5)
                let value = try await other
                #expect(value == 5)
            }
        }
    }

    @Test("whoever is cancelled before it waits does not wait") func cancelledBefore() async {
        let latch = Latch<Int>()
        await withTaskExecutorPreference(OneThreadExecutor()) {
            await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return try await latch.wait()
                }
                // The thread is the waiter's until it waits or ends; one that waited would get the value.
                await Task.yield()
                latch.open(3)
                await #expect(throws: CancellationError.self) { try await group.next() }
            }
        }
    }

    @Test("an open latch gives its value to a cancelled task as well") func cancelledAfter() async throws {
        let latch = Latch<Int>()
        latch.open(3)
        let waiter = UnstructuredTask.startThrowing {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await latch.wait()
        }
        #expect(try await waiter.value == 3)
    }

    @Test("a wait through cancellation goes on until the latch opens") func throughCancellation() async throws {
        let (latch, waits) = (Latch<Int>(), Latch<Void>())
        let waiter = UnstructuredTask.start {
            withUnsafeCurrentTask { $0?.cancel() }
            waits.open()
            // It has no way to return without a value, and traps where it is cancelled all the same.
            let value = await latch.waitThroughCancellation()
            return "\(value), cancelled: \(Task.isCancelled)"
        }
        try await waits.wait()
        waiter.cancel()
        latch.open(4)
        #expect(await waiter.value == "4, cancelled: true")
    }

    @Test("however opening, waiting and cancelling race, everybody goes on once, and one opener is the first")
    func race()
        async
    {
        for _ in 0..<200 {
            let (latch, firsts, values) = (Latch<Int>(), Record<Int>(), Record<Int?>())
            let waiters = (0..<8).map { _ in
                UnstructuredTask.start {
                    do {
                        values.add(try await latch.wait())
                    } catch {
                        values.add(nil)
                    }
                }
            }
            await withDiscardingTaskGroup { group in
                for opener in 0..<2 { group.addTask { if latch.open(opener) { firsts.add(opener) } } }
                group.addTask { for waiter in waiters[..<4] { waiter.cancel() } }
            }
            for waiter in waiters { await waiter.value }
            #expect(firsts.entries.count == 1)
            #expect(latch.value == firsts.entries.first)
            #expect(values.entries.count == 8)
            // Those who were not cancelled have the value, and nobody has another.
            #expect(values.entries.count { $0 == latch.value } >= 4)
            #expect(values.entries.allSatisfy { $0 == nil || $0 == latch.value })
        }
    }
}
