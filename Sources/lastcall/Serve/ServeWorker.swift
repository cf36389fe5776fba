import LastCall
import LastCallConcurrency
import LastCallWork
import ServiceLifecycle

/// The worker of `lastcall serve`, its outbox or its scheduler, as a member of the plan; it remembers why it could not start.
final class ServeWorker: Service, ReadinessReporting, LedgerReporting, Sendable {
    private let worker: any ReadinessReporting & LedgerReporting
    private let failure = Mutex<VerbError?>(nil)
    private let isReady = Mutex(false)

    init(_ worker: any ReadinessReporting & LedgerReporting) { self.worker = worker }

    /// Why it could not start, or ended; told once, in one line.
    var error: VerbError? { failure.withLock { $0 } }

    /// Whether it could not even start: then there is nothing to account for.
    var couldNotStart: Bool { error != nil && !isReady.withLock { $0 } }

    /// The exit code of a stop: why the worker ended comes before what it could not finish, and after counts that do not add up and a stop that
    /// was forced.
    func exitCode(of receipt: Receipt) -> Int32 {
        let isWorse = [LastCall.ExitCode.unaccounted, LastCall.ExitCode.forced].contains(receipt.exitCode)
        guard let error, couldNotStart || !isWorse else { return receipt.exitCode }
        return error.kind.code
    }

    func run() async throws {
        do {
            try await worker.run()
        } catch {
            remember(error)
            throw error
        }
    }

    /// Returns once the worker is known to its store and claims.
    func waitUntilReady() async throws {
        do {
            try await worker.waitUntilReady()
            isReady.withLock { $0 = true }
        } catch {
            // Whoever waits may learn of it before `run` has ended.
            remember(error)
            throw error
        }
    }

    /// Says once, in one line, why it cannot work.
    private func remember(_ error: any Error) {
        // Another start does not mend a name that is taken or a store that is damaged, so a unit must not try it.
        // One that was deleted meanwhile is another matter: the next start finds what was put back, or makes a new one.
        let isGone = (error as? WorkError)?.code == .storeGone
        let serving = VerbError.ofServing(error) ?? VerbError(.configuration, "\(error)")
        let told = isGone ? VerbError(.refused, serving.description) : serving
        let isNew = failure.withLock { failure in
            defer { failure = failure ?? told }
            return failure == nil
        }
        if isNew { Verb.complain(told.description) }
    }

    /// What it claimed and what became of it.
    var ledger: Ledger { worker.ledger }

    /// The jobs that it holds.
    func heldItems(itemsMax: Int) -> [LedgerItem] { worker.heldItems(itemsMax: itemsMax) }

    /// The jobs that were lost with a store that dies with its process.
    func cutItems(itemsMax: Int) -> [LedgerItem] { worker.cutItems(itemsMax: itemsMax) }

    /// What it says of its stop.
    var remarks: [String] { worker.remarks }
}

/// All that works on the store of `lastcall serve`.
struct ServeMembers: Sendable {
    /// Runs jobs.
    let worker: ServeWorker
    /// Sends messages, where the configuration has transports.
    let outbox: ServeWorker?
    /// Submits what is due, where the configuration has schedules.
    let scheduler: ServeWorker?

    private var all: [ServeWorker] { [worker, outbox, scheduler].compactMap(\.self) }

    /// Whether one of them could not even start.
    var couldNotStart: Bool { all.contains(where: \.couldNotStart) }

    /// The exit code of a stop.
    func exitCode(of receipt: Receipt) -> Int32 {
        let failed = all.first(where: \.couldNotStart) ?? all.first { $0.error != nil }
        return failed?.exitCode(of: receipt) ?? receipt.exitCode
    }
}

/// The store as a member of a plan: closed when everything that writes to it has stopped.
final class StoreMember: Service, Sendable {
    private let store: any WorkStore
    /// Whether people are told at the end how much work waits for the next start.
    private let tellsRest: Bool

    init(_ store: any WorkStore, tellsRest: Bool) {
        self.store = store
        self.tellsRest = tellsRest
    }

    func run() async throws {
        do {
            try await gracefulShutdown()
            if tellsRest, let rest = Self.rest(try await store.counts(), in: store.traits) { Verb.complain(rest) }
        } catch {
            // Cancelled, or the store does not answer: it is closed all the same.
        }
        await store.close()
    }

    /// What people want to know who have just stopped a worker; `nil` where nothing waits.
    static func rest(_ counts: [WorkCount], in traits: StoreTraits) -> String? {
        let waiting = counts.filter(\.state.isWaiting).reduce(0) { $0 + $1.count }
        guard waiting > 0 else { return nil }
        let jobs = waiting == 1 ? "1 job waits" : "\(waiting) jobs wait"
        switch traits.durability {
        case .process: return "\(jobs) in memory and is lost with this process"
        case .ephemeral(let reason): return "\(jobs) in \(traits.name); \(reason)"
        case .durable: return "\(jobs) in \(traits.name); the next lastcall serve goes on"
        }
    }
}
