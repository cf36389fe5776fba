import LastCallConcurrency
public import ServiceLifecycle

/// Work that outlives the request that started it, and is waited for all the same.
///
/// ```swift
/// let requests = InFlightGate()
/// let background = BackgroundTasks(after: requests)
/// // in a handler that then answers 201:
/// try background.start("index report 7") { await index(report) }
/// ```
///
/// Put it into a stage after its requests'. It takes work while any request is still in flight, also during the stop; it closes
/// after the last one and ends when its own work is done. At its stage's end what still runs is cancelled, and listed.
public final class BackgroundTasks: Service, ReadinessReporting, LedgerReporting, Sendable {
    /// One piece of work.
    private struct Work: Sendable {
        /// What it does.
        let body: @Sendable () async throws -> Void
        /// Its place in the ledger, given up when it ends.
        let place: Place
    }

    /// Holds a token in a place that can be stored; the token itself cannot.
    private final class Place: Sendable {
        private let token: Mutex<InFlightToken?>

        init(_ token: consuming InFlightToken) { self.token = Mutex(token) }

        /// Gives the place up.
        func end(_ end: WorkEnd) {
            let token = token.withLock { $0.take() }
            token?.end(end)
        }
    }

    private let upstream: InFlightGate?
    private let gate = InFlightGate()
    private let queue: AsyncStream<Work>
    private let continuation: AsyncStream<Work>.Continuation
    private let isRunning = Mutex(false)
    private let ready = Latch<Void>()

    /// Creates a place for background work.
    ///
    /// - Parameter upstream: The gate of those who start work; `nil` where work is only started by the service itself.
    public init(after upstream: InFlightGate? = nil) {
        self.upstream = upstream
        (queue, continuation) = AsyncStream.makeStream()
    }

    /// Starts work that is waited for when the service stops.
    ///
    /// - Parameters:
    ///   - label: What it is, for the receipt; without payload or secrets.
    ///   - body: The work. It is cancelled when the stage's time is over, and counts as cut if it throws then. An error of its
    ///     own is its end; handle it inside.
    /// - Throws: ``LastCallError/Code/closed`` after the last request; ``LastCallError/Code/notRunning`` where this is not a
    ///   member of a running plan.
    public func start(_ label: String, _ body: @escaping @Sendable () async throws -> Void) throws(LastCallError) {
        guard isRunning.withLock({ $0 }) else {
            throw LastCallError(
                .notRunning, "BackgroundTasks does not run: add it to the plan, in a stage after that of its requests")
        }
        let token = try gate.enter(label: { label })
        let work = Work(body: body, place: Place(token))
        guard case .enqueued = continuation.yield(work) else {
            // Cancelled in this very moment: nobody will run it.
            work.place.end(.cut)
            throw LastCallError(.closed, "BackgroundTasks was cancelled: the service is stopping and takes no new work")
        }
    }

    /// Returns once work can be started, so that the stage of its requests does not start before.
    public func waitUntilReady() async throws { try await ready.wait() }

    /// Runs the work until the last request is gone and the last work is done.
    public func run() async throws {
        isRunning.withLock { $0 = true }
        ready.open()
        defer { isRunning.withLock { $0 = false } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in try await closeAfterTheLastRequest() }
            group.addTask { [queue] in
                await withDiscardingTaskGroup { tasks in
                    for await work in queue {
                        tasks.addTask {
                            do {
                                try await work.body()
                                work.place.end(.done)
                            } catch {
                                work.place.end(Task.isCancelled ? .cut : .done)
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func closeAfterTheLastRequest() async throws {
        // Closed first: what is let in is run.
        defer {
            gate.close()
            continuation.finish()
        }
        try await gracefulShutdown()
        try await upstream?.drain()
        try await gate.drain()
    }

    /// What was started, and what runs.
    public var ledger: Ledger { gate.ledger }

    /// What was cancelled before it was done.
    public func cutItems(itemsMax: Int) -> [LedgerItem] { gate.cutItems(itemsMax: itemsMax) }

    /// The labels of what runs.
    public func heldItems(itemsMax: Int) -> [LedgerItem] { gate.heldItems(itemsMax: itemsMax) }
}
