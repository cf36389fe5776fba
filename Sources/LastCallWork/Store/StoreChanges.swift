import LastCall
import LastCallConcurrency

/// What changed in a store, as far as it concerns those who wait.
public struct StoreChange: OptionSet, Sendable, Hashable {
    /// The bits.
    public let rawValue: UInt8

    /// Creates a change from its bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Something may be claimed now.
    public static let work = StoreChange(rawValue: 1)
    /// Somebody asked for the cancellation of something that runs.
    public static let cancel = StoreChange(rawValue: 2)
    /// Something is over.
    public static let ended = StoreChange(rawValue: 4)
    /// Something was written, or progressed.
    public static let output = StoreChange(rawValue: 8)
    /// A worker died.
    public static let death = StoreChange(rawValue: 16)
    /// Something will be due, perhaps earlier than anything before.
    public static let due = StoreChange(rawValue: 32)
    /// Something changed, nobody said what.
    public static let unknown: StoreChange = [.work, .cancel, .ended, .output, .due]
}

/// The changes of a store, as they happen: for one listener, which learns everything that happened since it last asked at once.
public final class StoreChanges: AsyncSequence, Sendable {
    /// A change.
    public typealias Element = StoreChange
    /// It never throws.
    public typealias Failure = Never

    /// What is kept under the lock.
    private struct State {
        /// What happened and was not asked for.
        var pending: StoreChange = []
        /// Who waits.
        var waiter: CheckedContinuation<StoreChange?, Never>?
        /// Whether the store was closed.
        var isOver = false
    }

    private let state = Mutex(State())

    /// Creates a listener that has heard nothing.
    package init() {}

    /// Tells the listener.
    package func raise(_ change: StoreChange) {
        let waiter: CheckedContinuation<StoreChange?, Never>? = state.withLock { state in
            guard let waiter = state.waiter else {
                state.pending.formUnion(change)
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume(returning: change)
    }

    /// Tells the listener that nothing will follow.
    package func finish() {
        let waiter: CheckedContinuation<StoreChange?, Never>? = state.withLock { state in
            state.isOver = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: nil)
    }

    /// What happened since the last call, once something did; `nil` after the store was closed, or when the task is cancelled.
    public func next() async -> StoreChange? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready: StoreChange?? = state.withLock { state in
                    if !state.pending.isEmpty {
                        defer { state.pending = [] }
                        return .some(state.pending)
                    }
                    if state.isOver || Task.isCancelled { return .some(nil) }
                    precondition(state.waiter == nil, "a StoreChanges has one listener")
                    state.waiter = continuation
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            let waiter: CheckedContinuation<StoreChange?, Never>? = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(returning: nil)
        }
    }

    /// An iterator; there is one listener.
    public func makeAsyncIterator() -> Iterator { Iterator(changes: self) }

    /// Hands on what a ``StoreChanges`` hears.
    public struct Iterator: AsyncIteratorProtocol {
        /// What is listened to.
        fileprivate let changes: StoreChanges

        /// The next change.
        public mutating func next() async -> StoreChange? { await changes.next() }
    }
}

/// Those who listen to a store in this process.
package final class StoreListeners: Sendable {
    /// A listener that does not keep itself alive.
    private struct Entry: Sendable {
        /// The listener.
        weak var listener: StoreChanges?
    }

    /// What is kept under the lock.
    private struct State {
        /// The listeners.
        var entries: [Entry] = []
        /// Whether the store was closed.
        var isOver = false

        /// Those that still listen.
        var listeners: [StoreChanges] { entries.compactMap(\.listener) }
    }

    private let state = Mutex(State())

    /// Creates a list without listeners.
    package init() {}

    /// Another listener; it is forgotten with its last reference.
    package func add() -> StoreChanges {
        let listener = StoreChanges()
        let isOver = state.withLock { state in
            state.entries.removeAll { $0.listener == nil }
            state.entries.append(Entry(listener: listener))
            return state.isOver
        }
        if isOver { listener.finish() }
        return listener
    }

    /// Tells everybody.
    package func raise(_ change: StoreChange) {
        guard !change.isEmpty else { return }
        for listener in state.withLock({ $0.listeners }) { listener.raise(change) }
    }

    /// Tells everybody that nothing will follow.
    package func finish() {
        let listeners = state.withLock { state in
            state.isOver = true
            return state.listeners
        }
        for listener in listeners { listener.finish() }
    }
}
