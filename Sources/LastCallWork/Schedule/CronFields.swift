/// The five fields of a cron expression: which local times match.
///
/// Local times are seconds since 1970-01-01T00:00 on local clocks, read as if these showed UTC.
struct CronFields: Sendable, Hashable {
    /// The minutes, 0 to 59.
    var minutes: CronField
    /// The hours, 0 to 23.
    var hours: CronField
    /// The days of the month, 1 to 31.
    var daysOfMonth: CronField
    /// The months, 1 to 12.
    var months: CronField
    /// The days of the week, 0 to 6; 0 is Sunday.
    var daysOfWeek: CronField
    /// Whether a day matches that only one of the two day fields matches.
    var isEitherDay: Bool

    /// How many years are searched; a leap day comes on a given weekday within 40.
    private static let yearsMax = 50

    /// Whether every hour matches.
    var isEveryHour: Bool { hours.isFull(CronUnit.hour.values) }

    /// Whether no day of any year matches.
    ///
    /// Every day that exists falls on every weekday in some year, so that only the day of the month and the month decide.
    var isNever: Bool {
        guard !isEitherDay, let first = daysOfMonth.first(from: 1) else { return false }
        return first > dayMax
    }

    /// The most days that one of the months has, leap years included.
    var dayMax: Int {
        CronUnit.month.values.filter(months.contains).map { CivilDate.daysInMonth($0, of: 2000) }.max() ?? 0
    }

    /// The first local time at or after another one that matches; `nil` where none does for ``yearsMax`` years.
    func first(from local: Int64) -> Int64? {
        let (today, minuteOfDay) = (local + 59).dividedDown(by: 60).quotient.dividedDown(by: 1440)
        guard let day = firstDay(from: today) else { return nil }
        if day == today, let time = firstTime(from: Int(minuteOfDay)) { return Self.local(day, time) }
        let next = day == today ? firstDay(from: day + 1) : day
        guard let next, let time = firstTime(from: 0) else { return nil }
        return Self.local(next, time)
    }

    /// The local time of a minute of a day.
    private static func local(_ day: Int64, _ minute: Int) -> Int64 {
        day * CivilDate.secondsPerDay + Int64(minute) * 60
    }

    /// The first minute of a day, at or after another one, that matches.
    private func firstTime(from minuteOfDay: Int) -> Int? {
        let (hour, minute) = minuteOfDay.quotientAndRemainder(dividingBy: 60)
        if hours.contains(hour), let minute = minutes.first(from: minute) { return hour * 60 + minute }
        guard let hour = hours.first(from: hour + 1), let minute = minutes.first(from: 0) else { return nil }
        return hour * 60 + minute
    }

    /// The first day, at or after another one, that matches; days are numbered from 1970-01-01.
    private func firstDay(from dayNumber: Int64) -> Int64? {
        let date = CivilDate(dayNumber: dayNumber)
        var (year, month, day) = (date.year, date.month, date.day)
        for _ in 0...Self.yearsMax * 12 {
            if months.contains(month), let found = matchingDays(of: month, in: year).first(from: day) {
                return CivilDate(year: year, month: month, day: found).dayNumber
            }
            (year, month, day) = month == 12 ? (year + 1, 1, 1) : (year, month + 1, 1)
        }
        return nil
    }

    /// The days of a month that match.
    private func matchingDays(of month: Int, in year: Int64) -> CronField {
        let weekday = CivilDate(year: year, month: month, day: 1).weekday
        var days = CronField()
        for day in 1...CivilDate.daysInMonth(month, of: year) {
            let (byDate, byWeekday) = (daysOfMonth.contains(day), daysOfWeek.contains((weekday + day - 1) % 7))
            if isEitherDay ? byDate || byWeekday : byDate && byWeekday { days.insert(day) }
        }
        return days
    }
}
