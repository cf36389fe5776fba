import LastCallWork

extension StoreConformance {
    /// Schedules, whose ticks are fired once.
    static let schedules: [Check] = [
        Check("a schedule is known from when it was first told of, and again after it was defined anew") { trial in
            let start = trial.store.now
            let known = try await trial.store.tick(trial.tick(nil, at: start, next: start + .seconds(60)))
            try trial.equal(known, TickResult(.known, decidedUntil: start), "what it came to")
            try await trial.advance(.seconds(90))
            let again = try await trial.other.tick(trial.tick(nil, at: trial.store.now, next: start + .seconds(120)))
            try trial.equal(again, TickResult(.known, decidedUntil: start), "what the same came to later")
            var changed = trial.tick(nil, at: trial.store.now)
            changed.definition = "every 2m"
            try trial.equal(
                try await trial.store.tick(changed), TickResult(.known, decidedUntil: trial.store.now),
                "what another came to")
            let reports = try await trial.store.schedules()
            try trial.equal(reports.map(\.definition), ["every 2m"], "what is known")
            try trial.equal(reports.map(\.nextAt), [nil], "when the next is due")
        },
        Check("a tick is fired once, whoever says that it is due") { trial in
            let start = trial.store.now
            for store in [trial.store, trial.other] { _ = try await store.tick(trial.tick(nil, at: start)) }
            var outcomes: [TickResult.Outcome] = []
            for number in 1...3 {
                let instant = start + .seconds(60 * number)
                for store in [trial.store, trial.other, trial.store] {
                    outcomes.append(
                        try await store.tick(trial.tick("poll", at: instant, next: instant + .seconds(60))).outcome)
                }
            }
            let records = try await trial.store.records(WorkQuery())
            try trial.equal(
                records.map(\.key), (1...3).map { "poll@\((start + .seconds(60 * $0)).rawValue)" }, "the keys")
            let wanted = records.flatMap { [TickResult.Outcome.fired($0.id), .taken, .taken] }
            try trial.equal(outcomes, wanted, "what the ticks came to")
            let report = try trial.require(try await trial.store.schedules().first, "schedule")
            try trial.equal(report.last, records.last?.id, "the last one")
            try trial.equal(report.decidedUntil, start + .seconds(180), "what was decided on")
            try trial.equal(report.nextAt, start + .seconds(240), "when the next is due")
            // An older one comes too late.
            let late = try await trial.store.tick(trial.tick("poll", at: start + .seconds(61)))
            try trial.equal(late, TickResult(.taken, decidedUntil: start + .seconds(180)), "what an older one came to")
        },
        Check("two that tell of the same tick at once fire it once") { trial in
            let start = trial.store.now
            _ = try await trial.store.tick(trial.tick(nil, at: start))
            for number in 1...20 {
                let tick = trial.tick("poll", at: start + .seconds(number))
                async let one = trial.store.tick(tick)
                async let two = trial.other.tick(tick)
                let results = try await [one, two]
                let taken = results.count { $0.outcome == .taken }
                try trial.equal(taken, 1, "how many came too late")
            }
            try trial.equal(try await trial.store.records(WorkQuery()).count, 20, "how many were fired")
        },
        Check("a tick may be left out while the one before is not over") { trial in
            let start = trial.store.now
            _ = try await trial.store.tick(trial.tick(nil, at: start))
            func fire(_ number: Int) async throws -> TickResult.Outcome {
                let tick = trial.tick("poll", at: start + .seconds(number), skips: true)
                let result = try await trial.store.tick(tick)
                return result.outcome
            }
            _ = try await fire(1)
            try trial.equal(try await fire(2), .skipped, "what the next came to")
            let worker = try await trial.worker()
            let claimed = try await trial.claimOne(worker)
            try trial.equal(try await fire(3), .skipped, "what one came to while the first runs")
            try await trial.end(claimed)
            let fired = try await fire(4)
            try trial.expect(fired != .skipped && fired != .taken, "one fires after the first is over")
            try trial.equal(try await trial.store.schedules().map(\.skipped), [2], "how many were left out")
        },
        Check("a tick whose record is refused was never decided on") { trial in
            let start = trial.store.now
            _ = try await trial.store.tick(trial.tick(nil, at: start))
            var tick = trial.tick("poll", at: start + .seconds(1))
            tick.draft?.payload = Array(repeating: 0, count: trial.store.traits.payloadBytesMax + 1)
            try await trial.refused(.tooLarge, "a record that is too large") { try await trial.store.tick(tick) }
            try trial.equal(try await trial.store.schedules().map(\.decidedUntil), [start], "what was decided on")
        },
    ]
}

extension StoreTrial {
    /// A tick of the one schedule.
    func tick(
        _ name: String?, at instant: WorkInstant, next: WorkInstant? = nil, skips: Bool = false
    ) -> ScheduleTick {
        let draft = name.map { name in
            job { $0.key = UniqueKey("\(name)@\(instant.rawValue)", scope: .retained) }
        }
        return ScheduleTick(
            name: "poll", definition: "every 1m", instant: instant, nextAt: next, draft: draft,
            skipsWhileUnfinished: skips)
    }
}
