/// Reads a date as HTTP writes it (RFC 9110, section 5.6.7).
enum HTTPDate {
    /// The months, as every form but none other writes them.
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    /// The days of the week in full; two of the forms take their first three letters.
    private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    /// The seconds since 1970 of a date; `nil` where the text is none.
    ///
    /// The three forms are `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`. The day of
    /// the week has to be one, and is not compared with the date.
    ///
    /// - Parameters:
    ///   - text: The field's value.
    ///   - now: The seconds since 1970 of now: a year of two digits that would be more than 50 years ahead is in the past.
    static func parse(_ text: String, now: Int64) -> Int64? {
        let words = text.split(separator: " " as Character).map(String.init)
        switch words.count {
        case 6: return fixdate(words)
        case 4: return rfc850(words, now: now)
        case 5: return asctime(words)
        default: return nil
        }
    }

    /// Reads `Sun, 06 Nov 1994 08:49:37 GMT`.
    private static func fixdate(_ words: [String]) -> Int64? {
        guard isShortWeekday(words[0].dropLast()), words[0].hasSuffix(","), words[5] == "GMT",
            let day = number(words[1], digits: 2), let month = month(words[2]), let year = number(words[3], digits: 4),
            let time = timeOfDay(words[4])
        else { return nil }
        return seconds(year: year, month: month, day: day, timeOfDay: time)
    }

    /// Reads `Sunday, 06-Nov-94 08:49:37 GMT`.
    private static func rfc850(_ words: [String], now: Int64) -> Int64? {
        let date = words[1].split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard words[0].hasSuffix(","), weekdays.contains(String(words[0].dropLast())), words[3] == "GMT",
            date.count == 3, let day = number(date[0], digits: 2), let month = month(date[1]),
            let shortYear = number(date[2], digits: 2), let time = timeOfDay(words[2])
        else { return nil }
        let thisYear = year(of: now)
        var year = thisYear - thisYear % 100 + shortYear
        if year <= thisYear - 50 { year += 100 }
        if year > thisYear + 50 { year -= 100 }
        return seconds(year: year, month: month, day: day, timeOfDay: time)
    }

    /// Reads `Sun Nov  6 08:49:37 1994`.
    private static func asctime(_ words: [String]) -> Int64? {
        guard isShortWeekday(words[0]), let month = month(words[1]),
            let day = number(words[2], digits: words[2].utf8.count == 1 ? 1 : 2), let time = timeOfDay(words[3]),
            let year = number(words[4], digits: 4)
        else { return nil }
        return seconds(year: year, month: month, day: day, timeOfDay: time)
    }

    /// Whether a text is the first three letters of a weekday.
    private static func isShortWeekday(_ text: some StringProtocol) -> Bool {
        weekdays.contains { $0.prefix(3) == text }
    }

    /// The number of a month, from 1.
    private static func month(_ text: String) -> Int? { months.firstIndex(of: text).map { $0 + 1 } }

    /// A number of exactly so many digits.
    private static func number(_ text: some StringProtocol, digits: Int) -> Int? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return Int(text)
    }

    /// The seconds since midnight of `08:49:37`; a leap second counts as the second after it.
    private static func timeOfDay(_ text: String) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { number($0, digits: 2) }
        guard parts.count == 3, let hour = parts[0], let minute = parts[1], let second = parts[2],
            hour < 24, minute < 60, second <= 60
        else { return nil }
        return (hour * 60 + minute) * 60 + second
    }

    /// The seconds since 1970, where there is such a day.
    private static func seconds(year: Int, month: Int, day: Int, timeOfDay: Int) -> Int64? {
        let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...lengths[month - 1]).contains(day) else { return nil }
        return Int64(daysSince1970(year: year, month: month, day: day) * 86_400 + timeOfDay)
    }

    /// The days since 1970 of a day in the Gregorian calendar, whose years are counted here from March so that a leap day is the last.
    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let years = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return years * 365 + floored(years, 4) - floored(years, 100) + floored(years, 400) + dayOfYear - 719_468
    }

    /// The year of a time.
    private static func year(of time: Int64) -> Int {
        var year = 1970 + Int(time / 31_556_952)
        while Int64(daysSince1970(year: year, month: 1, day: 1)) * 86_400 > time { year -= 1 }
        while Int64(daysSince1970(year: year + 1, month: 1, day: 1)) * 86_400 <= time { year += 1 }
        return year
    }

    /// A quotient that is rounded down, also below zero.
    private static func floored(_ number: Int, _ divisor: Int) -> Int {
        number >= 0 ? number / divisor : -((-number + divisor - 1) / divisor)
    }
}
