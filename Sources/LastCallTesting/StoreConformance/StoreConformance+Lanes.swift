import LastCallWork

extension StoreConformance {
    /// Records that run one after the other, and records that wait for another.
    static let lanes: [Check] = [
        Check("P22b of a lane one record runs at a time, in the order of acceptance") { trial in
            var ids: [WorkID] = []
            for number in 0..<4 {
                ids += [
                    try await trial.acceptOne { draft in
                        draft.lane = "there"
                        draft.priority = -number
                        draft.kind = number % 2 == 0 ? "job" : "other"
                    }
                ]
            }
            try trial.equal(try await trial.states(ids), [.ready, .blocked, .blocked, .blocked], "the states")
            let worker = try await trial.worker()
            for id in ids {
                let claimed = try await trial.claim(worker, 9, kinds: ["job", "other"])
                try trial.equal(claimed.map(\.id), [id], "whose turn it is")
                try await trial.end(claimed[0])
            }
        },
        Check("P22b lanes do not wait for each other") { trial in
            let ids = try await trial.accept(
                trial.job { $0.lane = "a" }, trial.job { $0.lane = "a" }, trial.job { $0.lane = "b" }, trial.job())
            let claimed = try await trial.claim(try await trial.worker(), 9)
            try trial.equal(claimed.map(\.id), [ids[0], ids[2], ids[3]], "what runs side by side")
        },
        Check("P22b what is tried again keeps its place in its lane") { trial in
            let ids = try await trial.accept(
                trial.job { draft in
                    draft.lane = "a"
                    draft.attemptsMax = 5
                }, trial.job { $0.lane = "a" })
            let worker = try await trial.worker()
            let endings: [JobEnding] = [
                .failed(detail: "429", retryAfter: .seconds(30)), .failed(detail: "503", retryAfter: .zero),
                .evicted(.requeue, detail: ""), .unstarted, .lost(detail: ""),
            ]
            for ending in endings {
                try await trial.run(ids[0], worker, ending)
                try trial.equal(try await trial.states([ids[1]]), [.blocked], "the next one after \(ending)")
                try await trial.advance(.seconds(30))
            }
            try trial.equal(try await trial.runAll(worker), ids, "what is left, in this order")
        },
        Check("P22b whoever leaves a lane lets the next one in, however it leaves") { trial in
            let worker = try await trial.worker()
            let endings: [JobEnding] = [
                .refused(detail: "404"), .failed(detail: "", retryAfter: nil), .cancelled(detail: ""),
                .evicted(.finalize, detail: ""), .partial(.timeout, detail: ""),
            ]
            var ids: [WorkID] = []
            for _ in 0..<endings.count + 3 { ids += [try await trial.acceptOne { $0.lane = "a" }] }
            for (id, ending) in zip(ids, endings) { try await trial.run(id, worker, ending) }
            let left = Array(ids[endings.count...])
            // The second of three leaves while it waits, then the first while it is its turn.
            for (cancelled, states) in [
                (left[1], [WorkState.ready, .cancelled, .blocked]), (left[0], [.cancelled, .cancelled, .ready]),
            ] {
                _ = try await trial.store.perform(.cancel([cancelled]))
                try trial.equal(try await trial.states(left), states, "the states")
            }
            try await trial.run(left[2], worker)
            let last = try await trial.acceptOne { $0.lane = "a" }
            try await trial.run(last, worker)
        },
        Check("P22b a record that runs again takes its turn at the end of its lane") { trial in
            let worker = try await trial.worker()
            let ids = try await trial.accept(trial.job { $0.lane = "a" }, trial.job { $0.lane = "a" })
            try await trial.run(ids[0], worker)
            _ = try await trial.store.perform(.retry([ids[0]]))
            try trial.equal(try await trial.states(ids), [.blocked, .ready], "the states")
            try await trial.run(ids[1], worker)
            try await trial.run(ids[0], worker)
        },
        Check("P22b members of a group may share a lane, and a deadline empties it") { trial in
            let members = (0..<3).map { number in trial.step("\(number)") { $0.lane = "a" } }
            let ids = try await trial.submit(Workflow.group(members, then: trial.step("then"), deadline: .seconds(60)))
            let beside = try await trial.acceptOne { $0.lane = "a" }
            let worker = try await trial.worker(lease: .seconds(3600))
            _ = try await trial.claimOne(worker, ids[0])
            try await trial.advance(.seconds(60))
            try trial.equal(
                try await trial.states(ids + [beside]), [.partial, .cancelled, .cancelled, .ready, .ready], "the states"
            )
        },
        Check("P22b a callback takes its turn in its lane") { trial in
            let ids = try await trial.submit(
                Workflow.group([trial.step("a")], then: trial.step("then") { $0.lane = "a" }))
            let other = try await trial.acceptOne { $0.lane = "a" }
            let worker = try await trial.worker()
            let claimed = try await trial.claim(worker, 2)
            try trial.equal(claimed.map(\.id), [ids[0], other], "what runs at first")
            try await trial.end(claimed[0])
            try trial.equal(try await trial.states([ids[1]]), [.blocked], "the callback")
            try await trial.end(claimed[1])
            try await trial.run(ids[1], worker)
        },
    ]

    /// Records that wait for another one.
    static let dependents: [Check] = [
        Check("a record waits for another one's end") { trial in
            let worker = try await trial.worker()
            let first = try await trial.acceptOne { $0.attemptsMax = 2 }
            let next = try await trial.acceptOne { draft in
                draft.waitsForRecord = first
                draft.delay = .seconds(5)
            }
            try trial.equal(try await trial.record(next).waitsForRecord, first, "what it waits for")
            try await trial.run(first, worker, .failed(detail: "", retryAfter: .zero))
            try trial.equal(try await trial.states([next]), [.blocked], "its state while the other is tried again")
            try await trial.run(first, worker, .partial(.timeout, detail: ""))
            try trial.equal(try await trial.states([next]), [.scheduled], "its state, with a delay of its own")
            try await trial.advance(.seconds(5))
            try await trial.run(next, worker)
        },
        Check("a record is cancelled where what it waits for does not end well, unless it runs however that ends") {
            trial in
            let worker = try await trial.worker()
            for ending in [JobEnding.failed(detail: "", retryAfter: nil), .refused(detail: ""), .cancelled(detail: "")]
            {
                let first = try await trial.acceptOne()
                let ids = try await trial.accept(
                    trial.job { $0.waitsForRecord = first },
                    trial.job { draft in
                        draft.waitsForRecord = first
                        draft.runsAfterFailure = true
                    })
                let last = try await trial.acceptOne { $0.waitsForRecord = ids[0] }
                try await trial.run(first, worker, ending)
                try trial.equal(try await trial.states(ids + [last]), [.cancelled, .ready, .cancelled], "the states")
                try trial.equal(try await trial.record(last).reason, .dependency, "the reason")
                try await trial.run(ids[1], worker)
            }
        },
        Check("C25 followers are accepted with a record, once, and run when it is over for good, however it ends") {
            trial in
            let worker = try await trial.worker()
            func draft(_ key: String? = nil) -> RecordDraft {
                trial.job { draft in
                    draft.attemptsMax = 2
                    draft.key = key.map { UniqueKey($0) }
                    draft.followers = [trial.job("after") { $0.queue = "notes" }]
                }
            }
            let ids = try await trial.accept(draft(), draft("k"), draft("k"))
            try trial.equal(ids[1], ids[2], "the holder of the key")
            let notes = try await trial.store.records(WorkQuery(queues: ["notes"]))
            try trial.equal(notes.map(\.waitsForRecord), [ids[0], ids[1]], "what they wait for")
            try trial.equal(notes.map(\.state), [.blocked, .blocked], "their states")
            try await trial.run(ids[0], worker, .failed(detail: "", retryAfter: .zero))
            try trial.equal(
                try await trial.states(notes.map(\.id)), [.blocked, .blocked], "their states after a retry")
            try await trial.run(ids[0], worker, .failed(detail: "", retryAfter: nil))
            try await trial.run(ids[1], worker)
            try trial.equal(try await trial.states(notes.map(\.id)), [.ready, .ready], "their states then")
            try await trial.refused(.invalidSubmission, "one that has followers itself") {
                try await trial.accept(
                    trial.job { $0.followers = [trial.job { $0.followers = [trial.job()] }] })
            }
        },
        Check("what is over already is not waited for") { trial in
            let worker = try await trial.worker()
            let good = try await trial.acceptOne()
            try await trial.run(good, worker)
            let bad = try await trial.acceptOne()
            try await trial.run(bad, worker, .failed(detail: "", retryAfter: nil))
            let ids = try await trial.accept(
                trial.job { $0.waitsForRecord = good }, trial.job { $0.waitsForRecord = bad },
                trial.job { draft in
                    draft.waitsForRecord = bad
                    draft.runsAfterFailure = true
                })
            try trial.equal(try await trial.states(ids), [.ready, .cancelled, .ready], "the states")
        },
        Check("a workflow whose first step waits for what failed is cancelled whole, at once") { trial in
            let worker = try await trial.worker()
            let bad = try await trial.acceptOne()
            try await trial.run(bad, worker, .failed(detail: "", retryAfter: nil))
            let first = trial.step("a") { $0.waitsForRecord = bad }
            let ids = try await trial.submit(
                Workflow.chain([first, trial.step("b"), Workflow.group([trial.step("c")], then: trial.step("d"))]))
            let wanted = Array(repeating: WorkState.cancelled, count: 4)
            try trial.equal(try await trial.states(ids), wanted, "the states")
            let group = try await trial.submit(Workflow.group([first, trial.step("b")], then: trial.step("then")))
            try trial.equal(try await trial.states(group), [.cancelled, .ready, .blocked], "the states of a group")
            try trial.equal(try await trial.runAll(worker), Array(group[1...]), "what is left to run")
        },
        Check("who waits for a record that runs again is let go by that run's end") { trial in
            let worker = try await trial.worker()
            let first = try await trial.acceptOne()
            try await trial.run(first, worker, .failed(detail: "", retryAfter: nil))
            _ = try await trial.store.perform(.retry([first]))
            let next = try await trial.acceptOne { $0.waitsForRecord = first }
            try trial.equal(try await trial.states([next]), [.blocked], "its state")
            try await trial.run(first, worker)
            try await trial.run(next, worker)
        },
        Check("a record that waits may be cancelled, and is not let go afterwards") { trial in
            let worker = try await trial.worker()
            let first = try await trial.acceptOne()
            let next = try await trial.acceptOne { $0.waitsForRecord = first }
            _ = try await trial.store.perform(.cancel([next]))
            try await trial.run(first, worker)
            try trial.equal(try await trial.states([next]), [.cancelled], "its state")
            try trial.equal(try await trial.claim(worker).count, 0, "what is left to claim")
        },
    ]
}
