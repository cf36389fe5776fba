import LastCallWork

extension StoreConformance {
    /// What is forgotten, and what is not.
    static let retention: [Check] = [
        Check("what is over is forgotten by its state, once it was kept long enough") { trial in
            let worker = try await trial.worker(lease: .seconds(3600))
            let endings: [JobEnding] = [
                .succeeded, .partial(.timeout, detail: ""), .failed(detail: "", retryAfter: nil),
                .cancelled(detail: ""), .refused(detail: ""),
            ]
            var ids: [WorkID] = []
            for ending in endings {
                ids += [try await trial.acceptOne()]
                try await trial.run(ids[ids.count - 1], worker, ending, output: ["a line"])
            }
            let keep = Retention(
                succeeded: .seconds(10), partial: .seconds(20), failed: .seconds(30), cancelled: .seconds(40), dead: nil
            )
            for forgotten in 0...4 {
                let swept = try await trial.store.sweep(SweepOrders(retention: keep))
                try trial.equal(swept.forgotten, forgotten == 0 ? 0 : 1, "how many were forgotten")
                let left = try await trial.store.records(WorkQuery()).map(\.id)
                try trial.equal(left, Array(ids[forgotten...]), "what is left")
                await trial.subject.advance(.seconds(10))
            }
            try await trial.refused(.notFound, "output of what was forgotten") {
                try await trial.store.output(of: ids[0], from: .start, linesMax: 1)
            }
            let result = try await trial.store.perform(.retry([ids[0]]))
            try trial.equal(result.missing, [ids[0]], "what is missing")
            try trial.equal(try await trial.store.counts().map(\.state), [.dead], "what is counted")
        },
        Check("a workflow is forgotten whole, when its last record may be") { trial in
            let worker = try await trial.worker(lease: .seconds(3600))
            let ids = try await trial.submit(
                Workflow.chain([
                    trial.step("a"), Workflow.group([trial.step("b"), Workflow.group([])], then: trial.step("c")),
                ]))
            let keep = SweepOrders(retention: Retention(succeeded: .seconds(10)))
            for (number, id) in ids.enumerated() {
                try await trial.run(id, worker)
                await trial.subject.advance(.seconds(9))
                let swept = try await trial.store.sweep(keep)
                try trial.equal(swept.forgotten, 0, "how many were forgotten after \(number + 1) ended")
            }
            let node = try trial.require(try await trial.record(ids[2]).waitsForNode, "group to read")
            await trial.subject.advance(.seconds(1))
            try trial.equal(try await trial.store.sweep(keep).forgotten, 3, "how many were forgotten")
            try trial.equal(try await trial.store.records(WorkQuery()).count, 0, "how many are left")
            try trial.equal(try await trial.store.members(of: node).count, 0, "members of its group")
        },
        Check("what waits, runs or runs again is not forgotten") { trial in
            let worker = try await trial.worker(lease: .seconds(360_000))
            let again = try await trial.acceptOne()
            try await trial.run(again, worker)
            _ = try await trial.store.perform(.retry([again]))
            let held = try await trial.claimOne(worker, again)
            let ids = try await trial.accept(trial.job(), trial.job { $0.delay = .seconds(90_000) })
            await trial.subject.advance(.seconds(80_000))
            let zero = Retention(
                succeeded: .zero, partial: .zero, failed: .zero, cancelled: .zero, dead: .zero)
            let swept = try await trial.store.sweep(SweepOrders(retention: zero))
            try trial.equal(swept.forgotten, 0, "how many were forgotten")
            try await trial.end(held)
            try trial.equal(try await trial.store.sweep(SweepOrders(retention: zero)).forgotten, 1, "what is over now")
            try trial.equal(try await trial.store.records(WorkQuery()).map(\.id), ids, "what is left")
        },
        Check("what another record is to tell of is kept until that one is over, and while it is a dead letter") {
            trial in
            let worker = try await trial.worker(lease: .seconds(360_000))
            let follower = trial.job { $0.queue = "notes" }
            let told = try await trial.acceptOne { $0.followers = [follower] }
            let steps = try await trial.submit(
                Workflow.chain([trial.step("a"), trial.step("b") { $0.followers = [follower] }]))
            let plain = try await trial.acceptOne()
            for id in [told, steps[0], steps[1], plain] { try await trial.run(id, worker) }
            await trial.subject.advance(.seconds(80_000))
            let orders = SweepOrders(retention: Retention(succeeded: .zero, dead: nil))
            try trial.equal(try await trial.store.sweep(orders).forgotten, 1, "how many are forgotten at first")
            try trial.equal(try await trial.store.records(WorkQuery(ids: [plain])).count, 0, "what nobody tells of")
            let notes = try await trial.claim(worker, 2, queue: "notes")
            try await trial.end(notes[0], .refused(detail: ""))
            try await trial.end(notes[1])
            await trial.subject.advance(.seconds(1))
            // The chain and who told of it.
            try trial.equal(try await trial.store.sweep(orders).forgotten, 3, "how many are forgotten then")
            _ = try await trial.store.perform(.retry([notes[0].id]))
            try await trial.end(try trial.require(try await trial.claim(worker, queue: "notes").first, "it again"))
            await trial.subject.advance(.seconds(1))
            _ = try await trial.store.sweep(orders)
            _ = try await trial.store.sweep(orders)
            try trial.equal(try await trial.store.records(WorkQuery()).count, 0, "what is left in the end")
        },
        Check("a sweep forgets about as many as it was told, and the next one goes on") { trial in
            let worker = try await trial.worker()
            for _ in 0..<10 { try await trial.run(try await trial.acceptOne(), worker) }
            await trial.subject.advance(.seconds(1))
            let orders = SweepOrders(retention: Retention(succeeded: .zero), forgetMax: 4)
            var forgotten: [Int] = []
            for _ in 0..<4 { forgotten.append(try await trial.store.sweep(orders).forgotten) }
            try trial.equal(forgotten, [4, 4, 2, 0], "how many were forgotten in each")
        },
        Check("a large workflow that has to be kept does not keep what is younger") { trial in
            let worker = try await trial.worker()
            let steps = (0..<20).map { _ in trial.step() }
            _ = try await trial.submit(Workflow.group(steps + [trial.step { $0.priority = 1 }]))
            for _ in 0..<20 { try await trial.end(try await trial.claimOne(worker)) }
            let open = try await trial.claimOne(worker)
            for _ in 0..<5 { try await trial.run(try await trial.acceptOne(), worker) }
            await trial.subject.advance(.seconds(1))
            let orders = SweepOrders(retention: Retention(succeeded: .zero), forgetMax: 3)
            let forgotten = [
                try await trial.store.sweep(orders).forgotten, try await trial.store.sweep(orders).forgotten,
            ]
            try trial.equal(forgotten, [3, 2], "how many were forgotten in each")
            try await trial.end(open)
            await trial.subject.advance(.seconds(1))
            try trial.equal(try await trial.store.sweep(orders).forgotten, 21, "what the workflow had")
        },
        Check("ids are not used again") { trial in
            let worker = try await trial.worker()
            let first = try await trial.acceptOne()
            try await trial.run(first, worker)
            await trial.subject.advance(.seconds(1))
            _ = try await trial.store.sweep(SweepOrders(retention: Retention(succeeded: .zero)))
            let second = try await trial.acceptOne()
            try trial.expect(second > first, "\(second) comes after \(first)")
            try await trial.refused(.notFound, "waiting for what was forgotten") {
                try await trial.acceptOne { $0.waitsForRecord = first }
            }
        },
        Check("B7 a recount finds nothing to mend, wherever a workflow is") { trial in
            let worker = try await trial.worker()
            let inner = Workflow.group([
                trial.step("a"), Workflow.chain([trial.step("b"), trial.step("c")]), Workflow.group([]),
            ])
            _ = try await trial.submit(
                Workflow.chain([
                    Workflow.group([inner, trial.step("d")], then: trial.step("e")), Workflow.group([trial.step("f")]),
                    trial.step("g"),
                ]))
            let endings: [JobEnding] = [
                .succeeded, .failed(detail: "", retryAfter: .zero), .partial(.memory, detail: ""),
            ]
            for round in 0..<30 {
                let swept = try await trial.store.sweep(SweepOrders(recounts: true))
                try trial.equal(swept.mended, 0, "counters to mend in round \(round)")
                for claimed in try await trial.claim(worker, 2) {
                    try await trial.end(claimed, endings[round % endings.count])
                }
            }
        },
    ]
}
