import Foundation
import LastCall
import LastCallTesting
import Testing

/// Instants as the receipt writes them.
@Suite struct TimestampTests {
    @Test(
        "an instant is written as RFC 3339 in UTC with milliseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (999, "1970-01-01T00:00:00.999Z"),
            (1000, "1970-01-01T00:00:01.000Z"), (1_769_903_999_999, "2026-01-31T23:59:59.999Z"),
            // Before 1970 the fraction still counts forwards.
            (-1, "1969-12-31T23:59:59.999Z"), (-1000, "1969-12-31T23:59:59.000Z"), (-1001, "1969-12-31T23:59:58.999Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
            // A year divided by 4 has a leap day, by 100 has none, by 400 has one.
            (1_709_208_000_000, "2024-02-29T12:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-2_203_891_200_000, "1900-03-01T00:00:00.000Z"),
            // The last second of a 32-bit clock, and the first after it.
            (2_147_483_647_000, "2038-01-19T03:14:07.000Z"), (2_147_483_648_000, "2038-01-19T03:14:08.000Z"),
            // The last instant that the format can hold.
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func text(milliseconds: Int64, text: String) {
        #expect(Timestamp.rfc3339(milliseconds: milliseconds) == text)
    }

    @Test("what is written is what Foundation writes, from 1582 to 9999") func everyYear() {
        var random = SeededGenerator(seed: 5)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for _ in 0..<2000 {
            // Foundation changes to the Julian calendar before 1582; seconds are whole, because a Date is a Double.
            let seconds = Int64.random(in: -12_219_292_800...253_402_300_799, using: &random)
            let expected = Date(timeIntervalSince1970: Double(seconds)).formatted(style)
            #expect(Timestamp.rfc3339(milliseconds: seconds * 1000) == expected)
        }
    }

    @Test("texts sort as their instants do") func order() {
        var random = SeededGenerator(seed: 6)
        let instants = (0..<1000).map { _ in Int64.random(in: 0...253_402_300_799_999, using: &random) }.sorted()
        let texts = instants.map { Timestamp.rfc3339(milliseconds: $0) }
        #expect(texts == texts.sorted())
    }
}
