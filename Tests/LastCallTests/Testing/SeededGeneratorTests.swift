import LastCallTesting
import Testing

/// The numbers that a printed seed has to bring back.
@Suite struct SeededGeneratorTests {
    static func numbers(seed: UInt64, count: Int) -> [UInt64] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in generator.next() }
    }

    @Test("the first numbers are those of SplitMix64, today and in every later version")
    func golden() {
        #expect(
            Self.numbers(seed: 1_234_567, count: 5) == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
        #expect(
            Self.numbers(seed: 0, count: 3) == [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F])
    }

    @Test("the same seed gives the same numbers", arguments: [0, 1, 42, .max] as [UInt64]) func sameSeed(seed: UInt64) {
        #expect(Self.numbers(seed: seed, count: 1000) == Self.numbers(seed: seed, count: 1000))
    }

    @Test("seeds side by side give different numbers, and none repeats itself") func differentSeeds() {
        let all = (0..<100 as Range<UInt64>).flatMap { Self.numbers(seed: $0, count: 100) }
        #expect(Set(all).count == all.count)
    }

    @Test("a copy goes on from where the original was, on its own") func copies() {
        var original = SeededGenerator(seed: 7)
        _ = original.next()
        var copy = original
        let next = original.next()
        _ = original.next()
        let copied = copy.next()
        #expect(copied == next)
    }

    @Test("a chance of 0 never happens and one of 100 always does; one of 30 follows from the seed") func chance() {
        var generator = SeededGenerator(seed: 3)
        // The seed is fixed, so each of these is a fact and not a likelihood.
        func count(_ percent: Int) -> Int { (0..<10_000).count { _ in generator.chance(percent) } }
        #expect(count(0) == 0)
        #expect(count(100) == 10_000)
        #expect((2900...3100).contains(count(30)))
    }
}
