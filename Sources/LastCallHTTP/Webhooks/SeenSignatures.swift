import LastCallConcurrency

/// The signatures of requests that were accepted, as many as fit, and of those that are being handled.
final class SeenSignatures: Sendable {
    /// What is known about a signature.
    enum Finding: Sendable {
        /// Nothing: it is being handled from now on.
        case new
        /// Somebody handles it.
        case inHand
        /// It was accepted.
        case accepted
    }

    /// What is behind the lock.
    private struct State {
        /// Those that are being handled.
        var inHand: Set<String> = []
        /// Those that were accepted.
        var accepted: Set<String> = []
        /// In the order in which they came; the oldest is forgotten first.
        var order: [String] = []
        /// Where the oldest is.
        var first = 0
    }

    private let countMax: Int
    private let state = Mutex(State())

    init(countMax: Int) { self.countMax = countMax }

    /// Looks a signature up, and notes that it is being handled where it is new.
    func begin(_ signature: String) -> Finding {
        state.withLock { state in
            if state.accepted.contains(signature) { return .accepted }
            return state.inHand.insert(signature).inserted ? .new : .inHand
        }
    }

    /// Notes what became of a signature; one that was not accepted is forgotten, so that its sender can try again.
    func end(_ signature: String, isAccepted: Bool) {
        state.withLock { state in
            state.inHand.remove(signature)
            guard isAccepted, state.accepted.insert(signature).inserted else { return }
            state.order.append(signature)
            if state.order.count - state.first > countMax {
                state.accepted.remove(state.order[state.first])
                state.first += 1
            }
            if state.first > countMax {
                state.order.removeFirst(state.first)
                state.first = 0
            }
        }
    }
}
