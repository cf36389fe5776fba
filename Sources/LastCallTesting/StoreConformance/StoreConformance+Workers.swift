import LastCallWork

extension StoreConformance {
    /// Workers come, go and die.
    static let workers: [Check] = [
        Check("a worker is known with what it said of itself, and forgotten when it leaves") { trial in
            let now = trial.store.now
            let id = try await trial.worker("night-7", lease: .seconds(20))
            for _ in 0..<2 { _ = try await trial.acceptOne() }
            let claimed = try await trial.claim(id, 2)
            let reports = try await trial.other.workers()
            let report = try trial.require(reports.first { $0.id == id }, "worker")
            try trial.equal(report.worker, trial.description("night-7", lease: .seconds(20)), "what it said")
            try trial.equal(report.held, 2, "how many it holds")
            try trial.expect(report.isAlive, "it is alive")
            try trial.expect(report.startedAt >= now, "it was registered")
            try trial.expect(report.leaseUntil >= now + .seconds(20), "its lease")
            for record in claimed { try await trial.end(record) }
            try await trial.store.deregister(id)
            try trial.equal(try await trial.store.workers().map(\.id), [], "the workers that are known")
        },
        Check("a name is taken while its worker lives") { trial in
            let first = try await trial.worker("w")
            try await trial.refused(.nameTaken, "a name that is taken") { try await trial.worker("w") }
            try await trial.refused(.nameTaken, "a name that is taken") {
                try await trial.other.register(trial.description("w"))
            }
            _ = try await trial.worker("x")
            try await trial.store.deregister(first)
            let second = try await trial.worker("w")
            try trial.expect(second != first, "a worker's id is not used again")
            try await trial.subject.kill(second)
            _ = try await trial.other.register(trial.description("w"))
        },
        Check("C27 B6 what a dead worker held is found at once, with all that a rescue needs") { trial in
            let worker = try await trial.worker("victim")
            let ids = try await trial.accept(trial.job { $0.onLost = .finalize }, trial.job(), trial.job())
            let claimed = try await trial.claim(worker, 2)
            let process = ProcessIdentity(bootID: "boot", pid: 99, startTime: 1234)
            let update = JobUpdate(
                claim: claimed[0].claim, output: OutputChunk([WorkLine("found")]), checkpoint: [7], process: process)
            _ = try await trial.store.beat(BeatRequest(worker: worker, updates: [update]))
            try trial.equal(try await trial.other.lostWorkers().count, 0, "lost workers before its death")
            try await trial.subject.kill(worker)
            let report = try await trial.other.workers().first { $0.id == worker }
            try trial.equal(report?.isAlive, false, "whether it is alive")
            let lost = try trial.require(try await trial.other.lostWorkers().first, "lost worker")
            try trial.equal(lost.id, worker, "who was lost")
            try trial.equal(lost.worker.name, "victim", "its name")
            let records = lost.records.sorted { $0.claim.id < $1.claim.id }
            try trial.equal(records.map(\.claim), claimed.map(\.claim), "what it held")
            try trial.equal(records.map(\.kind), ["job", "job"], "their kinds")
            try trial.equal(records.map(\.process), [process, nil], "what it may have left running")
            try trial.equal(records[0].facts.onLost, .finalize, "the facts")
            try trial.equal(records.map(\.facts.hasCheckpoint), [true, false], "whether there are checkpoints")
            try trial.equal(try await trial.states(ids), [.running, .running, .ready], "the states")
        },
        Check("B6 C20 C21 a rescue gives back or finalizes, steps the group, and overtakes the dead one") { trial in
            let first = trial.step("a") { $0.onLost = .finalize }
            let ids = try await trial.submit(.group([first, trial.step("b")], then: trial.step("then")))
            let worker = try await trial.worker("victim")
            let claimed = try await trial.claim(worker, 2)
            let update = JobUpdate(claim: claimed[0].claim, output: OutputChunk([WorkLine("found")]))
            _ = try await trial.store.beat(BeatRequest(worker: worker, updates: [update]))
            try await trial.subject.kill(worker)
            let rescuer = try await trial.worker("rescuer")
            try trial.equal(try await rescue(trial, trial.store), [], "void settlements")
            try trial.equal(try await trial.states(ids), [.partial, .ready, .blocked], "the states")
            try trial.equal(try await trial.record(ids[0]).reason, .workerLost, "the reason")
            try trial.equal(try await trial.lines(ids[0]), ["found"], "what it had streamed")
            try trial.equal(try await trial.store.lostWorkers().count, 0, "lost workers after the rescue")
            for late in claimed {
                let settlement = try trial.settlement(late, .succeeded)
                try trial.equal(try await trial.settle(settlement), [late.claim], "void settlements")
            }
            let again = try await trial.claimOne(rescuer, ids[1])
            try trial.equal([again.facts.attempt, again.facts.losses], [1, 1], "attempt and losses")
            try await trial.end(again)
            try await trial.run(ids[2], rescuer)
        },
        Check("B7 of two rescuers the second one is overtaken") { trial in
            let ids = try await trial.submit(.group([trial.step("a") { $0.onLost = .fail }], then: trial.step("then")))
            let worker = try await trial.worker("victim")
            _ = try await trial.claimOne(worker, ids[0])
            try await trial.subject.kill(worker)
            let seen = try await trial.other.lostWorkers()
            try trial.equal(try await rescue(trial, trial.store), [], "void settlements of the first")
            let claims = seen.flatMap(\.records).map(\.claim)
            try trial.equal(try await rescue(trial, trial.other, seen), claims, "void settlements of the second")
            try trial.equal(try await trial.record(ids[0]).losses, 1, "its losses")
            try trial.equal(try await trial.runAll(try await trial.worker("w")), [ids[1]], "what is left to run")
        },
        Check("B6 a lease that ended makes a worker lost, and a beat keeps it") { trial in
            guard trial.subject.endsWithLease else { return }
            let worker = try await trial.worker("victim", lease: .seconds(15))
            let id = try await trial.acceptOne()
            let claimed = try await trial.claimOne(worker, id)
            for _ in 0..<3 {
                await trial.subject.advance(.seconds(10))
                _ = try await trial.store.beat(BeatRequest(worker: worker, held: [claimed.claim]))
                try trial.equal(try await trial.other.lostWorkers().count, 0, "lost workers while it beats")
            }
            await trial.subject.advance(.seconds(16))
            let lost = try await trial.other.lostWorkers()
            try trial.equal(lost.flatMap(\.records).map(\.claim), [claimed.claim], "what is lost when it ended")
            try trial.equal(
                try await trial.store.workers().first { $0.id == worker }?.isAlive, false, "whether it lives")
            try trial.equal(try await rescue(trial, trial.other), [], "void settlements")
            let late = try trial.settlement(claimed, .succeeded)
            try trial.equal(try await trial.settle(late), [claimed.claim], "void settlements of the late owner")
        },
        Check("C29 a claim whose lease ended stands until somebody rescues it") { trial in
            let worker = try await trial.worker("slow", lease: .seconds(15))
            let claimed = try await trial.claimOne(worker, try await trial.acceptOne())
            await trial.subject.advance(.seconds(3600))
            try await trial.end(claimed)
        },
        Check(
            "C29 who is taken for dead though it lives claims nothing, is told, registers anew, and ends what it holds"
        ) {
            trial in
            let worker = try await trial.worker("w")
            let held = try await trial.claimOne(worker, try await trial.acceptOne())
            let next = try await trial.acceptOne()
            try await trial.subject.kill(worker)
            try trial.equal(try await trial.other.lostWorkers().map(\.id), [worker], "who was lost")
            let demand = QueueDemand(queue: "default", kinds: ["job"], limit: 1)
            let refused = try await trial.store.exchange(ExchangeRequest(worker: worker, demands: [demand]))
            try trial.equal(refused.claimed.count, 0, "what it claims")
            try trial.equal(refused.isRegistered, false, "whether an exchange finds it registered")
            let beat = try await trial.store.beat(BeatRequest(worker: worker, held: [held.claim]))
            try trial.equal(beat.isRegistered, false, "whether a beat finds it registered")
            try trial.equal(beat.overtaken, [], "what it lost")
            let again = try await trial.worker("w")
            try trial.equal(
                try await trial.store.beat(BeatRequest(worker: again)).isRegistered, true, "whether it is known again")
            try await trial.run(next, again)
            try await trial.end(held)
            try await trial.store.deregister(worker)
            try await trial.store.deregister(again)
            try trial.equal(try await trial.store.workers().count, 0, "the workers that are known")
        },
        Check("whoever leaves while it holds something loses nothing") { trial in
            let worker = try await trial.worker("hasty")
            let claimed = try await trial.claimOne(worker, try await trial.acceptOne())
            try await trial.store.deregister(worker)
            let lost = try await trial.store.lostWorkers()
            try trial.equal(lost.flatMap(\.records).map(\.claim), [claimed.claim], "what is lost")
        },
        Check("C23 losses and evictions are counted for the record, whoever runs it") { trial in
            let id = try await trial.acceptOne { $0.lossesMax = nil }
            for number in 1...5 {
                let worker = try await trial.worker("w\(number)")
                _ = try await trial.claimOne(worker, id)
                try await trial.subject.kill(worker)
                try trial.equal(try await rescue(trial, trial.other), [], "void settlements")
                try trial.equal(try await trial.record(id).losses, number, "its losses")
            }
            try await trial.run(id, try await trial.worker("last"))
        },
    ]

    /// Settles as lost what dead workers held; returns the claims that were void.
    private static func rescue(
        _ trial: StoreTrial, _ handle: any WorkStore, _ seen: [LostWorker]? = nil
    ) async throws -> [ClaimKey] {
        let lost = if let seen { seen } else { try await handle.lostWorkers() }
        try trial.expect(!lost.isEmpty, "somebody was lost")
        let settlements = try lost.flatMap(\.records).map { record in
            try trial.settlement(record.claim, record.facts, .lost(detail: "its worker died"))
        }
        return try await handle.exchange(ExchangeRequest(settlements: settlements)).overtaken
    }
}
