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
}

/// What is on its way on a connection's socket when somebody looks.
struct SocketState: Equatable {
    /// Whether the kernel holds bytes of the client's that nobody has read.
    var hasUnread = false
    /// How many of our bytes the client's kernel has not confirmed; what waits to be written included.
    var unsent = 0
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
    /// How long until the next look at bytes that are on their way.
    private static let pollTime = TimeAmount.milliseconds(10)

    private let times: ConnectionTimes
    /// Whether there was nothing to say any more, long before the end.
    private let isIdle: Bool
    private var step = Step.writing
    /// Since when the client has taken nothing.
    private var progressAt: NIODeadline
    /// How many bytes it had not taken when somebody looked last.
    private var lastUnsent = 0

    init(times: ConnectionTimes, isIdle: Bool = false, at now: NIODeadline) {
        self.times = times
        self.isIdle = isIdle
        self.progressAt = now
    }

    /// The client took some bytes.
    mutating func progressed(at now: NIODeadline) { progressAt = now }

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
        if socket.unsent < lastUnsent { progressAt = now }
        lastUnsent = socket.unsent
        let stuckEnd = progressAt + times.write
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
        return .checkAt(socket.unsent > 1 ? min(end, now + Self.pollTime) : end)
    }
}
