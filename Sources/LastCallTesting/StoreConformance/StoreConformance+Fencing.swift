import LastCallWork

extension StoreConformance {
    /// How a claim can be overtaken, ready to be tried: what makes it so, and the claim.
    private static let overtakings: [(name: String, make: @Sendable (StoreTrial) async throws -> ClaimedRecord)] = [
        (
            "after it was given back",
            { trial in
                let claimed = try await held(trial)
                try await trial.end(claimed, .evicted(.requeue, detail: "the first"))
                return claimed
            }
        ),
        (
            "after somebody else claimed it",
            { trial in
                let claimed = try await held(trial)
                try await trial.end(claimed, .lost(detail: "rescued"))
                _ = try await trial.claimOne(try await trial.worker("second"), claimed.id)
                return claimed
            }
        ),
        (
            "after it ended",
            { trial in
                let claimed = try await held(trial)
                try await trial.end(claimed, .failed(detail: "the first", retryAfter: nil))
                return claimed
            }
        ),
        (
            "after it was cancelled",
            { trial in
                let claimed = try await held(trial)
                _ = try await trial.store.perform(.cancel([claimed.id]))
                try await trial.end(claimed, .cancelled(detail: "the first"))
                return claimed
            }
        ),
        (
            "after its group's deadline",
            { trial in
                let claimed = try await held(trial)
                try await trial.advance(.seconds(3600))
                return claimed
            }
        ),
        (
            "after it ran again and is held again",
            { trial in
                let claimed = try await held(trial)
                try await trial.end(claimed)
                _ = try await trial.store.perform(.retry([claimed.id]))
                _ = try await trial.claimOne(try await trial.worker("second"), claimed.id)
                return claimed
            }
        ),
    ]

    /// A record that is held.
    @Sendable private static func held(_ trial: StoreTrial) async throws -> ClaimedRecord {
        let ids = try await trial.submit(.group([trial.step("a")], deadline: .seconds(3600)))
        return try await trial.claimOne(try await trial.worker("first"), ids[0])
    }

    /// Late owners change nothing.
    static let fencing: [Check] =
        overtakings.map { overtaking in
            Check("C12 every write is void \(overtaking.name)") { trial in
                let claimed = try await overtaking.make(trial)
                let before = try await trial.record(claimed.id)
                let lines = try await trial.lines(claimed.id)
                for ending in [JobEnding.succeeded, .unstarted, .lost(detail: ""), .evicted(.finalize, detail: "")] {
                    let late = try trial.settlement(
                        claimed, ending, result: "late", output: ["late"], checkpoint: "late")
                    try trial.equal(try await trial.settle(late), [claimed.claim], "void settlements")
                    try trial.equal(try await trial.settle(late, on: trial.other), [claimed.claim], "void settlements")
                }
                let update = JobUpdate(
                    claim: claimed.claim, output: OutputChunk([WorkLine("late")]),
                    progress: JobProgress(fraction: 0.9, message: "late"), checkpoint: Array("late".utf8))
                let beat = try await trial.store.beat(BeatRequest(updates: [update], held: [claimed.claim]))
                try trial.equal(beat.overtaken, [claimed.claim], "void updates")
                try trial.equal(beat.cancelRequested, [], "cancelled claims")
                let mark = try await trial.store.exchange(ExchangeRequest(stopping: [claimed.claim]))
                try trial.equal(mark.overtaken, [claimed.claim], "void marks")
                try await trial.refused(.overtaken, "a late step") {
                    try await trial.store.journal(JournalEntry(name: "late", value: [1]), for: claimed.claim)
                }
                let after = try await trial.record(claimed.id)
                try trial.equal("\(after)", "\(before)", "the record")
                try trial.equal(try await trial.lines(claimed.id), lines, "its lines")
                try trial.equal(try await trial.store.journalEntries(of: claimed.id), [], "its journal")
            }
        } + [
            Check("claims that never were are void") { trial in
                let id = try await trial.acceptOne()
                let claimed = try await trial.claimOne(try await trial.worker(), id)
                let wrong = [
                    ClaimKey(id: id, epoch: 0), ClaimKey(id: id, epoch: 2),
                    ClaimKey(id: WorkID(rawValue: 999), epoch: 1),
                ]
                for claim in wrong {
                    let late = try trial.settlement(claim, claimed.facts, .succeeded)
                    try trial.equal(try await trial.settle(late), [claim], "void settlements")
                    let beat = try await trial.store.beat(BeatRequest(held: [claim]))
                    try trial.equal(beat.overtaken, [claim], "void claims")
                }
                try trial.equal(try await trial.states([id]), [.running], "its state")
            },
            Check("a void settlement spoils nothing beside it, and the same one twice counts once") { trial in
                let ids = try await trial.submit(
                    .group([trial.step("a"), trial.step("b"), trial.step("c")], then: trial.step("then")))
                let worker = try await trial.worker()
                let claimed = try await trial.claim(worker, 3)
                let good = try claimed.map { try trial.settlement($0, .succeeded) }
                let overtaken = try await trial.settle(good[0], good[0], good[1], good[0])
                try trial.equal(overtaken, [good[0].claim, good[0].claim], "void settlements")
                try trial.equal(
                    try await trial.states(ids), [.succeeded, .succeeded, .running, .blocked], "the states")
                try trial.equal(try await trial.settle(good[0], good[2]), [good[0].claim], "void settlements")
                try trial.equal(try await trial.states([ids[3]]), [.ready], "the callback's state")
            },
            Check("a beat names the claims that are gone, and those that were cancelled") { trial in
                let worker = try await trial.worker()
                for _ in 0..<3 { _ = try await trial.acceptOne() }
                let claimed = try await trial.claim(worker, 3)
                try await trial.end(claimed[0])
                let asked = try await trial.store.perform(.cancel([claimed[1].id]))
                try trial.equal(asked.asked, [claimed[1].id], "who was asked")
                let beat = try await trial.store.beat(BeatRequest(worker: worker, held: claimed.map(\.claim)))
                try trial.equal(beat.overtaken, [claimed[0].claim], "claims that are gone")
                try trial.equal(beat.cancelRequested, [claimed[1].claim], "claims that were cancelled")
            },
            Check("epochs grow with every claim and never go back") { trial in
                let worker = try await trial.worker()
                let id = try await trial.acceptOne { $0.attemptsMax = 9 }
                let endings: [JobEnding] = [
                    .unstarted, .evicted(.requeue, detail: ""), .evicted(.continue, detail: ""), .lost(detail: ""),
                    .failed(detail: "", retryAfter: .zero), .succeeded,
                ]
                for (number, ending) in endings.enumerated() {
                    let claimed = try await trial.claimOne(worker, id)
                    try trial.equal(claimed.epoch, Int64(number + 1), "the epoch")
                    try trial.equal(claimed.facts.epoch, claimed.epoch, "the epoch in its facts")
                    try await trial.end(claimed, ending)
                }
                _ = try await trial.store.perform(.retry([id]))
                try trial.equal(try await trial.claimOne(worker, id).epoch, 7, "the epoch")
            },
        ]
}
