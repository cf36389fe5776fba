import LastCall
import LastCallConcurrency

/// A job that a worker runs: its context, its task and its timers.
final class RunningJob: Sendable {
    /// What is kept under the lock.
    private struct State {
        /// The task that runs the handler.
        var task: Task<Void, Never>?
        /// The tasks that wait for its timeout, and for its end after somebody cancelled it.
        var timers: [Task<Void, Never>] = []
        /// Whether it was cancelled, also before its task was known.
        var isCancelled = false
        /// Whether it ended.
        var isOver = false
    }

    /// What the job knows of itself.
    let context: JobContext
    /// What runs it.
    let handler: JobHandler
    /// When it began.
    let startedAt = ContinuousClock.now
    private let state = Mutex(State())

    init(context: JobContext, handler: JobHandler) {
        self.context = context
        self.handler = handler
    }

    /// The task that runs it is known.
    func attach(_ task: Task<Void, Never>) {
        let cancels = state.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if cancels { task.cancel() }
    }

    /// A task waits for it, and is of no use once it has ended.
    func attach(timer: Task<Void, Never>) {
        let isOver = state.withLock { state in
            state.timers.append(timer)
            return state.isOver
        }
        if isOver { timer.cancel() }
    }

    /// Cancels its task.
    func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }

    /// It ended; its timers are of no use any more.
    func end() {
        let timers = state.withLock { state in
            state.isOver = true
            return state.timers
        }
        for timer in timers { timer.cancel() }
    }
}

extension JobContext {
    /// How the job ended, where its handler returned.
    var endingAfterReturn: JobEnding {
        let state = state.withLock { ($0.cut, $0.eviction) }
        guard let cut = state.0 else { return .succeeded }
        let detail = cut.detail.isEmpty ? "cut short by \(cut.reason)" : cut.detail
        switch cut.reason {
        case .eviction:
            guard let eviction = state.1 else { return .partial(.eviction, detail: detail) }
            return .evicted(evictionPolicy, detail: "cut short by eviction: \(eviction)")
        case .workerLost: return .lost(detail: detail)
        case .requested: return .cancelled(detail: detail)
        default: return .partial(cut.reason, detail: detail)
        }
    }

    /// How the job ended, where its handler threw.
    ///
    /// An error that follows from our own stop is no failure.
    func endingAfterError(_ error: any Error, retryPolicy: RetryPolicy, timeout: Duration?) -> JobEnding {
        let (eviction, isCancelRequested, isTimedOut) = state.withLock {
            ($0.eviction, $0.isCancelRequested, $0.isTimedOut)
        }
        if let refused = error as? JobRefused { return .refused(detail: Self.short(refused.message)) }
        if isCancelRequested { return .cancelled(detail: "cancelled on request") }
        if let notStarted = error as? JobNotStarted {
            return eviction == nil ? .postponed(detail: Self.short(notStarted.message), delay: .seconds(5)) : .unstarted
        }
        // One that may finish and whose own time is over has failed, stop or not.
        let hasFailed = isTimedOut && evictionPolicy == .finish
        if let eviction, !hasFailed, evictionPolicy != .finish || error is CancellationError || Task.isCancelled {
            return .evicted(evictionPolicy, detail: "cut short by eviction: \(eviction)")
        }
        let failures = record.facts.attempt
        let backoff = retryPolicy.delay(afterFailures: failures, random: .random(in: 0...1))
        if isTimedOut {
            let limit = timeout.map { DurationText.format($0) } ?? "its timeout"
            return .failed(detail: "timed out after \(limit)", retryAfter: backoff)
        }
        if let failure = error as? JobFailure {
            let delay = failure.isRetryable ? failure.retryAfter ?? backoff : nil
            return .failed(detail: Self.short(failure.message), retryAfter: delay)
        }
        return .failed(detail: Self.short(String(describing: error)), retryAfter: backoff)
    }

    /// What its end says of its lane and kind, where it ended by itself.
    func news(of ending: JobEnding) -> LaneNews? {
        switch ending {
        case .succeeded, .partial, .failed, .refused: state.withLock { $0.news }
        case .evicted, .unstarted, .postponed, .cancelled, .lost, .deadline: nil
        }
    }

    /// An error's words, at most so many that a table of them stays readable.
    private static func short(_ text: String) -> String {
        text.utf8.count <= 4096 ? text : String(text.prefix(1000)) + "…"
    }
}

/// A job that nobody may ever do; its payload is kept with the dead letters.
package struct JobRefused: Error {
    /// Why.
    package let message: String

    /// Creates it.
    package init(_ message: String) { self.message = message }
}

/// A job that did not begin, through no fault of its own: the stop came first, or this machine lacks what every job needs.
///
/// It is no attempt. It is given back at once where its worker stops, and otherwise waits some seconds.
package struct JobNotStarted: Error {
    /// What was missing.
    package let message: String

    /// Creates it.
    package init(_ message: String) { self.message = message }
}
