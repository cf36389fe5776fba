import LastCallConcurrency
import ServiceLifecycle

/// One member's task, with a graceful-shutdown scope of its own.
final class MemberRun: Sendable {
    /// What the member's task and the lifecycle share.
    private struct State {
        /// Whether the member is to be cancelled.
        var isCancelled = false
        /// The member's task.
        var task: Task<Void, Never>?
        /// The error that the member threw.
        var error: (any Error)?
    }

    /// The member.
    let member: Member
    private let graceful: GracefulScope
    /// The member's view of the stop.
    let scope: ShutdownScope
    /// Opens with `true` when the member is to run, with `false` when it never will be.
    let start = Latch<Bool>()
    private let state = Mutex(State())

    init(member: Member, news: LifecycleNews, now: @escaping @Sendable () -> Duration) {
        self.member = member
        self.scope = ShutdownScope(news: news, now: now)
        self.graceful = GracefulScope(scope)
    }

    /// The error that the member threw.
    var error: (any Error)? { state.withLock { $0.error } }

    /// The member's ledger, where it keeps one.
    var ledger: (any LedgerReporting)? { member.service as? any LedgerReporting }

    /// Makes the member's task, which inherits the caller's task-locals and waits to be started.
    ///
    /// - Parameters:
    ///   - onReady: Called once the member is ready, or with the error for which it never will be.
    ///   - onEnd: Called once its `run` has returned or thrown.
    func prepare(
        onReady: @escaping @Sendable ((any Error)?) -> Void, onEnd: @escaping @Sendable (MemberEnd) -> Void
    ) {
        let task = UnstructuredTask.start { [self] in
            guard await start.waitThroughCancellation() else { return }
            onEnd(await graceful.run { await self.runService(onReady: onReady) })
        }
        let isCancelled = state.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    private func runService(onReady: @escaping @Sendable ((any Error)?) -> Void) async -> MemberEnd {
        let readiness = awaitReadiness(onReady)
        defer { readiness?.cancel() }
        do {
            try await member.service.run()
            return .returned
        } catch {
            state.withLock { $0.error = error }
            // Whoever prints a whole request into an error must not make a receipt that nobody can read.
            let text = String(describing: error).prefix(ReceiptBuilder.errorLengthMax)
            return .threw(String(text), isCancellation: error is CancellationError)
        }
    }

    private func awaitReadiness(_ onReady: @escaping @Sendable ((any Error)?) -> Void) -> Task<Void, Never>? {
        guard let reporting = member.service as? any ReadinessReporting else {
            onReady(nil)
            return nil
        }
        return UnstructuredTask.start {
            do {
                try await reporting.waitUntilReady()
                onReady(nil)
            } catch is CancellationError {
                // The member ended, and its end says more.
                return
            } catch {
                onReady(error)
            }
        }
    }

    /// Tells the member to stop.
    func tell(_ urgency: Shutdown.Urgency, cancelAt: Duration, endAt: Duration) {
        graceful.tell(urgency, cancelAt: cancelAt, endAt: endAt)
    }

    /// Cancels the member's task.
    func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }
}
