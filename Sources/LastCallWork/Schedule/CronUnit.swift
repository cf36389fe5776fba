/// What one of the five fields of a cron expression is about.
enum CronUnit: Int, Sendable, CaseIterable {
    /// The minute of an hour.
    case minute
    /// The hour of a day.
    case hour
    /// The day of a month.
    case dayOfMonth
    /// The month of a year.
    case month
    /// The day of a week.
    case dayOfWeek

    /// Its name in errors.
    var name: String {
        switch self {
        case .minute: "minute"
        case .hour: "hour"
        case .dayOfMonth: "day of month"
        case .month: "month"
        case .dayOfWeek: "day of week"
        }
    }

    /// The numbers that may be written.
    var numbers: ClosedRange<Int> {
        switch self {
        case .minute: 0...59
        case .hour: 0...23
        case .dayOfMonth: 1...31
        case .month: 1...12
        case .dayOfWeek: 0...7
        }
    }

    /// The numbers that `*` stands for; of the two that are Sunday only the first.
    var values: ClosedRange<Int> { self == .dayOfWeek ? 0...6 : numbers }

    /// The names that may be written for ``values``, in their order; empty where there are none.
    var names: [String] {
        switch self {
        case .minute, .hour, .dayOfMonth: []
        case .month: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
        case .dayOfWeek: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
        }
    }

    /// What may be written, in words.
    var allowed: String {
        let range = "\(numbers.lowerBound) to \(numbers.upperBound)"
        guard let first = names.first, let last = names.last else { return range }
        return "\(range) or \(first) to \(last)" + (self == .dayOfWeek ? ", where 0 and 7 are Sunday" : "")
    }

    /// A field that is right.
    var example: String {
        switch self {
        case .minute: "*/15"
        case .hour: "9-17"
        case .dayOfMonth: "1,15"
        case .month: "JAN-MAR"
        case .dayOfWeek: "MON-FRI"
        }
    }
}
