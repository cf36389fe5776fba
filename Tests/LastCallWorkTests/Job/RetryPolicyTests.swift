import LastCallWork
import Testing

@Suite struct RetryPolicyTests {
    @Test("P22a the wait doubles with every failure, up to the longest")
    func doubles() {
        let policy = RetryPolicy(base: .seconds(1), factor: 2, delayMax: .seconds(60), jitter: 0)
        let waits = (1...8).map { policy.delay(afterFailures: $0, random: 0.5) }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60].map { Duration.seconds($0) })
    }

    @Test("P22a jitter takes off a share, never adds one")
    func jitter() {
        let policy = RetryPolicy(base: .seconds(10), jitter: 0.2)
        #expect(policy.delay(afterFailures: 1, random: 0) == .seconds(10))
        #expect(policy.delay(afterFailures: 1, random: 0.5) == .seconds(9))
        #expect(policy.delay(afterFailures: 1, random: 1) == .seconds(8))
    }

    @Test("numbers that make no sense are taken to the nearest that do")
    func nonsense() {
        let shrinking = RetryPolicy(base: .seconds(4), factor: 0.1, jitter: 0)
        #expect(shrinking.delay(afterFailures: 5, random: 0) == .seconds(4))
        let negative = RetryPolicy(base: .seconds(-4), jitter: 0)
        #expect(negative.delay(afterFailures: 3, random: 0) == .zero)
        let wild = RetryPolicy(base: .seconds(10), jitter: 7)
        #expect(wild.delay(afterFailures: 1, random: 9) == .zero)
        let shortest = RetryPolicy(base: .seconds(10), delayMax: .seconds(-1), jitter: 0)
        #expect(shortest.delay(afterFailures: 1, random: 0) == .zero)
        let policy = RetryPolicy(jitter: 0)
        #expect(policy.delay(afterFailures: 0, random: 0) == .seconds(1))
        #expect(policy.delay(afterFailures: .max, random: 0) == .seconds(3600))
    }

    @Test("a factor of one waits the same, however often it failed")
    func constant() {
        let policy = RetryPolicy(base: .milliseconds(250), factor: 1, jitter: 0)
        #expect(policy.delay(afterFailures: 1000, random: 0) == .milliseconds(250))
    }

    @Test("never is one attempt") func never() { #expect(RetryPolicy.never.attemptsMax == 1) }
}
