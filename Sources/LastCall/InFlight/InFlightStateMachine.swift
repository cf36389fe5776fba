/// Decides who may enter a gate and when a drain is over.
package struct InFlightStateMachine: Sendable {
    /// What became of an attempt to enter.
    package enum EnterAction: Sendable, Equatable {
        /// The caller is in.
        case enter
        /// The gate is closed.
        case refuse
    }

    /// What follows from leaving, or from closing.
    package enum DrainAction: Sendable, Equatable {
        /// Nothing.
        case none
        /// The gate is closed and empty: wake those who wait for it.
        case drained
    }

    private enum State: Sendable {
        case open
        case closed
    }

    private var state = State.open
    /// How many are in.
    package private(set) var held = 0
    /// How many were ever let in.
    package private(set) var accepted = 0
    /// How many left, by what became of them.
    package private(set) var ends: [WorkEnd: Int] = [:]

    package init() {}

    /// Whether the gate refuses.
    package var isClosed: Bool {
        switch state {
        case .open: false
        case .closed: true
        }
    }

    /// Whether the gate is closed and empty.
    package var isDrained: Bool { isClosed && held == 0 }

    /// Somebody wants in.
    package mutating func enter() -> EnterAction {
        switch state {
        case .open:
            held += 1
            accepted += 1
            return .enter
        case .closed: return .refuse
        }
    }

    /// Somebody who is in wants another one in, which is not refused by closing: the work was accepted already.
    package mutating func enterFromInside() {
        precondition(held > 0, "enterFromInside: nobody is in")
        held += 1
        accepted += 1
    }

    /// Somebody leaves.
    package mutating func leave(_ end: WorkEnd) -> DrainAction {
        precondition(held > 0, "leave: nobody is in")
        held -= 1
        if end != .done { ends[end, default: 0] += 1 }
        return isDrained ? .drained : .none
    }

    /// The gate closes.
    package mutating func close() -> DrainAction {
        state = .closed
        return held == 0 ? .drained : .none
    }
}

/// What became of one piece of work; the only five ends there are.
public enum WorkEnd: String, Sendable, Hashable, CaseIterable {
    /// It was finished.
    case done
    /// Another worker has it, or may claim it now.
    case handedOver
    /// It is stored, and continued at the next start.
    case kept
    /// It was given up with its payload stored.
    case deadLettered
    /// It was lost.
    case cut
}
