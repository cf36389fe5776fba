import Foundation
import LastCallTesting

@testable import LastCallWork

/// An expression that was made up, with the numbers that its fields mean: whoever uses it does not have to read it.
struct RandomExpression {
    /// The expression.
    private(set) var text = ""
    /// The numbers of each field in order.
    private(set) var numbers: [Set<Int>] = []
    /// Whether a day has to match one of the day fields only.
    private(set) var isEitherDay = false

    /// Makes up an expression that is due now and then: its day fields are mostly stars.
    init(using generator: inout SeededGenerator) {
        let ranges = [0...59, 0...23, 1...31, 1...12, 0...6]
        var texts: [String] = []
        for (index, range) in ranges.enumerated() {
            let star = [5, 30, 75, 85, 75][index]
            let (text, numbers) = generator.chance(star) ? ("*", Set(range)) : Self.field(range, using: &generator)
            texts.append(text)
            self.numbers.append(numbers)
        }
        text = texts.joined(separator: " ")
        isEitherDay = !texts[2].hasPrefix("*") && !texts[4].hasPrefix("*")
    }

    /// Makes up a field and says what it means.
    private static func field(_ range: ClosedRange<Int>, using generator: inout SeededGenerator) -> (String, Set<Int>) {
        let first = Int.random(in: range, using: &generator)
        let last = Int.random(in: first...range.upperBound, using: &generator)
        let step = Int.random(in: 1...max(1, range.count / 3), using: &generator)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: return ("\(first)", [first])
        case 1: return ("\(first)-\(last)", Set(first...last))
        case 2: return ("\(first),\(last)", [first, last])
        case 3: return ("*/\(step)", Set(range.filter { ($0 - range.lowerBound) % step == 0 }))
        case 4: return ("\(first)-\(last)/\(step)", Set((first...last).filter { ($0 - first) % step == 0 }))
        default: return ("\(first)/\(step)", Set((first...range.upperBound).filter { ($0 - first) % step == 0 }))
        }
    }
}

/// Says when an expression is due by looking at each minute of UTC, with Foundation's time zones and calendar.
struct CronOracle {
    /// The zone.
    let zone: TimeZone
    /// A calendar that reads local times as if they were UTC.
    private let calendar: Calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar
    }()

    /// Creates an oracle; `nil` where Foundation does not know the zone.
    init?(_ name: String) {
        guard let zone = TimeZone(identifier: name) else { return nil }
        self.zone = zone
    }

    /// The offset at a minute since 1970, in seconds.
    func offset(at minute: Int) -> Int {
        zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(minute) * 60))
    }

    /// The minutes from one to another, since 1970, at which an expression is due.
    func times(_ expression: RandomExpression, from first: Int, to end: Int) -> [Int] {
        let goesByInstants = expression.numbers[1].count == 24
        var days: [Int: Bool] = [:]
        func matches(_ local: Int) -> Bool {
            let day = Int((Double(local) / 1440).rounded(.down))
            let time = local - day * 1440
            guard expression.numbers[0].contains(time % 60), expression.numbers[1].contains(time / 60) else {
                return false
            }
            if let known = days[day] { return known }
            days[day] = isDay(day, of: expression)
            return days[day] == true
        }

        var due: [Int] = []
        var shown: Set<Int> = []
        var last: Int?
        // What was shown in the six hours before may be shown again.
        for minute in (first - 360)..<end {
            let local = minute + offset(at: minute) / 60
            let isShownAgain = !shown.insert(local).inserted
            var isDue = matches(local) && (goesByInstants || !isShownAgain)
            if !goesByInstants, let last, local > last + 1 {
                for skipped in (last + 1)..<local where !shown.contains(skipped) { isDue = isDue || matches(skipped) }
            }
            if isDue, minute >= first { due.append(minute) }
            last = local
        }
        return due
    }

    /// Whether the day fields match a day, counted from 1970-01-01.
    private func isDay(_ day: Int, of expression: RandomExpression) -> Bool {
        let date = Date(timeIntervalSince1970: Double(day) * 86_400)
        let parts = calendar.dateComponents([.month, .day, .weekday], from: date)
        guard let month = parts.month, let dayOfMonth = parts.day, let weekday = parts.weekday else { return false }
        guard expression.numbers[3].contains(month) else { return false }
        let (byDate, byWeekday) = (
            expression.numbers[2].contains(dayOfMonth), expression.numbers[4].contains(weekday - 1)
        )
        return expression.isEitherDay ? byDate || byWeekday : byDate && byWeekday
    }

    /// The minute of a change of the zone's offset after another minute; `nil` where there is none.
    func change(after minute: Int) -> Int? {
        let date = Date(timeIntervalSince1970: Double(minute) * 60)
        return zone.nextDaylightSavingTimeTransition(after: date).map { Int($0.timeIntervalSince1970) / 60 }
    }
}
