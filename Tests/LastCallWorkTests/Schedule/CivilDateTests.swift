import Testing

@testable import LastCallWork

@Suite struct CivilDateTests {
    @Test("days and dates belong together, in leap years and before 1970 too")
    func known() {
        let known: [(Int64, Int, Int, Int64, Int)] = [
            (1970, 1, 1, 0, 4), (1969, 12, 31, -1, 3), (2000, 2, 29, 11016, 2), (2000, 3, 1, 11017, 3),
            (2025, 3, 30, 20177, 0), (2100, 2, 28, 47540, 0), (2100, 3, 1, 47541, 1), (1600, 2, 29, -135_081, 2),
            (0, 3, 1, -719_468, 3), (-1, 12, 31, -719_529, 5), (1, 1, 1, -719_162, 1),
        ]
        for (year, month, day, number, weekday) in known {
            let date = CivilDate(year: year, month: month, day: day)
            #expect(date.dayNumber == number)
            #expect(date.weekday == weekday)
            #expect(CivilDate(dayNumber: number) == date)
        }
    }

    @Test("day after day for 900 years, no date is left out and none comes twice")
    func everyDay() async {
        var day = CivilDate(year: 1550, month: 1, day: 1).dayNumber
        var weekday = CivilDate.weekday(ofDayNumber: day)
        var wrong = 0
        for year in Int64(1550)..<2450 {
            for month in 1...12 {
                for dayOfMonth in 1...CivilDate.daysInMonth(month, of: year) {
                    let date = CivilDate(dayNumber: day)
                    if (date.year, date.month, date.day) != (year, month, dayOfMonth) { wrong += 1 }
                    if date.dayNumber != day || date.weekday != weekday { wrong += 1 }
                    (day, weekday) = (day + 1, (weekday + 1) % 7)
                }
            }
            if year % 50 == 0 { await Task.yield() }
        }
        #expect(wrong == 0)
    }

    @Test("a year of a hundred is a leap year only every fourth time")
    func leapYears() {
        #expect([1996, 2000, 2024, 2400, 0, -4].allSatisfy(CivilDate.isLeap))
        #expect(![1900, 2023, 2100, 2200, 2300, -1, -100].contains(where: CivilDate.isLeap))
        #expect(CivilDate.daysInMonth(2, of: 2000) == 29)
        #expect(CivilDate.daysInMonth(2, of: 2100) == 28)
        #expect((1...12).map { CivilDate.daysInMonth($0, of: 2023) }.reduce(0, +) == 365)
    }

    @Test("division rounds towards the past")
    func division() {
        #expect(Int64(-1).dividedDown(by: 60) == (-1, 59))
        #expect(Int64(-60).dividedDown(by: 60) == (-1, 0))
        #expect(Int64(61).dividedDown(by: 60) == (1, 1))
        #expect(Int64.min.dividedDown(by: 1000) == (-9_223_372_036_854_776, 192))
    }
}
