import LastCallWork

extension StoreConformance {
    /// What jobs say while they run.
    static let output: [Check] = [
        Check("C6 lines are kept in their order, streamed ones and the last ones") { trial in
            let id = try await trial.acceptOne()
            let claimed = try await trial.claimOne(try await trial.worker(), id)
            for number in 1...3 {
                try await stream(["beat \(number)a", "beat \(number)b"], claimed, trial)
                try trial.equal(try await trial.record(id).lineCount, 2 * number, "how many lines there are")
            }
            try trial.equal(try await trial.store.output(of: id, from: .start, linesMax: 9).isOver, false, "it is over")
            try await trial.end(claimed, .evicted(.finalize, detail: "SIGTERM"), output: ["last", ""])
            let page = try await trial.store.output(of: id, from: .start, linesMax: 100)
            let wanted = ["beat 1a", "beat 1b", "beat 2a", "beat 2b", "beat 3a", "beat 3b", "last", ""]
            try trial.equal(page.lines.map(\.text), wanted, "the lines")
            try trial.expect(page.isOver && !page.hasMore, "nothing more will come")
            try trial.equal(try await trial.record(id).lineCount, 8, "how many lines there are")
        },
        Check("output is read in pages, over all runs, and followed from where one left off") { trial in
            let worker = try await trial.worker()
            let id = try await trial.acceptOne()
            var wanted: [String] = []
            for run in 1...3 {
                let claimed = try await trial.claimOne(worker, id)
                let lines = (1...run + 2).map { "run \(run) line \($0)" }
                try await stream(lines, claimed, trial)
                wanted += lines
                if run < 3 { try await trial.end(claimed, .evicted(.continue, detail: "")) }
            }
            for size in [1, 2, 3, 5, 100] {
                var found: [String] = []
                var position = OutputPosition.start
                var hasMore = true
                while hasMore {
                    let page = try await trial.other.output(of: id, from: position, linesMax: size)
                    try trial.expect(!page.lines.isEmpty || !page.hasMore, "a page with more to come has lines")
                    try trial.expect(page.next >= position, "the next page is further on")
                    found += page.lines.map(\.text)
                    (position, hasMore) = (page.next, page.hasMore)
                }
                try trial.equal(found, wanted, "the lines in pages of \(size)")
                let end = try await trial.store.output(of: id, from: position, linesMax: size)
                try trial.expect(end.lines.isEmpty && !end.hasMore && end.next == position, "there is no more")
            }
            let record = try await trial.record(id)
            let position = try await trial.store.output(of: id, from: .start, linesMax: 100).next
            let claim = ClaimKey(id: id, epoch: record.epoch)
            let update = JobUpdate(claim: claim, output: OutputChunk([WorkLine("more")]))
            _ = try await trial.store.beat(BeatRequest(updates: [update]))
            let more = try await trial.store.output(of: id, from: position, linesMax: 100)
            try trial.equal(more.lines.map(\.text), ["more"], "what came after")
        },
        Check("what a run wrote belongs to the result only where the next one goes on from it") { trial in
            let worker = try await trial.worker()
            let cases: [(ending: JobEnding, checkpoint: String?, wanted: Int64)] = [
                (.evicted(.requeue, detail: ""), nil, 2), (.evicted(.requeue, detail: ""), "here", 0),
                (.evicted(.finish, detail: ""), nil, 2), (.evicted(.continue, detail: ""), nil, 0),
                (.failed(detail: "", retryAfter: .zero), nil, 2), (.failed(detail: "", retryAfter: .zero), "here", 0),
                (.lost(detail: ""), nil, 2), (.lost(detail: ""), "here", 0), (.unstarted, nil, 0),
            ]
            for (ending, checkpoint, wanted) in cases {
                let id = try await trial.acceptOne { $0.attemptsMax = 2 }
                let claimed = try await trial.claimOne(worker, id)
                try await trial.end(claimed, ending, output: ["first"], checkpoint: checkpoint)
                let again = try await trial.claimOne(worker, id)
                try trial.equal(
                    again.checkpoint.map { String(decoding: $0, as: UTF8.self) }, checkpoint, "its checkpoint")
                try trial.equal(again.facts.hasCheckpoint, checkpoint != nil, "whether it has one")
                try trial.equal(again.facts.outputFrom, wanted, "where its result begins after \(ending)")
                try trial.equal(again.lineCount, 1, "how many lines are stored")
                try await trial.end(again, output: ["second"])
                let page = try await trial.store.output(of: id, from: .start, linesMax: 9)
                try trial.equal(page.lines.map(\.text), ["first", "second"], "its lines")
                try trial.equal(page.resultFrom, wanted, "where its result begins")
            }
        },
        Check("a checkpoint stays until there is another one") { trial in
            let worker = try await trial.worker()
            let id = try await trial.acceptOne()
            let first = try await trial.claimOne(worker, id)
            let update = JobUpdate(claim: first.claim, checkpoint: [1])
            _ = try await trial.store.beat(BeatRequest(worker: worker, updates: [update]))
            try await stream(["a line"], first, trial)
            try await trial.end(first, .evicted(.requeue, detail: ""))
            let second = try await trial.claimOne(worker, id)
            try trial.equal(second.checkpoint, [1], "the checkpoint of a beat")
            try await trial.end(second, .evicted(.requeue, detail: ""), checkpoint: "2")
            let third = try await trial.claimOne(worker, id)
            try trial.equal(third.checkpoint, Array("2".utf8), "the checkpoint of a settlement")
            try trial.expect(third.facts.hasCheckpoint, "its facts say so")
        },
        Check("progress is seen while it runs, and begins anew with the next run") { trial in
            let worker = try await trial.worker()
            let id = try await trial.acceptOne()
            let claimed = try await trial.claimOne(worker, id)
            let progress = JobProgress(fraction: 0.25, message: "3 of 12")
            _ = try await trial.store.beat(
                BeatRequest(worker: worker, updates: [JobUpdate(claim: claimed.claim, progress: progress)]))
            try trial.equal(try await trial.record(id).progress, progress, "its progress")
            _ = try await trial.store.beat(
                BeatRequest(worker: worker, updates: [JobUpdate(claim: claimed.claim, checkpoint: [1])]))
            try trial.equal(try await trial.record(id).progress, progress, "its progress after another beat")
            try await trial.end(claimed, .evicted(.requeue, detail: ""))
            _ = try await trial.claimOne(worker, id)
            try trial.equal(try await trial.record(id).progress, nil, "the next run's progress")
        },
        Check("output of what is not there is refused") { trial in
            try await trial.refused(.notFound, "output of an unknown record") {
                try await trial.store.output(of: WorkID(rawValue: 4711), from: .start, linesMax: 1)
            }
        },
        Check("B12 S17 journaled steps are read in their order, by every later run") { trial in
            let worker = try await trial.worker()
            let id = try await trial.acceptOne()
            let first = try await trial.claimOne(worker, id)
            try await trial.store.journal(JournalEntry(name: "invite", value: [1]), for: first.claim)
            try await trial.store.journal(JournalEntry(name: "comment", value: [2]), for: first.claim)
            try await trial.end(first, .lost(detail: ""))
            let second = try await trial.claimOne(worker, id)
            try trial.expect(second.hasJournal, "the next run knows that there is one")
            try trial.equal(
                try await trial.other.journalEntries(of: id),
                [JournalEntry(name: "invite", value: [1]), JournalEntry(name: "comment", value: [2])], "the journal")
            try await trial.store.journal(JournalEntry(name: "comment", value: [3]), for: second.claim)
            let entries = try await trial.store.journalEntries(of: id).filter { $0.name == "comment" }
            try trial.equal(entries.map(\.value), [[3]], "a step that was written again")
            try trial.equal(try await trial.store.journalEntries(of: WorkID(rawValue: 999)), [], "an unknown record's")
        },
    ]

    /// Streams lines with a beat.
    private static func stream(_ lines: [String], _ claimed: ClaimedRecord, _ trial: StoreTrial) async throws {
        let update = JobUpdate(claim: claimed.claim, output: OutputChunk(lines.map { WorkLine($0) }))
        let result = try await trial.store.beat(BeatRequest(updates: [update]))
        try trial.equal(result.overtaken, [], "void updates")
    }
}
