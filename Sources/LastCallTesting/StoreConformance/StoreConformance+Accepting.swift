import LastCallWork

extension StoreConformance {
    /// What is accepted is there, whole and as it was submitted.
    static let accepting: [Check] = [
        Check("C25 a record is visible from its acceptance on, as it was submitted") { trial in
            let now = trial.store.now
            let id = try await trial.acceptOne { draft in
                draft.payload = Array("{\"path\":\"a\"}".utf8)
                draft.priority = -7
                draft.queue = "slow"
                draft.key = UniqueKey("k")
                draft.lane = "there"
                draft.attemptsMax = 4
            }
            let record = try await trial.record(id)
            try trial.equal(record.kind, "job", "its kind")
            try trial.equal(record.payload, Array("{\"path\":\"a\"}".utf8), "its payload")
            try trial.equal(record.priority, -7, "its priority")
            try trial.equal(record.queue, "slow", "its queue")
            try trial.equal(record.key, "k", "its key")
            try trial.equal(record.lane, "there", "its lane")
            try trial.equal(record.attemptsMax, 4, "its attempts")
            try trial.equal(record.state, .ready, "its state")
            try trial.equal(record.workflow, id, "its workflow")
            try trial.equal(
                [record.attempt, record.losses, record.evictions, Int(record.epoch)], [0, 0, 0, 0], "counters")
            try trial.expect(record.acceptedAt >= now, "it was accepted after it was submitted")
            try trial.expect(record.result == nil && record.finishedAt == nil && record.worker == nil, "it did not run")
        },
        Check("a worker is given what was submitted") { trial in
            let draft = trial.job("payload") { draft in
                draft.payloadVersion = 3
                draft.timeout = .milliseconds(1500)
                draft.trace = ["traceparent": "00-ab-cd-01", "tracestate": "a=b"]
                draft.lossesMax = nil
                draft.onLost = .finalize
                draft.awaitsRemainder = true
                draft.attemptsMax = 9
                draft.key = UniqueKey("key")
            }
            let id = try await trial.accept(draft)[0]
            let claimed = try await trial.claimOne(try await trial.worker(), id)
            try trial.equal(claimed.payload, draft.payload, "its payload")
            try trial.equal(claimed.payloadVersion, 3, "its version")
            try trial.equal(claimed.timeout, .milliseconds(1500), "its timeout")
            try trial.equal(claimed.trace, draft.trace, "its trace")
            try trial.equal(claimed.key, "key", "its key")
            try trial.equal(claimed.workflow, id, "its workflow")
            try trial.expect(
                claimed.checkpoint == nil && !claimed.hasJournal && claimed.lineCount == 0, "it is its first run")
            var facts = RecordFacts(state: .running)
            facts.epoch = 1
            facts.attempt = 1
            facts.attemptsMax = 9
            facts.lossesMax = nil
            facts.onLost = .finalize
            facts.awaitsRemainder = true
            try trial.equal(claimed.facts, facts, "its facts")
        },
        Check("ids grow in the order of submission") { trial in
            var ids = try await trial.accept(trial.job("a"), trial.job("b"), trial.job("c"))
            ids += try await trial.submit(.chain([trial.step("d"), trial.step("e")]))
            ids += try await trial.accept(trial.job("f"))
            try trial.equal(ids, ids.sorted(), "the ids")
            try trial.equal(Set(ids).count, 6, "how many there are")
            let found = try await trial.store.records(WorkQuery())
            try trial.equal(found.map { String(decoding: $0.payload, as: UTF8.self) }.joined(), "abcdef", "their order")
        },
        Check("a workflow's records name the first of them") { trial in
            let ids = try await trial.submit(.group([trial.step("a"), trial.step("b")], then: trial.step("c")))
            let found = try await trial.store.records(WorkQuery(workflow: ids[0]))
            try trial.equal(found.map(\.id), ids, "the records of the workflow")
            try trial.equal(found.map(\.workflow), [ids[0], ids[0], ids[0]], "their workflow")
            try trial.equal(found.map(\.state), [.ready, .ready, .blocked], "their states")
        },
        Check("what is invalid accepts nothing, also not what was beside it") { trial in
            let large = [UInt8](repeating: 1, count: trial.store.traits.payloadBytesMax + 1)
            let wrong: [(WorkError.Code, Submission)] = [
                (.invalidSubmission, Submission(records: [])),
                (.invalidSubmission, Submission(RecordDraft(kind: ""))),
                (.invalidSubmission, Submission(trial.job { $0.priority = 101 })),
                (.invalidSubmission, Submission(trial.job { $0.attemptsMax = 0 })),
                (.invalidSubmission, Submission(trial.job { $0.queue = "a\nb" })),
                (.invalidSubmission, Submission(trial.job { $0.node = 0 })),
                (.tooLarge, Submission(trial.job { $0.payload = large })),
                (.tooLarge, Submission(trial.job { $0.key = UniqueKey(String(repeating: "k", count: 513)) })),
                (.notFound, Submission(trial.job { $0.waitsForRecord = WorkID(rawValue: 4711) })),
            ]
            for (code, submission) in wrong {
                try await trial.refused(code, "\(submission)") {
                    try await trial.store.accept([Submission(trial.job("beside")), submission])
                }
            }
            try trial.equal(try await trial.store.records(WorkQuery()).count, 0, "how many records there are")
        },
        Check("bytes that are not UTF-8 come back as they went in") { trial in
            let odd: [UInt8] = [0, 0xFF, 0xFE, 0x80, 0, 0xC3]
            let id = try await trial.acceptOne { $0.payload = odd }
            let worker = try await trial.worker()
            let claimed = try await trial.claimOne(worker)
            try trial.equal(claimed.payload, odd, "the payload")
            try await trial.store.journal(JournalEntry(name: "step", value: odd), for: claimed.claim)
            var settlement = try trial.settlement(claimed, .evicted(.requeue, detail: ""), checkpoint: "")
            settlement.checkpoint = odd
            settlement.result = odd
            settlement.output = OutputChunk([WorkLine(odd, source: .error), WorkLine([])])
            try trial.equal(try await trial.settle(settlement), [], "void settlements")
            try trial.equal(try await trial.claimOne(worker).checkpoint, odd, "the checkpoint")
            try trial.equal(try await trial.record(id).result, odd, "the result")
            try trial.equal(try await trial.store.journalEntries(of: id).map(\.value), [odd], "the journal")
            let page = try await trial.store.output(of: id, from: .start, linesMax: 10)
            try trial.equal(page.lines, [WorkLine(odd, source: .error), WorkLine([])], "the lines")
        },
        Check("nothing is not the same as something empty") { trial in
            let ids = try await trial.accept(trial.job("a"), trial.job("b"))
            let worker = try await trial.worker()
            try await trial.end(try await trial.claimOne(worker, ids[0]), result: "")
            try await trial.end(try await trial.claimOne(worker, ids[1]))
            try trial.equal(try await trial.record(ids[0]).result, [], "an empty result")
            try trial.equal(try await trial.record(ids[1]).result, nil, "no result")
        },
        Check("names may hold quotes, spaces and letters of any script") { trial in
            let name = "it's a \"job\"; -- %_ ünïcödé 名前 👋"
            let id = try await trial.acceptOne { draft in
                draft.kind = name
                draft.queue = name
                draft.lane = name
                draft.key = UniqueKey(name)
            }
            let found = try await trial.store.records(WorkQuery(kinds: [name], queues: [name]))
            try trial.equal(found.map(\.id), [id], "what is found by name")
            try trial.equal(try await trial.store.counts().map(\.queue), [name], "the queue in the counts")
            let worker = try await trial.worker()
            let claimed = try await trial.claim(worker, kinds: [name], queue: name)
            try trial.equal(claimed.map(\.kind), [name], "what is claimed")
        },
        Check("a group of 5,000 is accepted, claimed and ended, and its callback runs") { trial in
            let members = (0..<5000).map { trial.step("\($0)") }
            let ids = try await trial.submit(.group(members, then: trial.step("then")))
            try trial.equal(ids.count, 5001, "how many were accepted")
            let worker = try await trial.worker()
            var seen: Set<WorkID> = []
            while seen.count < 5000 {
                let claimed = try await trial.claim(worker, 700)
                try trial.expect(!claimed.isEmpty, "\(5000 - seen.count) more to claim")
                try trial.expect(!claimed.contains { $0.id == ids[5000] }, "the callback waits")
                seen.formUnion(claimed.map(\.id))
                let settlements = try claimed.map { try trial.settlement($0, .succeeded) }
                let result = try await trial.store.exchange(ExchangeRequest(settlements: settlements))
                try trial.equal(result.overtaken, [], "void settlements")
            }
            try await trial.run(ids[5000], worker)
        },
        Check("5,000 records are accepted in one call") { trial in
            let drafts = (0..<5000).map { number in Submission(trial.job("\(number)")) }
            let accepted = try await trial.store.accept(drafts)
            let ids = accepted.flatMap(\.ids)
            try trial.equal(ids.count, 5000, "how many were accepted")
            try trial.equal(ids, ids.sorted(), "their order")
            try trial.equal(try await trial.store.counts().map(\.count), [5000], "how many are ready")
        },
    ]
}
