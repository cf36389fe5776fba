/// A day of the Gregorian calendar, which is carried back before 1582 as well.
///
/// Days count from 1970-01-01, which is day 0. All of it is integer arithmetic and knows no time zone.
struct CivilDate: Sendable, Hashable {
    /// The year; 0 is the year before 1.
    let year: Int64
    /// The month, 1 to 12.
    let month: Int
    /// The day of the month, from 1.
    let day: Int

    /// How many seconds a day has on the clocks of a place whose offset does not change.
    static let secondsPerDay: Int64 = 86_400

    /// Days in 400 years, after which the calendar repeats.
    private static let daysPerEra: Int64 = 146_097

    /// Days from 0000-03-01 to 1970-01-01.
    private static let daysBeforeEpoch: Int64 = 719_468

    /// Creates a date that exists.
    init(year: Int64, month: Int, day: Int) {
        precondition((1...12).contains(month), "a month that does not exist")
        precondition(day >= 1 && day <= Self.daysInMonth(month, of: year), "a day that does not exist")
        self.year = year
        self.month = month
        self.day = day
    }

    /// Creates the date that is so many days after 1970-01-01.
    ///
    /// Years are taken to begin in March, so that the leap day is their last and months have lengths in a plain pattern.
    init(dayNumber: Int64) {
        let (era, dayOfEra) = (dayNumber + Self.daysBeforeEpoch).dividedDown(by: Self.daysPerEra)
        // A leap day in 4 years, none in 100, one in 400.
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - Self.daysInYears(yearOfEra)
        let marchMonth = Int((5 * dayOfYear + 2) / 153)
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        day = Int(dayOfYear) - Self.daysBefore(marchMonth: marchMonth) + 1
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    }

    /// How many days it is after 1970-01-01; negative before.
    var dayNumber: Int64 {
        let (era, yearOfEra) = (month <= 2 ? year - 1 : year).dividedDown(by: 400)
        let marchMonth = month > 2 ? month - 3 : month + 9
        let dayOfYear = Int64(Self.daysBefore(marchMonth: marchMonth) + day - 1)
        return era * Self.daysPerEra + Self.daysInYears(yearOfEra) + dayOfYear - Self.daysBeforeEpoch
    }

    /// The day of the week; 0 is Sunday.
    var weekday: Int { Self.weekday(ofDayNumber: dayNumber) }

    /// The day of the week of a day; 0 is Sunday.
    static func weekday(ofDayNumber dayNumber: Int64) -> Int {
        // Day 0 was a Thursday.
        Int((dayNumber + 4).dividedDown(by: 7).remainder)
    }

    /// Whether a year has a 29th of February.
    static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    /// How many days a month has.
    static func daysInMonth(_ month: Int, of year: Int64) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from the first of March to the first of a month; month 0 is March.
    private static func daysBefore(marchMonth: Int) -> Int { (153 * marchMonth + 2) / 5 }

    /// Days in the first years of 400; the years begin in March.
    private static func daysInYears(_ years: Int64) -> Int64 { 365 * years + years / 4 - years / 100 }
}

extension Int64 {
    /// Divides and rounds towards the past, so that the remainder is never negative.
    func dividedDown(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
