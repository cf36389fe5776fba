import LastCallConcurrency

/// What everybody in a lifecycle may know about it.
package final class LifecycleNews: Sendable {
    /// What the process runs on.
    package let platform: Platform
    /// What a preStop hook used of the grace period before SIGTERM.
    package let preStop: Duration
    /// Opens when every member is ready.
    package let up = Latch<Void>()
    /// Opens when the stop begins, whoever is told first.
    package let began = Latch<ShutdownCause>()

    package init(platform: Platform, preStop: Duration) {
        self.platform = platform
        self.preStop = preStop
    }
}

/// One member's view of the stop: written by its lifecycle, read through ``Shutdown``.
package final class ShutdownScope: Sendable {
    /// What a member can know about the stop.
    package struct Snapshot: Sendable {
        /// Why the lifecycle stops.
        package var cause: ShutdownCause?
        /// How urgently this member was told; `nil` until it was.
        package var urgency: Shutdown.Urgency?
        /// When the member is cancelled at the latest.
        package var cancelAt: Duration?
        /// When the member is abandoned at the latest.
        package var endAt: Duration?
    }

    private let state = Mutex(Snapshot())
    /// The lifecycle's clock.
    private let now: @Sendable () -> Duration
    /// The scope around this one, which knows cause and times.
    private let parent: ShutdownScope?
    /// What is known about the lifecycle.
    package let news: LifecycleNews
    /// Opens when the member is told to stop.
    package let told = Latch<ShutdownCause>()
    /// Opens when the member is told to hand over.
    package let handOver: Latch<ShutdownCause>

    package init(
        news: LifecycleNews = LifecycleNews(platform: .unknown, preStop: .zero), now: @escaping @Sendable () -> Duration
    ) {
        self.now = now
        self.news = news
        self.parent = nil
        self.handOver = Latch()
    }

    /// A scope whose owner decides when those in it are told to drain; to hand over they are told with those around them.
    package init(inside parent: ShutdownScope) {
        self.now = parent.now
        self.news = parent.news
        self.parent = parent
        self.handOver = parent.handOver
    }

    /// What is known now.
    package var snapshot: Snapshot {
        let own = state.withLock { $0 }
        guard var outer = parent?.snapshot else { return own }
        if outer.urgency != .handOver { outer.urgency = own.urgency }
        return outer
    }

    /// Notes why the lifecycle stops.
    package func stopBegan(cause: ShutdownCause) { state.withLock { $0.cause = $0.cause ?? cause } }

    /// Notes that the lifecycle stops, and until when this member has time.
    package func stopBegan(cause: ShutdownCause, cancelAt: Duration, endAt: Duration) {
        state.withLock {
            $0.cause = $0.cause ?? cause
            $0.cancelAt = cancelAt
            $0.endAt = endAt
        }
    }

    /// Notes that this member is told; those who wait hear of it.
    package func tell(_ urgency: Shutdown.Urgency, cancelAt: Duration? = nil, endAt: Duration? = nil) {
        state.withLock {
            $0.urgency = max($0.urgency ?? urgency, urgency)
            $0.cancelAt = cancelAt ?? $0.cancelAt
            $0.endAt = endAt ?? $0.endAt
        }
        let cause = snapshot.cause ?? .unknown
        told.open(cause)
        if urgency == .handOver && parent == nil { handOver.open(cause) }
    }

    /// The time that is left until an instant of the snapshot.
    func remaining(until instant: KeyPath<Snapshot, Duration?>) -> Duration? {
        snapshot[keyPath: instant].map { max(.zero, $0 - now()) }
    }
}
