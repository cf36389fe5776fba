import LastCallWork

extension StoreConformance {
    /// All endings, and facts that they may meet.
    private static let allEndings: [JobEnding] =
        [
            .succeeded, .partial(.timeout, detail: "1 h"), .partial(.memory, detail: "1 GB"), .unstarted,
            .failed(detail: "no route", retryAfter: nil), .failed(detail: "no route", retryAfter: .zero),
            .failed(detail: "no route", retryAfter: .seconds(7)), .cancelled(detail: "by hand"),
            .lost(detail: "killed"), .refused(detail: "404"), .deadline,
        ] + EvictionPolicy.allCases.map { .evicted($0, detail: "SIGTERM") }

    /// What the machine decides is what is stored.
    static let endings: [Check] = [
        Check("C24 what the machine decides is written, for every ending and policy") { trial in
            let worker = try await trial.worker()
            for onLost in LossPolicy.allCases {
                for awaitsRemainder in [false, true] {
                    for ending in allEndings {
                        let id = try await trial.acceptOne { draft in
                            draft.onLost = onLost
                            draft.awaitsRemainder = awaitsRemainder
                            draft.attemptsMax = 2
                            draft.lossesMax = 1
                        }
                        let claimed = try await trial.claimOne(worker, id)
                        let change = try trial.settlement(claimed, ending).change
                        try await trial.end(claimed, ending)
                        try await isWritten(change, id, trial)
                        // Nothing is left to be claimed in its place.
                        _ = try await trial.store.perform(.cancel([id]))
                    }
                }
            }
        },
        Check("C24 evictions cost no attempt and no loss, and are counted") { trial in
            let worker = try await trial.worker()
            let id = try await trial.acceptOne { $0.attemptsMax = 1 }
            for policy in [EvictionPolicy.finish, .requeue, .continue, .requeue] {
                let claimed = try await trial.claimOne(worker, id)
                try trial.equal([claimed.facts.attempt, claimed.facts.losses], [1, 0], "attempt and losses")
                try await trial.end(claimed, .evicted(policy, detail: "SIGTERM"))
            }
            let waiting = try await trial.record(id)
            try trial.equal([waiting.attempt, waiting.losses, waiting.evictions], [0, 0, 4], "the counters")
            try trial.equal(waiting.reason, .eviction, "its reason")
            try await trial.run(id, worker)
            try trial.equal(try await trial.record(id).evictions, 4, "evictions at the end")
        },
        Check("C21 C22 C23 a job that keeps losing its worker is given up, and its output is kept") { trial in
            let id = try await trial.acceptOne { $0.lossesMax = 3 }
            for number in 1...3 {
                let worker = try await trial.worker("w\(number)")
                let claimed = try await trial.claimOne(worker, id)
                try trial.equal([claimed.facts.attempt, claimed.facts.losses], [1, number - 1], "attempt and losses")
                try await trial.end(claimed, .lost(detail: "killed"), output: ["line \(number)"])
            }
            let record = try await trial.record(id)
            try trial.equal(record.state, .dead, "its state")
            try trial.equal(record.reason, .workerLost, "its reason")
            try trial.equal(record.detail, "abandoned after 3 losses; the last: killed", "its detail")
            try trial.equal(record.losses, 3, "its losses")
            try trial.equal(try await trial.lines(id), ["line 1", "line 2", "line 3"], "its lines")
        },
        Check("a failure is tried again after its delay, as often as it may") { trial in
            let worker = try await trial.worker()
            let id = try await trial.acceptOne { $0.attemptsMax = 3 }
            for attempt in 1...2 {
                let claimed = try await trial.claimOne(worker, id)
                try trial.equal(claimed.facts.attempt, attempt, "the attempt")
                try await trial.end(claimed, .failed(detail: "no route", retryAfter: .seconds(10)))
                let waiting = try await trial.record(id)
                try trial.equal(waiting.state, .scheduled, "its state")
                try trial.equal(waiting.detail, "no route", "its detail")
                try trial.equal(waiting.dueAt, trial.store.now + .seconds(10), "when it is due")
                try trial.equal(try await trial.advance(.seconds(9)).promoted, 0, "early")
                try trial.equal(try await trial.advance(.seconds(1)).promoted, 1, "in time")
            }
            try await trial.run(id, worker, .failed(detail: "no route", retryAfter: .seconds(10)))
            let record = try await trial.record(id)
            try trial.equal(record.state, .failed, "its state")
            try trial.equal(record.attempt, 3, "its attempts")
            try trial.expect(record.finishedAt != nil, "it is over")
        },
        Check("what ended shows when, and keeps its result") { trial in
            let worker = try await trial.worker()
            let id = try await trial.acceptOne()
            let claimed = try await trial.claimOne(worker, id)
            await trial.subject.advance(.seconds(5))
            try await trial.end(claimed, .partial(.timeout, detail: "5 s"), result: "{\"found\":3}")
            let record = try await trial.record(id)
            try trial.equal(record.state, .partial, "its state")
            try trial.equal(record.reason, .timeout, "its reason")
            try trial.equal(record.detail, "5 s", "its detail")
            try trial.equal(record.result, Array("{\"found\":3}".utf8), "its result")
            try trial.equal(record.finishedAt, claimed.claimedAt + .seconds(5), "when it ended")
            try trial.equal(record.worker, nil, "its worker")
            try trial.equal(try await trial.claim(worker).count, 0, "what is left to claim")
        },
    ]

    /// A change is what the record shows.
    private static func isWritten(_ change: RecordChange, _ id: WorkID, _ trial: StoreTrial) async throws {
        let record = try await trial.record(id)
        let words = "\(change)"
        try trial.equal(record.state, change.state, "the state after \(words)")
        try trial.equal(record.reason, change.reason, "the reason after \(words)")
        try trial.equal(record.detail, change.detail, "the detail after \(words)")
        let counters = [change.attempt, change.losses, change.evictions]
        try trial.equal([record.attempt, record.losses, record.evictions], counters, "the counters after \(words)")
        try trial.equal(record.finishedAt != nil, change.state.isTerminal, "whether it is over after \(words)")
        let page = try await trial.store.output(of: id, from: .start, linesMax: 1)
        try trial.equal(page.resultFrom, change.outputFrom, "where its result begins after \(words)")
        try trial.equal(page.isOver, change.state.isTerminal, "whether its output is over after \(words)")
    }
}
