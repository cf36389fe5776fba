import LastCallWork

extension StoreConformance {
    /// Who gets what, and when.
    static let claiming: [Check] = [
        Check("what is claimed comes by priority, then by the time it was due, then by id") { trial in
            var ids: [WorkID] = []
            for priority in [5, 0, -100, 0, 100] { ids += [try await trial.acceptOne { $0.priority = priority }] }
            try await trial.advance(.seconds(1))
            ids += [try await trial.acceptOne { $0.kind = "other" }, try await trial.acceptOne { $0.priority = 5 }]
            let wanted = [2, 1, 3, 5, 0, 6, 4].map { ids[$0] }
            let worker = try await trial.worker()
            let first = try await trial.claim(worker, 4, kinds: ["other", "job"])
            let second = try await trial.claim(worker, 9, kinds: ["job", "other"])
            try trial.equal((first + second).map(\.id), wanted, "the order")
        },
        Check("what was due earlier goes before what was accepted earlier") { trial in
            let late = try await trial.acceptOne { $0.delay = .seconds(10) }
            let early = try await trial.acceptOne { $0.delay = .seconds(5) }
            try await trial.advance(.seconds(20))
            let now = try await trial.acceptOne()
            let claimed = try await trial.claim(try await trial.worker(), 3)
            try trial.equal(claimed.map(\.id), [early, late, now], "the order")
        },
        Check("a worker gets at most what it asked for") { trial in
            for _ in 0..<5 { _ = try await trial.acceptOne() }
            let worker = try await trial.worker()
            try trial.equal(try await trial.claim(worker, 0).count, 0, "a demand for none")
            try trial.equal(try await trial.claim(worker, 2).count, 2, "a demand for two")
            try trial.equal(try await trial.claim(worker, 9).count, 3, "a demand for more than there is")
            try trial.equal(try await trial.claim(worker, 9).count, 0, "nothing is left")
        },
        Check("one exchange claims from several queues") { trial in
            let ids = try await trial.accept(
                trial.job { $0.queue = "a" }, trial.job { $0.queue = "b" }, trial.job { $0.queue = "b" },
                trial.job { $0.queue = "c" })
            let worker = try await trial.worker()
            let demands = ["b", "a"].map { QueueDemand(queue: $0, kinds: ["job"], limit: 1) }
            let result = try await trial.store.exchange(ExchangeRequest(worker: worker, demands: demands))
            try trial.equal(result.claimed.map(\.id), [ids[1], ids[0]], "what was claimed")
        },
        Check("kinds that nobody handles wait, and keep nothing else waiting") { trial in
            for _ in 0..<50 {
                _ = try await trial.acceptOne { draft in
                    draft.kind = "unknown"
                    draft.priority = -50
                }
            }
            let known = try await trial.acceptOne()
            let worker = try await trial.worker()
            try trial.equal(try await trial.claim(worker, 3).map(\.id), [known], "what is claimed")
            try trial.equal(try await trial.claim(worker, 3, kinds: []).count, 0, "what is claimed without a handler")
            let claimed = try await trial.claim(worker, 60, kinds: ["unknown"])
            try trial.equal(claimed.count, 50, "what waited for a handler")
        },
        Check("C25 a claim is visible: who has it, since when, the how-manieth time") { trial in
            let id = try await trial.acceptOne()
            let claimed = try await trial.claimOne(try await trial.worker("night-7"))
            let record = try await trial.record(id)
            try trial.equal(record.state, .running, "its state")
            try trial.equal(record.worker, "night-7", "its worker")
            try trial.equal(record.startedAt, claimed.claimedAt, "since when")
            try trial.equal([Int(record.epoch), record.attempt], [1, 1], "epoch and attempt")
            let marked = try await trial.store.exchange(ExchangeRequest(stopping: [claimed.claim]))
            try trial.equal(marked.overtaken, [], "void marks")
            try trial.equal(try await trial.record(id).state, .stopping, "its state when it is told to stop")
            try await trial.end(claimed, .evicted(.requeue, detail: "SIGTERM"))
            let given = try await trial.record(id)
            try trial.equal(given.state, .ready, "its state when it is given back")
            try trial.equal(given.worker, nil, "its worker when it is given back")
        },
        Check("one exchange settles and claims, and what it frees may be claimed at once") { trial in
            let ids = try await trial.submit(Workflow.chain([trial.step("a"), trial.step("b")]))
            let worker = try await trial.worker()
            let first = try await trial.claimOne(worker, ids[0])
            let request = ExchangeRequest(
                worker: worker, settlements: [try trial.settlement(first, .succeeded)],
                demands: [QueueDemand(queue: "default", kinds: ["job"], limit: 5)])
            try trial.equal(try await trial.store.exchange(request).claimed.map(\.id), [ids[1]], "what was claimed")
        },
        Check("nothing is claimed from a paused queue, what runs goes on") { trial in
            let ids = try await trial.accept(trial.job("a"), trial.job("b"), trial.job { $0.queue = "other" })
            let worker = try await trial.worker()
            let held = try await trial.claimOne(worker, ids[0])
            _ = try await trial.store.perform(.pause(queue: "default"))
            _ = try await trial.store.perform(.pause(queue: "default"))
            try trial.equal(try await trial.other.pausedQueues(), ["default"], "the paused queues")
            try trial.equal(try await trial.claim(worker).count, 0, "what is claimed from it")
            try trial.equal(try await trial.claim(worker, queue: "other").map(\.id), [ids[2]], "another queue")
            try await trial.end(held)
            _ = try await trial.store.perform(.resume(queue: "default"))
            try trial.equal(try await trial.store.pausedQueues(), [], "the paused queues")
            try trial.equal(try await trial.claim(worker).map(\.id), [ids[1]], "what is claimed afterwards")
        },
        Check("C24 B6 what is given back keeps its place before all that came later; what failed goes behind") {
            trial in
            let worker = try await trial.worker()
            let endings: [JobEnding] = [
                .evicted(.requeue, detail: "SIGTERM"), .evicted(.continue, detail: "SIGTERM"), .unstarted,
                .lost(detail: "killed"), .postponed(detail: "no room", delay: .zero),
            ]
            for ending in endings {
                let first = try await trial.acceptOne { $0.attemptsMax = 3 }
                let claimed = try await trial.claimOne(worker, first)
                await trial.subject.advance(.seconds(1))
                let second = try await trial.acceptOne()
                await trial.subject.advance(.seconds(1))
                try await trial.end(claimed, ending)
                try trial.equal(try await trial.runAll(worker), [first, second], "the order after \(ending)")
            }
            let first = try await trial.acceptOne { $0.attemptsMax = 3 }
            let claimed = try await trial.claimOne(worker, first)
            await trial.subject.advance(.seconds(1))
            let second = try await trial.acceptOne()
            await trial.subject.advance(.seconds(1))
            try await trial.end(claimed, .failed(detail: "", retryAfter: .zero))
            try trial.equal(try await trial.runAll(worker), [second, first], "the order after a failure")
        },
        Check("who is not registered claims nothing") { trial in
            let id = try await trial.acceptOne()
            let worker = try await trial.worker()
            try await trial.store.deregister(worker)
            try trial.equal(try await trial.claim(worker).count, 0, "what somebody unknown claims")
            try trial.equal(try await trial.states([id]), [.ready], "its state")
        },
        Check("C16 no record is claimed twice, however many claim at a time") { trial in
            let accepted = try await trial.store.accept((0..<300).map { Submission(trial.job("\($0)")) })
            let ids = accepted.flatMap(\.ids)
            let workers = [try await trial.worker("w1"), try await trial.other.register(trial.description("w2"))]
            let demand = QueueDemand(queue: "default", kinds: ["job"], limit: 7)
            let claimed = try await withThrowingTaskGroup(of: [WorkID].self) { group in
                for number in 0..<8 {
                    let handle = number % 2 == 0 ? trial.store : trial.other
                    let request = ExchangeRequest(worker: workers[number % 2], demands: [demand])
                    group.addTask {
                        var mine: [WorkID] = []
                        while case let next = try await handle.exchange(request).claimed, !next.isEmpty {
                            mine += next.map(\.id)
                        }
                        return mine
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try trial.equal(claimed.count, 300, "how many were claimed")
            try trial.equal(claimed.sorted(), ids, "which were claimed")
        },
        Check("a delayed record waits for its instant, and the store says when that is") { trial in
            let worker = try await trial.worker()
            let id = try await trial.acceptOne { $0.delay = .seconds(30) }
            let later = try await trial.acceptOne { $0.delay = .seconds(60) }
            let record = try await trial.record(id)
            try trial.equal(record.state, .scheduled, "its state")
            try trial.equal(record.dueAt, record.acceptedAt + .seconds(30), "when it is due")
            let early = try await trial.advance(.seconds(29))
            try trial.equal(early.promoted, 0, "how many became ready early")
            try trial.equal(early.nextDue, record.dueAt, "what a sweep says is next")
            let demand = QueueDemand(queue: "default", kinds: ["job"], limit: 5)
            let exchange = try await trial.store.exchange(ExchangeRequest(worker: worker, demands: [demand]))
            try trial.equal(exchange.claimed.count, 0, "what is claimed early")
            try trial.equal(exchange.nextDue, record.dueAt, "what an exchange says is next")
            let swept = try await trial.advance(.seconds(1))
            try trial.equal(swept.promoted, 1, "how many became ready")
            try trial.equal(swept.nextDue, try await trial.record(later).dueAt, "what is next then")
            try trial.equal(try await trial.claim(worker, 5).map(\.id), [id], "what is claimed")
        },
        Check("several may sweep, and only the first finds something") { trial in
            for _ in 0..<3 { _ = try await trial.acceptOne { $0.delay = .seconds(1) } }
            await trial.subject.advance(.seconds(2))
            try trial.equal(try await trial.other.sweep(SweepOrders()).promoted, 3, "the first sweep")
            try trial.equal(try await trial.store.sweep(SweepOrders()).promoted, 0, "the second sweep")
            try trial.equal(try await trial.claim(try await trial.worker(), 9).count, 3, "what is claimed")
        },
    ]
}
