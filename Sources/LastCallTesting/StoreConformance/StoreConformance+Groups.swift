import LastCallWork

extension StoreConformance {
    /// Groups, and what waits for them.
    static let groups: [Check] = [
        Check("C7 a callback sees every outcome: three members, one evicted, one failed") { trial in
            let ids = try await trial.submit(
                Workflow.group([trial.step("a"), trial.step("b"), trial.step("c")], then: trial.step("then")))
            let worker = try await trial.worker()
            try await trial.run(ids[0], worker)
            try await trial.run(ids[1], worker, .evicted(.finalize, detail: "SIGTERM"))
            try trial.equal(try await trial.states(ids)[3], .blocked, "the callback before the last member's end")
            try await trial.run(ids[2], worker, .failed(detail: "no route", retryAfter: nil))
            let callback = try await trial.claimOne(worker, ids[3])
            let members = try await trial.store.members(of: try trial.require(callback.waitsForNode, "group to read"))
            try trial.equal(members.map(\.path), ["0", "1", "2"], "the paths")
            try trial.equal(members.map(\.record.id), Array(ids[..<3]), "the members")
            try trial.equal(members.map(\.record.state), [.succeeded, .partial, .failed], "their states")
            try await trial.end(callback)
            try trial.equal(try await trial.claim(worker).count, 0, "what is left to claim")
        },
        Check("a group that needs all cancels its callback where a member did not end well") { trial in
            for (ending, wanted) in [
                (JobEnding.failed(detail: "", retryAfter: nil), WorkState.cancelled),
                (.cancelled(detail: ""), .cancelled), (.refused(detail: ""), .cancelled),
                (.partial(.timeout, detail: ""), .ready), (.evicted(.finalize, detail: ""), .ready),
            ] {
                let ids = try await trial.submit(
                    Workflow.group([trial.step("a"), trial.step("b")], then: trial.step("then"), policy: .all))
                let worker = try await trial.worker("w\(ids[0])")
                try await trial.run(ids[0], worker, ending)
                try trial.equal(try await trial.states(ids)[2], .blocked, "the callback before the last member's end")
                try await trial.run(ids[1], worker)
                let callback = try await trial.record(ids[2])
                try trial.equal(callback.state, wanted, "the callback after \(ending)")
                if wanted == .cancelled {
                    try trial.equal(callback.reason, .dependency, "its reason")
                    try trial.expect(callback.detail != nil && callback.finishedAt != nil, "it says why and when")
                } else {
                    try await trial.run(ids[2], worker)
                }
            }
        },
        Check("B7 members that end in one exchange step their group once, and its callback runs once") { trial in
            let ids = try await trial.submit(
                Workflow.group((0..<20).map { trial.step("\($0)") }, then: trial.step("then"), policy: .all))
            let workers = [try await trial.worker("w1"), try await trial.worker("w2")]
            let claimed = try await trial.claim(workers[0], 12) + trial.claim(workers[1], 12)
            let settlements = try claimed.map { try trial.settlement($0, .succeeded) }
            async let first = trial.store.exchange(ExchangeRequest(settlements: Array(settlements[..<11])))
            async let second = trial.other.exchange(ExchangeRequest(settlements: Array(settlements[9...])))
            let void = try await [first.overtaken.count, second.overtaken.count]
            try trial.equal(void.reduce(0, +), 2, "how many were settled twice")
            try trial.equal(try await trial.states([ids[20]]), [.ready], "the callback")
            try trial.equal(try await trial.store.sweep(SweepOrders(recounts: true)).mended, 0, "counters to mend")
            try trial.equal(try await trial.runAll(workers[0]), [ids[20]], "what is left to run")
        },
        Check("B7 a callback runs once although a member runs again afterwards") { trial in
            let ids = try await trial.submit(
                Workflow.group([trial.step("a"), trial.step("b")], then: trial.step("then")))
            let worker = try await trial.worker()
            try await trial.run(ids[0], worker, .failed(detail: "", retryAfter: nil))
            // Once while the group still waits for the other member, once after it is closed.
            _ = try await trial.store.perform(.retry([ids[0]]))
            let claimed = try await trial.claim(worker, 2).sorted { $0.id < $1.id }
            try trial.equal(claimed.map(\.id), Array(ids[..<2]), "what runs")
            try await trial.end(claimed[1])
            try trial.equal(try await trial.states([ids[2]]), [.ready], "the callback while a member runs again")
            try await trial.end(claimed[0])
            try await trial.run(ids[2], worker)
            _ = try await trial.store.perform(.retry([ids[0], ids[1]]))
            try trial.equal(try await trial.runAll(worker).sorted(), [ids[0], ids[1]], "what runs again")
            try trial.equal(try await trial.record(ids[2]).epoch, 1, "how often the callback ran")
            try trial.equal(try await trial.store.sweep(SweepOrders(recounts: true)).mended, 0, "counters to mend")
        },
        Check("B7 a member that runs again is counted once, also while its group waits for others") { trial in
            let ids = try await trial.submit(
                Workflow.group([trial.step("a"), trial.step("b")], then: trial.step("then")))
            let worker = try await trial.worker()
            let claimed = try await trial.claim(worker, 2)
            try await trial.end(claimed[0], .failed(detail: "", retryAfter: nil))
            for _ in 0..<2 {
                _ = try await trial.store.perform(.retry([ids[0]]))
                try await trial.run(ids[0], worker)
                try trial.equal(try await trial.states([ids[2]]), [.blocked], "the callback before the other's end")
            }
            try trial.equal(try await trial.store.sweep(SweepOrders(recounts: true)).mended, 0, "counters to mend")
            try await trial.end(claimed[1])
            try await trial.run(ids[2], worker)
        },
        Check("an empty group is over at once, wherever it stands") { trial in
            let worker = try await trial.worker()
            let empty = Workflow.group([])
            let (a, b) = (trial.step("a"), trial.step("b"))
            let workflows: [Workflow] = [
                Workflow.group([], then: a), Workflow.group([], then: a, policy: .all), Workflow.chain([empty, a]),
                Workflow.chain([a, empty]),
                Workflow.chain([a, empty, b]), Workflow.chain([a, empty, empty, b]),
                Workflow.chain([Workflow.chain([]), a, Workflow.chain([]), b]),
                Workflow.group([empty, a], then: b), Workflow.group([a, Workflow.chain([])], then: b),
                Workflow.group([empty, empty], then: b),
                Workflow.group([Workflow.chain([a, empty])], then: b),
                Workflow.group([Workflow.group([], then: empty)], then: b),
                Workflow.chain([Workflow.group([a, empty], then: empty), b]),
            ]
            for (number, workflow) in workflows.enumerated() {
                let ids = try await trial.submit(workflow)
                try trial.equal(try await trial.runAll(worker), ids, "what runs of workflow \(number), in this order")
                let wanted = Array(repeating: WorkState.succeeded, count: ids.count)
                try trial.equal(try await trial.states(ids), wanted, "the states of workflow \(number)")
            }
        },
        Check("a chain runs one after the other, and stops where a step fails") { trial in
            let worker = try await trial.worker()
            for failing in 0..<4 {
                let ids = try await trial.submit(Workflow.chain((0..<4).map { trial.step("\($0)") }))
                let states = try await trial.states(ids)
                try trial.equal(states, [.ready, .blocked, .blocked, .blocked], "the states at first")
                let ran = try await trial.runAll(worker) { claimed in
                    claimed.id == ids[failing] ? .failed(detail: "", retryAfter: nil) : .succeeded
                }
                try trial.equal(ran, Array(ids[...failing]), "what ran")
                let wanted =
                    Array(repeating: WorkState.succeeded, count: failing) + [.failed]
                    + Array(repeating: .cancelled, count: 3 - failing)
                try trial.equal(try await trial.states(ids), wanted, "the states in the end")
            }
        },
        Check("C6 a step that was cut short does not stop its chain") { trial in
            let ids = try await trial.submit(Workflow.chain([trial.step("a"), trial.step("b")]))
            let worker = try await trial.worker()
            try await trial.run(ids[0], worker, .evicted(.finalize, detail: "SIGTERM"))
            try await trial.run(ids[1], worker)
        },
        Check("a chain of 2,000 steps whose first one fails is cancelled whole") { trial in
            let ids = try await trial.submit(Workflow.chain((0..<2000).map { trial.step("\($0)") }))
            try await trial.run(ids[0], try await trial.worker(), .failed(detail: "", retryAfter: nil))
            let cancelled = try await trial.store.records(WorkQuery(states: [.cancelled], limit: 3000))
            try trial.equal(cancelled.map(\.id), Array(ids[1...]), "what was cancelled")
        },
        Check("B5 a group that awaits the remainder tells its members so") { trial in
            let ids = try await trial.submit(
                Workflow.group(
                    [trial.step("a"), Workflow.chain([trial.step("b"), trial.step("c")])],
                    partialMembers: .awaitRemainder))
            let worker = try await trial.worker()
            let claimed = try await trial.claim(worker, 2)
            try trial.equal(claimed.map(\.facts.awaitsRemainder), [true, true], "whether they await the remainder")
            try await trial.end(claimed[0], .evicted(.finalize, detail: ""), output: ["first"])
            try trial.equal(try await trial.states([ids[0]]), [.ready], "its state")
            try trial.equal(try await trial.claimOne(worker, ids[0]).facts.outputFrom, 0, "where its result begins")
        },
        Check("a member that waits and is cancelled is counted") { trial in
            let ids = try await trial.submit(
                Workflow.group([trial.step("a"), trial.step("b")], then: trial.step("then")))
            let worker = try await trial.worker()
            let result = try await trial.store.perform(.cancel([ids[1]]))
            try trial.equal(result.changed, [ids[1]], "what was cancelled")
            try await trial.run(ids[0], worker)
            try await trial.run(ids[2], worker)
        },
    ]
}
