/// What code that runs inside a lifecycle can ask about the stop.
///
/// ``current`` is set for every member, for all tasks that it starts and inside its graceful-shutdown handlers.
///
/// ```swift
/// guard let shutdown = Shutdown.current else { return }    // not run by a lifecycle
/// let cause = try await shutdown.stopRequested()            // pushed, not polled
/// await flush(within: shutdown.remaining ?? .seconds(5))
/// ```
public struct Shutdown: Sendable {
    /// How much time a member that was told to stop has.
    public enum Urgency: Int, Sendable, Hashable, Comparable {
        /// Finish what is held; take nothing new.
        case drain
        /// Hand everything over now: the task is being cancelled.
        case handOver

        /// Draining is less urgent than handing over.
        public static func < (lhs: Urgency, rhs: Urgency) -> Bool { lhs.rawValue < rhs.rawValue }
    }

    /// The scope that the running member's task carries.
    @TaskLocal package static var scope: ShutdownScope?

    /// The stop as the running member sees it, or `nil` outside a lifecycle.
    public static var current: Shutdown? { scope.map(Shutdown.init(scope:)) }

    /// The member's own view of the stop.
    private let scope: ShutdownScope

    /// A view of one scope.
    package init(scope: ShutdownScope) { self.scope = scope }

    /// Why the lifecycle stops, or `nil` while it does not.
    ///
    /// It is set as soon as the stop begins, also for members whose own stage has not been told yet.
    public var cause: ShutdownCause? { scope.snapshot.cause }

    /// Whether every member of the lifecycle is ready: what a readiness probe answers before a stop.
    public var isLifecycleReady: Bool { scope.news.up.value != nil }

    /// Whether this member was told to stop.
    public var isStopping: Bool { scope.snapshot.urgency != nil }

    /// How urgently this member was told to stop, or `nil` where it was not.
    public var urgency: Urgency? { scope.snapshot.urgency }

    /// The time until this member is cancelled, never below zero, or `nil` while the lifecycle does not stop.
    ///
    /// Cancelling begins shortly before the stage's end: the last tenth of its budget, at most a second.
    public var remaining: Duration? { scope.remaining(until: \.cancelAt) }

    /// The time until this member is abandoned, never below zero, or `nil` while the lifecycle does not stop.
    public var remainingUntilAbandoned: Duration? { scope.remaining(until: \.endAt) }

    /// The instant at which this member is cancelled, or `nil` while the lifecycle does not stop.
    public var deadline: ContinuousClock.Instant? { remaining.map { .now + $0 } }

    /// Waits until the lifecycle's stop begins, which may be long before this member's own stage is told.
    ///
    /// - Returns: The cause.
    /// - Throws: `CancellationError` when the waiting task is cancelled first.
    @discardableResult
    public func lifecycleStopRequested() async throws -> ShutdownCause { try await scope.news.began.wait() }

    /// Waits until this member is told to stop.
    ///
    /// - Returns: The cause.
    /// - Throws: `CancellationError` when the waiting task is cancelled first.
    @discardableResult
    public func stopRequested() async throws -> ShutdownCause { try await scope.told.wait() }

    /// Waits until this member is told to hand everything over now.
    ///
    /// The members of a lifecycle are cancelled at the same moment; this is for tasks that shield themselves from it.
    ///
    /// - Returns: The cause.
    /// - Throws: `CancellationError` when the waiting task is cancelled first.
    @discardableResult
    public func handOverRequested() async throws -> ShutdownCause { try await scope.handOver.wait() }
}
