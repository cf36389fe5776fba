import NIOCore

/// How long things may take on a connection.
struct ConnectionTimes: Sendable, Equatable {
    /// A request's head, from its first byte.
    var head: TimeAmount
    /// The next bytes of a request's body.
    var body: TimeAmount
    /// The next request.
    var idle: TimeAmount
    /// The next bytes that the client takes of an answer.
    var write: TimeAmount
    /// During a stop: a request that may be on its way to an idle connection, and the client's own close after the last answer.
    var linger: TimeAmount

    /// When to look for the first time at a client that takes nothing.
    var firstLook: TimeAmount { .nanoseconds(write.nanoseconds / 4) }
}

/// What is on its way on a connection's socket when somebody looks.
struct SocketState: Equatable {
    /// Whether the kernel holds bytes of the client's that nobody has read.
    var hasUnread = false
    /// How many of our bytes the client's kernel has not confirmed; what waits to be written included.
    var unsent = 0
}

/// Tells whether a client takes what is sent to it, however slowly.
struct SendProgress: Equatable {
    /// How many bytes it had not taken when somebody looked last.
    private var lastUnsent = 0
    /// Since when it has taken none.
    private(set) var since: NIODeadline

    init(at now: NIODeadline) { self.since = now }

    /// The client took some.
    mutating func made(at now: NIODeadline) { since = now }

    /// Somebody looked.
    mutating func observed(unsent: Int, at now: NIODeadline) {
        // Where nothing was on its way before, the time begins now.
        if unsent < lastUnsent || lastUnsent == 0 { since = now }
        lastUnsent = unsent
    }

    /// How long to wait for the next look at bytes that are on their way: the longer they are, the longer.
    func pollTime(at now: NIODeadline) -> TimeAmount {
        let elapsed = (now - since).nanoseconds / 8
        return max(.milliseconds(10), min(.nanoseconds(elapsed), .milliseconds(250)))
    }
}

/// Decides how a connection ends whose last answer was given.
///
/// Everything that was said goes out, our half is closed, and the client has a while to close its own (RFC 9112, section 9.6): a full
/// close while bytes of the client's come in makes the kernel reset the connection, and the client may lose the answer with it.
struct ClosingStateMachine: Equatable {
    /// What follows.
    enum Action: Equatable {
        /// Look again at this instant.
        case checkAt(NIODeadline)
        /// Close now.
        case close
    }

    /// How far it is.
    private enum Step: Equatable {
        /// Answers are being written.
        case writing
        /// Our half is closed, since then; the client was last heard then.
        case lingering(since: NIODeadline, heardAt: NIODeadline)
    }

    /// How long a client that was refused while it sends may be silent before the connection is closed.
    static let quietTime = TimeAmount.seconds(2)
    /// How long such a client may go on sending what nobody reads.
    static let lingerMax = TimeAmount.seconds(30)
    /// The same during a stop.
    static let stoppingLingerMax = TimeAmount.seconds(2)
    /// How long a client has to close its own half whose last answer was confirmed long ago.
    static let idleLinger = TimeAmount.milliseconds(10)

    private let times: ConnectionTimes
    /// Whether there was nothing to say any more, long before the end.
    private let isIdle: Bool
    private var step = Step.writing
    private var progress: SendProgress

    init(times: ConnectionTimes, isIdle: Bool = false, at now: NIODeadline) {
        self.times = times
        self.isIdle = isIdle
        self.progress = SendProgress(at: now)
    }

    /// The client took some bytes.
    mutating func progressed(at now: NIODeadline) { progress.made(at: now) }

    /// The client said something that nobody wants to know any more.
    mutating func heard(at now: NIODeadline) {
        switch step {
        case .writing: return
        case .lingering(let since, _): step = .lingering(since: since, heardAt: now)
        }
    }

    /// Everything was written, and our half is closed.
    mutating func outputClosed(at now: NIODeadline) {
        switch step {
        case .writing: step = .lingering(since: now, heardAt: now)
        case .lingering: return
        }
    }

    /// What is due now, and when to look again.
    mutating func check(_ socket: SocketState, isStopping: Bool, at now: NIODeadline) -> Action {
        progress.observed(unsent: socket.unsent, at: now)
        let stuckEnd = progress.since + times.write
        let end: NIODeadline
        switch step {
        case .writing: end = stuckEnd
        case .lingering(let since, let heardAt):
            // Our FIN counts as one, and clients take their time to confirm it.
            guard socket.unsent <= 1 else {
                end = stuckEnd
                break
            }
            let stopping = isIdle ? min(times.linger, Self.idleLinger) : times.linger
            let quiet = isStopping ? stopping : max(times.linger, Self.quietTime)
            let most = isStopping ? max(times.linger, Self.stoppingLingerMax) : Self.lingerMax
            end = min(heardAt + quiet, since + most)
        }
        guard now < end else { return .close }
        return .checkAt(socket.unsent > 1 ? min(end, now + progress.pollTime(at: now)) : end)
    }
}
