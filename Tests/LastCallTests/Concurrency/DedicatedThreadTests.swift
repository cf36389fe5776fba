import Dispatch
import LastCall
import Testing

/// Threads that neither wait for the concurrency pool nor hold it up.
@Suite(.timeLimit(.minutes(1))) struct DedicatedThreadTests {
    @Test("each runs on a thread of its own, and more of them than there are cores may block") func ownThread()
        async throws
    {
        let (go, all, probes) = (DispatchSemaphore(value: 0), Latch<Void>(), Record<ThreadProbe>())
        for _ in 0..<32 {
            DedicatedThread.start(name: "dedicated-test") {
                probes.add(ThreadProbe())
                if probes.entries.count == 32 { all.open() }
                go.wait()
            }
        }
        try await all.wait()
        #expect(Set(probes.entries).count == 32)
        #expect(Set(probes.entries.map(\.name)) == ["dedicated-test"])
        for _ in 0..<32 { go.signal() }
    }

    @Test("a name that is too long is cut off, as prctl(2) does") func longName() async throws {
        let name = Latch<String>()
        DedicatedThread.start(name: "a name of more than 15 bytes") { name.open(ThreadProbe().name) }
        #expect(try await name.wait() == "a name of more ")
    }

    @Test("what the closure holds is let go when it has run") func letGo() async {
        weak var held: Record<Int>?
        do {
            let record = Record<Int>()
            held = record
            DedicatedThread.start(name: "dedicated-test") { record.add(1) }
        }
        while held != nil, !Task.isCancelled { await Task.yield() }
        #expect(held == nil)
    }
}

/// Work that may hang, and somebody who waits for it only so long.
@Suite(.timeLimit(.minutes(1))) struct BoundedWorkTests {
    @Test("work that ends in time has ended when the call returns") func inTime() {
        let record = Record<ThreadProbe>()
        #expect(BoundedWork.run(within: .seconds(3600)) { record.add(ThreadProbe()) })
        #expect(record.entries.map(\.name) == ["lastcall-bound"])
        #expect(record.entries != [ThreadProbe()])
    }

    @Test(
        "work that does not end in time is left behind, and goes on alone",
        arguments: [.milliseconds(1), .zero, .seconds(-1)] as [Duration])
    func tooLate(limit: Duration) async throws {
        let (go, ended) = (DispatchSemaphore(value: 0), Latch<Void>())
        let isInTime = BoundedWork.run(within: limit) {
            go.wait()
            ended.open()
        }
        #expect(!isInTime)
        #expect(ended.value == nil)
        go.signal()
        try await ended.wait()
    }
}
