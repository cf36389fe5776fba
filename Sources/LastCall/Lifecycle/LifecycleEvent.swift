/// Something that happened in a lifecycle, for tests, dashboards and timelines.
public struct LifecycleEvent: Sendable, Hashable {
    /// What happened.
    public enum Kind: Sendable, Hashable {
        /// A member's task was started.
        case memberStarted(String)
        /// A member is ready.
        case memberReady(String)
        /// Every member is ready.
        case ready
        /// The stop began.
        case stopBegan(ShutdownCause)
        /// Another cause was noted.
        case causeNoted(ShutdownCause)
        /// A stage's stop began.
        case stageBegan(String)
        /// A member was told to stop.
        case memberTold(String, Shutdown.Urgency)
        /// A member's task was cancelled.
        case memberCancelled(String)
        /// A member's `run` ended; `error` is what it threw, unless that was a cancellation.
        case memberEnded(String, error: String?)
        /// A member is no longer waited for.
        case memberAbandoned(String)
        /// A stage's stop is over.
        case stageEnded(String)
        /// The stop is over.
        case finished(Receipt.Outcome)
    }

    /// What happened.
    public let kind: Kind
    /// When, counted from the lifecycle's creation.
    public let at: Duration

    /// Creates an event.
    public init(_ kind: Kind, at: Duration) {
        self.kind = kind
        self.at = at
    }
}
