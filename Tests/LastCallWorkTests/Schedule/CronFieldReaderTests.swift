import Testing

@testable import LastCallWork

@Suite struct CronFieldReaderTests {
    /// The numbers that a field matches.
    private func numbers(_ text: String, _ unit: CronUnit) throws -> [Int] {
        let field = try CronFieldReader(unit: unit, expression: "* * * * *").read(text[...])
        return (0..<64).filter(field.contains)
    }

    /// The message for a field that is wrong, without its beginning and the expression.
    private func message(_ text: String, _ unit: CronUnit) -> String? {
        let error = ScheduleSupport.error { () throws(WorkError) in
            _ = try CronFieldReader(unit: unit, expression: "E").read(text[...])
        }
        if let error { #expect(error.code == .invalidConfiguration) }
        return error?.message.replacing(" of the cron expression \"E\"", with: "")
    }

    @Test("a star is every number of its field")
    func star() throws {
        #expect(try numbers("*", .minute) == Array(0...59))
        #expect(try numbers("*", .hour) == Array(0...23))
        #expect(try numbers("*", .dayOfMonth) == Array(1...31))
        #expect(try numbers("*", .month) == Array(1...12))
        #expect(try numbers("*", .dayOfWeek) == Array(0...6))
    }

    @Test("numbers, ranges and lists, with leading zeros and in any order")
    func ranges() throws {
        #expect(try numbers("0", .minute) == [0])
        #expect(try numbers("59", .minute) == [59])
        #expect(try numbers("05", .hour) == [5])
        #expect(try numbers("9-17", .hour) == Array(9...17))
        #expect(try numbers("7-7", .hour) == [7])
        #expect(try numbers("31,1,15", .dayOfMonth) == [1, 15, 31])
        #expect(try numbers("1-3,2-4,12", .month) == [1, 2, 3, 4, 12])
        #expect(try numbers("5,*", .month) == Array(1...12))
    }

    @Test("steps go through the field, through a range, or from a number to the field's end")
    func steps() throws {
        #expect(try numbers("*/15", .minute) == [0, 15, 30, 45])
        #expect(try numbers("*/7", .hour) == [0, 7, 14, 21])
        #expect(try numbers("*/10", .dayOfMonth) == [1, 11, 21, 31])
        #expect(try numbers("*/5", .month) == [1, 6, 11])
        #expect(try numbers("*/2", .dayOfWeek) == [0, 2, 4, 6])
        #expect(try numbers("10-30/10", .minute) == [10, 20, 30])
        #expect(try numbers("10-29/10", .minute) == [10, 20])
        #expect(try numbers("50/3", .minute) == [50, 53, 56, 59])
        #expect(try numbers("20/2,1", .hour) == [1, 20, 22])
        #expect(try numbers("*/1", .hour) == Array(0...23))
        #expect(try numbers("*/60", .minute) == [0])
        #expect(try numbers("*/31", .dayOfMonth) == [1])
        #expect(try numbers("FRI/1", .dayOfWeek) == [5, 6])
        #expect(try numbers("1-7/2", .dayOfWeek) == [0, 1, 3, 5])
    }

    @Test("names stand for numbers, also in ranges, lists and steps, and case does not count")
    func names() throws {
        let months = ["JAN", "feb", "Mar", "APR", "may", "Jun", "JUL", "aug", "Sep", "OCT", "nov", "Dec"]
        for (index, name) in months.enumerated() { #expect(try numbers(name, .month) == [index + 1]) }
        let days = ["SUN", "mon", "Tue", "WED", "thu", "Fri", "SAT"]
        for (index, name) in days.enumerated() { #expect(try numbers(name, .dayOfWeek) == [index]) }
        #expect(try numbers("MON-FRI", .dayOfWeek) == Array(1...5))
        #expect(try numbers("mon-3", .dayOfWeek) == [1, 2, 3])
        #expect(try numbers("jan-dec/3", .month) == [1, 4, 7, 10])
        #expect(try numbers("JUL,APR", .month) == [4, 7])
    }

    @Test("0 and 7 are Sunday, and a range of weekdays may end on it")
    func sunday() throws {
        #expect(try numbers("0", .dayOfWeek) == [0])
        #expect(try numbers("7", .dayOfWeek) == [0])
        #expect(try numbers("0-7", .dayOfWeek) == Array(0...6))
        #expect(try numbers("5-7", .dayOfWeek) == [0, 5, 6])
        #expect(try numbers("SAT-7", .dayOfWeek) == [0, 6])
        #expect(try numbers("FRI-SUN", .dayOfWeek) == [0, 5, 6])
        #expect(try numbers("SUN-TUE", .dayOfWeek) == [0, 1, 2])
        #expect(try numbers("SUN-SUN", .dayOfWeek) == [0])
        #expect(try numbers("7/2", .dayOfWeek) == [0])
    }

    @Test(
        "a number outside of its field is refused, with the field, the range and an example",
        arguments: [
            ("60", .minute, "0 to 59; an example is \"*/15\""), ("24", .hour, "0 to 23; an example is \"9-17\""),
            ("0", .dayOfMonth, "1 to 31; an example is \"1,15\""),
            ("32", .dayOfMonth, "1 to 31; an example is \"1,15\""),
            ("0", .month, "1 to 12 or JAN to DEC; an example is \"JAN-MAR\""),
            ("13", .month, "1 to 12 or JAN to DEC; an example is \"JAN-MAR\""),
            ("8", .dayOfWeek, "0 to 7 or SUN to SAT, where 0 and 7 are Sunday; an example is \"MON-FRI\""),
        ] as [(String, CronUnit, String)])
    func range(text: String, unit: CronUnit, allowed: String) {
        #expect(message(text, unit) == "the \(unit.name) \"\(text)\" is not within \(allowed)")
        #expect(message("1,\(text)", unit) == "the \(unit.name) \"\(text)\" is not within \(allowed)")
    }

    @Test(
        "what is no number is refused",
        arguments: [
            ("-5", .minute), ("5-", .minute), ("-", .hour), ("+5", .minute), ("5.5", .minute), ("five", .minute),
            ("MON", .hour), ("JAN", .dayOfWeek), ("MONDAY", .dayOfWeek), ("*5", .minute), ("**", .hour), ("*-5", .hour),
            ("99999999999999999999", .minute), ("\u{0665}", .minute), ("H", .minute), ("0x5", .hour), ("~", .minute),
            ("1-60", .minute), ("60-70", .minute), ("/5", .minute),
        ] as [(String, CronUnit)])
    func noNumber(text: String, unit: CronUnit) {
        #expect(
            message(text, unit)
                == "the \(unit.name) \"\(text)\" is not within \(unit.allowed); an example is \"\(unit.example)\"")
    }

    @Test(
        "a field that is put together wrongly is refused",
        arguments: [
            ("1,,2", .minute, "the minute \"1,,2\" has an empty place in its list; an example is \"*/15\""),
            (",", .hour, "the hour \",\" has an empty place in its list; an example is \"9-17\""),
            ("1,", .month, "the month \"1,\" has an empty place in its list; an example is \"JAN-MAR\""),
            ("1-2-3", .minute, "the minute \"1-2-3\" has more than two ends; an example is \"*/15\""),
            ("1/2/3", .minute, "the minute \"1/2/3\" has more than one step; an example is \"*/15\""),
            ("*/0", .minute, "the minute \"*/0\" has a step that is not within 1 to 60; write \"*/2\""),
            ("*/90", .minute, "the minute \"*/90\" has a step that is not within 1 to 60; write \"*/2\""),
            ("*/25", .hour, "the hour \"*/25\" has a step that is not within 1 to 24; write \"*/2\""),
            ("*/-1", .hour, "the hour \"*/-1\" has a step that is not within 1 to 24; write \"*/2\""),
            ("*/", .month, "the month \"*/\" has a step that is not within 1 to 12; write \"*/2\""),
            ("*/8", .dayOfWeek, "the day of week \"*/8\" has a step that is not within 1 to 7; write \"*/2\""),
        ] as [(String, CronUnit, String)])
    func composition(text: String, unit: CronUnit, expected: String) { #expect(message(text, unit) == expected) }

    @Test(
        "a range that goes backwards is refused, with what to write",
        arguments: [
            ("22-2", .hour, "22-23,0-2"), ("23-0", .hour, "23,0"), ("50-10", .minute, "50-59,0-10"),
            ("50-10/5", .minute, "50,55,0,5,10"), ("28-3", .dayOfMonth, "28-31,1-3"), ("11-2", .month, "11-12,1-2"),
            ("NOV-FEB", .month, "NOV,DEC,JAN,FEB"), ("FRI-MON", .dayOfWeek, "FRI,SAT,SUN,MON"),
            ("5-1", .dayOfWeek, "5-6,0-1"),
            ("5-0", .dayOfWeek, "5-6,0"), ("7-2", .dayOfWeek, "0-2"), ("oct-4/3", .month, "OCT,JAN,APR"),
        ] as [(String, CronUnit, String)])
    func backwards(text: String, unit: CronUnit, remedy: String) throws {
        #expect(message(text, unit) == "the \(unit.name) \"\(text)\" goes backwards; write \"\(remedy)\"")
        #expect(try !numbers(remedy, unit).isEmpty, "and that is right")
    }

    @Test(
        "what only other schedulers have is refused by name",
        arguments: [
            ("?", .dayOfMonth, "has \"?\", which only other schedulers know; write \"*\""),
            ("MON#2", .dayOfWeek, "has \"#\": the nth weekday of a month cannot be said"),
            ("L", .dayOfMonth, "has \"L\": the last day of a month cannot be said"),
            ("l-3", .dayOfMonth, "has \"L\": the last day of a month cannot be said"),
            ("5L", .dayOfWeek, "has \"L\": the last day of a month cannot be said"),
            ("friL", .dayOfWeek, "has \"L\": the last day of a month cannot be said"),
            ("15W", .dayOfMonth, "has \"W\": the nearest working day of a month cannot be said"),
            ("LW", .dayOfMonth, "has \"W\": the nearest working day of a month cannot be said"),
        ] as [(String, CronUnit, String)])
    func extensions(text: String, unit: CronUnit, expected: String) {
        #expect(message(text, unit)?.hasPrefix("the \(unit.name) \"\(text)\" \(expected)") == true)
    }
}
