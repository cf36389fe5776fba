import Testing

/// One expression in one zone, and when it is due in UTC.
struct ClockChange: Sendable, CustomTestStringConvertible {
    /// The zone.
    let zone: String
    /// The expression.
    let text: String
    /// The instant after which it is asked.
    let after: String
    /// The next times, all of them in order.
    let times: [String]

    /// Creates a case.
    init(_ zone: String, _ text: String, after: String, _ times: String...) {
        self.zone = zone
        self.text = text
        self.after = after
        self.times = times
    }

    /// Its name in a failure.
    var testDescription: String { "\(zone) \(text) after \(after)" }
}

extension ClockChange {
    /// Clocks that go forward: what they skip is due at the end of the gap, once.
    static let gaps: [ClockChange] = [
        // 02:00 becomes 03:00 at 01:00 UTC.
        .init(
            "Europe/Berlin", "30 2 * * *", after: "2025-03-29 00:00", "2025-03-29 01:30", "2025-03-30 01:00",
            "2025-03-31 00:30"),
        .init(
            "Europe/Berlin", "*/30 2-3 * * *", after: "2025-03-29 23:00", "2025-03-30 01:00", "2025-03-30 01:30",
            "2025-03-31 00:00"),
        .init(
            "Europe/Berlin", "*/5 2 * * *", after: "2025-03-30 00:59:59", "2025-03-30 01:00", "2025-03-31 00:00"),
        .init("Europe/Berlin", "0 3 * * *", after: "2025-03-29 12:00", "2025-03-30 01:00", "2025-03-31 01:00"),
        .init("Europe/Berlin", "59 1 * * *", after: "2025-03-30 00:00", "2025-03-30 00:59", "2025-03-30 23:59"),
        .init("Europe/Berlin", "30 2 30 3 *", after: "2025-01-01 00:00", "2025-03-30 01:00", "2026-03-30 00:30"),
        .init("Europe/Berlin", "30 2 * * MON", after: "2025-03-29 00:00", "2025-03-31 00:30"),
        .init(
            "America/New_York", "15 2 * * *", after: "2025-03-08 12:00", "2025-03-09 07:00", "2025-03-10 06:15"),
        // Half an hour: 02:00 becomes 02:30.
        .init(
            "Australia/Lord_Howe", "15 2 * * *", after: "2025-10-04 00:00", "2025-10-04 15:30", "2025-10-05 15:15"),
        .init(
            "Australia/Lord_Howe", "*/15 2 * * *", after: "2025-10-04 00:00", "2025-10-04 15:30", "2025-10-04 15:45",
            "2025-10-05 15:00"),
        // 00:01 becomes 01:01.
        .init(
            "America/St_Johns", "*/30 0 * * *", after: "2010-03-14 03:00", "2010-03-14 03:30", "2010-03-14 03:31",
            "2010-03-15 02:30"),
        // Midnight itself does not exist.
        .init("Asia/Tehran", "0 0 * * *", after: "2022-03-21 12:00", "2022-03-21 20:30", "2022-03-22 19:30"),
        // Summer time comes back after Ramadan.
        .init(
            "Africa/Casablanca", "30 2 * * *", after: "2025-04-05 12:00", "2025-04-06 02:00", "2025-04-07 01:30"),
        // Two hours: 01:00 becomes 03:00.
        .init(
            "Antarctica/Troll", "30 1,2 * * *", after: "2025-03-29 12:00", "2025-03-30 01:00", "2025-03-30 23:30",
            "2025-03-31 00:30"),
        .init("Europe/Dublin", "30 1 * * *", after: "2025-03-29 12:00", "2025-03-30 01:00", "2025-03-31 00:30"),
        // No summer time, but a new standard time: 00:00 becomes 00:15.
        .init("Asia/Kathmandu", "5 0 * * *", after: "1985-12-31 00:00", "1985-12-31 18:30", "1986-01-01 18:20"),
        // From local mean time: 00:00:00 becomes 00:06:32, and 00:00:00 becomes 00:44:30.
        .init(
            "Europe/Berlin", "0 0 * * *", after: "1893-03-30 12:00", "1893-03-30 23:06:32",
            "1893-03-31 23:06:32", "1893-04-01 23:00"),
        .init(
            "Africa/Monrovia", "30 0 * * *", after: "1972-01-06 00:00", "1972-01-06 01:14:30",
            "1972-01-07 00:44:30", "1972-01-08 00:30"),
    ]

    /// Clocks that go back: a local time that comes twice counts the first time.
    static let overlaps: [ClockChange] = [
        // 03:00 becomes 02:00 at 01:00 UTC.
        .init("Europe/Berlin", "30 2 * * *", after: "2025-10-25 12:00", "2025-10-26 00:30", "2025-10-27 01:30"),
        .init("Europe/Berlin", "30 2 * * *", after: "2025-10-26 01:10", "2025-10-27 01:30"),
        .init(
            "Europe/Berlin", "*/30 1-2 * * *", after: "2025-10-25 22:59", "2025-10-25 23:00", "2025-10-25 23:30",
            "2025-10-26 00:00", "2025-10-26 00:30", "2025-10-27 00:00"),
        .init("Europe/Berlin", "0 3 * * *", after: "2025-10-25 12:00", "2025-10-26 02:00", "2025-10-27 02:00"),
        .init(
            "America/New_York", "30 1 * * *", after: "2025-11-01 12:00", "2025-11-02 05:30", "2025-11-03 06:30"),
        .init(
            "Australia/Lord_Howe", "45 1 * * *", after: "2025-04-05 00:00", "2025-04-05 14:45", "2025-04-06 15:15"),
        // 00:01 becomes 23:01 of the day before: midnight comes twice.
        .init("America/St_Johns", "0 0 * * *", after: "2010-11-06 12:00", "2010-11-07 02:30", "2010-11-08 03:30"),
        .init(
            "America/St_Johns", "30 23 * * *", after: "2010-11-06 12:00", "2010-11-07 02:00", "2010-11-08 03:00"),
        .init("America/St_Johns", "0 0 7 11 *", after: "2010-11-07 02:30", "2011-11-07 03:30"),
        .init("Asia/Tehran", "30 23 * * *", after: "2022-09-21 00:00", "2022-09-21 19:00", "2022-09-22 20:00"),
        .init(
            "Africa/Casablanca", "30 2 * * *", after: "2025-02-22 12:00", "2025-02-23 01:30", "2025-02-24 02:30"),
        .init(
            "Antarctica/Troll", "30 1,2 * * *", after: "2025-10-25 12:00", "2025-10-25 23:30", "2025-10-26 00:30",
            "2025-10-27 01:30", "2025-10-27 02:30"),
        .init("Europe/Dublin", "30 1 * * *", after: "2025-10-25 12:00", "2025-10-26 00:30", "2025-10-27 01:30"),
    ]

    /// Expressions of every hour go by what clocks show.
    static let everyHour: [ClockChange] = [
        .init(
            "Europe/Berlin", "0 * * * *", after: "2025-03-29 23:30", "2025-03-30 00:00", "2025-03-30 01:00",
            "2025-03-30 02:00"),
        .init(
            "Europe/Berlin", "30 0-23 * * *", after: "2025-10-25 23:00", "2025-10-25 23:30", "2025-10-26 00:30",
            "2025-10-26 01:30", "2025-10-26 02:30"),
        .init(
            "Australia/Lord_Howe", "0 * * * *", after: "2025-04-05 13:30", "2025-04-05 14:00", "2025-04-05 15:30",
            "2025-04-05 16:30"),
        .init(
            "Australia/Lord_Howe", "15 */1 * * *", after: "2025-10-04 14:00", "2025-10-04 14:45", "2025-10-04 16:15",
            "2025-10-04 17:15"),
        .init(
            "Australia/Lord_Howe", "45 * * * *", after: "2025-04-05 14:00", "2025-04-05 14:45", "2025-04-05 15:15"),
        .init(
            "America/St_Johns", "0 * * * *", after: "2010-11-07 01:00", "2010-11-07 01:30", "2010-11-07 02:30",
            "2010-11-07 03:30", "2010-11-07 04:30"),
        .init(
            "America/St_Johns", "0 * 7 11 *", after: "2010-11-07 02:30", "2010-11-07 03:30", "2010-11-07 04:30"),
        .init(
            "Antarctica/Troll", "30 * * * *", after: "2025-03-30 00:00", "2025-03-30 00:30", "2025-03-30 01:30"),
        .init("Europe/Berlin", "0 * 1 4 *", after: "1893-03-31 22:00", "1893-04-01 00:00"),
    ]

    /// Whole days that a place left out when it went over the date line.
    static let days: [ClockChange] = [
        // 2011-12-30 did not take place: 12-29 24:00 became 12-31 00:00 at 10:00 UTC.
        .init(
            "Pacific/Apia", "0 9 * * *", after: "2011-12-29 12:00", "2011-12-29 19:00", "2011-12-30 10:00",
            "2011-12-30 19:00"),
        .init("Pacific/Apia", "0 0 * * *", after: "2011-12-29 12:00", "2011-12-30 10:00", "2011-12-31 10:00"),
        .init("Pacific/Apia", "0 12 30 * *", after: "2011-12-01 12:00", "2011-12-30 10:00", "2012-01-29 22:00"),
        .init("Pacific/Apia", "0 12 * * FRI", after: "2011-12-24 12:00", "2011-12-30 10:00", "2012-01-05 22:00"),
        .init(
            "Pacific/Apia", "*/30 * 30 12 *", after: "2011-12-01 00:00", "2012-12-29 10:00", "2012-12-29 10:30"),
        .init("Pacific/Apia", "0 * * * *", after: "2011-12-30 08:30", "2011-12-30 09:00", "2011-12-30 10:00"),
        // 1993-08-21 did not take place: at 12:00 UTC clocks went from -12 to +12.
        .init(
            "Pacific/Kwajalein", "0 6 * * *", after: "1993-08-20 12:00", "1993-08-20 18:00", "1993-08-21 12:00",
            "1993-08-21 18:00"),
    ]
}
