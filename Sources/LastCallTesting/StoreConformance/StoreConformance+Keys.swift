import LastCallWork

extension StoreConformance {
    /// Of a key there is one record of a kind.
    static let keys: [Check] = [
        Check("a key finds the record that has it, until that one is over") { trial in
            let worker = try await trial.worker()
            let first = try await trial.acceptOne { $0.key = UniqueKey("k") }
            for state in [WorkState.ready, .running] {
                try trial.equal(try await trial.states([first]), [state], "its state")
                let again = try await trial.store.accept([Submission(trial.job { $0.key = UniqueKey("k") })])
                try trial.equal(again, [Acceptance(ids: [first], isDuplicate: true)], "a second one")
                if state == .ready { _ = try await trial.claimOne(worker) }
            }
            let held = try await trial.record(first)
            var facts = RecordFacts(state: .running)
            facts.epoch = held.epoch
            facts.attempt = held.attempt
            let claim = ClaimKey(id: first, epoch: held.epoch)
            try trial.equal(try await trial.settle(trial.settlement(claim, facts, .succeeded)), [], "void settlements")
            let next = try await trial.store.accept([Submission(trial.job { $0.key = UniqueKey("k") })])
            try trial.expect(next[0].ids != [first] && !next[0].isDuplicate, "the key is free again")
            let last = try await trial.store.accept([Submission(trial.job { $0.key = UniqueKey("k") })])
            try trial.equal(last, [Acceptance(ids: next[0].ids, isDuplicate: true)], "a duplicate of the new one")
        },
        Check("a tick happens once: a retained key is taken as long as its record is remembered") { trial in
            let tick = trial.job { $0.key = UniqueKey("nightly@1700000000", scope: .retained) }
            let first = try await trial.accept(tick)[0]
            try await trial.run(first, try await trial.worker())
            let again = try await trial.other.accept([Submission(tick)])
            try trial.equal(again, [Acceptance(ids: [first], isDuplicate: true)], "a second tick")
            await trial.subject.advance(.seconds(100))
            let retention = Retention(succeeded: .seconds(60))
            let swept = try await trial.store.sweep(SweepOrders(retention: retention))
            try trial.equal(swept.forgotten, 1, "how many were forgotten")
            let next = try await trial.store.accept([Submission(tick)])
            try trial.expect(!next[0].isDuplicate && next[0].ids != [first], "the key is free once it is forgotten")
        },
        Check("a key is of its kind") { trial in
            let first = try await trial.acceptOne { $0.key = UniqueKey("k") }
            let second = try await trial.acceptOne { draft in
                draft.kind = "other"
                draft.key = UniqueKey("k")
            }
            try trial.expect(first != second, "another kind has its own keys")
        },
        Check("a key that is submitted twice in one call is accepted once") { trial in
            let draft = Submission(trial.job { $0.key = UniqueKey("k") })
            let accepted = try await trial.store.accept([draft, draft])
            try trial.equal(accepted.map(\.isDuplicate), [false, true], "which of them are duplicates")
            try trial.equal(accepted[0].ids, accepted[1].ids, "their ids")
        },
        Check("every way of being over frees a key") { trial in
            let worker = try await trial.worker()
            let endings: [JobEnding] = [
                .succeeded, .partial(.timeout, detail: ""), .failed(detail: "", retryAfter: nil),
                .cancelled(detail: ""), .refused(detail: ""), .evicted(.finalize, detail: ""),
            ]
            for ending in endings {
                let id = try await trial.acceptOne { $0.key = UniqueKey("k") }
                try await trial.run(id, worker, ending)
            }
            let waiting = try await trial.acceptOne { $0.key = UniqueKey("k") }
            _ = try await trial.store.perform(.cancel([waiting]))
            let last = try await trial.acceptOne { $0.key = UniqueKey("k") }
            try trial.expect(last != waiting, "a cancelled record has no key")
            try await trial.end(try await trial.claimOne(worker, last), .evicted(.requeue, detail: ""))
            let again = try await trial.store.accept([Submission(trial.job { $0.key = UniqueKey("k") })])
            try trial.equal(again[0].ids, [last], "the holder after it was given back")
        },
        Check("a key that is taken within a workflow accepts nothing") { trial in
            let draft = trial.job { $0.key = UniqueKey("k") }
            let pair = Submission(records: [draft, draft])
            let beside = Submission(trial.job("beside"))
            try await trial.refused(.duplicateKey, "a key twice in a workflow") {
                try await trial.store.accept([beside, pair])
            }
            let workflow = Submission(records: [draft, trial.job()])
            try await trial.refused(.duplicateKey, "a key of a record in the same call") {
                try await trial.store.accept([Submission(draft), workflow])
            }
            try await trial.refused(.duplicateKey, "a key of another workflow in the same call") {
                try await trial.store.accept([workflow, workflow])
            }
            try trial.equal(try await trial.store.records(WorkQuery()).count, 0, "how many records there are")
            _ = try await trial.accept(draft)
            try await trial.refused(.duplicateKey, "a key that is taken") { try await trial.store.accept([workflow]) }
            try trial.equal(try await trial.store.records(WorkQuery()).count, 1, "how many records there are")
        },
        Check("a workflow's key finds its record") { trial in
            let workflow = Submission(records: [trial.job { $0.key = UniqueKey("k") }, trial.job()])
            let single = Submission(trial.job { $0.key = UniqueKey("k") })
            let accepted = try await trial.store.accept([workflow, single])
            try trial.equal(accepted[1], Acceptance(ids: [accepted[0].ids[0]], isDuplicate: true), "the single one")
        },
        Check("a record that runs again takes its key only where it is free") { trial in
            let worker = try await trial.worker()
            let draft = trial.job { $0.key = UniqueKey("k") }
            let first = try await trial.accept(draft)[0]
            try await trial.run(first, worker)
            _ = try await trial.store.perform(.retry([first]))
            try trial.equal(try await trial.accept(draft), [first], "the holder after another try")
            try await trial.run(first, worker)
            let second = try await trial.accept(draft)[0]
            _ = try await trial.store.perform(.retry([first]))
            try trial.equal(try await trial.accept(draft), [second], "the holder beside the one that runs again")
            let claimed = try await trial.claim(worker, 2)
            for record in claimed where record.id == first { try await trial.end(record) }
            try trial.equal(try await trial.accept(draft), [second], "the holder after the other one's end")
        },
    ]
}
