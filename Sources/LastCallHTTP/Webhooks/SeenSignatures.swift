import LastCallConcurrency

/// The signatures of requests that were accepted, as many as fit.
final class SeenSignatures: Sendable {
    /// What is behind the lock.
    private struct State {
        /// The signatures.
        var seen: Set<String> = []
        /// In the order in which they came; the oldest is forgotten first.
        var order: [String] = []
        /// Where the oldest is.
        var first = 0
    }

    private let countMax: Int
    private let state = Mutex(State())

    init(countMax: Int) { self.countMax = countMax }

    /// Notes a signature.
    ///
    /// - Returns: Whether it is new.
    func insert(_ signature: String) -> Bool {
        state.withLock { state in
            guard state.seen.insert(signature).inserted else { return false }
            state.order.append(signature)
            if state.order.count - state.first > countMax {
                state.seen.remove(state.order[state.first])
                state.first += 1
            }
            if state.first > countMax {
                state.order.removeFirst(state.first)
                state.first = 0
            }
            return true
        }
    }

    /// Forgets a signature, so that its sender can try again.
    func remove(_ signature: String) {
        state.withLock { state in
            guard state.seen.remove(signature) != nil else { return }
            if let index = state.order.lastIndex(of: signature) { state.order.remove(at: index) }
        }
    }
}
