import Testing

@testable import LastCallTransports

/// Both forms of RFC 9110, section 10.2.3, and their limits.
@Suite struct RetryAfterTests {
    /// 6 November 1994, 08:49:37.
    private static let now: Int64 = 784_111_777

    @Test(
        "P22a a wait in seconds is taken from nothing to seven days",
        arguments: [
            ("0", 0), ("1", 1), (" 120\t", 120), ("007", 7), ("604800", 604_800), ("604801", 604_800),
            ("99999999999999999999999999", 604_800), ("-1", 0), ("-99999999999999999999999999", 0),
        ])
    func seconds(_ text: String, _ seconds: Int) {
        #expect(RetryAfter.parse(text, now: Self.now) == .seconds(seconds))
    }

    @Test("P22a a date is taken from the answer's own date, and from our clock where it has none that can be read")
    func dates() {
        let date = "Sun, 06 Nov 1994 08:50:37 GMT"
        #expect(RetryAfter.parse(date, now: Self.now) == .seconds(60))
        #expect(RetryAfter.parse(date, date: "Sun, 06 Nov 1994 08:50:07 GMT", now: 0) == .seconds(30))
        #expect(RetryAfter.parse(date, date: "just now", now: Self.now) == .seconds(60))
        #expect(RetryAfter.parse("Sunday, 06-Nov-94 08:49:47 GMT", now: Self.now) == .seconds(10))
        #expect(RetryAfter.parse("Sun Nov  6 08:49:47 1994", now: Self.now) == .seconds(10))
    }

    @Test("P22a a date in the past is no wait, and one far ahead is seven days")
    func limits() {
        #expect(RetryAfter.parse("Sun, 06 Nov 1994 08:49:36 GMT", now: Self.now) == .zero)
        #expect(RetryAfter.parse("Sun, 06 Nov 9994 08:49:36 GMT", now: Self.now) == RetryAfter.longest)
    }

    @Test("P22a what is neither is ignored", arguments: ["", " ", "-", "soon", "1.5", "1e3", "+5", "0x10", "5 s", "٥"])
    func nonsense(_ text: String) { #expect(RetryAfter.parse(text, now: Self.now) == nil) }
}
