import Dispatch
import LastCall
import LastCallConcurrency

/// Where tasks leave work and threads of their own fetch it.
final class Intake<Work: Sendable>: Sendable {
    /// What both sides share.
    private struct State {
        /// What was left and not fetched.
        var queue: [Work] = []
        /// How many threads sleep until something is left.
        var sleepers = 0
        /// Whether nothing is taken any more.
        var isClosed = false
    }

    private let state = Mutex(State())
    private let news = DispatchSemaphore(value: 0)

    /// How much was left and not fetched.
    var count: Int { state.withLock { $0.queue.count } }
    /// Whether nothing is taken any more.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Leaves work; returns whether it was taken.
    func put(_ work: Work) -> Bool {
        let (isTaken, wakes) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.queue.append(work)
            guard state.sleepers > 0 else { return (true, false) }
            state.sleepers -= 1
            return (true, true)
        }
        if wakes { news.signal() }
        return isTaken
    }

    /// Fetches the oldest, up to `countMax`; sleeps until there is some.
    ///
    /// - Returns: `nil` once it is closed and empty.
    func fetch(_ countMax: Int) -> [Work]? {
        while true {
            let (found, isOver): ([Work], Bool) = state.withLock { state in
                if state.queue.isEmpty {
                    if !state.isClosed { state.sleepers += 1 }
                    return ([], state.isClosed)
                }
                if state.queue.count <= countMax {
                    defer { state.queue = [] }
                    return (state.queue, false)
                }
                defer { state.queue.removeFirst(countMax) }
                return (Array(state.queue.prefix(countMax)), false)
            }
            if !found.isEmpty { return found }
            if isOver { return nil }
            news.wait()
        }
    }

    /// Takes nothing more; what was left before is still fetched.
    func close() {
        let sleepers = state.withLock { state in
            state.isClosed = true
            defer { state.sleepers = 0 }
            return state.sleepers
        }
        for _ in 0..<sleepers { news.signal() }
    }
}
