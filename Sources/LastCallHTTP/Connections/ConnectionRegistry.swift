import LastCall
import LastCallConcurrency
import NIOCore

/// Every connection of a server, and what became of the requests of those that are gone.
final class ConnectionRegistry: Sendable {
    /// What is behind the lock.
    private struct State {
        /// What the server is doing.
        var phase = ServingPhase.serving
        /// Connections that the kernel handed over and whose channel is not active yet.
        var accepting: Set<ObjectIdentifier> = []
        /// How many were ever handed over.
        var acceptedCount = 0
        /// Those that are open, or whose task still runs.
        var open: [ObjectIdentifier: Connection] = [:]
        /// The sums of those that are gone.
        var retired = Connection.Counts()
        /// What was cut last.
        var cutItems: [LedgerItem] = []
        /// Whether the listener is closed.
        var isClosed = false
        /// Whether the time is over.
        var isCut = false
    }

    private let state = Mutex(State())
    /// Opens when every connection was told that the server stops.
    let draining = Latch<Void>()
    /// Opens when no new connections are taken and every connection was told so.
    let closingIdle = Latch<Void>()
    /// Opens when the listener is closed and the last connection is gone.
    let drained = Latch<Void>()

    /// How many cut requests are remembered for the receipt.
    static let cutItemsMax = 100

    // MARK: Phases

    /// What the server is doing.
    var phase: ServingPhase { state.withLock { $0.phase } }

    /// Enters a phase, and lets every connection know.
    func enter(_ phase: ServingPhase) {
        let open = state.withLock { state in
            state.phase = max(state.phase, phase)
            return Array(state.open.values)
        }
        for connection in open {
            connection.channel.pipeline.fireUserInboundEventTriggered(ServingPhaseEvent(phase: phase))
        }
        if phase >= .draining { draining.open() }
        if phase >= .closingIdle { closingIdle.open() }
    }

    /// Has every connection look whether it has been idle for too long.
    func lookAtAll() {
        for connection in all { connection.channel.pipeline.fireUserInboundEventTriggered(LookEvent()) }
    }

    /// Tells every connection that its time is over.
    func cutAll() {
        let open = state.withLock { state in
            state.isCut = true
            return Array(state.open.values)
        }
        for connection in open { Self.cut(connection) }
    }

    private static func cut(_ connection: Connection) {
        connection.giveUp()
        connection.channel.pipeline.fireUserInboundEventTriggered(CutEvent())
    }

    // MARK: Connections

    /// The kernel handed a connection over.
    func accepted(_ channel: any Channel) {
        state.withLock { state in
            state.acceptedCount += 1
            state.accepting.insert(ObjectIdentifier(channel))
        }
    }

    /// A connection that was handed over is active, or will never be.
    func settled(_ channel: any Channel) { state.withLock { _ = $0.accepting.remove(ObjectIdentifier(channel)) } }

    /// How many connections are on their way from the kernel to an event loop.
    var accepting: Int { state.withLock { $0.accepting.count } }

    /// How many connections were ever handed over.
    var acceptedCount: Int { state.withLock { $0.acceptedCount } }

    /// How many connections are there.
    var count: Int { state.withLock { $0.open.count } }

    /// A connection is there.
    func add(_ connection: Connection) {
        state.withLock { $0.open[ObjectIdentifier(connection)] = connection }
        connection.channel.closeFuture.whenComplete { [self] _ in
            if connection.closed() { remove(connection) }
        }
    }

    /// A connection's pipeline stands: if it came too late it is told.
    func stands(_ connection: Connection) {
        if state.withLock({ $0.isCut }) { Self.cut(connection) }
    }

    /// A connection is closed and its task is over.
    func remove(_ connection: Connection) {
        connection.ended()
        let isDrained = state.withLock { state in
            guard state.open.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return false }
            let counts = connection.counts.counts
            state.retired.accepted += counts.accepted
            state.retired.done += counts.done
            state.retired.cut += counts.cut
            return state.isClosed && state.open.isEmpty
        }
        if isDrained { drained.open() }
    }

    /// The listener is closed: no more connections come.
    func close() {
        let isDrained = state.withLock { state in
            state.isClosed = true
            return state.open.isEmpty
        }
        if isDrained { drained.open() }
    }

    /// Every connection.
    var all: [Connection] { state.withLock { Array($0.open.values) } }

    // MARK: The receipt

    /// A request was cut.
    func cut(_ request: Connection.Request) {
        let item = request.item(at: .now())
        state.withLock { state in
            if state.cutItems.count == Self.cutItemsMax { state.cutItems.removeFirst() }
            state.cutItems.append(item)
        }
    }

    /// The sums over all connections.
    var ledger: Ledger {
        // Under one lock, so that no connection is counted twice or not at all while it retires.
        state.withLock { state in
            var ledger = Ledger(
                accepted: state.retired.accepted, done: state.retired.done, cut: state.retired.cut)
            for connection in state.open.values {
                let (counts, held) = connection.counts
                ledger.held += held
                ledger.accepted += counts.accepted
                ledger.done += counts.done
                ledger.cut += counts.cut
            }
            return ledger
        }
    }

    /// What was cut, the newest last.
    func cutItems(itemsMax: Int) -> [LedgerItem] { Array(state.withLock { $0.cutItems }.suffix(itemsMax)) }

    /// What is being answered, the oldest first.
    func heldItems(itemsMax: Int) -> [LedgerItem] {
        let requests = all.flatMap(\.inFlight).sorted { $0.since < $1.since }
        let now = NIODeadline.now()
        return requests.prefix(itemsMax).map { $0.item(at: now) }
    }
}

/// Has a connection's handlers look at the time.
struct LookEvent: Sendable {}

/// Tells a connection's handlers that their time is over.
struct CutEvent: Sendable {}

/// Tells a connection's handlers what the server is doing now.
struct ServingPhaseEvent: Sendable {
    /// What it is doing.
    let phase: ServingPhase
}
