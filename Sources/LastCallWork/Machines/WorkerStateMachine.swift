/// Decides what a worker asks of its store, and when it is done: capacity, batches, beats, and the stop.
///
/// One exchange and one beat are on their way at a time; what gathers meanwhile goes with the next. A job keeps its place until
/// what became of it is committed.
package struct WorkerStateMachine: Sendable {
    /// A queue that the worker works on.
    package struct Queue: Sendable {
        /// Its name.
        package var name: String
        /// How many of its jobs run at once.
        package var concurrency: Int
    }

    /// Where the worker is.
    package enum Phase: Int, Sendable, Comparable {
        /// It claims and runs.
        case working
        /// It was told to stop: it claims nothing, and lets its jobs end.
        case draining
        /// Its time is over: what still runs is given back as it is.
        case handingOver

        /// Later phases are greater.
        package static func < (lhs: Phase, rhs: Phase) -> Bool { lhs.rawValue < rhs.rawValue }
    }

    /// What a worker that drains still claims.
    private enum DrainClaims {
        /// Nothing.
        case none
        /// It is to be decided whether it does.
        case undecided
        /// What waited since an instant or comes ready until another one.
        case claiming(since: WorkInstant, until: WorkInstant?)
        /// Nothing more: what is left is for others, or for later.
        case over
    }

    /// A job that the worker holds.
    private struct Held {
        /// The queue it was claimed from.
        let queue: String
        /// What it wrote and what no beat has taken yet.
        var update: JobUpdate?
        /// Whether a beat with something of it is on its way.
        var isInBeat = false
        /// What became of it, where it waits for that beat.
        var settlement: Settlement?
        /// Whether its settlement was handed to an exchange, or waits for one.
        var isSettling = false
    }

    /// Where the worker is.
    package private(set) var phase = Phase.working
    /// What it still claims while it drains.
    private var drainClaims: DrainClaims
    /// The jobs that it holds.
    private var jobs: [ClaimKey: Held] = [:]
    /// How many jobs of each queue it holds.
    private var used: [String: Int] = [:]
    /// What is to be written with the next exchange.
    private var settlements: [Settlement] = []
    /// What is to be shown as stopping with the next exchange.
    private var marks: [ClaimKey] = []
    /// Queues that may hold something to claim.
    private var hints: Set<String>
    /// Whether an exchange is on its way.
    private var isExchanging = false
    /// Queues that something was heard of while the exchange was on its way: its claims may have missed it.
    private var hintsMeanwhile: Set<String> = []
    /// Whether a beat is on its way.
    private var isBeating = false
    /// Claims with something for the next beat.
    private var dirty: [ClaimKey] = []
    /// Which queue is asked first.
    private var turn = 0

    private let queues: [Queue]
    private var kinds: [String]
    private let concurrency: Int
    private let gates: [KindGate]
    /// Whether what it runs waits in lanes, so that each end may let the next one run.
    private let worksOnLanes: Bool

    /// Creates the machine of a worker that holds nothing.
    ///
    /// - Parameter drainsByClaiming: Whether it goes on claiming while it drains, once that is decided.
    package init(
        queues: [Queue], kinds: [String], concurrency: Int, gates: [KindGate] = [], drainsByClaiming: Bool = false
    ) {
        self.queues = queues
        self.kinds = kinds
        self.concurrency = concurrency
        self.gates = gates
        worksOnLanes = drainsByClaiming
        drainClaims = drainsByClaiming ? .undecided : .none
        hints = Set(queues.map(\.name))
    }

    /// Whether it starts what it claims.
    package var startsJobs: Bool { phase == .working || isClaimingInDrain }

    private var isClaimingInDrain: Bool { drainingSince != nil }

    /// How many jobs it holds.
    package var heldCount: Int { jobs.count }
    /// Whether it holds a claim.
    package func isHeld(_ claim: ClaimKey) -> Bool { jobs[claim] != nil }
    /// All claims that it holds.
    package var claims: [ClaimKey] { Array(jobs.keys) }
    /// The claims that it holds and that did not end yet.
    package var held: [ClaimKey] { jobs.filter { !$0.value.isSettling }.map(\.key) }
    /// Whether it was told to stop and nothing is left to do.
    package var isOver: Bool {
        guard phase >= .draining, jobs.isEmpty, settlements.isEmpty, !isExchanging, !isBeating else { return false }
        switch drainClaims {
        case .none, .over: return true
        case .undecided, .claiming: return phase == .handingOver
        }
    }

    // MARK: events

    /// Something may be there to claim.
    package mutating func workMayBeThere() {
        hints = Set(queues.map(\.name))
        if isExchanging { hintsMeanwhile = hints }
    }

    /// A job wrote something.
    package mutating func wrote(_ update: JobUpdate) {
        guard var job = jobs[update.claim], !job.isSettling, job.settlement == nil else { return }
        if job.update == nil, !job.isInBeat { dirty.append(update.claim) }
        job.update = job.update.map { $0.merged(with: update) } ?? update
        jobs[update.claim] = job
    }

    /// A job ended.
    ///
    /// - Returns: Whether it was still the worker's to end.
    package mutating func ended(_ settlement: Settlement) -> Bool {
        guard var job = jobs[settlement.claim], !job.isSettling, job.settlement == nil else { return false }
        if job.isInBeat {
            job.settlement = settlement
            jobs[settlement.claim] = job
        } else {
            jobs[settlement.claim] = job
            settle(settlement)
        }
        return true
    }

    /// Puts what became of a job into the next exchange, together with what it wrote last.
    private mutating func settle(_ settlement: Settlement) {
        guard var job = jobs[settlement.claim] else { return }
        var settlement = settlement
        if let update = job.update {
            var output = update.output ?? OutputChunk()
            if let late = settlement.output { output.append(late) }
            settlement.output = output
            settlement.checkpoint = settlement.checkpoint ?? update.checkpoint
        }
        job.update = nil
        job.settlement = nil
        job.isSettling = true
        jobs[settlement.claim] = job
        settlements.append(settlement)
    }

    /// The next exchange, where there is something to write or to want and none is on its way.
    ///
    /// - Parameters:
    ///   - worker: Who claims.
    ///   - claims: Whether it may.
    package mutating func nextExchange(for worker: WorkerID, claims: Bool = true) -> ExchangeRequest? {
        guard !isExchanging else { return nil }
        // What was run frees its lane for the next one, which is claimed in the same transaction.
        if worksOnLanes, startsJobs, !settlements.isEmpty { hints = Set(queues.map(\.name)) }
        let demands = startsJobs && claims ? demands() : []
        guard !settlements.isEmpty || !marks.isEmpty || !demands.isEmpty else { return nil }
        let settling = Set(settlements.map(\.claim))
        let request = ExchangeRequest(
            worker: demands.isEmpty ? nil : worker, settlements: settlements,
            stopping: marks.filter { jobs[$0] != nil && !settling.contains($0) }, demands: demands)
        settlements = []
        marks = []
        hintsMeanwhile = []
        isExchanging = true
        return request
    }

    /// What it can take: each queue up to its own limit, all together up to the worker's.
    private mutating func demands() -> [QueueDemand] {
        // Places that the settlements of this very exchange free are free for its claims.
        var freed: [String: Int] = [:]
        for settlement in settlements {
            if let queue = jobs[settlement.claim]?.queue { freed[queue, default: 0] += 1 }
        }
        var free = concurrency - jobs.count + freed.values.reduce(0, +)
        var demands: [QueueDemand] = []
        for offset in queues.indices {
            let queue = queues[(turn + offset) % queues.count]
            let limit = min(free, queue.concurrency - (used[queue.name] ?? 0) + (freed[queue.name] ?? 0))
            guard limit > 0, hints.contains(queue.name) else { continue }
            demands.append(
                QueueDemand(
                    queue: queue.name, kinds: kinds, limit: limit, gates: gates, drainingSince: drainingSince))
            free -= limit
        }
        turn = queues.isEmpty ? 0 : (turn + 1) % queues.count
        return demands
    }

    /// Since when it drains and claims.
    private var drainingSince: WorkInstant? {
        guard phase == .draining, case .claiming(let since, _) = drainClaims else { return nil }
        return since
    }

    /// What an exchange came to, for the worker's owner.
    package struct ExchangeOutcome: Sendable {
        /// Jobs to start.
        package var start: [ClaimedRecord] = []
        /// Settlements that are committed.
        package var settled: [Settlement] = []
        /// Jobs that are somebody else's now, though they may still run.
        package var overtaken: [ClaimKey] = []
        /// Whether another exchange could be worthwhile at once.
        package var goesOn = false
    }

    /// The exchange was committed.
    package mutating func exchanged(_ request: ExchangeRequest, _ result: ExchangeResult) -> ExchangeOutcome {
        isExchanging = false
        var outcome = ExchangeOutcome()
        let overtaken = Set(result.overtaken)
        for settlement in request.settlements {
            remove(settlement.claim)
            if overtaken.contains(settlement.claim) {
                outcome.overtaken.append(settlement.claim)
            } else {
                outcome.settled.append(settlement)
            }
        }
        // One that settled meanwhile learns it from its own settlement, and one that a beat took away was told.
        for claim in request.stopping where overtaken.contains(claim) && jobs[claim]?.isSettling == false {
            outcome.overtaken.append(claim)
            remove(claim)
        }
        var taken: [String: Int] = [:]
        for record in result.claimed {
            taken[record.queue, default: 0] += 1
            used[record.queue, default: 0] += 1
            jobs[record.claim] = Held(queue: record.queue)
            // What was cancelled between two runs does not run again.
            let starts = startsJobs && !record.facts.cancelRequested
            if starts { outcome.start.append(record) } else { giveBack(record) }
        }
        for demand in request.demands
        where (taken[demand.queue] ?? 0) < demand.limit && !hintsMeanwhile.contains(demand.queue) {
            hints.remove(demand.queue)
        }
        if !request.demands.isEmpty, result.claimed.isEmpty { foundNothing(nextAt: result.demandDue) }
        outcome.goesOn = !settlements.isEmpty || !marks.isEmpty || !hints.isEmpty
        return outcome
    }

    /// A claim found nothing: where nothing is run and nothing comes in time, its drain has no more to claim.
    private mutating func foundNothing(nextAt: WorkInstant?) {
        guard phase == .draining, case .claiming(_, let until) = drainClaims else { return }
        guard jobs.isEmpty, settlements.isEmpty, hints.isEmpty else { return }
        if let nextAt, until.map({ nextAt < $0 }) ?? true { return }
        drainClaims = .over
    }

    /// It is decided what it goes on claiming while it drains.
    ///
    /// Of `kinds` it does; what waits for a breaker or after a failure of before `since` is tried once more, what is not due before `until` is left.
    package mutating func goOnClaiming(_ kinds: [String], since: WorkInstant, until: WorkInstant?) {
        guard case .undecided = drainClaims else { return }
        self.kinds = kinds
        drainClaims = kinds.isEmpty ? .over : .claiming(since: since, until: until)
        workMayBeThere()
    }

    /// Gives back what was claimed and will not be started; where somebody cancelled it, it is over.
    private mutating func giveBack(_ record: ClaimedRecord) {
        var machine = RecordStateMachine(record.facts)
        guard let change = machine.ended(.unstarted) else { return }
        settle(Settlement(claim: record.claim, change: change))
    }

    /// The exchange failed: what it would have written is written with a later one.
    package mutating func exchangeFailed(_ request: ExchangeRequest) {
        isExchanging = false
        settlements = request.settlements + settlements
        marks = request.stopping + marks
        for demand in request.demands { hints.insert(demand.queue) }
    }

    /// Why a beat is wanted.
    package enum BeatReason: Sendable, Comparable {
        /// A job may have something to say.
        case writes
        /// Somebody may have cancelled or taken a job; looking for it writes nothing, because a beat that writes is a change that others
        /// look for in their turn.
        case looks
        /// The lease is due.
        case renews
    }

    /// The next beat, where none is on its way and there is a reason for one.
    package mutating func nextBeat(for worker: WorkerID, _ reason: BeatReason) -> BeatRequest? {
        guard !isBeating else { return nil }
        var updates: [JobUpdate] = []
        for claim in dirty {
            guard var job = jobs[claim], let update = job.update else { continue }
            job.update = nil
            job.isInBeat = true
            jobs[claim] = job
            updates.append(update)
        }
        dirty = []
        let held = reason == .writes ? updates.map(\.claim) : held
        guard reason == .renews || !held.isEmpty else { return nil }
        isBeating = true
        return BeatRequest(worker: reason == .renews ? worker : nil, updates: updates, held: held)
    }

    /// What a beat came to, for the worker's owner.
    package struct BeatOutcome: Sendable {
        /// Jobs that are somebody else's now.
        package var overtaken: [ClaimKey] = []
        /// Jobs that somebody cancelled.
        package var cancelRequested: [ClaimKey] = []
        /// Jobs whose lines were written.
        package var written: [ClaimKey] = []
    }

    /// The beat was committed.
    package mutating func beaten(_ request: BeatRequest, _ result: BeatResult) -> BeatOutcome {
        var outcome = BeatOutcome()
        outcome.written = request.updates.map(\.claim)
        outcome.cancelRequested = result.cancelRequested.filter { jobs[$0] != nil }
        let overtaken = Set(result.overtaken)
        // Whoever drains has to look again whether something is left.
        if isClaimingInDrain, !overtaken.isEmpty { workMayBeThere() }
        finishBeat(request, keeps: { _ in false })
        for claim in overtaken where jobs[claim]?.isSettling == false {
            outcome.overtaken.append(claim)
            remove(claim)
        }
        return outcome
    }

    /// The beat failed: what it would have written is written with a later one.
    package mutating func beatFailed(_ request: BeatRequest) { finishBeat(request, keeps: { _ in true }) }

    private mutating func finishBeat(_ request: BeatRequest, keeps: (ClaimKey) -> Bool) {
        isBeating = false
        for update in request.updates {
            guard var job = jobs[update.claim] else { continue }
            job.isInBeat = false
            if keeps(update.claim) { job.update = job.update.map { update.merged(with: $0) } ?? update }
            let settlement = job.settlement
            jobs[update.claim] = job
            if let settlement {
                settle(settlement)
            } else if job.update != nil {
                dirty.append(update.claim)
            }
        }
    }

    /// The worker is told to stop.
    ///
    /// - Returns: The jobs that are to be told.
    package mutating func drain() -> [ClaimKey] {
        guard phase < .draining else { return [] }
        phase = .draining
        let told = held
        marks += told
        return told
    }

    /// The worker's time is over.
    ///
    /// - Returns: The jobs that still run: cancel them, and settle what does not end.
    package mutating func handOver() -> [ClaimKey] {
        if phase < .draining { marks += held }
        phase = .handingOver
        return jobs.filter { !$0.value.isSettling && $0.value.settlement == nil }.map(\.key)
    }

    /// A job leaves its place; what it still says is dropped.
    private mutating func remove(_ claim: ClaimKey) {
        guard let job = jobs.removeValue(forKey: claim) else { return }
        used[job.queue, default: 1] -= 1
    }
}
