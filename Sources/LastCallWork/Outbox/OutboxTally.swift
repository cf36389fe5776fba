import LastCallConcurrency

/// What an outbox knows of its queue without asking the store; others who use the same store are not in it.
final class OutboxTally: Sendable {
    /// What is kept under the lock.
    private struct State {
        /// How many messages each lane holds.
        var depths: [String: Int] = [:]
        /// The last failure, safe to show.
        var lastFailure: String?
        /// How many messages were delivered.
        var delivered = 0
        /// The messages whose time is over and whose last attempt goes on.
        var last: Set<WorkID> = []
    }

    private let state = Mutex(State())

    /// What the store says.
    func found(_ lanes: [LaneReport]) {
        let depths = Dictionary(uniqueKeysWithValues: lanes.map { ($0.name, $0.depth) })
        state.withLock { $0.depths = depths }
    }

    /// Messages came to a lane, and others left it for them.
    func came(_ lane: String, _ count: Int) { state.withLock { $0.depths[lane, default: 0] += count } }

    /// A message left its lane.
    func left(_ lane: String) {
        state.withLock { state in
            guard let depth = state.depths[lane] else { return }
            state.depths[lane] = depth > 1 ? depth - 1 : nil
        }
    }

    /// The last attempt for a message whose time is over begins.
    ///
    /// - Returns: Whether it may; `false` where it was begun already and never ended.
    func beginsLast(_ id: WorkID) -> Bool { state.withLock { $0.last.insert(id).inserted } }

    /// The last attempt for a message is over.
    func endsLast(_ id: WorkID) { state.withLock { _ = $0.last.remove(id) } }

    /// A message was delivered.
    func delivered(_ lane: String) {
        left(lane)
        state.withLock { $0.delivered += 1 }
    }

    /// How many messages were delivered.
    var delivered: Int { state.withLock { $0.delivered } }

    /// An attempt failed.
    func failed(_ why: String) { state.withLock { $0.lastFailure = why } }

    /// The last failure, safe to show.
    var lastFailure: String? { state.withLock { $0.lastFailure } }

    /// How long the slowest lane takes, where each has a time between two messages.
    ///
    /// - Parameter spacing: That time for a lane; `nil` is unknown.
    func slowest(_ spacing: (_ lane: String) -> Duration?) -> Duration? {
        let depths = state.withLock { $0.depths }
        var longest: Duration?
        for (lane, depth) in depths {
            guard let spacing = spacing(lane) else { return nil }
            longest = max(longest ?? .zero, spacing * depth)
        }
        return longest
    }
}
