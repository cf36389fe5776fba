import LastCallWork

extension StoreConformance {
    /// What people ask for.
    static let people: [Check] = [
        Check("C8 what waits is cancelled at once, what runs is asked, what is over refuses") { trial in
            let worker = try await trial.worker()
            let over = try await trial.acceptOne()
            try await trial.run(over, worker)
            let running = try await trial.acceptOne()
            let claimed = try await trial.claimOne(worker, running)
            let waiting = try await trial.accept(trial.job(), trial.job { $0.delay = .seconds(60) })
            let missing = WorkID(rawValue: 4711)
            let result = try await trial.other.perform(.cancel([over, running, missing] + waiting))
            try trial.equal(result.changed, waiting, "what was changed")
            try trial.equal(result.asked, [running], "what was asked")
            try trial.equal(result.refused, [over: .succeeded], "what was refused")
            try trial.equal(result.missing, [missing], "what is missing")
            try trial.equal(try await trial.states(waiting), [.cancelled, .cancelled], "the states")
            let record = try await trial.record(waiting[0])
            try trial.equal(record.reason, .requested, "the reason")
            try trial.expect(record.finishedAt != nil, "it is over")
            try trial.expect(try await trial.record(running).cancelRequested, "the running one shows it")
            try trial.equal(try await trial.states([running]), [.running], "its state")
            var facts = claimed.facts
            facts.cancelRequested = true
            let settlement = try trial.settlement(claimed.claim, facts, .failed(detail: "", retryAfter: .zero))
            try trial.equal(try await trial.settle(settlement), [], "void settlements")
            try trial.equal(try await trial.states([running]), [.cancelled], "its state in the end")
            try await trial.advance(.seconds(60))
            try trial.equal(try await trial.claim(worker, 9).count, 0, "what is left to claim")
        },
        Check("who claims a record whose cancellation was asked for learns it") { trial in
            let worker = try await trial.worker()
            let id = try await trial.acceptOne()
            let claimed = try await trial.claimOne(worker, id)
            _ = try await trial.store.perform(.cancel([id]))
            // The worker gives it back without having heard.
            try await trial.end(claimed, .evicted(.requeue, detail: ""))
            let again = try await trial.claim(worker)
            for record in again { try trial.expect(record.facts.cancelRequested, "its facts say so") }
            for record in again { try await trial.end(record, .cancelled(detail: "")) }
            try trial.equal(try await trial.states([id]), [.cancelled], "its state")
        },
        Check("the whole of a workflow is cancelled, and nothing of it begins afterwards") { trial in
            let worker = try await trial.worker()
            let members = ["b", "c", "d"].map { trial.step($0) }
            let ids = try await trial.submit(
                .chain([trial.step("a"), .group(members, then: trial.step("then")), trial.step("last")]))
            try await trial.run(ids[0], worker)
            let claimed = try await trial.claimOne(worker, ids[1])
            let result = try await trial.store.perform(.cancelWorkflow(ids[0]))
            try trial.equal(result.changed.sorted(), Array(ids[2...]), "what was changed")
            try trial.equal(result.asked, [ids[1]], "what was asked")
            try trial.equal(result.refused, [:], "what was refused")
            try await trial.end(claimed, .cancelled(detail: ""))
            let wanted = [WorkState.succeeded] + Array(repeating: .cancelled, count: 5)
            try trial.equal(try await trial.states(ids), wanted, "the states")
            try trial.equal(try await trial.claim(worker, 9).count, 0, "what is left to claim")
            let missing = try await trial.store.perform(.cancelWorkflow(WorkID(rawValue: 4711)))
            try trial.equal(missing.missing, [WorkID(rawValue: 4711)], "an unknown workflow")
        },
        Check("a retry forgets what the record returned before, small or large") { trial in
            let worker = try await trial.worker()
            for size in [3, 300_000] {
                let id = try await trial.acceptOne()
                let claimed = try await trial.claimOne(worker, id)
                let result = String(repeating: "x", count: size)
                try await trial.end(claimed, .partial(.timeout, detail: ""), result: result)
                try trial.equal(try await trial.record(id).result?.count, size, "what it returned")
                _ = try await trial.store.perform(.retry([id]))
                try trial.equal(try await trial.record(id).result, nil, "what it returned, after the retry")
                try await trial.run(id, worker)
                try trial.equal(try await trial.record(id).result, nil, "what its second run returned")
            }
        },
        Check("what is over runs again with all its attempts, and without its delay") { trial in
            let worker = try await trial.worker()
            let id = try await trial.acceptOne { draft in
                draft.delay = .seconds(60)
                draft.attemptsMax = 2
                draft.lossesMax = 2
            }
            try await trial.advance(.seconds(60))
            try await trial.run(id, worker, .lost(detail: ""))
            try await trial.run(id, worker, .evicted(.requeue, detail: ""))
            try await trial.run(id, worker, .failed(detail: "", retryAfter: .zero))
            try await trial.run(id, worker, .failed(detail: "no route", retryAfter: .zero))
            let result = try await trial.store.perform(.retry([id, WorkID(rawValue: 4711)]))
            try trial.equal(result.changed, [id], "what was changed")
            try trial.equal(result.missing, [WorkID(rawValue: 4711)], "what is missing")
            let record = try await trial.record(id)
            try trial.equal(record.state, .ready, "its state")
            try trial.equal([record.attempt, record.losses, record.evictions], [0, 0, 1], "the counters")
            try trial.expect(record.finishedAt == nil && record.detail == nil, "it is not over")
            let again = try await trial.store.perform(.retry([id]))
            try trial.equal(again.refused, [id: .ready], "what is refused while it waits")
            let claimed = try await trial.claimOne(worker, id)
            try trial.equal([claimed.facts.attempt, Int(claimed.epoch)], [1, 5], "attempt and epoch")
            try await trial.end(claimed)
        },
        Check("P22a dead letters are replayed with their payload, as often as it takes") { trial in
            let worker = try await trial.worker()
            let id = try await trial.acceptOne { $0.payload = Array("letter".utf8) }
            for _ in 0..<3 {
                try await trial.run(id, worker, .refused(detail: "404"))
                try trial.equal(try await trial.states([id]), [.dead], "its state")
                let result = try await trial.store.perform(.retry([id]))
                try trial.equal(result.changed, [id], "what was changed")
            }
            let claimed = try await trial.claimOne(worker, id)
            try trial.equal(claimed.payload, Array("letter".utf8), "its payload")
            try await trial.end(claimed)
        },
        Check("what a person lets run again waits for nothing any more") { trial in
            let worker = try await trial.worker()
            let ids = try await trial.submit(Workflow.chain([trial.step("a"), trial.step("b")]))
            _ = try await trial.store.perform(.cancel([ids[1]]))
            _ = try await trial.store.perform(.retry([ids[1]]))
            try trial.equal(try await trial.states(ids), [.ready, .ready], "the states")
            let claimed = try await trial.claim(worker, 2).sorted { $0.id < $1.id }
            try await trial.end(claimed[1], .evicted(.requeue, detail: ""))
            try await trial.end(claimed[0], .failed(detail: "", retryAfter: nil))
            try trial.equal(try await trial.states(ids), [.failed, .ready], "the states")
            try await trial.run(ids[1], worker)
        },
        Check("a cancelled record that runs again is no longer cancelled") { trial in
            let worker = try await trial.worker()
            let id = try await trial.acceptOne()
            let claimed = try await trial.claimOne(worker, id)
            _ = try await trial.store.perform(.cancel([id]))
            try await trial.end(claimed, .cancelled(detail: ""))
            _ = try await trial.store.perform(.retry([id]))
            let again = try await trial.claimOne(worker, id)
            try trial.expect(!again.facts.cancelRequested, "its facts say so")
            let beat = try await trial.store.beat(BeatRequest(worker: worker, held: [again.claim]))
            try trial.equal(beat.cancelRequested, [], "what a beat says")
        },
    ]
}
