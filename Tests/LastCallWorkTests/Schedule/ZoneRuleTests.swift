import LastCallTesting
import Testing

@testable import LastCallWork

@Suite struct ZoneRuleTests {
    /// The offset that a rule has at a time, in seconds.
    private func offset(_ rule: String, _ time: String) throws -> Int64 {
        try ZoneRule(rule).offset(at: ScheduleSupport.instant(time).rawValue / 1000)
    }

    /// The changes of one year, as text.
    private func changes(_ rule: String, _ year: Int64) throws -> [String] {
        try ZoneRule(rule).transitions(in: year...year).map {
            "\(ScheduleSupport.text(WorkInstant(rawValue: $0.instant * 1000))) \($0.offset)"
        }
    }

    @Test("a rule without summer has one offset, and west is positive in it")
    func standardOnly() throws {
        #expect(try offset("<+0330>-3:30", "2025-07-01 00:00") == 12600)
        #expect(try offset("EST5", "2025-07-01 00:00") == -18000)
        #expect(try offset("ABC+0:00:01", "2025-07-01 00:00") == -1)
        #expect(try offset("<-03>3", "1900-07-01 00:00") == -10800)
        #expect(try ZoneRule("UTC0").transitions(in: 2000...2010).isEmpty)
        #expect(try ZoneRule("UTC0").span(at: 0) == ZoneSpan(start: .min, end: .max, offset: 0))
    }

    @Test("weekdays in months: the first, the last, and the local time before the change")
    func weekdays() throws {
        let berlin = "CET-1CEST,M3.5.0,M10.5.0/3"
        #expect(try changes(berlin, 2025) == ["2025-03-30 01:00 7200", "2025-10-26 01:00 3600"])
        #expect(try changes(berlin, 2100) == ["2100-03-28 01:00 7200", "2100-10-31 01:00 3600"])
        #expect(try changes("EST5EDT,M3.2.0,M11.1.0", 2026) == ["2026-03-08 07:00 -14400", "2026-11-01 06:00 -18000"])
        #expect(try offset(berlin, "2025-03-30 00:59:59") == 3600)
        #expect(try offset(berlin, "2025-03-30 01:00") == 7200)
        #expect(try offset(berlin, "2025-10-26 00:59:59") == 7200)
        #expect(try offset(berlin, "2025-10-26 01:00") == 3600)
    }

    @Test("in the south summer goes over the new year")
    func southern() throws {
        let sydney = "AEST-10AEDT,M10.1.0,M4.1.0/3"
        #expect(try offset(sydney, "2024-12-31 23:59:59") == 39600)
        #expect(try offset(sydney, "2025-01-01 00:00") == 39600)
        #expect(try offset(sydney, "2025-07-01 00:00") == 36000)
        let howe = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"
        #expect(try changes(howe, 2025) == ["2025-04-05 15:00 37800", "2025-10-04 15:30 39600"])
    }

    @Test("a summer may be behind standard time, as in Ireland, or far ahead of it, as in Antarctica")
    func unusualSummers() throws {
        let dublin = "IST-1GMT0,M10.5.0,M3.5.0/1"
        #expect(try changes(dublin, 2025) == ["2025-03-30 01:00 3600", "2025-10-26 01:00 0"])
        let troll = "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3"
        #expect(try changes(troll, 2025) == ["2025-03-30 01:00 7200", "2025-10-26 01:00 0"])
    }

    @Test("times may be negative or more than a day")
    func oddTimes() throws {
        let nuuk = "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"
        #expect(try changes(nuuk, 2025) == ["2025-03-30 01:00 -3600", "2025-10-26 01:00 -7200"])
        let gaza = "EET-2EEST,M3.4.4/50,M10.4.4/50"
        #expect(try changes(gaza, 2026) == ["2026-03-28 00:00 10800", "2026-10-23 23:00 7200"])
    }

    @Test("J counts no leap day, a bare number does")
    func yearDays() throws {
        let julian = "AAA0BBB,J60/0,J365/0"
        #expect(try changes(julian, 2023) == ["2023-03-01 00:00 3600", "2023-12-30 23:00 0"])
        #expect(try changes(julian, 2024) == ["2024-03-01 00:00 3600", "2024-12-30 23:00 0"])
        let zeroBased = "AAA0BBB,59/0,364/0"
        #expect(try changes(zeroBased, 2023) == ["2023-03-01 00:00 3600", "2023-12-30 23:00 0"])
        #expect(try changes(zeroBased, 2024) == ["2024-02-29 00:00 3600", "2024-12-29 23:00 0"])
    }

    @Test("a summer that ends where the next begins never ends")
    func alwaysSummer() throws {
        // The first is the example of RFC 8536, section 3.3.1, whose standard time has a name that is never shown: three letters of any kind.
        for rule in ["XXX3EDT4,0/0,J365/23", "EST5EDT,0/0,J365/25"] {
            for time in ["2024-12-31 23:00", "2025-01-01 03:00", "2025-01-01 05:00", "2025-07-01 00:00"] {
                #expect(try offset(rule, time) == -14400)
            }
        }
    }

    @Test(
        "what is no rule is refused",
        arguments: [
            "", "CET", "C-1", "CE-1", "CET-1CEST", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,", "<CET-1",
            "CET-25", "CET-1CEST-2,M13.1.0,M1.1.0", "CET-1CEST,M0.1.0,M1.1.0", "CET-1CEST,M3.6.0,M10.5.0",
            "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J9", "CET-1CEST,J366,J9",
            "CET-1CEST,366,9", "CET-1CEST,M3.5.0/168,M10.5.0", "CET-1CEST,M3.5.0/1:60,M10.5.0", "CET-1:2:60",
            "CET-1CEST,M3.5.0,M10.5.0 ", "CET-1CEST,M3.5.0,M10.5.0/", "CET--1", "CET-1234567890123", ":Europe/Berlin",
            "CET-1CEST,M3.5,M10.5.0", "CET-1\u{0661}", "<+01>", "CET-1CEST-2,1,2,3",
        ])
    func refused(rule: String) {
        #expect(ScheduleSupport.defect { () throws(ZoneDefect) in _ = try ZoneRule(rule) } != nil)
    }

    @Test("random changes to a rule give a rule or an error, and spans that hold their instant")
    func random() async {
        var generator = SeededGenerator(seed: 11)
        let rules = ["CET-1CEST,M3.5.0,M10.5.0/3", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "AAA0BBB,J1/-167,365/167"]
        let characters = Array("<>+-:,./JM0123456789AZ")
        for round in 0..<3000 {
            var text = Array(rules[round % rules.count])
            for _ in 0...Int.random(in: 0...2, using: &generator) {
                text[Int.random(in: text.indices, using: &generator)] =
                    characters.randomElement(using: &generator) ?? "0"
            }
            if round % 500 == 0 { await Task.yield() }
            var rule: ZoneRule?
            _ = ScheduleSupport.defect { () throws(ZoneDefect) in rule = try ZoneRule(String(text)) }
            guard let rule else { continue }
            for _ in 0..<3 {
                let seconds = Int64.random(in: -10_000_000_000...10_000_000_000, using: &generator)
                let span = rule.span(at: seconds)
                #expect(span.start <= seconds && seconds < span.end, "\(String(text)) at \(seconds)")
            }
        }
    }
}
