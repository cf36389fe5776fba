import LastCallConcurrency
import Dispatch

/// A thread that runs one closure after the other, in the order in which they were given to it.
package final class SerialThread: Sendable {
    /// What the thread shares with those who give it work.
    private struct State {
        /// What is still to run.
        var queue: [@Sendable () -> Void] = []
        /// Whether the thread was started.
        var isStarted = false
        /// Whether it ends once the queue is empty.
        var isEnding = false
    }

    private let name: String
    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)

    /// Creates a serial thread; the thread itself starts with the first closure.
    package init(name: String) { self.name = name }

    /// Runs a closure after all that were given before it.
    ///
    /// A closure that comes after ``end()`` is not run.
    package func perform(_ body: @escaping @Sendable () -> Void) {
        let isFirst: Bool? = state.withLock { state in
            guard !state.isEnding else { return nil }
            state.queue.append(body)
            defer { state.isStarted = true }
            return !state.isStarted
        }
        guard let isFirst else { return }
        if isFirst { DedicatedThread.start(name: name) { [self] in runLoop() } }
        work.signal()
    }

    /// Ends the thread once everything that was given to it has run.
    package func end() {
        state.withLock { $0.isEnding = true }
        work.signal()
    }

    private func runLoop() {
        while true {
            work.wait()
            let next: (body: (@Sendable () -> Void)?, isOver: Bool) = state.withLock { state in
                state.queue.isEmpty ? (nil, state.isEnding) : (state.queue.removeFirst(), false)
            }
            if let body = next.body { body() }
            if next.isOver { return }
        }
    }
}

/// Runs something that may block, on a thread of its own, and waits for it only so long.
package enum BoundedWork {
    /// Runs `body`; returns whether it ended in time.
    ///
    /// Where it did not, its thread goes on alone.
    ///
    /// - Parameter runsHere: Whether it is run here, however long it takes, where the system has no thread left; otherwise it
    ///   is not run then.
    @discardableResult
    package static func run(within limit: Duration, runsHere: Bool = false, _ body: @escaping @Sendable () -> Void)
        -> Bool
    {
        let done = DispatchSemaphore(value: 0)
        let isStarted = DedicatedThread.startIfPossible(name: "lastcall-bound") {
            body()
            done.signal()
        }
        guard isStarted else {
            if runsHere { body() }
            return runsHere
        }
        let nanoseconds = Int(max(0, limit.inSeconds) * 1e9)
        return done.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success
    }
}
