public import LastCall
import LastCallConcurrency
public import Logging
public import ServiceLifecycle

/// Claims jobs from a store and runs them: a member of the stage that finishes work.
///
/// ```swift
/// let worker = Worker(store, handlers: [.job(Hash.self), .job(Summarise.self)], concurrency: 8)
/// let plan = try ShutdownPlan { Stage("work", budget: .seconds(20)) { worker.named("worker") } }
/// ```
///
/// Told to stop, it claims nothing more, gives back what it has not started, tells every job, and lets each job's ``EvictionPolicy`` decide;
/// what still runs when its time is over is given back with everything it has written. Nothing that it claimed is lost, also where it is
/// killed: another worker, or the next start, runs it again.
public final class Worker: Service, Sendable {
    /// A queue that a worker works on.
    public struct Queue: Sendable, Hashable, ExpressibleByStringLiteral {
        /// Its name.
        public var name: String
        /// How many of its jobs run at once in this worker; the worker's own limit where it is `nil`.
        public var concurrency: Int?

        /// Creates a queue.
        public init(_ name: String, concurrency: Int? = nil) {
            self.name = name
            self.concurrency = concurrency
        }

        /// Creates a queue without a limit of its own.
        public init(stringLiteral name: String) { self.init(name) }
    }

    /// What a worker can be told beyond its handlers.
    public struct Configuration: Sendable {
        /// The name, unique among the living; the host's name, the pid and a number by default.
        public var name: String?
        /// How many jobs run at once in all; 10 by default.
        public var concurrency: Int
        /// The queues that it works on, fairly; only `default` by default.
        public var queues: [Queue]
        /// How long the store remembers what is over; `nil` leaves that to other workers.
        public var retention: Retention?
        /// How long its claims hold without a beat, where its death cannot be seen; 15 s by default.
        public var lease: Duration
        /// How long a job that timed out or was cancelled may take to end before its place is given to another; 5 s by default.
        public var abandonsAfter: Duration
        /// Ends what the jobs of a dead worker left running on this host.
        public var leftovers: (any LeftoverEnding)?
        /// Where the worker logs.
        public var logger: Logger
        /// The kinds that have a gate: a rate and a breaker over all lanes.
        package var gates: [KindGate] = []
        /// Waits until nothing new comes from this process, where the worker goes on claiming while it drains; `nil` claims nothing then.
        package var drainsAfter: (@Sendable () async -> Void)?
        /// How long it goes on claiming at most while it drains; `nil` is as long as it has.
        package var drainMax: Duration?
        /// The same where nobody tells it how long it has.
        package var drainMaxAlone: Duration?
        /// Whether it forgets only what is over of its own kinds.
        package var forgetsOwnKindsOnly = false
        /// What measures the time of a stop that cancels.
        package var handOverClock: any Clock<Duration> = ContinuousClock()

        /// Creates a configuration with the defaults that each property names.
        public init(
            name: String? = nil, concurrency: Int = 10, queues: [Queue] = ["default"],
            retention: Retention? = Retention(), lease: Duration = .seconds(15), abandonsAfter: Duration = .seconds(5),
            leftovers: (any LeftoverEnding)? = nil, logger: Logger = Logger(label: "lastcall.worker")
        ) {
            self.name = name
            self.concurrency = concurrency
            self.queues = queues
            self.retention = retention
            self.lease = lease
            self.abandonsAfter = abandonsAfter
            self.leftovers = leftovers
            self.logger = logger
        }
    }

    private let engine: WorkerEngine
    private let ready = Latch<Result<Void, any Error>>()
    private let hasRun = Mutex(false)

    /// Creates a worker.
    ///
    /// - Parameters:
    ///   - store: Where the jobs are.
    ///   - handlers: What it can run, each name once. Jobs of other names wait for other workers.
    ///   - configuration: Name, limits, queues.
    /// - Throws: ``WorkError/Code/invalidConfiguration``.
    public init(
        _ store: any WorkStore, handlers: [JobHandler], configuration: Configuration = Configuration()
    ) throws(WorkError) {
        engine = WorkerEngine(store: store, handlers: handlers, settings: try WorkerSettings(configuration, handlers))
    }

    /// The worker's name.
    public var name: String { engine.settings.description.name }

    /// Whether it was told to stop.
    package var isStopping: Bool { engine.state.withLock { $0.machine.phase >= .draining } }

    /// Tells it to stop, as a lifecycle does.
    package func drain(_ cause: ShutdownCause, within time: Duration?) { engine.drain(cause, within: time) }

    /// Its time is over, as where a lifecycle cancels it.
    package func handOver(_ cause: ShutdownCause?, within time: Duration?) { engine.handOver(cause, within: time) }

    /// Waits until everything is settled.
    package func waitUntilOver() async { await engine.finished.waitThroughCancellation() }

    /// The kinds that somebody else who lives handles too, as it was looked up.
    package var coveredKinds: Set<String> { engine.state.withLock { $0.coveredKinds } }

    /// Whether what it gives back in a stop dies with this process, and no line of the store's own says so.
    package var losesWhatItGivesBack: Bool { engine.losesWhatItGivesBack }

    /// Whether the store is being told of an end, so that what it holds and what is counted here may differ.
    package var isSettling: Bool { engine.state.withLock { $0.machine.heldCount > $0.machine.held.count } }

    /// Asks for a beat now, as the lease does.
    package func renew() { engine.beatWake.raise(.death) }

    /// How many jobs it holds.
    public var heldCount: Int { engine.heldCount }

    /// Claims and runs jobs until it is told to stop, and everything that it holds is settled.
    ///
    /// - Throws: ``WorkError/Code/nameTaken`` where a live worker has its name; what the store throws at the start;
    ///   ``WorkError/Code/storeGone`` where the store was deleted meanwhile: what it held is lost with it.
    public func run() async throws {
        guard
            hasRun.withLock({ hasRun in
                defer { hasRun = true }
                return !hasRun
            })
        else { throw WorkError(.invalidConfiguration, "a worker runs once; make a new one") }
        let shutdown = Shutdown.current
        let changes: StoreChanges
        do {
            changes = try await engine.register()
        } catch {
            ready.open(.failure(error))
            throw error
        }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                // A stop that came before was heard by now, so that nothing is claimed after it.
                engine.start(hearing: changes)
                ready.open(.success(()))
                await engine.finished.waitThroughCancellation()
            } onGracefulShutdown: { [engine] in
                engine.drain(shutdown?.cause ?? .unknown, within: shutdown?.remaining)
            }
        } onCancel: { [engine] in
            engine.handOver(shutdown?.cause, within: shutdown?.remainingUntilAbandoned)
        }
        if let failure = engine.state.withLock({ $0.failure }) { throw failure }
    }
}

extension Worker: ReadinessReporting {
    /// Returns once the worker is known to its store and claims.
    public func waitUntilReady() async throws { try await ready.wait().get() }
}

extension Worker: LedgerReporting {
    /// What it claimed and what became of it.
    public var ledger: Ledger { engine.ledger }

    /// The jobs that it holds.
    public func heldItems(itemsMax: Int) -> [LedgerItem] { engine.heldItems(itemsMax: itemsMax) }

    /// The jobs that were lost with a store that dies with its process.
    public func cutItems(itemsMax: Int) -> [LedgerItem] { engine.cutItems(itemsMax: itemsMax) }
}

/// Ends what the jobs of a dead worker left running, so that no job runs twice.
public protocol LeftoverEnding: Sendable {
    /// Ends the processes of these records that are on this host and still run; returns when they are gone.
    ///
    /// It identifies them by boot, pid and start time: a pid alone may be somebody else's by now.
    func endLeftovers(of worker: WorkerDescription, _ records: [LostRecord]) async
}
