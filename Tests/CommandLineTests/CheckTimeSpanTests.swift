import Testing

@testable import lastcall

struct CheckTimeSpanTests {
    // The examples of systemd.time(7) and systemd.syntax(7); checked with `systemd-analyze timespan`.
    @Test(
        "B15 systemd's time spans are read as systemd reads them",
        arguments: [
            ("50", 50.0), ("2min 200ms", 120.2), ("1min 30s", 90), ("1min30s", 90), ("5min 20s", 320), ("2 h", 7200),
            ("2hours", 7200), ("48hr", 172_800), ("55s500ms", 55.5), ("300ms20s 5day", 432_020.3),
            ("1y 12month", 63_115_200),
            ("1.5min", 90), ("90 s", 90), ("0", 0), ("1M", 2_629_800), ("1m", 60), ("500us", 0.001), ("1w", 604_800),
        ]
    )
    func systemd(_ text: String, _ seconds: Double) {
        #expect(TimeSpan(text, in: .systemd) == TimeSpan(.milliseconds(Int((seconds * 1000).rounded()))))
    }

    @Test("B15 infinity is no limit")
    func infinity() {
        #expect(TimeSpan("infinity", in: .systemd) == TimeSpan(nil))
        #expect(TimeSpan("infinity", in: .compose) == nil)
    }

    @Test(
        "B15 what is no time span is refused",
        arguments: [
            "", "x", "s", "-5s", "5x", "5 parsecs", "1..5s", "5.", ".", "1,5s", "5s x", "inf", "99999999999y", "٣s",
        ]
    )
    func notASpan(_ text: String) {
        #expect(TimeSpan(text, in: .systemd) == nil)
        #expect(TimeSpan(text, in: .compose) == nil)
    }

    @Test(
        "B15 compose's durations need a unit and know no spaces",
        arguments: [
            ("10s", 10.0), ("1m30s", 90), ("1h", 3600), ("1.5s", 1.5), ("500ms", 0.5), ("0", 0), ("20us", 0),
            ("30s1m", 90),
        ]
    )
    func compose(_ text: String, _ seconds: Double) {
        #expect(TimeSpan(text, in: .compose) == TimeSpan(.milliseconds(Int(seconds * 1000))))
    }

    @Test("B15 compose refuses a bare number and systemd's units", arguments: ["30", "1 m", "1min", "2 h", "1d"])
    func notCompose(_ text: String) {
        #expect(TimeSpan(text, in: .compose) == nil)
    }
}
