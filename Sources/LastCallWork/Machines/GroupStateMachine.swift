/// Counts the members of a group and decides when what waits for it may run.
///
/// A store steps it in the transaction in which a member ends, once a member.
public struct GroupStateMachine: Sendable, Hashable {
    /// Where a group is.
    public enum State: Int, Sendable, Hashable {
        /// Members are missing.
        case open = 0
        /// All members are over, and what waits for it was told.
        case closed = 1
    }

    /// What follows from an event.
    public enum Action: Sendable, Hashable {
        /// Nothing.
        case none
        /// What waits for the group may run.
        case run
        /// What waits for the group is cancelled, in these words.
        case cancel(String)
    }

    /// Where it is.
    public private(set) var state: State
    /// How many members are not over.
    public private(set) var pending: Int
    /// How many members ended neither well nor partial.
    public private(set) var failed: Int
    /// When what waits for it may run.
    public let policy: GroupPolicy
    /// Whether it was closed because what it waited for did not end well.
    public private(set) var isSkipped = false

    /// Creates a machine over what a store has.
    public init(state: State = .open, pending: Int, failed: Int = 0, policy: GroupPolicy) {
        self.state = state
        self.pending = pending
        self.failed = failed
        self.policy = policy
    }

    /// Members ended.
    ///
    /// - Parameters:
    ///   - count: How many.
    ///   - newlyFailed: How many of them ended neither well nor partial.
    public mutating func membersEnded(_ count: Int, failed newlyFailed: Int) -> Action {
        switch state {
        case .closed: return .none
        case .open:
            precondition(count <= pending, "membersEnded: \(count) of a group that waits for \(pending)")
            pending -= count
            failed += newlyFailed
            return closeIfComplete()
        }
    }

    /// Closes a group that has no members, once what it waited for is over.
    public mutating func closeIfComplete() -> Action {
        switch state {
        case .closed: return .none
        case .open:
            guard pending == 0 else { return .none }
            state = .closed
            switch policy {
            case .always: return .run
            case .all:
                guard failed > 0 else { return .run }
                return .cancel("\(failed) of what it waited for did not end well")
            }
        }
    }

    /// What it waited for did not end well: it is over before it began, and what follows it is cancelled too.
    public mutating func skip(_ words: String) -> Action {
        switch state {
        case .closed: return .none
        case .open:
            state = .closed
            isSkipped = true
            return .cancel(words)
        }
    }

    /// Whether its own group counts it as done.
    ///
    /// A group fails where its policy would cancel what waits for it, and where it never began. Ask in the transaction that closes it.
    public var countsAsDone: Bool {
        guard !isSkipped else { return false }
        switch policy {
        case .always: return true
        case .all: return failed == 0
        }
    }
}
