import Testing

@testable import LastCallWork

@Suite struct CronReadingTests {
    /// The message for an expression that is wrong.
    private func message(_ text: String) -> String? {
        let error = ScheduleSupport.error { () throws(WorkError) in _ = try Cron(text) }
        if let error { #expect(error.code == .invalidConfiguration) }
        return error?.message
    }

    /// How errors about a whole expression end.
    private let fields = "The fields are minute, hour, day of month, month and day of week, such as \"0 9 * * MON-FRI\""

    @Test("an expression keeps its text, and is compared by what it means")
    func equality() throws {
        let cron = try Cron("  0 9\t* * mon-fri ")
        #expect(cron.description == "  0 9\t* * mon-fri ")
        #expect(cron.text == cron.description)
        #expect(cron.zone == .utc)
        let same = try ["0 9 * * 1-5", "00 09 */1 JAN-DEC MON,TUE,WED,THU,FRI"].map { text in try Cron(text) }
        #expect(same.allSatisfy { $0 == cron && $0.hashValue == cron.hashValue })
        // Here a day matches where either field does.
        #expect(try Cron("0 9 1-31 * 1-5") != cron)
        #expect(try Cron("0 9 * * 1-6") != cron)
        #expect(try Cron("1 9 * * 1-5") != cron)
    }

    @Test(
        "words stand for expressions",
        arguments: [
            ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"), ("@weekly", "0 0 * * SUN"),
            ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"), (" @Daily ", "0 0 * * *"),
        ])
    func words(word: String, meaning: String) throws { #expect(try Cron(word) == Cron(meaning)) }

    @Test("words that are no time of a calendar are refused, with what to do instead")
    func refusedWords() {
        #expect(
            message("@reboot")
                == "the cron expression \"@reboot\" is no time: workers start whenever they are deployed; do that work where the program starts, or write minute, hour, day of month, month and day of week, such as \"0 9 * * MON-FRI\""
        )
        #expect(
            message("@every 5m")
                == "the cron expression \"@every 5m\" is no time of a calendar; use an interval. \(fields)")
        #expect(
            message("@fortnightly")?.hasPrefix(
                "the cron expression \"@fortnightly\" is not known; known are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, or write"
            ) == true)
    }

    @Test("another number of fields is refused, with those that are missing")
    func count() {
        #expect(
            message("")
                == "the cron expression \"\" has 0 of 5 fields; minute, hour, day of month, month, day of week are missing. \(fields)"
        )
        #expect(
            message("0 9")
                == "the cron expression \"0 9\" has 2 of 5 fields; day of month, month, day of week are missing. \(fields)"
        )
        #expect(
            message("0 9 * *") == "the cron expression \"0 9 * *\" has 4 of 5 fields; day of week is missing. \(fields)"
        )
        for text in ["0 0 9 * * *", "0 0 9 * * * 2025"] {
            let count = text.split(separator: " ").count
            #expect(
                message(text)
                    == "the cron expression \"\(text)\" has \(count) fields, and seconds and years are not supported; use an interval for what comes more often than every minute. \(fields)"
            )
        }
        #expect(
            message("CRON_TZ=Europe/Berlin 0 9 * * *")?.contains(
                "the time zone is not part of an expression, give it beside it")
                == true)
    }

    @Test("an error names the field, the part of it, the whole expression and an example")
    func fieldErrors() {
        #expect(
            message("60 9 * * *")
                == "the minute \"60\" of the cron expression \"60 9 * * *\" is not within 0 to 59; an example is \"*/15\""
        )
        #expect(
            message("0 8,25 * * *")
                == "the hour \"25\" of the cron expression \"0 8,25 * * *\" is not within 0 to 23; an example is \"9-17\""
        )
        let wrong = ["x * * * *", "* x * * *", "* * x * *", "* * * x *", "* * * * x"]
        for (text, unit) in zip(wrong, CronUnit.allCases) {
            #expect(message(text)?.hasPrefix("the \(unit.name) \"x\" of the cron expression \"\(text)\" ") == true)
        }
    }

    @Test("control characters and very long texts are refused, and not repeated")
    func hostile() throws {
        for text in ["0 9 * *\n*", "0 9 * * *\0", "0 9 * * \u{1B}[2J"] {
            let message = try #require(self.message(text))
            #expect(message.contains("control character"))
            #expect(!message.unicodeScalars.contains { $0.value < 0x20 })
        }
        let long = String(repeating: "1,", count: 300) + "1 * * * *"
        #expect(message(long)?.hasPrefix("a cron expression of 609 bytes; at most 512 are read") == true)
    }

    @Test(
        "an expression that never comes is refused",
        arguments: [
            ("30 2 30 2 *", "30", "2", 29), ("0 0 31 4,6,SEP,nov *", "31", "4,6,SEP,nov", 30),
            ("0 0 30-31 FEB *", "30-31", "FEB", 29),
            ("0 0 31 2 */2", "31", "2", 29),
        ])
    func never(text: String, days: String, months: String, most: Int) {
        #expect(
            message(text)
                == "the day of month \"\(days)\" of the cron expression \"\(text)\" never comes: the month \"\(months)\" has at most \(most) days; an example is \"1,15\""
        )
    }

    @Test("an expression that comes seldom is not refused")
    func seldom() {
        for text in ["0 0 29 2 *", "0 0 31 1,2 *", "0 0 30 2 MON", "0 0 29 2 */7", "0 0 29-31 2 *"] {
            #expect(message(text) == nil, "\(text)")
        }
    }
}
