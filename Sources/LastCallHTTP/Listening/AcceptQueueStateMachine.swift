/// Decides when a listener can be closed without losing a connection that waits in its queue.
///
/// A connection is established by the kernel before anybody accepts it, and is reset when its listener is closed. So no new ones
/// are let in first, handshakes under way finish, and the listener is closed once its queue was empty for a while. Where new
/// ones cannot be kept out the queue never stays empty: then one look has to do.
struct AcceptQueueStateMachine {
    /// What to do.
    enum Action: Equatable {
        /// Look again after this long.
        case lookAgain(after: Duration)
        /// Close. So many connections are left in the queue, and lost.
        case close(lost: Int)
    }

    /// What was seen.
    struct Observation: Sendable, Equatable {
        /// How many connections wait in the queue, where the kernel tells.
        var queued: Int?
        /// How many connections were ever handed over.
        var accepted: Int
    }

    /// How long the queue has to be empty.
    static let quiet = Duration.milliseconds(10)
    /// How long to look at most.
    static let limit = Duration.seconds(2)
    /// How long until the next look.
    static let step = Duration.milliseconds(1)

    /// Whether new connections are kept out.
    private let isRefusing: Bool
    /// Since when.
    private let startedAt: Duration
    /// Since when nothing came.
    private var quietSince: Duration?
    /// What was seen last.
    private var last: Observation?

    init(isRefusing: Bool, at now: Duration) {
        self.isRefusing = isRefusing
        self.startedAt = now
    }

    /// Somebody looked.
    mutating func observed(_ observation: Observation, at now: Duration) -> Action {
        let isEmpty = (observation.queued ?? 0) == 0
        let isQuiet = isEmpty && (last == nil || last?.accepted == observation.accepted)
        last = observation
        quietSince = isQuiet ? quietSince ?? now : nil
        if isEmpty && !isRefusing { return .close(lost: 0) }
        if let quietSince, now - quietSince >= Self.quiet { return .close(lost: 0) }
        if now - startedAt >= Self.limit { return .close(lost: observation.queued ?? 0) }
        return .lookAgain(after: Self.step)
    }
}
