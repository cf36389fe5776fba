import LastCall
import LastCallTesting
import Testing

@testable import LastCallWork

/// Several workers on a store: hand-over, rescue, groups, cancellation.
@Suite(.timeLimit(.minutes(1))) struct WorkerTeamTests {
    @Test("C7 C9 a chord with one evicted member: the second worker runs the callback at once, over three entries")
    func chord() async throws {
        let store = MemoryStore()
        let begun = Latch<Void>()
        let entries = Latch<[String]>()
        let quick = JobHandler("quick") { _ in nil }
        let slow = JobHandler("slow", evictionPolicy: .finalize) { context in
            begun.open()
            try await context.evicted()
            context.cutShort()
            return [1]
        }
        let callback = JobHandler("callback") { context in
            let members = try await context.members()
            entries.open(members.map { "\($0.path) \($0.record.state) \($0.record.reason?.rawValue ?? "-")" })
            return nil
        }
        let first = try WorkerRun(store, [quick, slow])
        try await WorkerRun(store, [callback]).run { second in
            let ids = Latch<[WorkID]>()
            try await first.run { first in
                ids.open(
                    try await first.client.submit(
                        .group(
                            ["quick", "slow", "quick"].map { Workflow.record(RecordDraft(kind: $0)) },
                            then: Workflow.record(RecordDraft(kind: "callback")))))
                try await begun.wait()
                let ids = try await ids.wait()
                try await first.ended(ids[0])
                try await first.ended(ids[2])
            }
            let record = try await second.ended(try await ids.wait()[3])
            #expect(record.state == .succeeded)
        }
        #expect(entries.value == ["0 succeeded -", "1 partial eviction", "2 succeeded -"])
    }

    @Test("C24 what a worker gives back is run by another at once, and is neither a loss nor an attempt")
    func takesOver()
        async throws
    {
        let store = MemoryStore()
        let begun = Latch<WorkID>()
        let handler = { (name: String) in
            JobHandler("job", evictionPolicy: .requeue) { context in
                begun.open(context.id)
                if context.record.epoch == 1 { try await Latch<Void>().wait() }
                return Array(name.utf8)
            }
        }
        let second = try WorkerRun(store, [handler("second")])
        try await WorkerRun(store, [handler("first")]).run { first in
            let id = try await first.enqueue("job")
            _ = try await begun.wait()
            try await second.run { second in
                first.lifecycle.stop()
                let record = try await second.ended(id)
                #expect(record.result == Array("second".utf8))
                #expect(record.evictions == 1)
                #expect(record.losses == 0)
                #expect(record.attempt == 1)
            }
        }
    }

    @Test("C27 B6 a dead worker's jobs run again in a survivor, as losses, after what it left was ended") func rescue()
        async throws
    {
        let store = MemoryStore()
        let events = Notes<String>()
        let begun = Latch<WorkID>()
        let handler = JobHandler("job") { context in
            events.add("run \(context.record.epoch)")
            begun.open(context.id)
            if context.record.epoch == 1 { try await Latch<Void>().wait() }
            return nil
        }
        let leftovers = NotedLeftovers(events: events)
        try await WorkerRun(store, [handler], configuration: .quiet(name: "first")).run { first in
            let id = try await first.enqueue("job")
            _ = try await begun.wait()
            try await WorkerRun(store, [handler], configuration: .quiet(name: "second", leftovers: leftovers)).run {
                second in
                let dead = try #require(try await store.workers().first { $0.worker.name == "first" })
                try await store.declareDead(dead.id)
                let record = try await second.ended(id)
                #expect(record.state == .succeeded)
                #expect(record.losses == 1)
                #expect(record.attempt == 1)
            }
        }
        #expect(events.values == ["run 1", "ended first 1", "run 2"])
    }

    @Test("C23 a loss that the store could not count at first keeps no job from running, and is counted once")
    func lossNotCounted() async throws {
        let store = WrappedStore()
        let begun = Latch<Void>()
        let isRefused = Latch<Void>()
        let handler = JobHandler("job") { context in
            begun.open()
            if context.record.epoch == 1 { try await Latch<Void>().wait() }
            return nil
        }
        try await WorkerRun(store, [handler], configuration: .quiet(name: "first")).run { first in
            let id = try await first.enqueue("job")
            try await begun.wait()
            try await WorkerRun(store, [handler], configuration: .quiet(name: "second")).run { second in
                let dead = try #require(try await store.workers().first { $0.worker.name == "first" })
                // Only a rescue settles what ended as lost.
                store.beforeExchange { request in
                    guard request.settlements.contains(where: { $0.change.losses > 0 }) else { return }
                    isRefused.open()
                    throw StoreIsDown()
                }
                try await store.base.declareDead(dead.id)
                try await isRefused.wait()
                #expect(try await second.client.record(id).losses == 0)
                store.beforeExchange(nil)
                try await store.base.declareDead(dead.id)
                let record = try await second.ended(id)
                #expect(record.state == .succeeded)
                #expect(record.losses == 1)
            }
        }
    }

    /// Notes whose leftovers are ended.
    private struct NotedLeftovers: LeftoverEnding {
        let events: Notes<String>
        func endLeftovers(of worker: WorkerDescription, _ records: [LostRecord]) async {
            events.add("ended \(worker.name) \(records.map(\.claim.epoch).map(String.init).joined(separator: " "))")
        }
    }

    @Test("C29 a worker that is taken for dead does not rescue itself, ends what it holds, and registers anew")
    func registersAnew() async throws {
        let store = MemoryStore()
        let begun = Latch<Void>()
        let release = Latch<Void>()
        let handler = JobHandler("job") { context in
            begun.open()
            try await release.wait()
            return [UInt8(context.record.epoch)]
        }
        try await WorkerRun(store, [handler]).run { run in
            let id = try await run.enqueue("job")
            try await begun.wait()
            let own = try #require(try await store.workers().first)
            try await store.declareDead(own.id)
            // Its care is over with the death when it has swept once more.
            let delayed = try await run.enqueue("job") { $0.delay = .milliseconds(1) }
            try await run.until(delayed) { $0.state != .scheduled }
            release.open()
            let record = try await run.ended(id)
            #expect(record.losses == 0)
            #expect(record.result == [1])
            #expect(try await run.ended(delayed).state == .succeeded)
            let alive = try await store.workers().filter(\.isAlive)
            #expect(alive.map(\.worker.name) == [run.worker.name])
            #expect(alive.map(\.id) != [own.id])
        }
        #expect(try await store.workers().isEmpty)
    }

    @Test("C29 a beat that answers late, about an identity that was replaced meanwhile, changes nothing")
    func lateBeat() async throws {
        let store = WrappedStore()
        let isHeld = Latch<Void>()
        let release = Latch<Void>()
        let handler = JobHandler("job") { _ in nil }
        try await WorkerRun(store, [handler]).run { run in
            let own = try #require(try await store.workers().first)
            store.beforeBeat { request in
                guard request.worker == own.id else { return }
                isHeld.open()
                await release.waitThroughCancellation()
            }
            run.worker.renew()
            try await isHeld.wait()
            try await store.base.declareDead(own.id)
            // Asking for work it learns of it, and registers anew.
            try await run.ended(try await run.enqueue("job"))
            let registered = try await store.workers().filter(\.isAlive).map(\.id)
            #expect(registered != [own.id])
            let isBeaten = Latch<Void>()
            store.beforeBeat { _ in isBeaten.open() }
            release.open()
            run.worker.renew()
            try await isBeaten.wait()
            try await run.ended(try await run.enqueue("job"))
            #expect(try await store.workers().filter(\.isAlive).map(\.id) == registered)
        }
    }

    @Test("C29 a worker that cannot register anew yet still writes what became of its jobs")
    func settlesUnregistered() async throws {
        let store = WrappedStore()
        let begun = Latch<Void>()
        let finish = Latch<Void>()
        let handler = JobHandler("job") { _ in
            begun.open()
            try await finish.wait()
            return [1]
        }
        try await WorkerRun(store, [handler]).run { run in
            let id = try await run.enqueue("job")
            try await begun.wait()
            let own = try #require(try await store.workers().first)
            let isRefused = Latch<Void>()
            store.beforeRegister { _ in
                isRefused.open()
                throw StoreIsDown()
            }
            try await store.base.declareDead(own.id)
            run.worker.renew()
            try await isRefused.wait()
            finish.open()
            #expect(try await run.ended(id).losses == 0)
            store.beforeRegister(nil)
            finish.open()
            #expect(try await run.ended(try await run.enqueue("job")).state == .succeeded)
        }
    }

    @Test("C29 a worker whose name somebody else has by now ends with that error, and gives back what it holds")
    func replaced() async throws {
        let store = WrappedStore()
        let begun = Latch<Void>()
        let handler = JobHandler("job", evictionPolicy: .requeue) { context in
            begun.open()
            try await Latch<Void>().wait()
            return nil
        }
        let run = try WorkerRun(store, [handler])
        let line = try await run.run { run in
            let id = try await run.enqueue("job")
            try await begun.wait()
            let own = try #require(try await store.workers().first)
            store.beforeRegister { _ in throw WorkError(.nameTaken, "somebody else is this worker") }
            try await store.base.declareDead(own.id)
            run.worker.renew()
            #expect(try await run.until(id) { $0.state == .ready }.evictions == 1)
        }
        #expect(line.error != nil)
        #expect(line.unaccounted == 0)
    }

    @Test("C8 cancelling a running job reaches it, and it ends as cancelled: not evicted, not failed")
    func cancelRunning()
        async throws
    {
        let begun = Latch<Void>()
        let seen = Notes<Bool>()
        let handler = JobHandler("job") { context in
            begun.open()
            do {
                try await Latch<Void>().wait()
            } catch {
                seen.add(context.isCancelRequested)
                seen.add(context.isEvicted)
                throw error
            }
            return nil
        }
        let line = try await WorkerRun(MemoryStore(), [handler]).run { run in
            let id = try await run.enqueue("job") { $0.attemptsMax = 5 }
            try await begun.wait()
            #expect(try await run.client.cancel([id]).asked == [id])
            let record = try await run.ended(id)
            #expect(record.state == .cancelled)
            #expect(record.reason == .requested)
            #expect(record.detail == "cancelled on request")
            #expect(record.evictions == 0)
        }
        #expect(seen.values == [true, false])
        #expect(line.unaccounted == 0)
    }

    @Test("C8 cancelling a waiting job ends it at once, and nobody runs it") func cancelWaiting() async throws {
        let store = MemoryStore()
        let handler = JobHandler("job") { _ in
            Issue.record("it ran")
            return nil
        }
        let run = try WorkerRun(store, [handler])
        let id = try await run.enqueue("job")
        #expect(try await run.client.cancel([id]).changed == [id])
        try await run.run { run in
            let record = try await run.ended(id)
            #expect(record.state == .cancelled)
            #expect(record.epoch == 0)
        }
    }

    @Test("C8 a job that is cancelled while its worker stops ends as cancelled and does not run again")
    func cancelWhileEvicted()
        async throws
    {
        let store = MemoryStore()
        let begun = Latch<Void>()
        let release = Latch<Void>()
        let handler = JobHandler("job", evictionPolicy: .requeue) { context in
            guard context.record.epoch == 1 else {
                Issue.record("it ran again")
                return nil
            }
            begun.open()
            await release.waitThroughCancellation()
            throw CancellationError()
        }
        let first = try WorkerRun(store, [handler])
        let id = try await first.enqueue("job")
        try await first.run { first in
            try await begun.wait()
            first.lifecycle.stop()
            while !first.worker.isStopping { await Task.yield() }
            _ = try await first.client.cancel([id])
            release.open()
        }
        // The first worker may have settled before it heard; then the second one must not run it.
        let record = try await WorkClient(store).record(id)
        #expect(record.state == .cancelled || record.cancelRequested)
        try await WorkerRun(store, [handler]).run { second in
            let record = try await second.ended(id)
            #expect(record.state == .cancelled)
        }
    }

    @Test("B7 a group's deadline ends its running members, which are told, and the callback sees them as partial")
    func deadline() async throws {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let begun = Latch<Void>()
        let stopped = Latch<Bool>()
        let states = Latch<[WorkState]>()
        let quick = JobHandler("quick") { _ in nil }
        let slow = JobHandler("slow") { context in
            begun.open()
            do { try await Latch<Void>().wait() } catch { stopped.open(context.isOvertaken) }
            return nil
        }
        let callback = JobHandler("callback") { context in
            states.open(try await context.members().map(\.record.state))
            return nil
        }
        let line = try await WorkerRun(store, [quick, slow, callback]).run { run in
            let ids = try await run.client.submit(
                .group(
                    ["quick", "slow"].map { Workflow.record(RecordDraft(kind: $0)) },
                    then: Workflow.record(RecordDraft(kind: "callback")), deadline: .seconds(60)))
            try await begun.wait()
            try await run.ended(ids[0])
            clock.advance(by: .seconds(60))
            _ = try await store.sweep(SweepOrders())
            try await run.ended(ids[2])
            let record = try await run.client.record(ids[1])
            #expect(record.state == .partial)
            #expect(record.reason == .deadline)
            #expect(try await stopped.wait())
        }
        #expect(states.value == [.succeeded, .partial])
        #expect(line.unaccounted == 0)
    }

    @Test("B16 many workers that come and go lose no job and run none twice to its end") func comingAndGoing()
        async throws
    {
        let store = WrappedStore()
        let done = Notes<WorkID>()
        let handler = JobHandler("job", evictionPolicy: .requeue) { context in
            for _ in 0..<3 {
                await Task.yield()
                try Task.checkCancellation()
            }
            return nil
        }
        var ids: [WorkID] = []
        for _ in 0..<200 { ids.append(try await WorkClient(store).enqueue(RecordDraft(kind: "job")).id) }
        let last = try WorkerRun(store, [handler])
        let all = ids
        try await last.run { last in
            try await withThrowingTaskGroup(of: Receipt.Member.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        try await WorkerRun(store, [handler], configuration: .quiet(concurrency: 3)).run { _ in
                            for _ in 0..<20 { await Task.yield() }
                        }
                    }
                }
                for try await line in group { #expect(line.unaccounted == 0) }
            }
            for id in all {
                let record = try await last.ended(id)
                #expect(record.state == .succeeded)
                #expect(record.losses == 0)
                #expect(record.attempt == 1)
                done.add(id)
            }
        }
        #expect(done.values == ids)
    }
}
