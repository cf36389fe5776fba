import LastCall
import LastCallConcurrency

/// The lines between the loop that reads them and the task that wants them: one producer, one consumer, bounded.
///
/// The bound is soft by one read: `push` says that it is reached, and the loop then stops reading the pipes until the
/// consumer has taken the queue. What a stopped command left in its pipes is taken in any case; a pipe's size bounds that.
final class LineQueue: Sendable {
    /// How many bytes may lie here before the loop stops reading.
    static let bytesMax = 256 << 10
    /// What a line costs beside its bytes, so that empty lines are bounded too.
    private static let lineOverhead = 64

    /// What is held under the lock.
    private struct State {
        /// The lines nobody took yet.
        var lines: [OutputLine] = []
        /// What they weigh.
        var bytes = 0
        /// Whether the loop stopped reading because of us.
        var isFull = false
        /// Whether no line will come any more.
        var isEnded = false
        /// Whether nobody wants lines any more.
        var isDiscarding = false
        /// The task that waits for lines.
        var waiter: CheckedContinuation<[OutputLine]?, Never>?
        /// How many bytes were thrown away after the consumer had left.
        var bytesDiscarded = 0

        /// Takes all lines.
        mutating func take() -> [OutputLine] {
            defer {
                lines = []
                bytes = 0
            }
            return lines
        }

        /// Notes that there is room again; says whether there was none.
        mutating func reopen() -> Bool {
            defer { isFull = false }
            return isFull
        }
    }

    private let state = Mutex(State())
    /// Tells the loop to read on.
    private let readOn: @Sendable () -> Void

    init(readOn: @escaping @Sendable () -> Void) { self.readOn = readOn }

    /// How many bytes were thrown away after the consumer had left.
    var bytesDiscarded: Int { state.withLock { $0.bytesDiscarded } }

    /// Adds lines.
    ///
    /// - Returns: Whether there is room for more.
    func push(_ lines: [OutputLine]) -> Bool {
        guard !lines.isEmpty else { return true }
        let weight = lines.reduce(0) { $0 + $1.bytes.count + Self.lineOverhead }
        let (waiter, hasRoom) = state.withLock { state -> (CheckedContinuation<[OutputLine]?, Never>?, Bool) in
            if state.isDiscarding {
                state.bytesDiscarded += lines.reduce(0) { $0 + $1.bytes.count }
                return (nil, true)
            }
            if let waiter = state.waiter {
                state.waiter = nil
                return (waiter, true)
            }
            state.lines.append(contentsOf: lines)
            state.bytes += weight
            state.isFull = state.bytes >= Self.bytesMax
            return (nil, !state.isFull)
        }
        waiter?.resume(returning: lines)
        return hasRoom
    }

    /// Says that no line will come any more.
    func end() {
        let waiter = state.withLock { state in
            state.isEnded = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: nil)
    }

    /// Waits for lines and takes all that are there; `nil` after the last.
    ///
    /// It does not react to cancellation: the command does.
    func next(isolation: isolated (any Actor)? = #isolation) async -> [OutputLine]? {
        await withCheckedContinuation { continuation in
            let (ready, wasFull) = state.withLock { state -> ([OutputLine]??, Bool) in
                precondition(state.waiter == nil, "lines have two readers")
                guard state.lines.isEmpty else { return (.some(state.take()), state.reopen()) }
                if state.isEnded { return (.some(nil), false) }
                state.waiter = continuation
                return (nil, false)
            }
            if wasFull { readOn() }
            if let ready { continuation.resume(returning: ready) }
        }
    }

    /// Throws away what is here and what will come.
    func discard() {
        let wasFull = state.withLock { state in
            state.isDiscarding = true
            state.bytesDiscarded += state.take().reduce(0) { $0 + $1.bytes.count }
            return state.reopen()
        }
        if wasFull { readOn() }
    }
}
