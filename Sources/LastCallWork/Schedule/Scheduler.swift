public import LastCall
import LastCallConcurrency
public import Logging
public import ServiceLifecycle

/// Fires schedules: a member of the stage that takes in work.
///
/// ```swift
/// let scheduler = try Scheduler(store, schedules: [poll, report])
/// let plan = try ShutdownPlan {
///     Stage("intake") { http; scheduler }
///     Stage("work") { worker }
/// }
/// ```
///
/// Every process may run the same schedules on the same store: each tick is fired once. Told to stop, it fires nothing more and cancels
/// what runs; that is made up for at the next start, or by another process.
public final class Scheduler: Service, Sendable {
    /// What a scheduler can be told beyond its schedules.
    public struct Configuration: Sendable {
        /// The name of its worker, unique among the living; the host's name and the pid by default.
        public var name: String?
        /// How many runs go on at once; 10 by default.
        public var concurrency: Int
        /// How long the store remembers its own runs that are over; `nil` leaves that to workers.
        public var retention: Retention?
        /// Where it logs.
        public var logger: Logger
        /// What it waits by; it has to go with the store's clock.
        public var clock: any Clock<Duration>

        /// Creates a configuration with the defaults that each property names.
        public init(
            name: String? = nil, concurrency: Int = 10, retention: Retention? = Retention(),
            logger: Logger = Logger(label: "lastcall.scheduler"), clock: any Clock<Duration> = ContinuousClock()
        ) {
            self.retention = retention
            self.name = name
            self.concurrency = concurrency
            self.logger = logger
            self.clock = clock
        }
    }

    /// What is kept under the lock.
    private struct State {
        /// Whether it was run.
        var hasRun = false
        /// What each schedule decided on.
        var machines: [String: ScheduleStateMachine] = [:]
        /// When each is due next.
        var nextAt: [String: WorkInstant] = [:]
    }

    /// The queue of what runs in a process.
    public static let queueName = "schedules"
    /// The longest it waits without looking at the clock again, which somebody may have set.
    private static let waitMax = Duration.seconds(60)
    /// How soon what the store did not take is tried again at first; twice as long each time.
    private static let patience = Duration.seconds(5)

    private let store: any WorkStore
    private let schedules: [Schedule]
    private let configuration: Configuration
    private let state = Mutex(State())
    /// Opens when it is told to stop.
    private let stopped = Latch<Void>()
    private let ready = Latch<Result<Void, any Error>>()
    private let worker: Worker?

    /// Creates a scheduler.
    ///
    /// - Throws: ``WorkError/Code/invalidConfiguration``.
    public init(
        _ store: any WorkStore, schedules: [Schedule], configuration: Configuration = Configuration()
    ) throws(WorkError) {
        var names: Set<String> = []
        for schedule in schedules {
            try schedule.validate()
            guard names.insert(schedule.name).inserted else {
                throw WorkError(.invalidConfiguration, "two schedules are named \"\(schedule.name)\"")
            }
        }
        self.store = store
        self.schedules = schedules
        self.configuration = configuration
        let notes = RunNotes()
        self.notes = notes
        // What dies with its process is not made up for, so it is over when it is cancelled.
        let policy: EvictionPolicy = store.traits.durability == .process ? .finalize : .requeue
        let handlers = schedules.compactMap { Self.handler($0, policy, notes, store) }
        guard !handlers.isEmpty else {
            worker = nil
            return
        }
        var settings = Worker.Configuration(
            name: configuration.name ?? WorkerSettings.defaultName(for: "scheduler"),
            concurrency: configuration.concurrency, queues: [.init(Self.queueName)],
            retention: configuration.retention, logger: configuration.logger)
        settings.forgetsOwnKindsOnly = true
        worker = try Worker(store, handlers: handlers, configuration: settings)
    }

    private let notes: RunNotes

    /// What runs the ticks of a schedule in this process.
    private static func handler(
        _ schedule: Schedule, _ policy: EvictionPolicy, _ notes: RunNotes, _ store: any WorkStore
    ) -> JobHandler? {
        guard case .run(let body) = schedule.action else { return nil }
        let name = schedule.name
        return JobHandler(
            schedule.kind, evictionPolicy: policy, retryPolicy: .never, timeout: schedule.timeout
        ) { context in
            let instant = try PayloadCoding.decode(TickPayload.self, from: context.record.payload).instant
            let tick = Tick(schedule: name, instant: WorkInstant(rawValue: instant), context: context)
            do {
                try await untilEvicted(context) { try await body(tick) }
                notes.ran(name, at: store.now)
            } catch {
                if context.isEvicted {
                    notes.cancelled(name)
                    context.cutShort(.eviction, detail: "cancelled by the stop")
                    // A run that is not to be made up for is over.
                    if policy == .finalize { return nil }
                    throw CancellationError()
                }
                notes.failed(name, error)
                throw error
            }
            return nil
        }
    }

    /// Runs a body, and cancels it when its worker is told to stop; returns when it has ended.
    private static func untilEvicted(
        _ context: JobContext, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                // Cancelled: the body ended first.
                _ = try? await context.evicted()  // see above
                return false
            }
            defer { group.cancelAll() }
            while let isOver = try await group.next() {
                if isOver { return }
                group.cancelAll()
            }
        }
    }

    // MARK: running

    /// Fires what is due until it is told to stop.
    ///
    /// - Throws: `CancellationError` where its task is cancelled and no stop was asked for; what the store throws at the start.
    public func run() async throws {
        let isFirst = state.withLock { state in
            defer { state.hasRun = true }
            return !state.hasRun
        }
        guard isFirst else {
            throw WorkError(.invalidConfiguration, "a scheduler runs once; make a new one")
        }
        do {
            try await withGracefulShutdownHandler {
                try await runUntilStopped()
            } onGracefulShutdown: { [stopped] in
                stopped.open()
            }
        } catch {
            ready.open(.failure(error))
            throw error
        }
        ready.open(.success(()))
    }

    private func runUntilStopped() async throws {
        guard stopped.value == nil else { return }
        try await makeKnown()
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let worker { group.addTask { try await worker.run() } }
            group.addTask { [self] in try await fire() }
            do { while try await group.next() != nil {} } catch {
                group.cancelAll()
                throw error
            }
        }
        if stopped.value == nil { try Task.checkCancellation() }
    }

    /// Tells the store of the schedules, and learns what was decided on before.
    private func makeKnown() async throws {
        let now = store.now
        for schedule in schedules {
            let next = schedule.recurrence.next(after: now)
            let known = try await store.tick(
                ScheduleTick(
                    name: schedule.name, definition: schedule.recurrence.description, instant: now, nextAt: next))
            state.withLock { state in
                state.machines[schedule.name] = ScheduleStateMachine(
                    schedule.recurrence, missed: schedule.missed, decidedUntil: known.decidedUntil)
                state.nextAt[schedule.name] = next
            }
        }
    }

    /// Fires one tick after the other, until it is told to stop.
    private func fire() async throws {
        try await worker?.waitUntilReady()
        ready.open(.success(()))
        var atStart = schedules.filter(\.runsAtStart)
        var patience = Self.patience
        while stopped.value == nil {
            atStart = await fireAtStart(atStart)
            let now = store.now
            var hasFailed = !atStart.isEmpty
            var wait = Self.waitMax
            for schedule in schedules where stopped.value == nil {
                let decision = state.withLock { $0.machines[schedule.name]?.due(at: now) }
                guard let decision else { continue }
                for tick in decision.ticks where stopped.value == nil {
                    // Later ones wait with it: what was decided on is one instant.
                    guard await fire(schedule, tick) else {
                        state.withLock { $0.machines[schedule.name]?.couldNotFire(tick) }
                        hasFailed = true
                        break
                    }
                }
                await noteNext(decision, of: schedule, at: now)
                if let next = decision.nextAt { wait = min(wait, next - now) }
            }
            if hasFailed { wait = min(wait, patience) }
            patience = hasFailed ? min(patience * 2, Self.waitMax) : Self.patience
            try await sleep(max(.milliseconds(1), wait))
        }
    }

    /// Notes when a schedule is due next, in the store too where no tick does that: what was missed is left out.
    private func noteNext(_ decision: ScheduleStateMachine.Decision, of schedule: Schedule, at now: WorkInstant) async {
        let isNews = state.withLock { state in
            defer { state.nextAt[schedule.name] = decision.nextAt }
            return state.nextAt[schedule.name] != decision.nextAt
        }
        guard isNews, decision.ticks.isEmpty else { return }
        do {
            _ = try await store.tick(
                ScheduleTick(
                    name: schedule.name, definition: schedule.recurrence.description, instant: now,
                    nextAt: decision.nextAt))
        } catch {
            // Only people look at it, and the next tick says it again.
            configuration.logger.debug("the next tick was not noted", metadata: ["error": "\(error)"])
        }
    }

    /// Fires the ticks of the start; returns the schedules whose own could not be.
    private func fireAtStart(_ schedules: [Schedule]) async -> [Schedule] {
        var left: [Schedule] = []
        for schedule in schedules where stopped.value == nil {
            // Later than what was decided on, also where that was this very moment.
            let decided = state.withLock { $0.machines[schedule.name]?.decidedUntil } ?? store.now
            if !(await fire(schedule, max(store.now, decided + .milliseconds(1)), isExtra: true)) {
                left.append(schedule)
            }
        }
        return left
    }

    /// Waits so long, or until it is told to stop.
    private func sleep(_ time: Duration) async throws {
        let (stopped, clock) = (stopped, configuration.clock)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await clock.sleep(for: time) }
            group.addTask { try await stopped.wait() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Fires one tick; where the store does not answer, it is tried again with the next look.
    ///
    /// - Parameter isExtra: Whether it is the one of the start, which is no loss where it is left out.
    /// - Returns: Whether it was decided on.
    private func fire(_ schedule: Schedule, _ instant: WorkInstant, isExtra: Bool = false) async -> Bool {
        do {
            var draft = try draft(schedule, instant)
            if schedule.jitter > .zero { draft.delay = draft.delay + schedule.jitter * Double.random(in: 0...1) }
            let result = try await store.tick(
                ScheduleTick(
                    name: schedule.name, definition: schedule.recurrence.description, instant: instant,
                    nextAt: schedule.recurrence.next(after: max(instant, store.now)), draft: draft,
                    skipsWhileUnfinished: schedule.overlap == .skip))
            state.withLock { $0.machines[schedule.name]?.decided(until: max(instant, result.decidedUntil)) }
            notes.fired(schedule.name)
            log(schedule, result, isExtra: isExtra)
            return true
        } catch {
            notes.fired(schedule.name, error)
            configuration.logger.error(
                "a schedule could not be fired; it is tried again",
                metadata: ["schedule": "\(schedule.name)", "error": "\(error)"])
            return false
        }
    }

    private func log(_ schedule: Schedule, _ result: TickResult, isExtra: Bool) {
        let logger = configuration.logger
        switch result.outcome {
        case .fired(let id):
            logger.debug("schedule fired", metadata: ["schedule": "\(schedule.name)", "job": "\(id)"])
        case .skipped:
            logger.log(
                level: isExtra ? .debug : .notice, "schedule left out a tick: the one before is not over",
                metadata: ["schedule": "\(schedule.name)"])
        case .known, .taken: break
        }
    }

    /// The record of a tick.
    private func draft(_ schedule: Schedule, _ instant: WorkInstant) throws -> RecordDraft {
        var draft: RecordDraft
        switch schedule.action {
        case .enqueue(let make): draft = try make(instant)
        case .run:
            draft = RecordDraft(
                kind: schedule.kind, payload: try PayloadCoding.encode(TickPayload(instant: instant.rawValue)))
            draft.queue = Self.queueName
            // A run that keeps dying with its process is given up; the next tick tries anew.
            draft.lossesMax = 3
        }
        draft.key = UniqueKey("\(schedule.name)@\(instant.rawValue)", scope: .retained)
        if schedule.overlap == .queue { draft.lane = draft.lane ?? "schedule/\(schedule.name)" }
        return draft
    }
}

/// What the record of a tick holds.
private struct TickPayload: Codable {
    /// When it was due, in milliseconds since 1970.
    let instant: Int64
}

extension Scheduler: ReadinessReporting {
    /// Returns once it fires.
    public func waitUntilReady() async throws { try await ready.wait().get() }
}

extension Scheduler: LedgerReporting {
    /// The runs that it claimed, and what became of them.
    public var ledger: Ledger { worker?.ledger ?? Ledger() }

    /// The runs that go on.
    public func heldItems(itemsMax: Int) -> [LedgerItem] { worker?.heldItems(itemsMax: itemsMax) ?? [] }

    /// What was lost with a store that dies with its process.
    public func cutItems(itemsMax: Int) -> [LedgerItem] { worker?.cutItems(itemsMax: itemsMax) ?? [] }

    /// The runs that the stop cancelled: `poll cancelled`.
    public var remarks: [String] { notes.remarks }
}

extension Scheduler {
    /// How a schedule is.
    public struct Status: Sendable, Hashable {
        /// Its name.
        public var name: String
        /// When it is due.
        public var recurrence: Recurrence
        /// When it is due next, as far as this process knows.
        public var nextAt: WorkInstant?
        /// When it last ran here to its end.
        public var lastRun: WorkInstant?
        /// What went wrong last, where the last run failed or the last tick could not be fired; only the error's type, unless it is one of
        /// this library's.
        public var lastFailure: String?
    }

    /// How the schedules are, as far as this process knows.
    public var status: [Status] {
        let nextAt = state.withLock { $0.nextAt }
        return schedules.map { schedule in
            let (lastRun, failure) = notes.last(schedule.name)
            return Status(
                name: schedule.name, recurrence: schedule.recurrence, nextAt: nextAt[schedule.name], lastRun: lastRun,
                lastFailure: failure)
        }
    }
}
