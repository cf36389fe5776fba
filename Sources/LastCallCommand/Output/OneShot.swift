import LastCall
import LastCallConcurrency

/// A value that is set once and that anybody may wait for, also a cancelled task.
///
/// A command ends within a bounded time once its task is cancelled, and its result is wanted then more than ever.
final class OneShot<Value: Sendable>: Sendable {
    /// What is held under the lock.
    private struct State {
        /// The value, once there is one.
        var value: Value?
        /// Who waits for it.
        var waiters: [CheckedContinuation<Value, Never>] = []
    }

    private let state = Mutex(State())

    /// The value, once there is one.
    var value: Value? { state.withLock { $0.value } }

    /// Sets the value; a second call changes nothing.
    func set(_ value: Value) {
        let waiters = state.withLock { state in
            guard state.value == nil else { return [CheckedContinuation<Value, Never>]() }
            state.value = value
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: value) }
    }

    /// Waits for the value, whatever becomes of the waiting task.
    func wait() async -> Value {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state in
                if state.value == nil { state.waiters.append(continuation) }
                return state.value
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}
