import LastCall
import LastCallConcurrency

/// A state that several tasks change, and that a test can wait upon.
final class Watched<State: Sendable>: Sendable {
    /// The state, and who waits for its next change.
    private struct Inside {
        /// The state.
        var state: State
        /// Opened with the next change.
        var waiters: [Latch<Void>] = []
    }

    /// What is behind the lock.
    private let inside: Mutex<Inside>

    init(_ state: State) { inside = Mutex(Inside(state: state)) }

    /// The state as it is.
    var value: State { inside.withLock { $0.state } }

    /// Changes the state, and wakes who waits.
    @discardableResult
    func change<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        let (value, waiters) = inside.withLock { inside in
            let value = body(&inside.state)
            defer { inside.waiters = [] }
            return (value, inside.waiters)
        }
        for waiter in waiters { waiter.open() }
        return value
    }

    /// Waits until the state is as it should be; the suite's time limit ends a wait in vain.
    func wait(until isSo: @Sendable (State) -> Bool) async throws {
        while true {
            let next = inside.withLock { inside -> Latch<Void>? in
                if isSo(inside.state) { return nil }
                let latch = Latch<Void>()
                inside.waiters.append(latch)
                return latch
            }
            guard let next else { return }
            try await next.wait()
        }
    }
}
