import LastCallWork

extension StoreConformance {
    /// Workflows in workflows.
    static let nesting: [Check] = [
        Check("a chord of chords: the outer callback waits for the inner ones") { trial in
            let inner = (0..<3).map { number -> Workflow in
                Workflow.group([trial.step("\(number)a"), trial.step("\(number)b")], then: trial.step("\(number)then"))
            }
            let ids = try await trial.submit(Workflow.group(inner, then: trial.step("outer")))
            let worker = try await trial.worker()
            for member in [0, 1, 3, 4, 6, 7] { try await end(ids[member], worker, trial) }
            let states = try await trial.states([ids[2], ids[5], ids[8], ids[9]])
            try trial.equal(states, [.ready, .ready, .ready, .blocked], "the callbacks")
            try await end(ids[2], worker, trial)
            try await end(ids[5], worker, trial, .failed(detail: "", retryAfter: nil))
            try trial.equal(try await trial.states([ids[9]]), [.blocked], "the outer callback")
            try await end(ids[8], worker, trial)
            let outer = try await trial.claimOne(worker, ids[9])
            let members = try await trial.store.members(of: try trial.require(outer.waitsForNode, "group to read"))
            try trial.equal(members.map(\.path), ["0", "1", "2"], "the paths: the callback stands for its chord")
            try trial.equal(members.map(\.record.id), [ids[2], ids[5], ids[8]], "the members")
        },
        Check("a group in a group is read in its place") { trial in
            let inner = Workflow.group([trial.step("b"), Workflow.group([trial.step("c")]), trial.step("d")])
            let ids = try await trial.submit(
                Workflow.group([trial.step("a"), inner, trial.step("e")], then: trial.step("then"), policy: .all))
            let worker = try await trial.worker()
            let ran = try await trial.runAll(worker) { claimed in
                // A group that does not need all ended well, however its members ended.
                claimed.id == ids[2] ? .failed(detail: "", retryAfter: nil) : .succeeded
            }
            try trial.equal(ran, ids, "what ran, in this order")
            let node = try trial.require(try await trial.record(ids[5]).waitsForNode, "group to read")
            let members = try await trial.other.members(of: node)
            try trial.equal(members.map(\.path), ["0", "1.0", "1.1.0", "1.2", "2"], "the paths")
            try trial.equal(members.map(\.record.id), Array(ids[..<5]), "the members")
            try trial.equal(members[2].record.state, .failed, "the state of one of them")
        },
        Check("a group in a group fails with its own policy") { trial in
            let worker = try await trial.worker()
            for (policy, wanted) in [(GroupPolicy.all, WorkState.cancelled), (.always, .succeeded)] {
                let inner = Workflow.group([trial.step("a"), trial.step("b")], policy: policy)
                let ids = try await trial.submit(
                    Workflow.group([inner, trial.step("c")], then: trial.step("then"), policy: .all))
                _ = try await trial.runAll(worker) { claimed in
                    claimed.id == ids[0] ? .failed(detail: "", retryAfter: nil) : .succeeded
                }
                try trial.equal(try await trial.states([ids[3]]), [wanted], "the callback around a group of \(policy)")
            }
        },
        Check("a chain in a group counts once, by its last step") { trial in
            let ids = try await trial.submit(
                Workflow.group(
                    [Workflow.chain([trial.step("a"), trial.step("b"), trial.step("c")]), trial.step("d")],
                    then: trial.step("then")))
            let worker = try await trial.worker()
            try await end(ids[3], worker, trial)
            for step in ids[..<3] {
                try trial.equal(try await trial.states([ids[4]]), [.blocked], "the callback")
                try await end(step, worker, trial)
            }
            let callback = try await trial.claimOne(worker, ids[4])
            let members = try await trial.store.members(of: try trial.require(callback.waitsForNode, "group to read"))
            try trial.equal(members.map(\.record.id), [ids[2], ids[3]], "the members")
        },
        Check("a chain in a group that fails is counted as failed") { trial in
            let ids = try await trial.submit(
                Workflow.group(
                    [Workflow.chain([trial.step("a"), trial.step("b")]), trial.step("c")], then: trial.step("then"),
                    policy: .all))
            let worker = try await trial.worker()
            let ran = try await trial.runAll(worker) { claimed in
                claimed.id == ids[0] ? .failed(detail: "", retryAfter: nil) : .succeeded
            }
            try trial.equal(ran, [ids[0], ids[2]], "what ran")
            try trial.equal(try await trial.states(ids), [.failed, .cancelled, .succeeded, .cancelled], "the states")
        },
        Check("a chain of chords goes from one to the next") { trial in
            let ids = try await trial.submit(
                Workflow.chain([
                    trial.step("first"), Workflow.group([trial.step("a"), trial.step("b")], then: trial.step("then")),
                    Workflow.group([trial.step("c"), trial.step("d")]), trial.step("last"),
                ]))
            let worker = try await trial.worker()
            var places: [Int] = []
            while case let wave = try await trial.claim(worker, 9), !wave.isEmpty {
                places.append(wave.count)
                for claimed in wave { try await trial.end(claimed) }
            }
            try trial.equal(places, [1, 2, 1, 2, 1], "how many ran side by side")
            let wanted = Array(repeating: WorkState.succeeded, count: ids.count)
            try trial.equal(try await trial.states(ids), wanted, "the states in the end")
        },
        Check("where a step fails, everything that follows it is cancelled, also groups and what waits for those") {
            trial in
            let worker = try await trial.worker()
            let (a, b, c) = (trial.step("a"), trial.step("b"), trial.step("c"))
            let workflows: [Workflow] = [
                Workflow.chain([a, Workflow.group([b]), c]), Workflow.chain([a, Workflow.group([b], then: c)]),
                Workflow.chain([a, Workflow.group([]), c]),
                Workflow.chain([a, Workflow.chain([]), c]),
                Workflow.chain([a, Workflow.group([Workflow.group([b]), Workflow.group([])]), c]),
                Workflow.chain([a, Workflow.chain([b, Workflow.group([c])]), c]),
                Workflow.chain([a, Workflow.group([Workflow.chain([Workflow.group([b]), c])]), c]),
            ]
            for (number, workflow) in workflows.enumerated() {
                let outer = Workflow.group([workflow], then: trial.step("outer"), policy: .all)
                let ids = try await trial.submit(outer)
                let ran = try await trial.runAll(worker) { _ in .failed(detail: "no route", retryAfter: nil) }
                try trial.equal(ran, [ids[0]], "what ran of workflow \(number)")
                let wanted = [WorkState.failed] + Array(repeating: .cancelled, count: ids.count - 1)
                try trial.equal(try await trial.states(ids), wanted, "the states of workflow \(number)")
                try trial.equal(try await trial.record(ids[1]).reason, .dependency, "the reason of workflow \(number)")
            }
        },
    ]

    /// Claims all that is ready, ends one, and gives the others back.
    private static func end(
        _ id: WorkID, _ worker: WorkerID, _ trial: StoreTrial, _ ending: JobEnding = .succeeded
    ) async throws {
        let claimed = try await trial.claim(worker, 100)
        try trial.expect(claimed.contains { $0.id == id }, "record \(id) can be claimed")
        for record in claimed { try await trial.end(record, record.id == id ? ending : .unstarted) }
    }
}
