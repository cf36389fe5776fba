import LastCall
import LastCallConcurrency
import LastCallTesting
import Testing

@testable import LastCallWork

/// What a stop's books say, and a store that fails for a while.
@Suite(.timeLimit(.minutes(1))) struct WorkerLedgerTests {
    /// Holds one job of each policy, which opens `all`, stops, and returns the worker's line.
    private func stop(
        _ store: any WorkStore, policies: [EvictionPolicy], all: Latch<Void> = Latch()
    ) async throws -> Receipt.Member {
        let begun = Notes<WorkID>()
        let handlers = EvictionPolicy.allCases.map { policy in
            JobHandler(policy.rawValue, evictionPolicy: policy) { context in
                if begun.add(context.id) == policies.count { all.open() }
                try await Latch<Void>().wait()
                return nil
            }
        }
        var configuration = Worker.Configuration.quiet()
        configuration.handOverClock = ManualClock()
        return try await WorkerRun(store, handlers, configuration: configuration).run(handsOver: true) { run in
            for policy in policies { try await run.enqueue(policy.rawValue) }
            try await all.wait()
        }
    }

    @Test("B1 memory: what would run again is cut, each by its id, and what was finalized is done") func memory()
        async throws
    {
        let line = try await stop(MemoryStore(), policies: [.finish, .finalize, .requeue, .continue])
        #expect(line.heldAtStop == 4)
        #expect(line.ends == [1, 0, 0, 0, 3, 0])
        #expect(line.cutItems.count == 3)
        #expect(line.cutItems.allSatisfy { $0.label.hasPrefix("job ") })
    }

    @Test("B1 a durable store without another worker: what would run again is kept") func kept() async throws {
        let line = try await stop(WrappedStore(), policies: [.finish, .finalize, .requeue, .continue])
        #expect(line.heldAtStop == 4)
        #expect(line.ends == [1, 0, 3, 0, 0, 0])
    }

    @Test("B1 a durable store with another worker: what would run again is handed over") func handedOver() async throws
    {
        let store = WrappedStore()
        let peerStore = WrappedStore(store.base)
        // The other worker is there from the start, and takes nothing before all of it runs where it is to be stopped.
        let all = Latch<Void>()
        peerStore.beforeExchange { _ in try await all.wait() }
        let peer = try WorkerRun(peerStore, EvictionPolicy.allCases.map { JobHandler($0.rawValue) { _ in nil } })
        let lines = Notes<Receipt.Member>()
        try await peer.run { _ in
            lines.add(try await stop(store, policies: [.finish, .finalize, .requeue, .continue], all: all))
        }
        #expect(lines.values[0].ends == [1, 3, 0, 0, 0, 0])
    }

    @Test("B1 another worker that leaves during the stop takes nothing over: what is given back is kept")
    func peerLeaves() async throws {
        let store = WrappedStore()
        let begun = Latch<Void>()
        let release = Latch<Void>()
        let handler = JobHandler("job", evictionPolicy: .requeue) { _ in
            begun.open()
            await release.waitThroughCancellation()
            throw CancellationError()
        }
        let peerStore = WrappedStore(store.base)
        peerStore.beforeExchange { _ in try await begun.wait() }
        let peer = try WorkerRun(peerStore, [JobHandler("job") { _ in nil }])
        let run = try WorkerRun(store, [handler])
        async let receipt = run.lifecycle.runUntilStopped()
        try await peer.run { _ in
            try await run.worker.waitUntilReady()
            try await run.enqueue("job")
            try await begun.wait()
            run.lifecycle.stop()
            // It was seen alive.
            while run.worker.coveredKinds.isEmpty { await Task.yield() }
        }
        release.open()
        #expect(await receipt.stages[0].members[0].ends == [0, 0, 1, 0, 0, 0])
    }

    @Test("B1 a store that is gone ends the worker with its error, and what it held is cut, each by its id")
    func storeGone() async throws {
        let store = WrappedStore()
        let begun = Latch<Void>()
        let handler = JobHandler("job", evictionPolicy: .requeue) { context in
            begun.open()
            try await Latch<Void>().wait()
            return nil
        }
        let worker = try Worker(store, handlers: [handler], configuration: .quiet())
        let id = try await WorkClient(store).enqueue(RecordDraft(kind: "job")).id
        let error = await #expect(throws: WorkError.self) {
            try await withThrowingTaskGroup { group in
                group.addTask { try await worker.run() }
                try await begun.wait()
                store.beforeExchange { _ in throw WorkError(.storeGone, "deleted") }
                store.beforeBeat { _ in throw WorkError(.storeGone, "deleted") }
                worker.renew()
                try await group.waitForAll()
            }
        }
        #expect(error?.code == .storeGone)
        #expect(worker.ledger.cut == 1)
        #expect(worker.ledger.held == 0)
        #expect(worker.cutItems(itemsMax: 5).map(\.label) == ["job \(id) eviction"])
    }

    @Test("B1 dead letters are a line of their own") func deadLettered() async throws {
        let release = Latch<Void>()
        let begun = Latch<Void>()
        let handler = JobHandler("lost") { context in
            begun.open()
            try await release.wait()
            context.cutShort(.workerLost)
            return nil
        }
        let run = try WorkerRun(WrappedStore(), [handler])
        async let receipt = run.lifecycle.runUntilStopped()
        try await run.worker.waitUntilReady()
        let id = try await run.enqueue("lost") { $0.lossesMax = 1 }
        try await begun.wait()
        run.lifecycle.stop()
        while !run.worker.isStopping { await Task.yield() }
        release.open()
        #expect(await receipt.stages[0].members[0].ends == [0, 0, 0, 1, 0, 0])
        #expect(try await run.client.record(id).state == .dead)
    }

    @Test("C29 a store that fails for a while loses nothing and doubles nothing") func failingStore() async throws {
        let store = WrappedStore()
        let runs = Notes<WorkID>()
        let handler = JobHandler("job") { context in
            runs.add(context.id)
            await context.emit("line")
            return nil
        }
        let calls = Mutex(0)
        let fails: @Sendable () throws -> Void = {
            let number = calls.withLock {
                $0 += 1
                return $0
            }
            if number.isMultiple(of: 2), number < 40 { throw StoreIsDown() }
        }
        store.beforeExchange { _ in try fails() }
        store.beforeBeat { _ in try fails() }
        let run = try WorkerRun(store, [handler], configuration: .quiet(concurrency: 3))
        let line = try await run.run { run in
            var ids: [WorkID] = []
            for _ in 0..<20 { ids.append(try await run.enqueue("job")) }
            for id in ids {
                let record = try await run.ended(id)
                #expect(record.state == .succeeded)
                #expect(record.attempt == 1)
                #expect(try await run.lines(id) == ["line"])
            }
        }
        #expect(Set(runs.values).count == runs.values.count)
        #expect(line.unaccounted == 0)
        #expect(calls.withLock { $0 } > 2)
    }

    @Test(
        "B1 C15 a store that is gone for good does not hold the stop: what is held is kept for a rescue",
        arguments: [true, false])
    func storeIsGone(isDurable: Bool) async throws {
        let store = WrappedStore(durability: isDurable ? .durable : .process)
        let begun = Latch<Void>()
        let handler = JobHandler("job") { _ in
            begun.open()
            try await Latch<Void>().wait()
            return nil
        }
        let run = try WorkerRun(store, [handler], budget: .seconds(1))
        let line = try await run.run(handsOver: true) { run in
            try await run.enqueue("job")
            try await begun.wait()
            store.beforeExchange { _ in throw StoreIsDown() }
            store.beforeBeat { _ in throw StoreIsDown() }
        }
        #expect(line.ends == (isDurable ? [0, 0, 1, 0, 0, 0] : [0, 0, 0, 0, 1, 0]))
        #expect(line.cutItems.count == (isDurable ? 0 : 1))
    }

    @Test("B1 an exchange that answers after the worker gave up starts nothing and is not counted twice")
    func lateAnswer()
        async throws
    {
        let store = WrappedStore()
        let begun = Latch<Void>()
        let runs = Notes<WorkID>()
        let handler = JobHandler("job") { context in
            runs.add(context.id)
            begun.open()
            try await Latch<Void>().wait()
            return nil
        }
        let release = Latch<Void>()
        let isHeld = Latch<Void>()
        let run = try WorkerRun(store, [handler], budget: .seconds(1))
        let line = try await run.run(handsOver: true) { run in
            try await run.enqueue("job")
            try await begun.wait()
            store.afterExchange { result in
                guard !result.claimed.isEmpty else { return }
                isHeld.open()
                await release.waitThroughCancellation()
            }
            try await run.enqueue("job")
            try await isHeld.wait()
        }
        #expect(line.ends == [0, 0, 1, 0, 0, 0])
        release.open()
        // The worker leaves its store as one that died with what it held.
        let changes = store.changes()
        while try await store.lostWorkers().isEmpty { _ = await changes.next() }
        #expect(runs.values.count == 1)
        #expect(run.worker.ledger.accepted == 1)
        #expect(run.worker.heldCount == 0)
    }

    @Test("B3 lines that were written before a worker died are kept and belong to what the rescue makes of it")
    func linesSurvive() async throws {
        let store = MemoryStore()
        let id = Latch<WorkID>()
        let handler = JobHandler("job") { context in
            await context.emit("found")
            id.open(context.id)
            try await Latch<Void>().wait()
            return nil
        }
        let run = try WorkerRun(store, [handler])
        let line = try await run.run { run in
            var draft = RecordDraft(kind: "job")
            draft.onLost = .finalize
            try await run.client.enqueue(draft)
            let id = try await id.wait()
            try await run.until(id) { $0.lineCount == 1 }
            let second = try WorkerRun(store, [])
            try await second.run { second in
                let own = try #require(try await store.workers().first { $0.worker.name == run.worker.name })
                try await store.declareDead(own.id)
                let record = try await second.ended(id)
                #expect(record.state == .partial)
                #expect(record.reason == .workerLost)
                #expect(try await second.lines(id) == ["found"])
            }
        }
        #expect(line.unaccounted == 0)
    }

    @Test("C29 an overtaken owner is told, and its result, lines and steps are void") func overtaken() async throws {
        let store = MemoryStore()
        let begun = Latch<Void>()
        let tried = Latch<Void>()
        let handler = JobHandler("job") { context in
            guard context.record.epoch == 1 else { return [2] }
            begun.open()
            do { try await Latch<Void>().wait() } catch { #expect(context.isOvertaken) }
            await context.emit("stale")
            await #expect(throws: WorkError.self) { try await context.step("send") { 1 } }
            tried.open()
            return [1]
        }
        let run = try WorkerRun(store, [handler])
        let line = try await run.run { run in
            let id = try await run.enqueue("job")
            try await begun.wait()
            try await WorkerRun(store, [handler]).run { second in
                let own = try #require(try await store.workers().first { $0.worker.name == run.worker.name })
                try await store.declareDead(own.id)
                let record = try await second.ended(id)
                #expect(record.result == [2])
                #expect(record.losses == 1)
            }
            run.worker.renew()
            try await tried.wait()
            #expect(try await run.client.record(id).result == [2])
            #expect(try await run.lines(id).isEmpty)
            #expect(try await store.journalEntries(of: id).isEmpty)
        }
        #expect(line.unaccounted == 0)
    }
}
