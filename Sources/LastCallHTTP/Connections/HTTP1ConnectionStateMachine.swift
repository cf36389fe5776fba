import NIOCore
import NIOHTTP1

/// Decides what one HTTP/1.1 connection says and when it closes.
///
/// RFC 9112, section 9.6: a server that says `Connection: close` closes after that answer and processes no later request of the
/// connection; how it closes is ``ClosingStateMachine``'s.
struct HTTP1ConnectionStateMachine {
    /// What to do with a part of a request.
    enum PartAction: Equatable {
        /// Pass it on.
        case deliver
        /// Forget it: the connection is closing.
        case drop
    }

    /// How an answer goes out.
    enum AnswerAction: Equatable {
        /// As it is.
        case asIs
        /// With `Connection: close`.
        case withClose
    }

    /// What follows from something that ended or from time that passed.
    enum Action: Equatable {
        /// Nothing.
        case none
        /// Look again at this instant.
        case checkAt(NIODeadline)
        /// Close our half once everything is written, then look again at this instant.
        case closeOutput(checkAt: NIODeadline)
        /// Answer this and close our half, then look again at this instant.
        case refuse(HTTPResponseStatus, checkAt: NIODeadline)
        /// Close now.
        case close
    }

    /// What of a request is being read.
    private enum Reading: Equatable {
        /// Nothing: the connection is between requests.
        case nothing
        /// A head, since its first byte.
        case head(since: NIODeadline)
        /// A body, with its last bytes at this instant.
        case body(last: NIODeadline)
    }

    /// A connection that takes requests.
    private struct Open: Equatable {
        /// Whether TLS is not established, so that nothing can be said.
        var isHandshaking: Bool
        /// How many requests were read whose answer is not complete.
        var pending = 0
        /// Whether the client said that the request that came last is its last one.
        var isLast = false
        /// What is being read.
        var reading = Reading.nothing
        /// Whether the current answer's head went out.
        var isAnswering = false
        /// Whether it said that the connection closes.
        var saidClose = false
        /// Since when there is nothing to do.
        var idleSince: NIODeadline
        /// Whether the client has to take something before more can be written.
        var isStuck = false
    }

    private enum State: Equatable {
        /// It takes requests.
        case open(Open)
        /// Its last answer was given.
        case closing(ClosingStateMachine)
        /// It is gone.
        case closed
    }

    private let times: ConnectionTimes
    private var phase: ServingPhase
    /// Since when idle connections are closed.
    private var closingIdleSince: NIODeadline?
    /// Whether the client takes its answers.
    private var progress: SendProgress
    private var state: State

    /// A connection that was accepted.
    init(times: ConnectionTimes, phase: ServingPhase, isHandshaking: Bool = false, at now: NIODeadline) {
        self.times = times
        self.phase = phase
        self.closingIdleSince = phase == .closingIdle ? now : nil
        self.progress = SendProgress(at: now)
        self.state = .open(Open(isHandshaking: isHandshaking, idleSince: now))
    }

    /// How many requests wait for the rest of their answer.
    var pending: Int {
        switch state {
        case .open(let open): open.pending
        case .closing, .closed: 0
        }
    }

    /// Whether a request's head has come and its body has not come to its end.
    var isReading: Bool {
        switch state {
        case .open(let open): if case .body = open.reading { true } else { false }
        case .closing, .closed: false
        }
    }

    /// Whether nothing is due but, one day, the end of an idle connection.
    var isAtRest: Bool {
        switch state {
        case .open(let open): phase == .serving && open.reading == .nothing && !open.isStuck
        case .closing, .closed: false
        }
    }

    /// Whether what the client says is not wanted any more.
    var isClosing: Bool {
        switch state {
        case .open: false
        case .closing, .closed: true
        }
    }

    // MARK: Reading

    /// Bytes came that made no part of a request whole, or whatever they made is not wanted any more.
    mutating func bytesArrived(at now: NIODeadline) {
        switch state {
        case .closing(var closing):
            closing.heard(at: now)
            state = .closing(closing)
        case .open(var open):
            switch open.reading {
            case .nothing: open.reading = .head(since: now)
            case .head, .body: return
            }
            state = .open(open)
        case .closed: return
        }
    }

    /// Whether the beginning of a request has come.
    var isReadingHead: Bool {
        switch state {
        case .open(let open): if case .head = open.reading { true } else { false }
        case .closing, .closed: false
        }
    }

    /// The client closed its half: what it has not said it never will.
    mutating func inputClosed(at now: NIODeadline) {
        switch state {
        case .open(var open):
            guard isReadingHead else { return }
            open.reading = .nothing
            open.idleSince = now
            state = .open(open)
        case .closing, .closed: return
        }
    }

    /// What came was no part of a request: a TLS handshake that is complete now.
    mutating func handshakeEnded(at now: NIODeadline) {
        switch state {
        case .open(var open):
            open.isHandshaking = false
            open.reading = .nothing
            open.idleSince = now
            state = .open(open)
        case .closing, .closed: return
        }
    }

    /// A request's head is whole.
    ///
    /// - Parameter isLast: Whether the client wants the connection closed behind the answer (RFC 9112, section 9.6).
    mutating func headArrived(isLast: Bool = false, at now: NIODeadline) -> PartAction {
        switch state {
        case .open(var open):
            // What we said to be the last answer was, and what the client said to be its last request.
            guard !open.saidClose, !open.isLast else { return .drop }
            open.pending += 1
            open.isLast = isLast
            open.reading = .body(last: now)
            state = .open(open)
            return .deliver
        case .closing, .closed: return .drop
        }
    }

    /// The request whose head has just come cannot be taken.
    ///
    /// - Returns: What to do instead of passing it on; `none` where other answers are due first, and it has to be passed on.
    mutating func headRefused(_ status: HTTPResponseStatus, at now: NIODeadline) -> Action {
        switch state {
        case .open(let open): open.pending == 1 && !open.isAnswering ? refuse(status, at: now) : .none
        case .closing, .closed: .none
        }
    }

    /// Bytes of a request's body.
    mutating func bodyArrived(at now: NIODeadline) -> PartAction {
        switch state {
        case .open(var open):
            guard open.reading != .nothing else { return .drop }
            open.reading = .body(last: now)
            state = .open(open)
            return .deliver
        case .closing, .closed: return .drop
        }
    }

    /// A request is whole.
    mutating func endArrived(at now: NIODeadline) -> PartAction {
        switch state {
        case .open(var open):
            guard open.reading != .nothing else { return .drop }
            open.reading = .nothing
            open.idleSince = now
            state = .open(open)
            return .deliver
        case .closing, .closed: return .drop
        }
    }

    // MARK: Answering

    /// An answer's head goes out; an interim one (1xx) is no answer.
    ///
    /// - Parameter saysClose: Whether it says `Connection: close` of itself.
    mutating func answerBegan(saysClose: Bool) -> AnswerAction {
        switch state {
        case .open(var open):
            open.isAnswering = true
            // Requests that were pipelined behind this one were accepted: the last of them says it.
            let closes = (phase > .serving || open.isLast) && open.pending <= 1
            open.saidClose = saysClose || closes
            state = .open(open)
            return closes && !saysClose ? .withClose : .asIs
        case .closing, .closed: return .asIs
        }
    }

    /// An answer is complete.
    mutating func answerEnded(at now: NIODeadline) -> Action {
        switch state {
        case .open(var open):
            open.pending = max(0, open.pending - 1)
            open.isAnswering = false
            open.idleSince = now
            guard !open.saidClose else { return beginClosing(at: now) }
            state = .open(open)
            return phase == .closingIdle && open.pending == 0 ? .checkAt(idleEnd(open)) : .none
        case .closing, .closed: return .none
        }
    }

    private mutating func beginClosing(isIdle: Bool = false, at now: NIODeadline) -> Action {
        state = .closing(ClosingStateMachine(times: times, isIdle: isIdle, at: now))
        return .closeOutput(checkAt: now + times.write)
    }

    /// Somebody above wants to close.
    ///
    /// - Returns: What to do instead.
    mutating func closeRequested(at now: NIODeadline) -> Action {
        switch state {
        case .open(let open):
            // Whoever was to answer gave up without a word.
            isUnanswered(open) ? refuse(.serviceUnavailable, at: now) : beginClosing(at: now)
        case .closing: .none
        case .closed: .close
        }
    }

    private func isUnanswered(_ open: Open) -> Bool { open.pending > 0 && !open.isAnswering }

    private mutating func refuse(_ status: HTTPResponseStatus, at now: NIODeadline) -> Action {
        state = .closing(ClosingStateMachine(times: times, at: now))
        return .refuse(status, checkAt: now + times.write)
    }

    /// Everything is written, and our half is closed.
    mutating func outputClosed(at now: NIODeadline) -> Action {
        switch state {
        case .open:
            var closing = ClosingStateMachine(times: times, at: now)
            closing.outputClosed(at: now)
            state = .closing(closing)
        case .closing(var closing):
            closing.outputClosed(at: now)
            state = .closing(closing)
        case .closed: return .none
        }
        return check(SocketState(), at: now)
    }

    /// The client takes no more bytes, or takes them again.
    mutating func writable(_ isWritable: Bool, at now: NIODeadline) {
        switch state {
        case .open(var open):
            open.isStuck = !isWritable
            progress.made(at: now)
            state = .open(open)
        case .closing(var closing):
            closing.progressed(at: now)
            state = .closing(closing)
        case .closed: return
        }
    }

    /// The time is over: whoever waits for an answer that has not begun is told so.
    mutating func cut(at now: NIODeadline) -> Action {
        switch state {
        case .open(let open):
            guard !isUnanswered(open) else { return refuse(.serviceUnavailable, at: now) }
            state = .closed
            return .close
        case .closing, .closed: return .none
        }
    }

    /// The connection is gone.
    mutating func closed() { state = .closed }

    // MARK: Time

    /// The server's phase changed.
    mutating func entered(_ phase: ServingPhase, at now: NIODeadline) -> Action {
        guard phase > self.phase else { return .none }
        self.phase = phase
        if phase == .closingIdle { closingIdleSince = now }
        return check(SocketState(), at: now)
    }

    private func idleEnd(_ open: Open) -> NIODeadline {
        guard let closingIdleSince else { return open.idleSince + times.idle }
        return max(closingIdleSince, open.idleSince) + times.linger
    }

    /// What is due now, and when to look again.
    mutating func check(_ socket: SocketState, at now: NIODeadline) -> Action {
        progress.observed(unsent: socket.unsent, at: now)
        switch state {
        case .open(let open):
            guard open.isStuck else { return checkReading(open, socket, at: now) }
            let end = progress.since + times.write
            return now >= end ? .close : .checkAt(min(end, now + times.firstLook))
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

    private mutating func checkReading(_ open: Open, _ socket: SocketState, at now: NIODeadline) -> Action {
        switch open.reading {
        case .nothing:
            // Somebody works on an answer: its own business.
            guard open.pending == 0 else { return .checkAt(now + times.idle) }
            let end = idleEnd(open)
            guard now >= end else { return .checkAt(end) }
            // A request that has come this far is served, and an answer that is on its way goes out.
            if socket.hasUnread { return .checkAt(now + .milliseconds(1)) }
            guard socket.unsent == 0 else {
                let end = progress.since + times.write
                return now >= end ? .close : .checkAt(min(end, now + progress.pollTime(at: now)))
            }
            return open.isHandshaking ? .close : beginClosing(isIdle: true, at: now)
        case .head(let since):
            guard open.pending == 0 else {
                // The answers before it are due first; its own time begins behind them.
                var open = open
                open.reading = .head(since: now)
                state = .open(open)
                return .checkAt(now + times.head)
            }
            return checkRequest(open, end: since + times.head, at: now)
        case .body(let last):
            // Bytes that the application does not read are not the client's silence.
            return socket.hasUnread ? .checkAt(now + times.body) : checkRequest(open, end: last + times.body, at: now)
        }
    }

    private mutating func checkRequest(_ open: Open, end: NIODeadline, at now: NIODeadline) -> Action {
        guard now >= end else { return .checkAt(end) }
        guard !open.isHandshaking else { return .close }
        // A 408 has its place only where no other answer is due first.
        guard !open.isAnswering, open.pending <= 1 else { return .close }
        return refuse(.requestTimeout, at: now)
    }
}
