import Dispatch
import LastCall
import Testing

/// One closure after the other, on a thread that belongs to nobody's pool.
///
/// What never runs is waited for until the limit, which cancels the wait.
@Suite(.timeLimit(.minutes(1))) struct SerialThreadTests {
    /// Returns when everything that was given to the thread before has run.
    static func drain(_ thread: SerialThread) async throws {
        let done = Latch<Void>()
        thread.perform { done.open() }
        try await done.wait()
    }

    @Test("closures run in the order in which they were given, all on one thread of the given name") func order()
        async throws
    {
        let (thread, ran, probes) = (SerialThread(name: "serial-test"), Record<Int>(), Record<ThreadProbe>())
        for number in 0..<1000 {
            thread.perform {
                ran.add(number)
                probes.add(ThreadProbe())
            }
        }
        try await Self.drain(thread)
        #expect(ran.entries == Array(0..<1000))
        #expect(Set(probes.entries).map(\.name) == ["serial-test"])
        thread.end()
    }

    @Test("one at a time, and each giver's own order is kept") func givers() async throws {
        let (thread, ran) = (SerialThread(name: "serial-test"), Record<[Int]>())
        await withDiscardingTaskGroup { group in
            for giver in 0..<4 {
                group.addTask {
                    for number in 0..<250 {
                        thread.perform {
                            ran.add([giver, number])
                            ran.add([giver, number])
                        }
                    }
                }
            }
        }
        try await Self.drain(thread)
        let entries = ran.entries
        // Beginning and end stand side by side, so nothing ran in between.
        for begin in stride(from: 0, to: 2000, by: 2) { #expect(entries[begin] == entries[begin + 1]) }
        for giver in 0..<4 {
            #expect(entries.filter { $0[0] == giver }.map { $0[1] } == (0..<500).map { $0 / 2 })
        }
        thread.end()
    }

    @Test("what was given before the end runs, what comes after it does not") func end() async throws {
        let (thread, ran) = (SerialThread(name: "serial-test"), Record<String>())
        let (go, over) = (DispatchSemaphore(value: 0), Latch<Void>())
        thread.perform { go.wait() }
        thread.perform {
            ran.add("before")
            // The thread itself is refused as well.
            thread.perform { ran.add("from within") }
        }
        thread.perform {
            ran.add("last")
            over.open()
        }
        thread.end()
        thread.perform { ran.add("after") }
        // A second end changes nothing.
        thread.end()
        go.signal()
        try await over.wait()
        #expect(ran.entries == ["before", "last"])
    }

    @Test("a closure may give the next one, which runs after all that were there") func nested() async throws {
        let (thread, ran) = (SerialThread(name: "serial-test"), Record<Int>())
        let (go, over) = (DispatchSemaphore(value: 0), Latch<Void>())
        thread.perform { go.wait() }
        thread.perform {
            ran.add(1)
            thread.perform {
                ran.add(3)
                over.open()
            }
        }
        thread.perform { ran.add(2) }
        go.signal()
        try await over.wait()
        #expect(ran.entries == [1, 2, 3])
        thread.end()
    }

    @Test("a closure that comes after the end is let go at once") func letGo() {
        let thread = SerialThread(name: "serial-test")
        thread.end()
        weak var held: Record<Int>?
        do {
            let record = Record<Int>()
            held = record
            thread.perform { record.add(1) }
        }
        // Whoever still held it could still run it.
        #expect(held == nil)
    }

    @Test("the thread goes away once it was ended and everything has run") func goesAway() async {
        weak var gone: SerialThread?
        do {
            let thread = SerialThread(name: "serial-test")
            gone = thread
            thread.perform {}
            thread.end()
        }
        // The running thread keeps the object; when the loop is left nobody does.
        while gone != nil, !Task.isCancelled { await Task.yield() }
        #expect(gone == nil)
    }
}
