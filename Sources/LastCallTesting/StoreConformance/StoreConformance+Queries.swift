import LastCallWork

extension StoreConformance {
    /// What can be asked.
    static let queries: [Check] = [
        Check("records are found by id, state, kind, queue and workflow, and by all of them together") { trial in
            let a = try await trial.acceptOne()
            let b = try await trial.acceptOne { $0.kind = "other" }
            let c = try await trial.acceptOne { $0.queue = "slow" }
            let d = try await trial.acceptOne { $0.delay = .seconds(60) }
            let chain = try await trial.submit(.chain([trial.step("x"), trial.step("y")]))
            let missing = WorkID(rawValue: 4711)
            let wanted: [(WorkQuery, [WorkID])] = [
                (WorkQuery(), [a, b, c, d] + chain), (WorkQuery(ids: [c, missing, a, c]), [a, c]),
                (WorkQuery(ids: []), []), (WorkQuery(states: [.scheduled, .blocked]), [d, chain[1]]),
                (WorkQuery(states: []), []), (WorkQuery(kinds: ["other", "unknown"]), [b]),
                (WorkQuery(queues: ["slow"]), [c]), (WorkQuery(workflow: chain[0]), chain),
                (WorkQuery(workflow: a), [a]), (WorkQuery(workflow: missing), []), (WorkQuery(workflow: chain[1]), []),
                (WorkQuery(states: [.ready], kinds: ["job"], queues: ["default"]), [a, chain[0]]),
                (WorkQuery(ids: [a, b, chain[1]], states: [.blocked]), [chain[1]]),
                (WorkQuery(states: [.blocked], workflow: chain[0]), [chain[1]]),
            ]
            for (query, ids) in wanted {
                try trial.equal(try await trial.other.records(query).map(\.id), ids, "what \(query) finds")
            }
        },
        Check("records are read in pages, in both directions") { trial in
            var ids: [WorkID] = []
            for _ in 0..<7 { ids += [try await trial.acceptOne()] }
            for isNewestFirst in [false, true] {
                var found: [WorkID] = []
                var beyond: WorkID?
                while true {
                    let page = try await trial.store.records(
                        WorkQuery(kinds: ["job"], beyond: beyond, newestFirst: isNewestFirst, limit: 3))
                    try trial.expect(page.count <= 3, "a page has at most 3")
                    guard let last = page.last else { break }
                    found += page.map(\.id)
                    beyond = last.id
                }
                try trial.equal(found, isNewestFirst ? ids.reversed() : ids, "all pages")
            }
            try trial.equal(try await trial.store.records(WorkQuery(limit: 0)).count, 0, "a page of none")
        },
        Check("thousands of records are found by their ids") { trial in
            let ids = try await trial.store.accept((0..<3000).map { _ in Submission(trial.job()) }).flatMap(\.ids)
            let found = try await trial.store.records(WorkQuery(ids: ids, limit: 5000))
            try trial.equal(found.map(\.id), ids, "what is found")
        },
        Check("records are counted by queue, kind and state") { trial in
            let worker = try await trial.worker()
            _ = try await trial.accept(
                trial.job(), trial.job(), trial.job { $0.kind = "other" }, trial.job { $0.queue = "slow" },
                trial.job { $0.delay = .seconds(9) })
            _ = try await trial.claimOne(worker)
            let wanted: Set = [
                WorkCount(queue: "default", kind: "job", state: .running, count: 1),
                WorkCount(queue: "default", kind: "job", state: .ready, count: 1),
                WorkCount(queue: "default", kind: "job", state: .scheduled, count: 1),
                WorkCount(queue: "default", kind: "other", state: .ready, count: 1),
                WorkCount(queue: "slow", kind: "job", state: .ready, count: 1),
            ]
            let counts = try await trial.other.counts()
            try trial.equal(Set(counts), wanted, "the counts")
            try trial.equal(counts.count, 5, "how many counts there are")
        },
        Check("an unknown group has no members") { trial in
            try trial.equal(try await trial.store.members(of: NodeID(rawValue: 4711)).count, 0, "members")
        },
        Check("the store's clock stands where it was moved to, for every handle") { trial in
            let before = trial.store.now
            try trial.expect(trial.other.now >= before, "no handle's clock is behind")
            await trial.subject.advance(.milliseconds(1500))
            try trial.expect(trial.store.now >= before + .milliseconds(1500), "the clock was moved")
            try trial.expect(trial.other.now >= before + .milliseconds(1500), "the other handle's clock was moved")
            try trial.equal(trial.store.traits.payloadBytesMax, trial.other.traits.payloadBytesMax, "their limits")
        },
    ]
}
