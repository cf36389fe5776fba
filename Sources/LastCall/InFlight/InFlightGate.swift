import LastCallConcurrency
public import ServiceLifecycle

/// Counts what is in flight, refuses more once it is closed, and waits for the rest: the primitive under every drain.
///
/// ```swift
/// let gate = InFlightGate()
/// func handle(_ request: Request) async throws -> Response {
///     let token = try gate.enter()          // throws once closed; leaves when `token` goes away
///     return try await respond(to: request)
/// }
/// ```
///
/// Entering and closing race safely: whoever got a token is waited for, whoever did not was told. As a member of a stage the gate
/// closes when it is told to stop and ends when the last token is gone.
public final class InFlightGate: Service, LedgerReporting, Sendable {
    /// A label that is asked for only when something is cut.
    private struct Labelled {
        /// What is in flight.
        let label: @Sendable () -> String
        /// Since when.
        let since: ContinuousClock.Instant
    }

    /// What the gate holds under its lock.
    private struct State {
        /// Decides.
        var machine = InFlightStateMachine()
        /// Those who gave a label, by ticket.
        var labels: [Int: Labelled] = [:]
        /// The next ticket.
        var nextTicket = 1
        /// What was ended as cut last.
        var cut: [LedgerItem] = []
    }

    private let state = Mutex(State())
    private let drained = Latch<Void>()

    /// Creates an open gate.
    public init() {}

    /// Lets the caller in.
    ///
    /// - Returns: A token; the caller is in flight until it goes away or is ended.
    /// - Throws: ``LastCallError/Code/closed`` once the gate is closed.
    public func enter() throws(LastCallError) -> InFlightToken {
        guard state.withLock({ $0.machine.enter() }) == .enter else { throw Self.refusal }
        return InFlightToken(gate: self, ticket: 0)
    }

    /// Lets the caller in under a label for the receipt.
    ///
    /// - Parameter label: What it is, without payload or secrets. It is asked for only when the work is cut.
    /// - Returns: A token; the caller is in flight until it goes away or is ended.
    /// - Throws: ``LastCallError/Code/closed`` once the gate is closed.
    public func enter(label: @escaping @Sendable () -> String) throws(LastCallError) -> InFlightToken {
        let labelled = Labelled(label: label, since: .now)
        let ticket: Int? = state.withLock { state in
            guard state.machine.enter() == .enter else { return nil }
            return Self.add(labelled, to: &state)
        }
        guard let ticket else { throw Self.refusal }
        return InFlightToken(gate: self, ticket: ticket)
    }

    /// Lets work in that belongs to a token, also when the gate is closed.
    fileprivate func enterFromInside(label: @escaping @Sendable () -> String) -> InFlightToken {
        let labelled = Labelled(label: label, since: .now)
        let ticket = state.withLock { state in
            state.machine.enterFromInside()
            return Self.add(labelled, to: &state)
        }
        return InFlightToken(gate: self, ticket: ticket)
    }

    private static func add(_ labelled: Labelled, to state: inout State) -> Int {
        defer { state.nextTicket += 1 }
        state.labels[state.nextTicket] = labelled
        return state.nextTicket
    }

    private static var refusal: LastCallError {
        LastCallError(.closed, "the gate is closed: the service is stopping and takes no new work")
    }

    fileprivate func leave(ticket: Int, _ end: WorkEnd) {
        // A label is somebody's code: it is asked for outside the lock, and before the gate can count as drained.
        if end == .cut, let labelled = state.withLock({ $0.labels[ticket] }) {
            let item = Self.item(labelled)
            state.withLock { state in
                if state.cut.count == ReceiptBuilder.cutItemsMax { state.cut.removeFirst() }
                state.cut.append(item)
            }
        }
        let action = state.withLock { state in
            if ticket > 0 { state.labels[ticket] = nil }
            return state.machine.leave(end)
        }
        if action == .drained { drained.open() }
    }

    /// Refuses everybody from now on.
    ///
    /// Returns at once; closing twice changes nothing.
    public func close() {
        if state.withLock({ $0.machine.close() }) == .drained { drained.open() }
    }

    /// Whether the gate refuses.
    public var isClosed: Bool { state.withLock { $0.machine.isClosed } }

    /// How many are in flight.
    public var held: Int { state.withLock { $0.machine.held } }

    /// Closes the gate and waits until the last one left.
    ///
    /// - Throws: `CancellationError` when the waiting task is cancelled first.
    public func drain() async throws {
        close()
        try await drained.wait()
    }

    /// Closes the gate and waits until the last one left, but no longer than until `deadline`.
    ///
    /// - Parameters:
    ///   - deadline: When to give up.
    ///   - clock: The deadline's clock.
    /// - Returns: How many are still in flight; 0 where the drain was complete.
    /// - Throws: `CancellationError` when the waiting task is cancelled first.
    public func drain<C: Clock>(until deadline: C.Instant, clock: C = ContinuousClock()) async throws -> Int
    where C.Duration == Duration {
        close()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [drained] in try await drained.wait() }
            group.addTask { try await clock.sleep(until: deadline, tolerance: nil) }
            defer { group.cancelAll() }
            try await group.next()
            return held
        }
    }

    /// Waits for the stop, closes, and waits for the last one.
    ///
    /// Cancelled, it closes and does not wait.
    public func run() async throws {
        defer { close() }
        try await gracefulShutdown()
        try await drain()
    }

    /// What came, what is in flight, and what became of the rest.
    public var ledger: Ledger {
        state.withLock { state in
            let machine = state.machine
            let others = machine.ends.values.reduce(0, +)
            return Ledger(
                held: machine.held, accepted: machine.accepted, done: machine.accepted - machine.held - others,
                handedOver: machine.ends[.handedOver] ?? 0, kept: machine.ends[.kept] ?? 0,
                deadLettered: machine.ends[.deadLettered] ?? 0, cut: machine.ends[.cut] ?? 0)
        }
    }

    /// The labels of what was ended as cut.
    public func cutItems(itemsMax: Int) -> [LedgerItem] { Array(state.withLock { $0.cut }.suffix(itemsMax)) }

    private static func item(_ labelled: Labelled) -> LedgerItem {
        LedgerItem(labelled.label(), age: labelled.since.duration(to: .now))
    }

    /// The labels of what is in flight, the oldest first.
    public func heldItems(itemsMax: Int) -> [LedgerItem] {
        let (labels, held) = state.withLock { ($0.labels, $0.machine.held) }
        var items = labels.sorted { $0.key < $1.key }.prefix(itemsMax)
            .map { Self.item($0.value) }
        let unlabelled = held - labels.count
        if unlabelled > 0 && items.count < itemsMax { items.append(LedgerItem("\(unlabelled) without a label")) }
        return items
    }
}

/// Proof of being in flight.
///
/// It cannot be copied, and leaving cannot be forgotten.
public struct InFlightToken: ~Copyable, Sendable {
    private let gate: InFlightGate
    /// Where the label is; 0 without one.
    private let ticket: Int

    fileprivate init(gate: InFlightGate, ticket: Int) {
        self.gate = gate
        self.ticket = ticket
    }

    /// What became of the work, where somebody said so.
    private var workEnd: WorkEnd?

    // Work that is unwound by cancellation was not finished, unless somebody says that it was.
    deinit { gate.leave(ticket: ticket, workEnd ?? (Task.isCancelled ? .cut : .done)) }

    /// Leaves, and says what became of the work.
    ///
    /// A token that just goes away counts as done, and as cut where its task was cancelled.
    public consuming func end(_ end: WorkEnd) { workEnd = end }

    /// Lets work in that outlives this token's, also when the gate was closed in between.
    public borrowing func fork(label: @escaping @Sendable () -> String) -> InFlightToken {
        gate.enterFromInside(label: label)
    }
}
