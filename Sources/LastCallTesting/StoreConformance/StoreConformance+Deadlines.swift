import LastCallWork

extension StoreConformance {
    /// Groups that end at their deadline.
    static let deadlines: [Check] = [
        Check("a group's deadline ends what runs as partial, cancels what waits, and lets its callback run") { trial in
            let inner = Workflow.group([trial.step("c"), Workflow.chain([trial.step("d"), trial.step("e")])])
            let late = trial.step("f") { $0.delay = .seconds(3600) }
            let ids = try await trial.submit(
                Workflow.group(
                    [trial.step("a"), trial.step("b"), inner, late], then: trial.step("then"), deadline: .seconds(60)))
            let worker = try await trial.worker(lease: .seconds(3600))
            let claimed = try await trial.claim(worker, 3)
            try await trial.end(claimed[0])
            try trial.equal(try await trial.advance(.seconds(59)).closed, 0, "groups that were closed early")
            let swept = try await trial.advance(.seconds(1))
            try trial.equal(swept.closed, 1, "groups that were closed")
            let wanted: [WorkState] = [.succeeded, .partial, .partial, .cancelled, .cancelled, .cancelled, .ready]
            try trial.equal(try await trial.states(ids), wanted, "the states")
            for id in ids[1..<6] {
                let record = try await trial.record(id)
                try trial.equal(record.reason, .deadline, "its reason")
                try trial.expect(record.finishedAt != nil && record.worker == nil, "it is over")
            }
            let late1 = try trial.settlement(claimed[1], .succeeded)
            try trial.equal(try await trial.settle(late1), [claimed[1].claim], "void settlements")
            let beat = try await trial.store.beat(BeatRequest(worker: worker, held: claimed[1...].map(\.claim)))
            try trial.equal(beat.overtaken, claimed[1...].map(\.claim), "claims that are gone")
            try trial.equal(try await trial.runAll(worker), [ids[6]], "what is left to run")
            try trial.equal(try await trial.advance(.seconds(7200)).closed, 0, "groups that were closed later")
            try trial.equal(try await trial.runAll(worker), [], "what is left to run later")
        },
        Check("what a deadline ended is held by nobody, and lost by nobody") { trial in
            let ids = try await trial.submit(Workflow.group([trial.step("a")], deadline: .seconds(60)))
            let worker = try await trial.worker(lease: .seconds(3600))
            _ = try await trial.claimOne(worker, ids[0])
            try await trial.advance(.seconds(60))
            try trial.equal(try await trial.store.workers().map(\.held), [0], "how many it holds")
            try await trial.subject.kill(worker)
            try trial.equal(try await trial.other.lostWorkers().count, 0, "lost workers")
        },
        Check("the store says when a deadline is next") { trial in
            let before = trial.store.now
            _ = try await trial.submit(Workflow.group([trial.step("a")], deadline: .seconds(60)))
            let next = try await trial.store.sweep(SweepOrders()).nextDue
            let due = try trial.require(next, "instant that is next")
            try trial.expect(
                due >= before + .seconds(60) && due <= trial.store.now + .seconds(60), "\(due) is the deadline")
        },
        Check("a deadline ends the members of a group, not what the group waits for") { trial in
            let ids = try await trial.submit(
                Workflow.chain([
                    trial.step("a"), Workflow.group([trial.step("b")], deadline: .seconds(60)), trial.step("c"),
                ]))
            let worker = try await trial.worker(lease: .seconds(3600))
            let first = try await trial.claimOne(worker, ids[0])
            try trial.equal(try await trial.advance(.seconds(60)).closed, 1, "groups that were closed")
            try trial.equal(try await trial.states(Array(ids[..<2])), [.running, .cancelled], "the states")
            try await trial.end(first)
            try trial.equal(try await trial.states([ids[1]]), [.cancelled], "the member's state later")
        },
        Check("a deadline also ends an empty group in the group, whatever that waited for") { trial in
            let group = Workflow.group(
                [trial.step("b"), Workflow.group([])], then: trial.step("c"), deadline: .seconds(60))
            let ids = try await trial.submit(Workflow.chain([trial.step("a"), group]))
            let worker = try await trial.worker(lease: .seconds(3600))
            _ = try await trial.claimOne(worker, ids[0])
            try await trial.advance(.seconds(60))
            try trial.equal(try await trial.states(ids), [.running, .cancelled, .ready], "the states")
        },
        Check("a deadline ends an empty group too, whatever that waits for, and what comes after it runs") { trial in
            let ids = try await trial.submit(
                Workflow.chain([trial.step("a"), Workflow.group([], deadline: .seconds(60)), trial.step("c")]))
            let worker = try await trial.worker(lease: .seconds(3600))
            let first = try await trial.claimOne(worker, ids[0])
            try trial.equal(try await trial.advance(.seconds(60)).closed, 1, "groups that were closed")
            try trial.equal(try await trial.states(ids), [.running, .ready], "the states")
            try await trial.end(first)
            try trial.equal(try await trial.runAll(worker), [ids[1]], "what is left to run")
        },
        Check("a group that was over in time has no deadline") { trial in
            let ids = try await trial.submit(
                Workflow.group([trial.step("a")], then: trial.step("then"), deadline: .seconds(60)))
            let worker = try await trial.worker(lease: .seconds(3600))
            try await trial.run(ids[0], worker)
            _ = try await trial.store.perform(.retry([ids[0]]))
            let again = try await trial.claim(worker, 2)
            try trial.equal(try await trial.advance(.seconds(120)).closed, 0, "groups that were closed")
            for claimed in again { try await trial.end(claimed) }
            try trial.equal(try await trial.states(ids), [.succeeded, .succeeded], "the states")
        },
        Check("a deadline cancels what follows where all members are needed and one had not begun") { trial in
            let worker = try await trial.worker(lease: .seconds(3600))
            for (count, wanted) in [(1, WorkState.ready), (2, .cancelled)] {
                let members = (0..<count).map { trial.step("\($0)") }
                let ids = try await trial.submit(
                    Workflow.group(members, then: trial.step("then"), policy: .all, deadline: .seconds(60)))
                _ = try await trial.claimOne(worker, ids[0])
                try await trial.advance(.seconds(60))
                try trial.equal(try await trial.states([ids[count]]), [wanted], "the callback of \(count) members")
                _ = try await trial.runAll(worker)
            }
        },
        Check("an inner deadline ends the inner group only") { trial in
            let inner = Workflow.group([trial.step("a")], then: trial.step("then"), deadline: .seconds(60))
            let ids = try await trial.submit(Workflow.group([inner, trial.step("b")], then: trial.step("outer")))
            let worker = try await trial.worker(lease: .seconds(3600))
            try await trial.advance(.seconds(60))
            let wanted: [WorkState] = [.cancelled, .ready, .ready, .blocked]
            try trial.equal(try await trial.states(ids), wanted, "the states")
            try trial.equal(try await trial.runAll(worker).count, 3, "how many run afterwards")
        },
    ]
}
