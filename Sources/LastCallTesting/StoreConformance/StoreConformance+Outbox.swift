import LastCallWork

extension StoreConformance {
    /// What messages need beyond order: limits, rates, breakers, and a drain that tries what waits.
    static let outbox: [Check] = limits + breakers + lateProbes + rates + drains

    private static let limits: [Check] = [
        Check("P16 at its limit a lane drops the oldest that waits, once, and never the one that is run") { trial in
            let first = try await trial.message(waitingMax: 2, drops: true)
            let worker = try await trial.worker()
            let running = try await trial.claimOne(worker, first.ids[0])
            var ids: [WorkID] = []
            for _ in 0..<2 { ids += try await trial.message(waitingMax: 2, drops: true).ids }
            let more = try await trial.message(waitingMax: 2, drops: true)
            try trial.equal(more.dropped, [ids[0]], "what had to leave")
            try trial.equal(try await trial.states(ids + more.ids), [.dead, .blocked, .blocked], "the states")
            let dropped = try await trial.record(ids[0])
            try trial.equal(dropped.reason, .overflow, "the reason")
            try trial.equal(dropped.payload, Array("hello".utf8), "its payload")
            try trial.equal(try await trial.store.lanes(prefix: "").map(\.depth), [3], "how many are in the lane")
            try await trial.end(running)
            try trial.equal(try await trial.runAll(worker), [ids[1]] + more.ids, "what is left, in this order")
        },
        Check("P16 where nobody has the first of a lane, it is the oldest that waits") { trial in
            let first = try await trial.message(waitingMax: 1, drops: true)
            let next = try await trial.message(waitingMax: 1, drops: true)
            try trial.equal(next.dropped, first.ids, "what had to leave")
            try trial.equal(try await trial.states(first.ids + next.ids), [.dead, .ready], "the states")
            // Dead letters run again when somebody says so.
            _ = try await trial.store.perform(.retry(first.ids))
            try trial.equal(try await trial.runAll(try await trial.worker()), next.ids + first.ids, "the order")
        },
        Check("P16 at its limit a lane refuses, and with it everything that came in the same call") { trial in
            for _ in 0..<3 { _ = try await trial.message(waitingMax: 3) }
            try await trial.refused(.laneFull, "one more") { try await trial.message(waitingMax: 3) }
            try await trial.refused(.laneFull, "one more beside another") {
                let more = trial.letter(lane: "other", waitingMax: 3)
                return try await trial.accept(more, trial.letter(waitingMax: 3))
            }
            try await trial.refused(.laneFull, "three at once") {
                try await trial.accept(
                    trial.letter(lane: "third", waitingMax: 2), trial.letter(lane: "third", waitingMax: 2),
                    trial.letter(lane: "third", waitingMax: 2))
            }
            try trial.equal(try await trial.store.records(WorkQuery()).count, 3, "how many were accepted")
            try trial.equal(try await trial.store.lanes(prefix: "").map(\.name), ["there"], "the lanes")
            _ = try await trial.claimOne(try await trial.worker())
            _ = try await trial.message(waitingMax: 3)
        },
        Check("delays in one lane go by side by side, and one that is let run again has none") { trial in
            let worker = try await trial.worker(lease: .seconds(360_000))
            let accepted = trial.store.now
            let ids = try await trial.accept(
                trial.letter { $0.delay = .seconds(3600) }, trial.letter { $0.delay = .seconds(3600) },
                trial.letter { $0.delay = .seconds(3600) })
            try await trial.advance(.seconds(3599))
            try trial.equal(try await trial.claim(worker).count, 0, "what runs before the hour is over")
            try await trial.advance(.seconds(1))
            let first = try await trial.claimOne(worker, ids[0])
            try trial.equal(first.eligibleAt, accepted + .seconds(3600), "since when the first might run")
            try await trial.end(first, .refused(detail: ""))
            let second = try await trial.claimOne(worker, ids[1])
            try trial.equal(second.eligibleAt, accepted + .seconds(3600), "since when the second might run")
            // It comes back behind the third, while the second has its turn.
            try await trial.advance(.seconds(60))
            let again = trial.store.now
            _ = try await trial.store.perform(.retry([ids[0]]))
            try await trial.end(second)
            // By their ids the one that came back goes first.
            let back = try await trial.claimOne(worker, ids[0])
            try trial.equal(back.eligibleAt, again, "since when the one that came back might run")
            try await trial.end(back)
            try await trial.run(ids[2], worker)
        },
        Check("the time of what follows a record counts from that one's end") { trial in
            let worker = try await trial.worker(lease: .seconds(360_000))
            let follower = trial.letter { $0.queue = "notes" }
            let id = try await trial.acceptOne { $0.followers = [follower] }
            try await trial.advance(.seconds(90_000))
            try await trial.run(id, worker)
            let end = trial.store.now
            try await trial.advance(.seconds(10))
            let note = try trial.require(try await trial.claim(worker, queue: "notes").first, "what follows")
            try trial.equal(note.eligibleAt, end, "since when it might run")
        },
        Check("a lane counts what is in it, however it comes and leaves") { trial in
            func depth() async throws -> [Int] { try await trial.store.lanes(prefix: "th").map(\.depth) }
            let worker = try await trial.worker()
            let first = try await trial.acceptOne()
            let ids = try await trial.accept(
                trial.letter(), trial.letter(), trial.letter { $0.waitsForRecord = first })
            try trial.equal(try await depth(), [2], "how many there are")
            _ = try await trial.store.perform(.cancel([ids[1]]))
            try trial.equal(try await depth(), [1], "how many there are after one that waited was cancelled")
            try await trial.run(first, worker)
            try trial.equal(try await depth(), [2], "how many there are once another may come")
            try await trial.run(ids[0], worker)
            try trial.equal(try await depth(), [1], "how many there are after one was run")
            _ = try await trial.store.perform(.retry([ids[1]]))
            try trial.equal(try await depth(), [2], "how many there are after one came back")
            try trial.equal(try await trial.runAll(worker), [ids[2], ids[1]], "the order")
            try trial.equal(try await depth(), [], "what is left")
        },
    ]

    private static let breakers: [Check] = [
        Check("P22c P18 a lane that keeps failing is left alone: nothing new is taken, what waits stays") { trial in
            let worker = try await trial.worker()
            let ids = try await trial.accept(trial.letter { $0.attemptsMax = 9 }, trial.letter())
            for _ in 0..<2 {
                try await trial.fail(ids[0], worker, lane: .failed(failuresMax: 2, coolDown: .seconds(30)))
            }
            try await trial.refused(.breakerOpen, "a new one") { try await trial.message(refuses: true) }
            let other = try await trial.message(lane: "other", refuses: true)
            _ = try await trial.message()
            try trial.equal(try await trial.runAll(worker), other.ids, "what runs meanwhile")
            try await trial.advance(.seconds(29))
            try trial.equal(try await trial.claim(worker).count, 0, "what runs before its time is over")
            try await trial.advance(.seconds(1))
            // One tries; it fails, and the lane is left alone again.
            try await trial.fail(ids[0], worker, lane: .failed(failuresMax: 2, coolDown: .seconds(30)))
            try await trial.refused(.breakerOpen, "a new one") { try await trial.message(refuses: true) }
            try await trial.advance(.seconds(30))
            try await trial.end(try await trial.claimOne(worker, ids[0]), lane: .succeeded)
            _ = try await trial.message(refuses: true)
            let breaker = try await trial.store.lanes(prefix: "").first?.breaker
            try trial.equal(breaker, BreakerStateMachine(), "the breaker")
        },
        Check("P22c a kind that keeps failing is left alone in all lanes, and then exactly one tries") { trial in
            let worker = try await trial.worker()
            for number in 0..<4 {
                _ = try await trial.accept(trial.letter(lane: "\(number)") { $0.attemptsMax = 9 })
            }
            let verdict = LaneNews.Verdict.failed(failuresMax: 2, coolDown: .seconds(30))
            for claimed in try await trial.knock(worker, 2) { try await trial.fail(claimed, kind: verdict) }
            let closed = try await trial.knocking(worker, 9)
            try trial.equal(closed.claimed.count, 0, "what is claimed while it is left alone")
            try trial.equal(closed.gateOpensAt, trial.store.now + .seconds(30), "when one may try")
            try await trial.refused(.breakerOpen, "a new one") { try await trial.message(lane: "new", refuses: true) }
            try await trial.advance(.seconds(30))
            let probe = try await trial.knock(worker, 9)
            try trial.equal(probe.count, 1, "how many try")
            try trial.equal(try await trial.knock(worker, 9).count, 0, "how many try beside it")
            // What ended in a way that says nothing lets another one try.
            try await trial.end(probe[0], .unstarted)
            let second = try await trial.knock(worker, 9)
            try trial.equal(second.count, 1, "how many try then")
            try await trial.fail(second[0], kind: verdict)
            try trial.equal(try await trial.knock(worker, 9).count, 0, "how many try after it failed")
            try await trial.advance(.seconds(30))
            let third = try await trial.knock(worker, 9)
            try await trial.end(third[0], kind: .succeeded)
            try trial.equal(try await trial.knock(worker, 9).count, 3, "what runs once one was well")
        },
        Check("P22c a probe whose worker dies is followed by another") { trial in
            let worker = try await trial.worker()
            _ = try await trial.accept(trial.letter { $0.attemptsMax = 9 })
            let verdict = LaneNews.Verdict.failed(failuresMax: 1, coolDown: .seconds(5))
            try await trial.fail(try await trial.knock(worker, 1)[0], kind: verdict)
            try await trial.advance(.seconds(5))
            let probe = try await trial.knock(worker, 9)
            try trial.equal(probe.count, 1, "how many try")
            try await trial.end(probe[0], .lost(detail: ""))
            try trial.equal(try await trial.knock(worker, 9).count, 1, "how many try then")
        },
    ]

    private static let lateProbes: [Check] = [
        Check("P22c a probe that a deadline ends is followed by another") { trial in
            let worker = try await trial.worker(lease: .seconds(3600))
            let verdict = LaneNews.Verdict.failed(failuresMax: 1, coolDown: .seconds(5))
            _ = try await trial.acceptOne()
            try await trial.fail(try await trial.knock(worker, 1)[0], kind: verdict)
            try await trial.advance(.seconds(5))
            _ = try await trial.submit(
                Workflow.group([trial.step("a")], then: trial.step("then") { $0.kind = "other" }, deadline: .seconds(9))
            )
            try trial.equal(try await trial.knock(worker, 9).count, 1, "how many try")
            try await trial.advance(.seconds(9))
            _ = try await trial.acceptOne()
            try trial.equal(try await trial.knock(worker, 9).count, 1, "how many try then")
        }
    ]

    private static let rates: [Check] = [
        Check("P22b a lane rests as long as it is asked to, and others go on") { trial in
            let worker = try await trial.worker()
            let ids = try await trial.accept(trial.letter(), trial.letter(), trial.letter(lane: "other"))
            var news = LaneNews()
            news.laneRest = .seconds(10)
            try await trial.end(try await trial.claimOne(worker, ids[0]), news: news)
            try trial.equal(try await trial.runAll(worker), [ids[2]], "what runs meanwhile")
            try trial.equal(
                try await trial.store.lanes(prefix: "there").map(\.restsUntil), [trial.store.now + .seconds(10)],
                "until when it rests")
            try await trial.advance(.seconds(10))
            try await trial.end(try await trial.claimOne(worker, ids[1]), news: news)
            // It rests also when nothing is in it.
            let last = try await trial.message()
            try trial.equal(try await trial.states(last.ids), [.scheduled], "the state of one that comes meanwhile")
            try await trial.advance(.seconds(10))
            try await trial.run(last.ids[0], worker)
            _ = try await trial.store.sweep(SweepOrders(retention: Retention()))
            try trial.equal(try await trial.store.lanes(prefix: "").count, 0, "how many lanes are remembered")
        },
        Check("P22b what is tried again waits as long as its lane and its kind rest") { trial in
            let worker = try await trial.worker()
            let ids = try await trial.accept(
                trial.letter { $0.attemptsMax = 9 }, trial.letter(lane: "other") { $0.attemptsMax = 9 })
            var news = LaneNews()
            news.laneRest = .seconds(10)
            try await trial.end(
                try await trial.claimOne(worker, ids[0]), .failed(detail: "429", retryAfter: .seconds(1)), news: news)
            try trial.equal(try await trial.record(ids[0]).dueAt, trial.store.now + .seconds(10), "when it is due")
            news = LaneNews()
            news.kindRest = .seconds(20)
            try await trial.end(
                try await trial.claimOne(worker, ids[1]), .failed(detail: "429", retryAfter: .seconds(1)), news: news)
            try trial.equal(try await trial.record(ids[1]).dueAt, trial.store.now + .seconds(20), "when it is due")
            try await trial.advance(.seconds(10))
            try trial.equal(try await trial.knock(worker, 9).count, 0, "what runs while the kind rests")
            try await trial.advance(.seconds(10))
            try trial.equal(try await trial.knock(worker, 9).count, 2, "what runs then")
        },
        Check("P22b a kind's rate holds for all workers together") { trial in
            let worker = try await trial.worker()
            let second = try await trial.worker("w2")
            for number in 0..<3 { _ = try await trial.accept(trial.letter(lane: "\(number)")) }
            let gate = KindGate(kind: "job", spacing: .seconds(2))
            let first = try await trial.knocking(worker, 9, gate)
            try trial.equal(first.claimed.count, 1, "how many are claimed at first")
            try trial.equal(first.gateOpensAt, trial.store.now + .seconds(2), "when the next may be")
            try trial.equal(try await trial.knocking(second, 9, gate).claimed.count, 0, "how many another claims")
            try await trial.advance(.seconds(2))
            try trial.equal(try await trial.knocking(second, 9, gate).claimed.count, 1, "how many another claims then")
            try trial.equal(
                try await trial.knocking(worker, 9, gate).claimed.count, 0, "how many the first claims then")
            try await trial.advance(.seconds(2))
            let last = try await trial.knocking(worker, 9, gate)
            try trial.equal(last.claimed.count, 1, "how many are left")
            try trial.equal(last.gateOpensAt, nil, "when the next may be, where there is none")
        },
    ]

    private static let drains: [Check] = [
        Check("P17 a worker that drains tries what waits for a breaker or after a failure, once") { trial in
            let worker = try await trial.worker()
            let verdict = LaneNews.Verdict.failed(failuresMax: 1, coolDown: .seconds(600))
            let ids = try await trial.accept(
                trial.letter { $0.attemptsMax = 9 }, trial.letter(lane: "other") { $0.attemptsMax = 9 }, trial.letter())
            for claimed in try await trial.knock(worker, 9) {
                try await trial.fail(claimed, lane: verdict, kind: verdict)
            }
            try trial.equal(try await trial.knock(worker, 9).count, 0, "what runs before the drain")
            try await trial.advance(.seconds(1))
            let since = trial.store.now
            let claimed = try await trial.draining(worker, since)
            try trial.equal(claimed.claimed.map(\.id), [ids[0], ids[1]], "what is tried")
            try await trial.end(claimed.claimed[0], lane: .succeeded, kind: .succeeded)
            try await trial.fail(claimed.claimed[1], lane: verdict, kind: verdict)
            let next = try await trial.draining(worker, since)
            try trial.equal(next.claimed.map(\.id), [ids[2]], "what is tried next")
            try trial.equal(next.demandDue, trial.store.now + .seconds(600), "when the next may be")
        },
        Check("B4 a worker that drains keeps to what the other side asked for, and to delays") { trial in
            let worker = try await trial.worker()
            let ids = try await trial.accept(
                trial.letter { $0.attemptsMax = 9 }, trial.letter(lane: "later") { $0.delay = .seconds(50) })
            var news = LaneNews()
            news.laneRest = .seconds(40)
            try await trial.end(
                try await trial.claimOne(worker, ids[0]), .failed(detail: "429", retryAfter: .seconds(1)), news: news)
            try await trial.advance(.seconds(1))
            let since = trial.store.now
            let drained = try await trial.draining(worker, since)
            try trial.equal(drained.claimed.count, 0, "what is tried")
            try trial.equal(drained.demandDue, trial.store.now + .seconds(39), "when the first may be")
            try await trial.advance(.seconds(39))
            try trial.equal(try await trial.draining(worker, since).claimed.map(\.id), [ids[0]], "what is tried then")
        },
    ]
}

extension StoreTrial {
    /// A draft with terms for its lane.
    func letter(
        lane: String = "there", waitingMax: Int = 100, drops: Bool = false, refuses: Bool = false,
        _ change: (inout RecordDraft) -> Void = { _ in }
    ) -> RecordDraft {
        job("hello") { draft in
            draft.lane = lane
            draft.laneTerms = LaneTerms(waitingMax: waitingMax, dropsOldest: drops, refusesWhileOpen: refuses)
            change(&draft)
        }
    }

    /// Accepts one.
    func message(
        lane: String = "there", waitingMax: Int = 100, drops: Bool = false, refuses: Bool = false
    ) async throws -> Acceptance {
        let draft = letter(lane: lane, waitingMax: waitingMax, drops: drops, refuses: refuses)
        return try require(try await store.accept([Submission(draft)]).first, "acceptance")
    }

    /// Asks for records of a kind with a gate.
    func knocking(
        _ worker: WorkerID, _ limit: Int, _ gate: KindGate = KindGate(kind: "job"), since: WorkInstant? = nil
    ) async throws -> ExchangeResult {
        let demand = QueueDemand(
            queue: "default", kinds: ["job"], limit: limit, gates: [gate], drainingSince: since)
        return try await store.exchange(ExchangeRequest(worker: worker, demands: [demand]))
    }

    /// Claims records of a kind with a gate.
    func knock(_ worker: WorkerID, _ limit: Int) async throws -> [ClaimedRecord] {
        try await knocking(worker, limit).claimed
    }

    /// Asks as a worker that drains.
    func draining(_ worker: WorkerID, _ since: WorkInstant) async throws -> ExchangeResult {
        try await knocking(worker, 9, since: since)
    }

    /// Ends a claim with news.
    func end(_ claimed: ClaimedRecord, _ ending: JobEnding = .succeeded, news: LaneNews) async throws {
        var settlement = try settlement(claimed, ending)
        settlement.news = news
        try equal(try await settle(settlement), [], "void settlements of record \(claimed.id)")
    }

    /// Ends a claim well.
    func end(
        _ claimed: ClaimedRecord, lane: LaneNews.Verdict = .none, kind: LaneNews.Verdict = .none
    ) async throws {
        var news = LaneNews()
        news.lane = lane
        news.kind = kind
        try await end(claimed, news: news)
    }

    /// Ends a claim badly, to be tried again at once where nothing else holds it back.
    func fail(
        _ claimed: ClaimedRecord, lane: LaneNews.Verdict = .none, kind: LaneNews.Verdict = .none
    ) async throws {
        var news = LaneNews()
        news.lane = lane
        news.kind = kind
        try await end(claimed, .failed(detail: "503", retryAfter: .zero), news: news)
    }

    /// Claims a record, which has to be this one, and ends it badly.
    func fail(_ id: WorkID, _ worker: WorkerID, lane: LaneNews.Verdict) async throws {
        try await fail(try await claimOne(worker, id), lane: lane)
    }
}
