import LastCall

/// How fast, how patiently and how far a transport is used.
public struct TransportPolicy: Sendable, Hashable {
    /// What happens to a message for a destination that has as many waiting as it may.
    public enum Overflow: String, Sendable, Hashable, CaseIterable {
        /// The oldest that waits is dead-lettered, with the reason `overflow`.
        case dropOldest
        /// The new one is refused with ``WorkError/Code/laneFull``.
        case reject
        /// Whoever sends waits until there is room, or the stop comes.
        case wait
    }

    /// How often something may happen: so many times in a time, evenly spaced.
    public struct Rate: Sendable, Hashable {
        /// The time between two.
        public var spacing: Duration

        /// Creates a rate, at most 1,000 a second.
        public init(_ count: Int, per time: Duration) { spacing = count > 0 ? time / count : .zero }
    }

    /// When a breaker opens, and for how long.
    public struct Breaker: Sendable, Hashable {
        /// After how many failures in a row; 5 by default.
        public var failuresMax: Int
        /// How long it stays open before one message may try; 30 s by default.
        public var coolDown: Duration

        /// Creates settings.
        public init(failuresMax: Int = 5, coolDown: Duration = .seconds(30)) {
            self.failuresMax = failuresMax
            self.coolDown = coolDown
        }
    }

    /// How fast one destination is sent to; `nil` (the default) is as fast as it answers.
    public var ratePerDestination: Rate?
    /// How fast all destinations together are sent to; `nil` (the default) is as fast as they answer.
    public var rate: Rate?
    /// How long one attempt may take; 30 s by default.
    public var timeout: Duration
    /// The wait after failures: 1 s at first, at most 5 min, with jitter, by default.
    ///
    /// Its number of attempts is not used; see ``givesUpAfter``.
    public var backoff: RetryPolicy
    /// How long a message that cannot be delivered is tried before it is dead-lettered; 24 h by default.
    ///
    /// It counts from when the message might first be sent: its acceptance, the end of its delay or of what it waited for, or a replay. A
    /// message whose time went by while nobody was there to send it is tried once all the same.
    public var givesUpAfter: Duration
    /// When to leave the other side alone; `nil` is never.
    public var breaker: Breaker?
    /// How many messages of a destination may wait; 10,000 by default.
    public var waitingMax: Int
    /// What happens to one more; refused by default.
    public var overflow: Overflow

    /// Creates a policy with the defaults that each property names.
    public init(
        ratePerDestination: Rate? = nil, rate: Rate? = nil, timeout: Duration = .seconds(30),
        backoff: RetryPolicy = RetryPolicy(base: .seconds(1), delayMax: .seconds(300), jitter: 0.5),
        givesUpAfter: Duration = .seconds(24 * 3600), breaker: Breaker? = Breaker(), waitingMax: Int = 10_000,
        overflow: Overflow = .reject
    ) {
        self.ratePerDestination = ratePerDestination
        self.rate = rate
        self.timeout = timeout
        self.backoff = backoff
        self.givesUpAfter = givesUpAfter
        self.breaker = breaker
        self.waitingMax = waitingMax
        self.overflow = overflow
    }

    /// Says what of it cannot work.
    ///
    /// - Parameter name: The transport's name, for the error.
    /// - Throws: ``WorkError/Code/invalidConfiguration``.
    package func validate(_ name: String) throws(WorkError) {
        func check(_ holds: Bool, _ words: String) throws(WorkError) {
            guard !holds else { return }
            throw WorkError(.invalidConfiguration, "transport \"\(name)\": \(words)")
        }
        let most = Duration.longest
        for (key, rate) in [("ratePerDestination", ratePerDestination), ("rate", rate)] {
            try check(
                rate.map { $0.spacing >= .milliseconds(1) } ?? true,
                "\(key) is more than 1,000 a second, or not positive; leave it out for no limit")
            try check(rate.map { $0.spacing <= most } ?? true, "\(key) is less than one in a hundred years")
        }
        for (key, time) in [("timeout", timeout), ("givesUpAfter", givesUpAfter), ("the backoff's base", backoff.base)]
        {
            try check(
                time >= .milliseconds(1) && time <= most,
                "\(key) is \(DurationText.format(time)); it is 1ms to a hundred years")
        }
        try check(
            backoff.jitter.isFinite && backoff.factor.isFinite, "the backoff's jitter or factor is no number")
        try check(waitingMax >= 1, "waitingMax is \(waitingMax); it is at least 1")
        if let breaker {
            try check(
                breaker.failuresMax >= 1, "the breaker's failuresMax is \(breaker.failuresMax); it is at least 1")
            try check(
                breaker.coolDown > .zero && breaker.coolDown <= most,
                "the breaker's coolDown is not positive, or beyond a hundred years; leave the breaker out for none")
        }
    }
}
