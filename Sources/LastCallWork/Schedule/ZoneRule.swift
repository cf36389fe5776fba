/// When a zone's offset changes every year: the rule in the last line of a time zone file.
///
/// It is the `TZ` string of POSIX, with quoted names and times from -167 to 167 hours (RFC 8536, sections 3.3 and 3.3.1):
/// `CET-1CEST,M3.5.0,M10.5.0/3`, `<+0330>-3:30`.
struct ZoneRule: Sendable, Hashable {
    /// A day of every year.
    enum Day: Sendable, Hashable {
        /// `J60`: the day of a year whose 29th of February is not counted; 1 to 365.
        case julian(Int)
        /// `59`: the day of the year with all its days; from 0.
        case zeroBased(Int)
        /// `M10.5.0`: a weekday in a month; the fifth is the last.
        case weekday(month: Int, week: Int, weekday: Int)

        /// The number of the day in a year, counted from 1970-01-01.
        func number(in year: Int64) -> Int64 {
            switch self {
            case .julian(let day):
                let leap = CivilDate.isLeap(year) && day >= 60
                return CivilDate(year: year, month: 1, day: 1).dayNumber + Int64(day - 1 + (leap ? 1 : 0))
            case .zeroBased(let day):
                return CivilDate(year: year, month: 1, day: 1).dayNumber + Int64(day)
            case .weekday(let month, let week, let weekday):
                let first = CivilDate(year: year, month: month, day: 1).dayNumber
                let length = CivilDate.daysInMonth(month, of: year)
                var day = (weekday - CivilDate.weekday(ofDayNumber: first) + 7) % 7 + 7 * (week - 1)
                if day >= length { day -= 7 }
                return first + Int64(day)
            }
        }
    }

    /// A day and a time of the local clock, in seconds after its midnight.
    struct Change: Sendable, Hashable {
        /// The day.
        var day: Day
        /// The time; it may lie on another day.
        var time: Int64

        /// The local time of the change in a year, in seconds since 1970 as if it were UTC.
        func local(in year: Int64) -> Int64 { day.number(in: year) * CivilDate.secondsPerDay + time }
    }

    /// The part of the year with the other offset.
    struct Summer: Sendable, Hashable {
        /// Its offset in seconds; east of UTC is positive.
        var offset: Int64
        /// When it begins, in standard time.
        var start: Change
        /// When it ends, in its own time.
        var end: Change
    }

    /// The offset outside of summer, in seconds; east of UTC is positive.
    let standard: Int64
    /// The summer time; `nil` where the offset never changes.
    let summer: Summer?

    /// Reads a rule.
    ///
    /// - Throws: What is wrong with it.
    init(_ text: String) throws(ZoneDefect) {
        var reader = ZoneRuleReader(text)
        try reader.readName()
        standard = -(try reader.readTime(hoursMax: 24))
        guard !reader.isAtEnd else {
            summer = nil
            try Self.check([standard])
            return
        }
        try reader.readName()
        let offset = reader.isNext(",") ? standard + 3600 : -(try reader.readTime(hoursMax: 24))
        try reader.skip(",")
        let start = try reader.readChange()
        try reader.skip(",")
        let end = try reader.readChange()
        guard reader.isAtEnd else { throw ZoneDefect("its rule goes on after its end") }
        summer = Summer(offset: offset, start: start, end: end)
        try Self.check([standard, offset])
    }

    /// Throws where an offset is outside of what clocks may show.
    private static func check(_ offsets: [Int64]) throws(ZoneDefect) {
        guard offsets.allSatisfy(ZoneSpan.offsets.contains) else {
            throw ZoneDefect("its rule has an offset of more than a day")
        }
    }

    /// The offset at an instant, in seconds since 1970.
    func offset(at seconds: Int64) -> Int64 { span(at: seconds).offset }

    /// The span that an instant lies in, in seconds since 1970.
    func span(at seconds: Int64) -> ZoneSpan {
        guard summer != nil else { return ZoneSpan(start: .min, end: .max, offset: standard) }
        let day = (seconds + standard).dividedDown(by: CivilDate.secondsPerDay).quotient
        let year = CivilDate(dayNumber: day).year
        var span = ZoneSpan(start: .min, end: .max, offset: standard)
        // A change may lie seven days outside of its year; two years on both sides hold the neighbours in any case.
        for transition in transitions(in: (year - 2)...(year + 2)) {
            guard transition.instant <= seconds else {
                span.end = transition.instant
                break
            }
            span.start = transition.instant
            span.offset = transition.offset
        }
        return span
    }

    /// The changes of some years, earliest first, each with the offset from there on.
    ///
    /// Where a summer ends as the next begins, only the beginning counts: that is how a rule says that summer never ends.
    func transitions(in years: ClosedRange<Int64>) -> [(instant: Int64, offset: Int64)] {
        guard let summer else { return [] }
        var all: [(instant: Int64, offset: Int64, begins: Bool)] = []
        for year in years {
            all.append((summer.start.local(in: year) - standard, summer.offset, true))
            all.append((summer.end.local(in: year) - summer.offset, standard, false))
        }
        all.sort { ($0.instant, $0.begins ? 1 : 0) < ($1.instant, $1.begins ? 1 : 0) }
        return all.indices.compactMap { index in
            if index + 1 < all.count, all[index + 1].instant == all[index].instant { return nil }
            return (all[index].instant, all[index].offset)
        }
    }
}
