import LastCallTesting
import Testing

@testable import LastCallWork

@Suite struct CronOracleTests {
    /// Zones with every kind of change between the years that are looked at.
    ///
    /// In these years nobody corrects the history of these zones any more, so that two databases agree on it.
    private static let zones = [
        "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Tehran",
        "Africa/Casablanca", "Pacific/Apia", "Antarctica/Troll", "Europe/Dublin", "Asia/Kathmandu", "Pacific/Kwajalein",
        "Pacific/Chatham", "America/Sao_Paulo", "America/Caracas", "Asia/Pyongyang", "Africa/Cairo",
    ]

    /// The minutes since 1970 of the years 1980 to 2021.
    private static let minutes = 5_259_600...27_351_360

    /// How long one look is, in minutes.
    private static let lookMinutes = 3 * 1440

    @Test(
        "over years of random stretches an expression is due when a look at every minute says so",
        ScheduleSupport.needsZones, arguments: zones.indices)
    func agrees(index: Int) async throws {
        let name = Self.zones[index]
        let zone = try Zone(name)
        let oracle = try #require(CronOracle(name))
        var generator = SeededGenerator(seed: UInt64(index) + 2025)
        var (dueCount, changesCount) = (0, 0)
        for round in 0..<30 {
            await Task.yield()
            let expression = RandomExpression(using: &generator)
            guard let cron = try? Cron(expression.text, zone: zone) else { continue }  // refused: it never comes
            var first = Int.random(in: Self.minutes, using: &generator)
            // Three of four stretches hold a change of the offset.
            var middle = first + Self.lookMinutes / 2
            if round % 4 != 0, let change = change(oracle, after: first) {
                first = change - Int.random(in: 180..<Self.lookMinutes - 180, using: &generator)
                middle = change
                changesCount += 1
            }
            let end = first + Self.lookMinutes
            let expected = oracle.times(expression, from: first, to: end)
            dueCount += expected.count
            let what = "\(expression.text) in \(name) from minute \(first), round \(round)"

            var found: [Int] = []
            var instant = WorkInstant(rawValue: Int64(first) * 60_000 - 1)
            // One more than expected is enough to see a difference.
            while found.count <= expected.count, let next = cron.next(after: instant) {
                guard next.rawValue < Int64(end) * 60_000 else { break }
                found.append(Int(next.rawValue / 60_000))
                instant = next
            }
            #expect(found == expected, "\(what)")

            // It may be asked at any time, also in an hour that is repeated.
            for ask in 0..<30 {
                let minutes = ask < 15 ? first..<end : (middle - 180)..<(middle + 180)
                let start = Int64(Int.random(in: minutes, using: &generator)) * 60_000 + Int64(ask) * 777
                guard let next = expected.first(where: { Int64($0) * 60_000 > start }) else { continue }
                #expect(cron.next(after: WorkInstant(rawValue: start))?.rawValue == Int64(next) * 60_000, "\(what)")
            }
        }
        #expect(dueCount > 1000 && changesCount > 20, "a comparison of too little")
    }

    /// The minute of a change after another one, otherwise of the first one of the years that are looked at.
    private func change(_ oracle: CronOracle, after minute: Int) -> Int? {
        let changes = [minute, Self.minutes.lowerBound].compactMap { oracle.change(after: $0) }
        return changes.first(where: Self.minutes.contains)
    }

    @Test(
        "the offset is the one that Foundation knows", ScheduleSupport.needsZones, arguments: zones.indices)
    func offsets(index: Int) throws {
        let zone = try Zone(Self.zones[index])
        let oracle = try #require(CronOracle(Self.zones[index]))
        var generator = SeededGenerator(seed: UInt64(index))
        for _ in 0..<500 {
            let minute = Int.random(in: Self.minutes, using: &generator)
            let around = oracle.change(after: minute).map { [$0 - 1, $0] } ?? []
            for minute in around + [minute] where Self.minutes.contains(minute) {
                let offset = zone.offset(at: WorkInstant(rawValue: Int64(minute) * 60_000))
                #expect(offset == oracle.offset(at: minute), "minute \(minute)")
            }
        }
    }
}
