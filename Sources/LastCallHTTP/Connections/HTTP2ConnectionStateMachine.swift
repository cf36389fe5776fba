import NIOCore

/// Decides when one HTTP/2 connection is told to go away and when it is closed.
///
/// The two GOAWAY frames of RFC 9113, section 6.8, are Hummingbird's: it sends the first, and the second once the client has
/// answered a PING. This machine says when, and closes where the client never answers.
struct HTTP2ConnectionStateMachine {
    /// What follows.
    enum Action: Equatable {
        /// Nothing.
        case none
        /// Send GOAWAY.
        case goAway
        /// Send GOAWAY, and look again at this instant.
        case goAwayAndCheck(at: NIODeadline)
        /// Look again at this instant.
        case checkAt(NIODeadline)
        /// Close now.
        case close
    }

    private let linger: TimeAmount
    private var phase: ServingPhase
    private var closingIdleSince: NIODeadline?
    /// How many streams are open.
    private var streams = 0
    /// Since when none is.
    private var idleSince: NIODeadline
    /// Whether the client was told to go away.
    private var isToldToGo = false

    /// A connection that speaks HTTP/2 since now.
    init(linger: TimeAmount, phase: ServingPhase, at now: NIODeadline) {
        self.linger = linger
        self.phase = phase
        self.idleSince = now
        self.closingIdleSince = phase == .closingIdle ? now : nil
    }

    /// A stream was opened.
    mutating func streamOpened() -> Action {
        streams += 1
        // Who connected during the stop came for this stream: it gets its answer, and the GOAWAY with it.
        return phase > .serving ? goAway() : .none
    }

    /// A stream was closed.
    mutating func streamClosed(at now: NIODeadline) -> Action {
        streams = max(0, streams - 1)
        guard streams == 0 else { return .none }
        idleSince = now
        return phase == .closingIdle ? .checkAt(idleEnd) : .none
    }

    private var idleEnd: NIODeadline { max(closingIdleSince ?? idleSince, idleSince) + linger }

    private mutating func goAway() -> Action {
        guard !isToldToGo else { return .none }
        isToldToGo = true
        return .goAway
    }

    /// The server's phase changed.
    mutating func entered(_ phase: ServingPhase, at now: NIODeadline) -> Action {
        guard phase > self.phase else { return .none }
        self.phase = phase
        guard phase == .closingIdle else { return goAway() }
        closingIdleSince = now
        return goAway() == .goAway ? .goAwayAndCheck(at: idleEnd) : .checkAt(idleEnd)
    }

    /// What is due now.
    func check(at now: NIODeadline) -> Action {
        guard phase == .closingIdle, streams == 0 else { return .none }
        return now >= idleEnd ? .close : .checkAt(idleEnd)
    }
}
