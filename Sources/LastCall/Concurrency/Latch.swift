import LastCallConcurrency

/// An event that happens once and carries a value; everybody who waits, before or after, gets it.
package final class Latch<Value: Sendable>: Sendable {
    /// What the latch holds under its lock.
    private struct State {
        /// The value, once there is one.
        var value: Value?
        /// Who waits for it, by ticket.
        var waiters: [Int: CheckedContinuation<Value, any Error>] = [:]
        /// The next ticket.
        var nextTicket = 0
        /// Tickets whose task was cancelled before it began to wait.
        var cancelledEarly: Set<Int> = []
    }

    private let state = Mutex(State())

    package init() {}

    /// The value, once there is one.
    package var value: Value? { state.withLock { $0.value } }

    /// Gives the value to everybody who waits; a second call changes nothing.
    ///
    /// - Returns: Whether this call was the first.
    @discardableResult
    package func open(_ value: Value) -> Bool {
        let waiters: [CheckedContinuation<Value, any Error>]? = state.withLock { state in
            guard state.value == nil else { return nil }
            state.value = value
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        guard let waiters else { return false }
        for waiter in waiters { waiter.resume(returning: value) }
        return true
    }

    /// Waits for the value, also when the waiting task is cancelled.
    package func waitThroughCancellation() async -> Value {
        // A task of its own is not cancelled with the caller; it ends with the latch, which is opened in any case.
        let waiter = UnstructuredTask.startThrowing { [self] in try await wait() }
        do {
            return try await waiter.value
        } catch {
            preconditionFailure("a task that nobody can cancel was cancelled")
        }
    }

    /// Waits for the value.
    ///
    /// - Throws: `CancellationError` when the waiting task is cancelled first.
    package func wait() async throws -> Value {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ready: Result<Value, any Error>? = state.withLock { state in
                    if state.cancelledEarly.remove(ticket) != nil { return .failure(CancellationError()) }
                    if let value = state.value { return .success(value) }
                    state.waiters[ticket] = continuation
                    return nil
                }
                if let ready { continuation.resume(with: ready) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Value, any Error>? in
                if let waiter = state.waiters.removeValue(forKey: ticket) { return waiter }
                if state.value == nil { state.cancelledEarly.insert(ticket) }
                return nil
            }
            waiter?.resume(throwing: CancellationError())
        }
    }
}

extension Latch where Value == Void {
    /// Opens a latch that carries nothing.
    @discardableResult
    package func open() -> Bool { open(()) }
}
