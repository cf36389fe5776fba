/// Decides whether something that kept failing is left alone: a circuit breaker.
///
/// ```text
/// closed ──failuresMax in a row──► open ──coolDown──► half open ──success──► closed
///                                   ▲                     └──────failure──► open
/// ```
///
/// Half open admits exactly one probe; the next is admitted once what became of it is known. A store keeps the four fields and has no
/// rules of its own.
public struct BreakerStateMachine: Sendable, Hashable {
    /// Where a breaker is.
    public enum State: Sendable, Hashable {
        /// Everything is admitted.
        case closed
        /// Nothing is admitted until the instant.
        case open(until: WorkInstant)
        /// One probe is admitted.
        case halfOpen
        /// The probe is on its way.
        case probing
    }

    /// How often it failed in a row.
    public private(set) var failures: Int
    /// Until when it is open; `nil` where it is closed.
    public private(set) var openUntil: WorkInstant?
    /// The record that is the probe.
    public private(set) var probe: WorkID?

    /// Creates a closed breaker, or one as a store kept it.
    public init(failures: Int = 0, openUntil: WorkInstant? = nil, probe: WorkID? = nil) {
        self.failures = failures
        self.openUntil = openUntil
        self.probe = probe
    }

    /// Whether nothing is to be remembered of it.
    public var isPristine: Bool { self == BreakerStateMachine() }

    /// Where it is.
    public func state(at now: WorkInstant) -> State {
        guard let openUntil else { return .closed }
        if probe != nil { return .probing }
        return now < openUntil ? .open(until: openUntil) : .halfOpen
    }

    /// A record is about to be attempted; half open, it is the probe.
    public mutating func attempted(_ record: WorkID, at now: WorkInstant) {
        switch state(at: now) {
        case .halfOpen: probe = record
        case .closed, .open, .probing: break
        }
    }

    /// An attempt ended in a way that says nothing: given back, lost, refused for the record's own sake.
    public mutating func ended(_ record: WorkID) {
        if probe == record { probe = nil }
    }

    /// An attempt succeeded.
    ///
    /// - Returns: Whether more is admitted now than before.
    public mutating func succeeded() -> Bool {
        let wasOpen = openUntil != nil
        self = BreakerStateMachine()
        return wasOpen
    }

    /// An attempt failed.
    public mutating func failed(_ record: WorkID, at now: WorkInstant, failuresMax: Int, coolDown: Duration) {
        let isProbe = probe == record
        if isProbe { probe = nil }
        failures = min(failures + 1, Int(Int32.max))
        // Those that were on their way when it opened prolong nothing.
        let isHalfOpen = isProbe || openUntil.map { $0 <= now } ?? false
        if isHalfOpen || openUntil == nil && failures >= failuresMax { openUntil = now + coolDown }
    }
}
