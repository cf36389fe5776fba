import LastCall
import LastCallConcurrency
import LastCallTesting
import Logging
import ServiceLifecycle

/// A lifecycle with real tasks on a clock that stands still, and what happened in it.
final class LifecycleRun: Sendable {
    let lifecycle: Lifecycle
    let clock: ManualClock
    private let log: EventLog

    /// Makes a lifecycle that writes nothing anywhere.
    ///
    /// - Parameters:
    ///   - budget: What each stage gets; 10 s by default.
    ///   - stages: The names and members, in the order of the stop.
    init(
        _ stages: KeyValuePairs<String, [Member]>, budget: Duration = .seconds(10), clock: ManualClock = ManualClock(),
        signals: ProcessSignals? = nil
    ) throws {
        let plan = try ShutdownPlan(grace: .stated(.seconds(60)), environment: [:]) {
            for (name, members) in stages { Stage(name, budget: budget) { members } }
        }
        let log = EventLog()
        self.log = log
        self.clock = clock
        lifecycle = Lifecycle(
            plan,
            configuration: Lifecycle.Configuration(
                name: "test", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, showsReceipt: .never,
                clock: clock, environment: [:], onEvent: { log.append($0.kind) }),
            signals: signals)
    }

    /// What happened so far.
    var events: [LifecycleEvent.Kind] { log.events }

    /// The members that were told to stop, in order.
    var told: [String] {
        events.compactMap { if case .memberTold(let name, _) = $0 { name } else { nil } }
    }

    /// Waits until something has happened; returns at once where it has.
    func waitFor(_ kind: LifecycleEvent.Kind) async throws { try await log.latch(for: kind).wait() }

    /// Runs until `body` has brought it to its end.
    func run(_ body: @Sendable (LifecycleRun) async throws -> Void) async throws -> Receipt {
        async let receipt = lifecycle.runUntilStopped()
        try await waitFor(.ready)
        try await body(self)
        return await receipt
    }

    /// Runs, stops by call once everybody is ready, and returns the receipt.
    func runAndStop() async throws -> Receipt { try await run { $0.lifecycle.stop() } }
}

/// Events in the order in which they came; a latch for each.
private final class EventLog: Sendable {
    /// What the log holds under its lock.
    private struct State {
        /// What happened, in order.
        var events: [LifecycleEvent.Kind] = []
        /// Who waits for what.
        var latches: [LifecycleEvent.Kind: Latch<Void>] = [:]
    }

    private let state = Mutex(State())

    var events: [LifecycleEvent.Kind] { state.withLock { $0.events } }

    func append(_ kind: LifecycleEvent.Kind) {
        state.withLock { $0.events.append(kind) }
        latch(for: kind).open()
    }

    func latch(for kind: LifecycleEvent.Kind) -> Latch<Void> {
        state.withLock { state in
            if let latch = state.latches[kind] { return latch }
            let latch = Latch<Void>()
            state.latches[kind] = latch
            return latch
        }
    }
}

/// A member that ends as soon as it is told.
func obedient(_ name: String) -> Member { Member(name) { try await gracefulShutdown() } }

/// A member that is deaf to everything until the latch opens.
func deaf(_ name: String, until latch: Latch<Void>) -> Member {
    Member(name) { await latch.waitThroughCancellation() }
}

/// A member that ends only when it is cancelled.
func lingering(_ name: String) -> Member { Member(name) { try await Latch<Void>().wait() } }

/// What a test's member throws.
struct Broken: Error, Equatable {}
