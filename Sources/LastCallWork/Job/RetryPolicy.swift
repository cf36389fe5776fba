import LastCall

/// How often a failed job is tried again, and after how long.
///
/// The wait before the attempt after *n* failures is `base` × `factor`ⁿ⁻¹, at most `delayMax`, less a random share of it up to `jitter`,
/// so that jobs which failed together do not come back together.
public struct RetryPolicy: Sendable, Hashable {
    /// How often a job runs in all, the first time included; 1 never retries.
    public var attemptsMax: Int
    /// The wait after the first failure; 1 s by default.
    public var base: Duration
    /// What the wait is multiplied with after each further failure; 2 by default.
    public var factor: Double
    /// The longest wait; 1 h by default.
    public var delayMax: Duration
    /// The random share that is taken off, 0 to 1; 0.2 by default.
    public var jitter: Double

    /// Creates a policy.
    public init(
        attemptsMax: Int = 5, base: Duration = .seconds(1), factor: Double = 2, delayMax: Duration = .seconds(3600),
        jitter: Double = 0.2
    ) {
        self.attemptsMax = attemptsMax
        self.base = base
        self.factor = factor
        self.delayMax = delayMax
        self.jitter = jitter
    }

    /// Runs once.
    public static let never = RetryPolicy(attemptsMax: 1)

    /// The wait after so many failures.
    ///
    /// - Parameters:
    ///   - failures: How often the job has failed, from 1.
    ///   - random: A number from 0 to 1 that decides the jitter.
    public func delay(afterFailures failures: Int, random: Double) -> Duration {
        var seconds = max(0, base.inSeconds)
        let longest = min(max(0, delayMax.inSeconds), Duration.longest.inSeconds)
        for _ in 1..<max(1, min(failures, 1000)) where seconds < longest { seconds *= max(1, factor) }
        seconds = min(seconds, longest)
        let share = jitter.isNaN ? 0 : min(max(jitter, 0), 1) * min(max(random, 0), 1)
        return .milliseconds(Int64(seconds * (1 - share) * 1000))
    }
}
