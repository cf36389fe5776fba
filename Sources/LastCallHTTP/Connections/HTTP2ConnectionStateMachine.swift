import NIOCore

/// Decides when one HTTP/2 connection is told to go away and when it is closed.
///
/// The two GOAWAY frames of RFC 9113, section 6.8, are Hummingbird's: it sends the first, and the second once the client has
/// answered a PING. This machine says when, and sends the second where the client does not answer.
struct HTTP2ConnectionStateMachine {
    /// What follows.
    enum Action: Equatable {
        /// Nothing.
        case none
        /// Send the first GOAWAY, and look again at this instant.
        case goAway(checkAt: NIODeadline)
        /// Send the last GOAWAY, and look again at this instant.
        case lastGoAway(checkAt: NIODeadline)
        /// Look again at this instant.
        case checkAt(NIODeadline)
        /// Close our half once everything is written, then look again at this instant.
        case closeOutput(checkAt: NIODeadline)
        /// Close now.
        case close
    }

    /// What the client was told.
    private enum Told: Equatable {
        /// Nothing.
        case nothing
        /// To open no more streams, since then.
        case goAway(since: NIODeadline)
        /// Which stream was the last one.
        case last
    }

    /// A connection that has streams, or may get some.
    private struct Open: Equatable {
        /// How many streams are open.
        var streams = 0
        /// Since when none is.
        var idleSince: NIODeadline
        /// What the client was told.
        var told = Told.nothing
        /// Whether the client has to take something before more can be written.
        var isStuck = false
    }

    private enum State: Equatable {
        /// It has streams, or may get some.
        case open(Open)
        /// Its last stream is over.
        case closing(ClosingStateMachine)
        /// It is gone.
        case closed
    }

    /// How long a client has to answer the PING behind the first GOAWAY.
    static let goAwayTime = TimeAmount.seconds(1)

    private let times: ConnectionTimes
    private var phase: ServingPhase
    private var closingIdleSince: NIODeadline?
    /// Whether the client takes what is sent to it.
    private var progress: SendProgress
    private var state: State

    /// A connection that speaks HTTP/2 since now.
    init(times: ConnectionTimes, phase: ServingPhase, at now: NIODeadline) {
        self.times = times
        self.phase = phase
        self.closingIdleSince = phase == .closingIdle ? now : nil
        self.progress = SendProgress(at: now)
        self.state = .open(Open(idleSince: now))
    }

    // MARK: Streams

    /// A stream was opened.
    mutating func streamOpened(at now: NIODeadline) -> Action {
        switch state {
        case .open(var open):
            open.streams += 1
            // Who connected during the stop came for this stream: it gets its answer, and the GOAWAY with it.
            return phase > .serving ? tell(&open, at: now) : keep(open)
        case .closing, .closed: return .none
        }
    }

    /// A stream was closed.
    mutating func streamClosed(at now: NIODeadline) -> Action {
        switch state {
        case .open(var open):
            open.streams = max(0, open.streams - 1)
            if open.streams == 0 { open.idleSince = now }
            return keep(open)
        case .closing, .closed: return .none
        }
    }

    private mutating func tell(_ open: inout Open, at now: NIODeadline) -> Action {
        guard open.told == .nothing else { return keep(open) }
        open.told = .goAway(since: now)
        state = .open(open)
        return .goAway(checkAt: nextCheck(open) ?? now + Self.goAwayTime)
    }

    private mutating func keep(_ open: Open) -> Action {
        state = .open(open)
        return nextCheck(open).map { .checkAt($0) } ?? .none
    }

    /// When something is due, unless that is only an idle connection's end.
    private func nextCheck(_ open: Open) -> NIODeadline? {
        var instants: [NIODeadline] = []
        if case .goAway(let since) = open.told { instants.append(since + Self.goAwayTime) }
        if open.isStuck { instants.append(progress.since + times.write) }
        if phase == .closingIdle && open.streams == 0 { instants.append(idleEnd(open)) }
        return instants.min()
    }

    private func idleEnd(_ open: Open) -> NIODeadline {
        guard let closingIdleSince else { return open.idleSince + times.idle }
        return max(closingIdleSince, open.idleSince) + times.linger
    }

    // MARK: The end

    /// The server's phase changed.
    mutating func entered(_ phase: ServingPhase, at now: NIODeadline) -> Action {
        guard phase > self.phase else { return .none }
        self.phase = phase
        if phase == .closingIdle { closingIdleSince = now }
        switch state {
        case .open(var open): return tell(&open, at: now)
        case .closing: return check(SocketState(), at: now)
        case .closed: return .none
        }
    }

    /// Somebody above wants to close.
    ///
    /// - Returns: What to do instead.
    mutating func closeRequested(at now: NIODeadline) -> Action {
        switch state {
        case .open: beginClosing(at: now)
        case .closing: .none
        case .closed: .close
        }
    }

    private mutating func beginClosing(isIdle: Bool = false, at now: NIODeadline) -> Action {
        state = .closing(ClosingStateMachine(times: times, isIdle: isIdle, at: now))
        return .closeOutput(checkAt: now + times.write)
    }

    /// Everything is written, and our half is closed.
    mutating func outputClosed(at now: NIODeadline) -> Action {
        switch state {
        case .open: return .none
        case .closing(var closing):
            closing.outputClosed(at: now)
            state = .closing(closing)
            return check(SocketState(), at: now)
        case .closed: return .none
        }
    }

    /// The client takes no more bytes, or takes them again.
    mutating func writable(_ isWritable: Bool, at now: NIODeadline) -> Action {
        switch state {
        case .open(var open):
            open.isStuck = !isWritable
            progress.made(at: now)
            state = .open(open)
            return isWritable ? .none : .checkAt(now + times.firstLook)
        case .closing(var closing):
            closing.progressed(at: now)
            state = .closing(closing)
            return .none
        case .closed: return .none
        }
    }

    /// The connection is gone.
    mutating func closed() { state = .closed }

    // MARK: Time

    /// What is due now, and when to look again.
    mutating func check(_ socket: SocketState, at now: NIODeadline) -> Action {
        progress.observed(unsent: socket.unsent, at: now)
        switch state {
        case .open(var open):
            if open.isStuck && now >= progress.since + times.write { return .close }
            return checkOpen(&open, at: now)
        case .closing(var closing):
            let action = closing.check(socket, isStopping: phase > .serving, at: now)
            state = .closing(closing)
            switch action {
            case .checkAt(let instant): return .checkAt(instant)
            case .close: return .close
            }
        case .closed: return .none
        }
    }

    private mutating func checkOpen(_ open: inout Open, at now: NIODeadline) -> Action {
        if open.streams == 0 && now >= idleEnd(open) {
            if phase == .closingIdle { return beginClosing(isIdle: true, at: now) }
            // While it serves the client is told first; one that does not answer follows below.
            if phase == .serving && open.told == .nothing { return tell(&open, at: now) }
        }
        if case .goAway(let since) = open.told, now >= since + Self.goAwayTime {
            open.told = .last
            state = .open(open)
            // Without a stream nothing is left to wait for.
            return .lastGoAway(checkAt: open.streams > 0 ? nextCheck(open) ?? now + times.write : now)
        }
        if open.told == .last && open.streams == 0 { return beginClosing(at: now) }
        return keep(open)
    }
}
