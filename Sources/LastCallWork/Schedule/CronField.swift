/// The numbers that one field of a cron expression matches, as bits.
struct CronField: Sendable, Hashable {
    /// The bit of each number that matches.
    private(set) var bits: UInt64 = 0

    /// Adds a number from 0 to 63.
    mutating func insert(_ number: Int) { bits |= 1 << UInt64(number) }

    /// Whether a number matches.
    func contains(_ number: Int) -> Bool { bits & 1 << UInt64(number) != 0 }

    /// The first number at or after another one that matches.
    func first(from number: Int) -> Int? {
        guard number < UInt64.bitWidth else { return nil }
        let rest = bits & UInt64.max << UInt64(number)
        return rest == 0 ? nil : rest.trailingZeroBitCount
    }

    /// Whether each of some numbers matches.
    func isFull(_ numbers: ClosedRange<Int>) -> Bool { numbers.allSatisfy(contains) }
}
