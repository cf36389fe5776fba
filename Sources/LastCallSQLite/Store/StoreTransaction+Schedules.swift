import LastCallWork

// Schedules: each tick is fired once, whoever says that it is due.
extension StoreTransaction {
    private static let findSchedule = SQLiteQuery("SELECT definition, decided_until, job FROM schedule WHERE name = ?")
    private static let addSchedule = SQLiteQuery(
        """
        INSERT INTO schedule (name, definition, decided_until, next_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, decided_until = excluded.decided_until,
            next_at = excluded.next_at, skipped = 0
        """)
    private static let noteNext = SQLiteQuery("UPDATE schedule SET next_at = ? WHERE name = ?")
    private static let noteSkipped = SQLiteQuery(
        "UPDATE schedule SET decided_until = ?, next_at = ?, skipped = skipped + 1 WHERE name = ?")
    private static let noteFired = SQLiteQuery(
        "UPDATE schedule SET decided_until = ?, next_at = ?, job = ? WHERE name = ?")
    private static let isUnfinished = SQLiteQuery("SELECT finished_at IS NULL FROM job WHERE id = ?")

    /// See `WorkStore.tick`.
    mutating func tick(_ tick: ScheduleTick) throws -> TickResult {
        let next = SQLiteValue(tick.nextAt?.rawValue)
        let known = try db.first(Self.findSchedule, .text(tick.name)) { row in
            (definition: row.text(0), decidedUntil: WorkInstant(rawValue: row.integer(1)), last: row.integerIfAny(2))
        }
        guard let known, known.definition == tick.definition else {
            try db.run(
                Self.addSchedule, .text(tick.name), .text(tick.definition), .integer(tick.instant.rawValue), next)
            guard let draft = tick.draft else { return TickResult(.known, decidedUntil: tick.instant) }
            return try fire(tick, draft)
        }
        guard let draft = tick.draft else {
            if tick.nextAt != nil { try db.run(Self.noteNext, next, .text(tick.name)) }
            return TickResult(.known, decidedUntil: known.decidedUntil)
        }
        guard tick.instant > known.decidedUntil else { return TickResult(.taken, decidedUntil: known.decidedUntil) }
        if tick.skipsWhileUnfinished, let last = known.last,
            try db.first(Self.isUnfinished, .integer(last), as: { $0.integer(0) != 0 }) == true
        {
            try db.run(Self.noteSkipped, .integer(tick.instant.rawValue), next, .text(tick.name))
            return TickResult(.skipped, decidedUntil: tick.instant)
        }
        return try fire(tick, draft)
    }

    private mutating func fire(_ tick: ScheduleTick, _ draft: RecordDraft) throws -> TickResult {
        let accepted = try accept([Submission(draft)])[0]
        try db.run(
            Self.noteFired, .integer(tick.instant.rawValue), SQLiteValue(tick.nextAt?.rawValue),
            .integer(accepted.ids[0].rawValue), .text(tick.name))
        return TickResult(accepted.isDuplicate ? .taken : .fired(accepted.ids[0]), decidedUntil: tick.instant)
    }
}

extension StoreQueries {
    private static let schedulesQuery = SQLiteQuery(
        "SELECT name, definition, decided_until, next_at, job, skipped FROM schedule ORDER BY name")

    /// See `WorkStore.schedules`.
    static func schedules(in db: SQLiteConnection) throws -> [ScheduleReport] {
        try db.all(schedulesQuery) { row in
            ScheduleReport(
                name: row.text(0), definition: row.text(1), decidedUntil: WorkInstant(rawValue: row.integer(2)),
                nextAt: row.integerIfAny(3).map { WorkInstant(rawValue: $0) },
                last: row.integerIfAny(4).map { WorkID(rawValue: $0) }, skipped: Int(row.integer(5)))
        }
    }
}
