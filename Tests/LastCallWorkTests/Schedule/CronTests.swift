import Testing

@testable import LastCallWork

@Suite struct CronTests {
    /// When an expression is due after an instant in UTC, so many times.
    private func times(_ text: String, after: String, _ count: Int) throws -> [String] {
        try ScheduleSupport.times(Cron(text), after: after, count)
    }

    @Test("the next time is strictly later, to the millisecond")
    func strictlyAfter() throws {
        let cron = try Cron("30 12 * * *")
        let noon = try ScheduleSupport.instant("2025-06-01 12:30").rawValue
        let tomorrow = try ScheduleSupport.instant("2025-06-02 12:30").rawValue
        for (before, next) in [
            (-1, noon), (-999, noon), (-60_000, noon), (0, tomorrow), (1, tomorrow), (59_999, tomorrow),
        ] {
            #expect(cron.next(after: WorkInstant(rawValue: noon + Int64(before)))?.rawValue == next)
        }
    }

    @Test("minutes and hours go on into the next hour and the next day")
    func times() throws {
        #expect(
            try times("*/20 9,17 * * *", after: "2025-06-01 09:15", 6)
                == ["2025-06-01 09:20", "2025-06-01 09:40"]
                + ["2025-06-01 17:00", "2025-06-01 17:20", "2025-06-01 17:40", "2025-06-02 09:00"])
        #expect(try times("* * * * *", after: "2025-12-31 23:59:30", 2) == ["2026-01-01 00:00", "2026-01-01 00:01"])
        #expect(try times("59 23 31 12 *", after: "1969-12-31 23:59", 1) == ["1970-12-31 23:59"])
        #expect(try times("0 0 * * *", after: "1960-01-01 12:00", 2) == ["1960-01-02 00:00", "1960-01-03 00:00"])
    }

    @Test("weekdays and months")
    func days() throws {
        // 2025-06-01 was a Sunday.
        #expect(try times("0 9 * * SUN", after: "2025-06-01 08:00", 2) == ["2025-06-01 09:00", "2025-06-08 09:00"])
        #expect(
            try times("0 9 * * MON-FRI", after: "2025-06-05 09:00", 2) == ["2025-06-06 09:00", "2025-06-09 09:00"])
        #expect(try times("0 0 1 JAN,JUL *", after: "2025-06-01 00:00", 2) == ["2025-07-01 00:00", "2026-01-01 00:00"])
        #expect(
            try times("0 0 31 * *", after: "2025-03-31 00:00", 3)
                == ["2025-05-31 00:00", "2025-07-31 00:00", "2025-08-31 00:00"])
    }

    @Test(
        "where both day fields are restricted a day may match either; where one begins with a star it has to match both"
    )
    func dayRule() throws {
        #expect(
            try times("0 0 13 * FRI", after: "2025-06-01 00:00", 4)
                == ["2025-06-06 00:00", "2025-06-13 00:00", "2025-06-20 00:00", "2025-06-27 00:00"])
        #expect(
            try times("0 0 10 * FRI", after: "2025-06-01 00:00", 3)
                == ["2025-06-06 00:00", "2025-06-10 00:00", "2025-06-13 00:00"])
        // Days 1, 11, 21 and 31, as far as they are Sundays.
        #expect(
            try times("0 0 */10 * SUN", after: "2025-05-01 00:00", 3)
                == ["2025-05-11 00:00", "2025-06-01 00:00", "2025-08-31 00:00"])
        #expect(try times("0 0 13 * */5", after: "2025-01-01 00:00", 2) == ["2025-04-13 00:00", "2025-06-13 00:00"])
        #expect(try times("0 0 30 2 MON", after: "2025-01-01 00:00", 2) == ["2025-02-03 00:00", "2025-02-10 00:00"])
    }

    @Test("the 29th of February comes in leap years only, of which 2000 is one and 2100 none")
    func leapDays() throws {
        #expect(
            try times("0 0 29 2 *", after: "1996-01-01 00:00", 3) == [
                "1996-02-29 00:00", "2000-02-29 00:00", "2004-02-29 00:00",
            ])
        #expect(try times("0 0 29 2 *", after: "2096-02-29 00:00", 1) == ["2104-02-29 00:00"])
        #expect(try times("* * 29 2 *", after: "2096-02-29 23:59", 1) == ["2104-02-29 00:00"])
        #expect(
            try times("0 0 29 2 */7", after: "2060-01-01 00:00", 3) == [
                "2060-02-29 00:00", "2088-02-29 00:00", "2128-02-29 00:00",
            ])
    }

    @Test("at the end of all instants there is no next one, and nothing overflows")
    func extremes() throws {
        for text in ["* * * * *", "30 2 * * *", "0 0 29 2 *"] {
            let cron = try Cron(text)
            #expect(cron.next(after: WorkInstant(rawValue: .max)) == nil)
            let first = try #require(cron.next(after: WorkInstant(rawValue: .min)))
            #expect(first.rawValue % 60_000 == 0)
            let late = WorkInstant(rawValue: .max - 50 * 366 * 86_400_000)
            #expect(try #require(cron.next(after: late)) > late)
        }
    }

    @Test("a zone's clocks are asked, not UTC's", ScheduleSupport.needsZones)
    func zones() throws {
        let cases = [
            ("Asia/Kathmandu", "0 0 * * *", "2025-06-01 18:15"), ("Asia/Kathmandu", "0 * * * *", "2025-06-01 12:15"),
            ("America/New_York", "0 21 31 5 *", "2026-06-01 01:00"),
            ("Pacific/Kiritimati", "0 0 2 6 *", "2026-06-01 10:00"),
            ("Europe/Berlin", "0 9 * * MON", "2025-06-02 07:00"), ("Etc/GMT+12", "59 23 31 5 *", "2025-06-01 11:59"),
        ]
        for (zone, text, next) in cases {
            let cron = try Cron(text, zone: Zone(zone))
            let after = text.hasPrefix("59 23") ? "2025-06-01 11:00" : "2025-06-01 12:00"
            #expect(try ScheduleSupport.times(cron, after: after, 1) == [next], "\(zone) \(text)")
            #expect(cron.zone.name == zone)
            #expect(try cron != Cron(text))
        }
    }
}
