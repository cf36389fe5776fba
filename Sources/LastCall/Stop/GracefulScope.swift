import LastCallConcurrency
import ServiceLifecycleTestKit

/// A graceful-shutdown scope of its own: what runs in it is told through the ecosystem's `withGracefulShutdownHandler` when its
/// owner says so, and not when those around it are.
///
/// `testGracefulShutdown` is the ecosystem's only public way to a scope that can be told on its own and keeps the task-locals of
/// the caller; decision record 1 weighs it against a group for each member. It calls handlers under its lock on the thread that
/// triggers it, so each is triggered from a task of its own.
package final class GracefulScope: Sendable {
    /// What those inside and the owner share.
    private struct State {
        /// Tells those inside, once the scope exists.
        var trigger: GracefulShutdownTestTrigger?
        /// Whether they were told.
        var isTold = false
    }

    private let state = Mutex(State())
    /// What those inside see of the stop; `nil` outside a lifecycle.
    private let shutdown: ShutdownScope?

    /// A scope whose view of the stop is `shutdown`.
    package init(_ shutdown: ShutdownScope?) { self.shutdown = shutdown }

    /// A scope inside the current one, whose owner decides when those in it are told.
    package convenience init() { self.init(Shutdown.scope.map(ShutdownScope.init(inside:))) }

    /// Runs `body` inside the scope; once.
    package func run<Result: Sendable>(_ body: @Sendable () async throws -> Result) async rethrows -> Result {
        try await Shutdown.$scope.withValue(shutdown) {
            try await testGracefulShutdown { trigger in
                register(trigger)
                return try await body()
            }
        }
    }

    private func register(_ trigger: GracefulShutdownTestTrigger) {
        let isTold = state.withLock { state in
            state.trigger = trigger
            return state.isTold
        }
        // Nobody has registered a handler yet, so none runs on this thread.
        if isTold { trigger.triggerGracefulShutdown() }
    }

    /// Tells those inside to stop: through ``Shutdown`` first, so that a handler that asks is told the truth, then through the
    /// ecosystem's graceful shutdown.
    package func tell(_ urgency: Shutdown.Urgency = .drain, cancelAt: Duration? = nil, endAt: Duration? = nil) {
        shutdown?.tell(urgency, cancelAt: cancelAt, endAt: endAt)
        let trigger = state.withLock { state in
            defer { state.isTold = true }
            return state.isTold ? nil : state.trigger
        }
        guard let trigger else { return }
        UnstructuredTask.start { [shutdown] in
            Shutdown.$scope.withValue(shutdown) { trigger.triggerGracefulShutdown() }
        }
    }
}
