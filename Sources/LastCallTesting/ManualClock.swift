import LastCall
import LastCallConcurrency

/// A clock that stands still until a test moves it.
///
/// ```swift
/// let clock = ManualClock()
/// async let slept: Void = clock.sleep(for: .seconds(1800))
/// await clock.waitForSleepers(1)      // a named event, not a guess
/// clock.advance(by: .seconds(1800))
/// try await slept
/// ```
public final class ManualClock: Clock, Sendable {
    /// An instant: the time since the clock was made.
    public struct Instant: InstantProtocol, Hashable {
        /// The time since the clock was made.
        public let offset: Duration

        /// Creates an instant.
        public init(offset: Duration) { self.offset = offset }

        /// The instant that is `duration` later.
        public func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }

        /// The time from this instant to another.
        public func duration(to other: Instant) -> Duration { other.offset - offset }

        /// Earlier instants come first.
        public static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.offset < rhs.offset }
    }

    /// Somebody who sleeps.
    private struct Sleeper {
        /// Until when.
        let deadline: Instant
        /// How to wake it.
        let continuation: CheckedContinuation<Void, any Error>
    }

    /// Somebody who waits for others to sleep.
    private struct Watcher {
        /// How many have to sleep.
        let count: Int
        /// How to wake it.
        let continuation: CheckedContinuation<Void, Never>
    }

    /// What the clock holds under its lock.
    private struct State {
        /// The time.
        var now = Instant(offset: .zero)
        /// Who sleeps, by ticket.
        var sleepers: [Int: Sleeper] = [:]
        /// Who waits for sleepers.
        var watchers: [Watcher] = []
        /// The next ticket.
        var nextTicket = 0
        /// Tickets that were cancelled before they slept.
        var cancelledEarly: Set<Int> = []
    }

    private let state = Mutex(State())

    /// Creates a clock at zero.
    public init() {}

    /// The time.
    public var now: Instant { state.withLock { $0.now } }

    /// The finest step.
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// How many sleep.
    public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// When the next sleeper wakes; `nil` where nobody sleeps.
    public var nextWake: Instant? { state.withLock { $0.sleepers.values.map(\.deadline).min() } }

    /// Sleeps until the clock was moved to `deadline`.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                add(Sleeper(deadline: deadline, continuation: continuation), ticket: ticket)
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: ticket)
                if sleeper == nil { state.cancelledEarly.insert(ticket) }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    private func add(_ sleeper: Sleeper, ticket: Int) {
        /// What happens to the one who wants to sleep.
        enum Step { case sleeps([Watcher]), isDue, isCancelled }
        let step: Step = state.withLock { state in
            if state.cancelledEarly.remove(ticket) != nil { return .isCancelled }
            if sleeper.deadline <= state.now { return .isDue }
            state.sleepers[ticket] = sleeper
            let count = state.sleepers.count
            let content = state.watchers.filter { $0.count <= count }
            state.watchers.removeAll { $0.count <= count }
            return .sleeps(content)
        }
        switch step {
        case .sleeps(let watchers): for watcher in watchers { watcher.continuation.resume() }
        case .isDue: sleeper.continuation.resume()
        case .isCancelled: sleeper.continuation.resume(throwing: CancellationError())
        }
    }

    /// Waits until at least `count` sleep.
    public func waitForSleepers(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isContent = state.withLock { state in
                guard state.sleepers.count < count else { return true }
                state.watchers.append(Watcher(count: count, continuation: continuation))
                return false
            }
            if isContent { continuation.resume() }
        }
    }

    /// Moves the clock and wakes whoever is due, the earliest first.
    public func advance(by duration: Duration) { advance(to: now.advanced(by: duration)) }

    /// Moves the clock to an instant, never back, and wakes whoever is due, the earliest first.
    public func advance(to instant: Instant) {
        let due = state.withLock { state -> [Sleeper] in
            state.now = max(state.now, instant)
            let now = state.now
            let due = state.sleepers.filter { $0.value.deadline <= now }
            for ticket in due.keys { state.sleepers[ticket] = nil }
            return due.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }.map(\.value)
        }
        for sleeper in due { sleeper.continuation.resume() }
    }
}
