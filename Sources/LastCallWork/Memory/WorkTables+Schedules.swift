// Schedules: each tick is fired once, whoever says that it is due.
extension WorkTables {
    /// See ``WorkStore/tick(_:)``.
    package mutating func tick(
        _ tick: ScheduleTick, payloadBytesMax: Int, at now: WorkInstant
    ) throws(WorkError) -> TickResult {
        if let draft = tick.draft { try Submission(draft).validate(payloadBytesMax: payloadBytesMax) }
        let before = schedules[tick.name]
        guard var known = before, known.definition == tick.definition else {
            schedules[tick.name] = ScheduleReport(
                name: tick.name, definition: tick.definition, decidedUntil: tick.instant, nextAt: tick.nextAt,
                last: before?.last)
            guard let draft = tick.draft else { return TickResult(.known, decidedUntil: tick.instant) }
            do {
                return try fire(tick, draft, payloadBytesMax, at: now)
            } catch {
                schedules[tick.name] = before
                throw error
            }
        }
        guard let draft = tick.draft else {
            known.nextAt = tick.nextAt ?? known.nextAt
            schedules[tick.name] = known
            return TickResult(.known, decidedUntil: known.decidedUntil)
        }
        guard tick.instant > known.decidedUntil else { return TickResult(.taken, decidedUntil: known.decidedUntil) }
        if tick.skipsWhileUnfinished, let last = known.last, records[last]?.facts.state.isTerminal == false {
            known.decidedUntil = tick.instant
            known.nextAt = tick.nextAt
            known.skipped += 1
            schedules[tick.name] = known
            return TickResult(.skipped, decidedUntil: tick.instant)
        }
        return try fire(tick, draft, payloadBytesMax, at: now)
    }

    private mutating func fire(
        _ tick: ScheduleTick, _ draft: RecordDraft, _ payloadBytesMax: Int, at now: WorkInstant
    ) throws(WorkError) -> TickResult {
        let accepted = try accept([Submission(draft)], payloadBytesMax: payloadBytesMax, at: now)[0]
        schedules[tick.name]?.decidedUntil = tick.instant
        schedules[tick.name]?.nextAt = tick.nextAt
        schedules[tick.name]?.last = accepted.ids[0]
        return TickResult(accepted.isDuplicate ? .taken : .fired(accepted.ids[0]), decidedUntil: tick.instant)
    }

    /// See ``WorkStore/schedules()``.
    package var scheduleReports: [ScheduleReport] { schedules.values.sorted { $0.name < $1.name } }
}
