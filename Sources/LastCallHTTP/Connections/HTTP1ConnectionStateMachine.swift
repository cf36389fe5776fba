import HTTPTypes
import NIOCore

/// Decides what one HTTP/1.1 connection says and when it closes.
///
/// RFC 9112, section 9.6: a server that says `Connection: close` closes after that answer and processes no later request of the
/// connection. It closes its own half first and reads on for a while, because a full close with unread bytes makes the kernel
/// reset the connection, and the client may lose the answer with it.
struct HTTP1ConnectionStateMachine {
    /// How long things may take.
    struct Times: Sendable {
        /// A request's head, from its first byte.
        var head: TimeAmount
        /// The next bytes of a request's body.
        var body: TimeAmount
        /// The next request.
        var idle: TimeAmount
        /// The next bytes that the client takes of an answer.
        var write: TimeAmount
        /// A request that may be on its way to an idle connection, and the client's own close after the last answer.
        var linger: TimeAmount
    }

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
        case refuse(HTTPResponse.Status, checkAt: NIODeadline)
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
        /// How many requests were read whose answer is not complete.
        var pending = 0
        /// What is being read.
        var reading = Reading.nothing
        /// Whether the current answer's head went out.
        var isAnswering = false
        /// Whether it said that the connection closes.
        var saidClose = false
        /// Since when there is nothing to do.
        var idleSince: NIODeadline
        /// Since when the client has taken nothing of an answer.
        var stuckSince: NIODeadline?
    }

    /// A connection whose last answer is being written out.
    private struct Flushing: Equatable {
        /// Since when the client has taken nothing of it.
        var progressAt: NIODeadline
    }

    /// A connection whose half is closed, and which waits for the client to close its own.
    private struct Lingering: Equatable {
        /// Since when.
        let since: NIODeadline
    }

    private enum State: Equatable {
        case open(Open)
        case flushing(Flushing)
        case lingering(Lingering)
        case closed
    }

    private let times: Times
    private var phase: ServingPhase
    /// Since when idle connections are closed.
    private var closingIdleSince: NIODeadline?
    /// How many bytes of answers the kernel had not taken when somebody looked last.
    private var lastUnwritten = 0
    private var state: State

    /// A connection that was accepted.
    init(times: Times, phase: ServingPhase, at now: NIODeadline) {
        self.times = times
        self.phase = phase
        self.closingIdleSince = phase == .closingIdle ? now : nil
        self.state = .open(Open(idleSince: now))
    }

    /// How many requests wait for the rest of their answer.
    var pending: Int {
        switch state {
        case .open(let open): open.pending
        case .flushing, .lingering, .closed: 0
        }
    }

    /// Whether a request's head has come and its body has not come to its end.
    var isReading: Bool {
        switch state {
        case .open(let open): if case .body = open.reading { true } else { false }
        case .flushing, .lingering, .closed: false
        }
    }

    /// Whether nothing is due but, one day, the end of an idle connection.
    var isAtRest: Bool {
        switch state {
        case .open(let open): phase == .serving && open.reading == .nothing && open.stuckSince == nil
        case .flushing, .lingering, .closed: false
        }
    }

    /// Whether the last answer is on its way out.
    var isFlushing: Bool {
        switch state {
        case .flushing: true
        case .open, .lingering, .closed: false
        }
    }

    // MARK: Reading

    /// Bytes came that made no part of a request whole.
    mutating func bytesArrived(at now: NIODeadline) {
        switch state {
        case .open(var open):
            switch open.reading {
            case .nothing: open.reading = .head(since: now)
            case .head, .body: return
            }
            state = .open(open)
        case .flushing, .lingering, .closed: return
        }
    }

    /// What came was no part of a request: a TLS handshake that is complete now.
    mutating func handshakeEnded(at now: NIODeadline) {
        switch state {
        case .open(var open):
            open.reading = .nothing
            open.idleSince = now
            state = .open(open)
        case .flushing, .lingering, .closed: return
        }
    }

    /// A request's head is whole.
    mutating func headArrived(at now: NIODeadline) -> PartAction {
        switch state {
        case .open(var open):
            // What we said to be the last answer was.
            guard !open.saidClose else { return .drop }
            open.pending += 1
            open.reading = .body(last: now)
            state = .open(open)
            return .deliver
        case .flushing, .lingering, .closed: return .drop
        }
    }

    /// The request whose head has just come cannot be taken.
    ///
    /// - Returns: What to do instead of passing it on; `none` where other answers are due first, and it has to be passed on.
    mutating func headRefused(_ status: HTTPResponse.Status, at now: NIODeadline) -> Action {
        switch state {
        case .open(let open): open.pending == 1 && !open.isAnswering ? refuse(status, at: now) : .none
        case .flushing, .lingering, .closed: .none
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
        case .flushing, .lingering, .closed: return .drop
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
        case .flushing, .lingering, .closed: return .drop
        }
    }

    // MARK: Answering

    /// Whether the answer's own header has to be looked at.
    var looksAtAnswers: Bool { phase > .serving }

    /// An answer's head goes out; an interim one (1xx) is no answer.
    ///
    /// - Parameter saysClose: Whether it says `Connection: close` of itself.
    mutating func answerBegan(saysClose: Bool) -> AnswerAction {
        switch state {
        case .open(var open):
            open.isAnswering = true
            // Requests that were pipelined behind this one were accepted: the last of them says it.
            let closes = phase > .serving && open.pending <= 1
            open.saidClose = saysClose || closes
            state = .open(open)
            return closes && !saysClose ? .withClose : .asIs
        case .flushing, .lingering, .closed: return .asIs
        }
    }

    /// An answer is complete.
    mutating func answerEnded(at now: NIODeadline) -> Action {
        switch state {
        case .open(var open):
            open.pending = max(0, open.pending - 1)
            open.isAnswering = false
            open.stuckSince = nil
            open.idleSince = now
            guard !open.saidClose else { return beginClosing(at: now) }
            state = .open(open)
            return phase == .closingIdle && open.pending == 0 ? .checkAt(idleEnd(open)) : .none
        case .flushing, .lingering, .closed: return .none
        }
    }

    private mutating func beginClosing(at now: NIODeadline) -> Action {
        state = .flushing(Flushing(progressAt: now))
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
        case .flushing, .lingering: .none
        case .closed: .close
        }
    }

    private func isUnanswered(_ open: Open) -> Bool { open.pending > 0 && !open.isAnswering }

    private mutating func refuse(_ status: HTTPResponse.Status, at now: NIODeadline) -> Action {
        state = .flushing(Flushing(progressAt: now))
        return .refuse(status, checkAt: now + times.write)
    }

    /// Everything is written, and our half is closed.
    mutating func outputClosed(at now: NIODeadline) -> Action {
        switch state {
        case .open, .flushing:
            state = .lingering(Lingering(since: now))
            return .checkAt(now + times.linger)
        case .lingering, .closed: return .none
        }
    }

    /// The client takes no more bytes, or takes them again.
    mutating func writable(_ isWritable: Bool, at now: NIODeadline) {
        switch state {
        case .open(var open):
            open.stuckSince = isWritable ? nil : (open.stuckSince ?? now)
            state = .open(open)
        case .flushing(var flushing):
            flushing.progressAt = now
            state = .flushing(flushing)
        case .lingering, .closed: return
        }
    }

    /// The time is over: whoever waits for an answer that has not begun is told so.
    mutating func cut(at now: NIODeadline) -> Action {
        switch state {
        case .open(let open):
            guard !isUnanswered(open) else { return refuse(.serviceUnavailable, at: now) }
            state = .flushing(Flushing(progressAt: now))
            return .close
        case .flushing, .lingering: return .none
        case .closed: return .none
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
        return check(hasUnread: false, at: now)
    }

    private func idleEnd(_ open: Open) -> NIODeadline {
        guard let closingIdleSince else { return open.idleSince + times.idle }
        return max(closingIdleSince, open.idleSince) + times.linger
    }

    /// What is due now, and when to look again.
    ///
    /// - Parameters:
    ///   - hasUnread: Whether the kernel holds bytes of the client's that nobody has read.
    ///   - unwritten: How many bytes of answers the kernel has not taken yet.
    mutating func check(hasUnread: Bool, unwritten: Int = 0, at now: NIODeadline) -> Action {
        let hasProgressed = unwritten < lastUnwritten
        lastUnwritten = unwritten
        switch state {
        case .open(var open):
            guard let stuckSince = open.stuckSince else {
                return checkReading(open, hasUnread: hasUnread, hasUnwritten: unwritten > 0, at: now)
            }
            // Taking some of it is taking it, however slowly.
            open.stuckSince = hasProgressed ? now : stuckSince
            state = .open(open)
            let end = (open.stuckSince ?? now) + times.write
            return now >= end ? .close : .checkAt(min(end, now + .nanoseconds(times.write.nanoseconds / 4)))
        case .flushing(var flushing):
            if hasProgressed { flushing.progressAt = now }
            state = .flushing(flushing)
            let end = flushing.progressAt + times.write
            return now >= end ? .close : .checkAt(min(end, now + .nanoseconds(times.write.nanoseconds / 4)))
        case .lingering(let lingering):
            let end = lingering.since + times.linger
            return now >= end ? .close : .checkAt(end)
        case .closed: return .none
        }
    }

    private mutating func checkReading(
        _ open: Open, hasUnread: Bool, hasUnwritten: Bool, at now: NIODeadline
    ) -> Action {
        switch open.reading {
        case .nothing:
            // Somebody works on an answer: its own business.
            guard open.pending == 0 else { return .checkAt(now + times.idle) }
            let end = idleEnd(open)
            guard now >= end else { return .checkAt(end) }
            // A request that has come this far is served, and an answer that is on its way goes out.
            return hasUnread || hasUnwritten ? .checkAt(now + .milliseconds(hasUnread ? 1 : 10)) : .close
        case .head(let since): return checkRequest(open, end: since + times.head, at: now)
        case .body(let last):
            // Bytes that the application does not read are not the client's silence.
            return hasUnread ? .checkAt(now + times.body) : checkRequest(open, end: last + times.body, at: now)
        }
    }

    private mutating func checkRequest(_ open: Open, end: NIODeadline, at now: NIODeadline) -> Action {
        guard now >= end else { return .checkAt(end) }
        // A 408 has its place only where no other answer is due first.
        let isHead = if case .head = open.reading { true } else { false }
        guard !open.isAnswering, open.pending == (isHead ? 0 : 1) else { return .close }
        return refuse(.requestTimeout, at: now)
    }
}
