import LastCallWork

extension StoreConformance {
    /// Those who wait are told, and a closed store says so.
    static let changes: [Check] = [
        Check("who waits for work is told when something may be claimed") { trial in
            let worker = try await trial.worker()
            let first = try await raises(.work, trial) { try await trial.acceptOne() }
            let next = try await trial.acceptOne { $0.waitsForRecord = first }
            try await raises(.work, trial) { try await trial.run(first, worker) }
            let claimed = try await trial.claimOne(worker, next)
            try await raises(.work, trial) { try await trial.end(claimed, .evicted(.requeue, detail: "")) }
            try await trial.run(next, worker)
            try await raises(.work, trial) { try await trial.store.perform(.retry([next])) }
            _ = try await trial.store.perform(.pause(queue: "default"))
            try await raises(.work, trial) { try await trial.store.perform(.resume(queue: "default")) }
            _ = try await raises(.due, trial) { try await trial.acceptOne { $0.delay = .seconds(5) } }
            try await raises(.work, trial) { try await trial.advance(.seconds(5)) }
        },
        Check("C1 who runs something is told of its cancellation and of its group's deadline") { trial in
            let worker = try await trial.worker(lease: .seconds(3600))
            let ids = try await trial.submit(.group([trial.step("a")], deadline: .seconds(60)))
            _ = try await trial.claimOne(worker, ids[0])
            try await raises(.cancel, trial) { try await trial.store.perform(.cancel([ids[0]])) }
            try await raises(.cancel, trial) { try await trial.advance(.seconds(60)) }
        },
        Check("who waits for an end is told of it") { trial in
            let worker = try await trial.worker()
            let ids = try await trial.accept(trial.job(), trial.job())
            let claimed = try await trial.claimOne(worker, ids[0])
            try await raises(.ended, trial) { try await trial.end(claimed) }
            try await raises(.ended, trial) { try await trial.store.perform(.cancel([ids[1]])) }
        },
        Check("who follows output is told of lines and of progress") { trial in
            let worker = try await trial.worker()
            let claimed = try await trial.claimOne(worker, try await trial.acceptOne())
            let line = JobUpdate(claim: claimed.claim, output: OutputChunk([WorkLine("a")]))
            try await raises(.output, trial) {
                try await trial.store.beat(BeatRequest(worker: worker, updates: [line]))
            }
            let progress = JobUpdate(claim: claimed.claim, progress: JobProgress(fraction: 0.5))
            try await raises(.output, trial) {
                try await trial.store.beat(BeatRequest(worker: worker, updates: [progress]))
            }
        },
        Check("every listener hears everything") { trial in
            let listeners = [trial.store.changes(), trial.store.changes()]
            _ = try await trial.acceptOne()
            for listener in listeners { try await hears(.work, listener, trial) }
        },
        Check("P13 a closed store says so, and its listeners hear no more") { trial in
            let worker = try await trial.worker()
            let claimed = try await trial.claimOne(worker, try await trial.acceptOne())
            let before = trial.store.changes()
            await trial.store.close()
            await trial.store.close()
            for listener in [before, trial.store.changes()] {
                while let change = await listener.next() {
                    try trial.expect(!change.isEmpty, "a change says what changed")
                }
            }
            let id = claimed.id
            let calls: [(String, () async throws -> Void)] = [
                ("accept", { _ = try await trial.acceptOne() }), ("register", { _ = try await trial.worker("x") }),
                ("deregister", { try await trial.store.deregister(worker) }),
                ("exchange", { _ = try await trial.store.exchange(ExchangeRequest()) }),
                ("beat", { _ = try await trial.store.beat(BeatRequest(worker: worker)) }),
                ("journal", { try await trial.store.journal(JournalEntry(name: "a", value: []), for: claimed.claim) }),
                ("journalEntries", { _ = try await trial.store.journalEntries(of: id) }),
                ("lostWorkers", { _ = try await trial.store.lostWorkers() }),
                ("sweep", { _ = try await trial.store.sweep(SweepOrders()) }),
                ("perform", { _ = try await trial.store.perform(.cancel([id])) }),
                ("records", { _ = try await trial.store.records(WorkQuery()) }),
                ("members", { _ = try await trial.store.members(of: NodeID(rawValue: 1)) }),
                ("output", { _ = try await trial.store.output(of: id, from: .start, linesMax: 1) }),
                ("counts", { _ = try await trial.store.counts() }),
                ("workers", { _ = try await trial.store.workers() }),
                ("pausedQueues", { _ = try await trial.store.pausedQueues() }),
            ]
            for (name, call) in calls { try await trial.refused(.closed, name) { try await call() } }
        },
    ]

    /// A listener hears a change that an action raises.
    @discardableResult
    private static func raises<Result>(
        _ change: StoreChange, _ trial: StoreTrial, _ action: () async throws -> Result
    ) async throws -> Result {
        let listener = trial.store.changes()
        let result = try await action()
        try await hears(change, listener, trial)
        return result
    }

    /// A listener hears a change, sooner or later; until then it waits.
    private static func hears(_ change: StoreChange, _ listener: StoreChanges, _ trial: StoreTrial) async throws {
        var heard: StoreChange = []
        while !heard.isSuperset(of: change) {
            heard.formUnion(try trial.require(await listener.next(), "change while the store is open"))
        }
    }
}
