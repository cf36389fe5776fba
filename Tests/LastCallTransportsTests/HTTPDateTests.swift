import Testing

@testable import LastCallTransports

/// The three forms of RFC 9110, section 5.6.7, and what is none of them.
@Suite struct HTTPDateTests {
    /// 1 January 2026.
    private static let now: Int64 = 1_767_225_600

    @Test(
        "P22a all three forms of a date are read",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        ])
    func threeForms(_ text: String) { #expect(HTTPDate.parse(text, now: Self.now) == 784_111_777) }

    @Test(
        "P22a days are counted through leap years and before 1970",
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400), ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
            ("Fri, 31 Dec 2100 00:00:00 GMT", 4_133_894_400), ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
            ("Sat, 01 Jan 0000 00:00:00 GMT", -62_167_219_200),
        ] as [(String, Int64)])
    func days(_ text: String, _ seconds: Int64) { #expect(HTTPDate.parse(text, now: Self.now) == seconds) }

    @Test(
        "P22a a year of two digits is at most 50 years ahead",
        arguments: [
            ("Thursday, 01-Jan-26 00:00:00 GMT", 1_767_225_600), ("Tuesday, 01-Jan-75 00:00:00 GMT", 3_313_526_400),
            ("Wednesday, 01-Jan-76 00:00:00 GMT", 3_345_062_400), ("Saturday, 01-Jan-77 00:00:00 GMT", 220_924_800),
            ("Friday, 01-Jan-99 00:00:00 GMT", 915_148_800),
        ] as [(String, Int64)])
    func shortYears(_ text: String, _ seconds: Int64) { #expect(HTTPDate.parse(text, now: Self.now) == seconds) }

    @Test(
        "P22a what is no date of HTTP is not read",
        arguments: [
            "", "tomorrow", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun 06 Nov 1994 08:49:37 GMT", "Son, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT", "Tue, 29 Feb 2100 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT", "Sun, +6 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06--94 08:49:37 GMT", "Sun Nov 006 08:49:37 1994",
            "Sun Nov  6 08:49:37 94", "1994-11-06T08:49:37Z", "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        ])
    func nonsense(_ text: String) { #expect(HTTPDate.parse(text, now: Self.now) == nil) }
}
