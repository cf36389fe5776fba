extension CronFields {
    /// The longest expression, in bytes.
    private static let bytesMax = 512

    /// What the words with an `@` stand for.
    private static let words: KeyValuePairs = [
        "@hourly": "0 * * * *",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
    ]

    /// Reads an expression.
    ///
    /// - Throws: ``WorkError/Code/invalidConfiguration`` with the field that is wrong, why, and what to write.
    init(_ text: String) throws(WorkError) {
        guard text.utf8.count <= Self.bytesMax else {
            throw .init(
                .invalidConfiguration,
                "a cron expression of \(text.utf8.count) bytes; at most \(Self.bytesMax) are read, write ranges and steps"
            )
        }
        guard text.utf8.allSatisfy({ $0 == 0x09 || $0 >= 0x20 && $0 != 0x7F }) else {
            throw .init(
                .invalidConfiguration,
                "the cron expression \(text.debugDescription) holds a line break or another control character; write its five fields on one line, such as \"0 9 * * MON-FRI\""
            )
        }
        var parts = text.split { $0 == " " || $0 == "\t" }
        if parts.count == 1, parts[0].hasPrefix("@") {
            parts = try Self.meaning(of: parts[0]).split(separator: " ")
        }
        try Self.checkCount(of: parts, in: text)
        var fields: [CronField] = []
        for (unit, part) in zip(CronUnit.allCases, parts) {
            fields.append(try CronFieldReader(unit: unit, expression: text).read(part))
        }
        let stars = parts.map { $0.hasPrefix("*") }
        self.init(
            minutes: fields[0], hours: fields[1], daysOfMonth: fields[2], months: fields[3], daysOfWeek: fields[4],
            isEitherDay: !stars[2] && !stars[4])
        guard !isNever else {
            throw CronFieldReader(unit: .dayOfMonth, expression: text).refusal(
                of: parts[2], "never comes: the month \"\(parts[3])\" has at most \(dayMax) days")
        }
    }

    /// The five fields that a word with an `@` stands for.
    private static func meaning(of word: Substring) throws(WorkError) -> String {
        let plain = word.lowercased()
        if let fields = words.first(where: { $0.key == plain })?.value { return fields }
        let why: String
        switch plain {
        case "@reboot":
            why = "is no time: workers start whenever they are deployed; do that work where the program starts"
        default:
            why = "is not known; known are \(words.map(\.key).joined(separator: ", "))"
        }
        throw .init(
            .invalidConfiguration,
            "the cron expression \"\(word)\" \(why), or write minute, hour, day of month, month and day of week, such as \"0 9 * * MON-FRI\""
        )
    }

    /// Throws where an expression does not have five fields.
    private static func checkCount(of parts: [Substring], in text: String) throws(WorkError) {
        let units = CronUnit.allCases
        guard parts.count != units.count else { return }
        let why: String
        if let first = parts.first, first.contains("=") {
            why = "begins with \"\(first)\"; the time zone is not part of an expression, give it beside it"
        } else if parts.first?.lowercased() == "@every" {
            why = "is no time of a calendar; use an interval"
        } else if parts.count > units.count {
            why =
                "has \(parts.count) fields, and seconds and years are not supported; use an interval for what comes more often than every minute"
        } else {
            let missing = units.dropFirst(parts.count).map(\.name)
            let verb = missing.count == 1 ? "is" : "are"
            why = "has \(parts.count) of 5 fields; \(missing.joined(separator: ", ")) \(verb) missing"
        }
        throw .init(
            .invalidConfiguration,
            "the cron expression \"\(text)\" \(why). The fields are minute, hour, day of month, month and day of week, such as \"0 9 * * MON-FRI\""
        )
    }
}
