import LastCall
import LastCallWork

/// Plays workers, people, clocks and accidents over the tables of a store, and checks what must hold however it goes.
///
/// The seed decides everything, so a failure can be played again. A message that a worker sends may arrive at once, late, twice or
/// never; the worker may crash after each. In the end everything recovers, and everything that was accepted has to be over.
package struct WorkSimulation {
    /// What one seed came to.
    package struct Outcome: Sendable, Hashable {
        /// What was violated; empty where all is well.
        package var violations: [String] = []
        /// What happened, in order, where it was kept.
        package var log: [String] = []
        /// How often what happened, to see that a simulation meets what it is for.
        package var counts: [String: Int] = [:]
    }

    /// A message on its way to the store.
    struct Message: Sendable {
        /// What it asks for.
        enum Content: Sendable {
            /// Settlements and a demand.
            case exchange(ExchangeRequest)
            /// A beat.
            case beat(BeatRequest)
            /// A journaled step.
            case journal(JournalEntry, ClaimKey)
        }

        /// What it asks for.
        let content: Content
        /// Who gets the answer, if still alive.
        let sender: Int
    }

    /// A job that a worker believes to have.
    struct Held: Sendable {
        /// What it was given.
        var claimed: ClaimedRecord
        /// Whether it began.
        var isStarted = false
    }

    /// A process that works.
    struct Worker: Sendable {
        /// Its registration; one that was taken for dead though it lives gets another one.
        var id: WorkerID
        /// The registrations before that.
        var formerIDs: [WorkerID] = []
        /// What it handles.
        let kinds: [String]
        /// What it believes to have.
        var held: [Held] = []
        /// Whether it was told that there is work.
        var isWoken = true
        /// When it looks for itself.
        var pollAt: WorkInstant
        /// Whether it lives.
        var isAlive = true
        /// Whether its lock was seen free after its death.
        var isSeenDead = false
        /// Whom it means to rescue.
        var rescuing: [LostRecord] = []
    }

    /// The groups of what was submitted, to know what has to be over before what runs.
    struct Group: Sendable {
        /// The records that it counts.
        var records: [WorkID] = []
        /// The groups that it counts.
        var groups: [NodeID] = []
        /// The group that has to end before it.
        var before: NodeID?
        /// Whether it has a deadline.
        var hasDeadline = false
    }

    /// The seed.
    package let seed: UInt64
    /// Where all chance comes from.
    var random: SeededGenerator
    /// The store.
    var tables: WorkTables
    /// How the store is wrong.
    let fault: WorkTables.Fault?
    /// The store's clock.
    var now = WorkInstant(rawValue: 1_000_000)
    /// The workers.
    var workers: [Worker] = []
    /// Messages that have not arrived.
    var underway: [Message] = []
    /// The groups, by id.
    var groups: [NodeID: Group] = [:]
    /// How many groups were accepted.
    var groupCount: Int64 = 0
    /// What was last seen of each record.
    var seen: [WorkTables.Glimpse] = []
    /// Which records have been over.
    var wereOver: Set<WorkID> = []
    /// How often each record came to an end.
    var endings: [WorkID: Int] = [:]
    /// How often people let each record run again.
    var retries: [WorkID: Int] = [:]
    /// What came of it.
    var outcome = Outcome()
    /// Whether what happens is written down.
    let keepsLog: Bool

    /// Creates a simulation.
    ///
    /// - Parameters:
    ///   - seed: What decides everything.
    ///   - fault: How the store is wrong, to see that it is noticed.
    ///   - keepsLog: Whether what happens is written down.
    package init(seed: UInt64, fault: WorkTables.Fault? = nil, keepsLog: Bool = false) {
        self.seed = seed
        self.fault = fault
        self.keepsLog = keepsLog
        random = SeededGenerator(seed: seed)
        tables = WorkTables(fault: fault)
    }

    /// Plays the seed; stops at the first violation.
    package mutating func run() -> Outcome {
        for _ in 0..<Int.random(in: 1...3, using: &random) { submit() }
        for _ in 0..<Int.random(in: 1...3, using: &random) { startWorker() }
        for _ in 0..<Int.random(in: 20...140, using: &random) where outcome.violations.isEmpty { step() }
        recover()
        return outcome
    }

    /// Something happens.
    private mutating func step() {
        switch Int.random(in: 0..<100, using: &random) {
        case ..<66: workerActs()
        case ..<74: deliver()
        case ..<79: sweep()
        case ..<86: moveClock(by: .milliseconds(Int.random(in: 1...3000, using: &random)))
        case ..<88: moveClock(by: .seconds(Int.random(in: 10...40, using: &random)))
        case ..<89: crash()
        case ..<92: lockIsSeenFree()
        case ..<95: if workers.count(where: \.isAlive) < 3 { startWorker() }
        case ..<97: if tables.lastID.rawValue < 20 { submit() }
        default: personActs()
        }
    }

    /// Everybody gets well, and all that is left is done.
    private mutating func recover() {
        while !underway.isEmpty, outcome.violations.isEmpty { deliver() }
        for queue in tables.pausedQueues.sorted() {
            transact { tables, now in _ = tables.perform(.resume(queue: queue), at: now) }
        }
        startWorker(handlesAll: true)
        var rounds = 0
        while outcome.violations.isEmpty, seen.contains(where: { !$0.facts.state.isTerminal }) {
            rounds += 1
            guard rounds < 300 else {
                let left = seen.filter { !$0.facts.state.isTerminal }.map { "\($0.id) \($0.facts.state)" }
                return outcome.violations.append("stuck, although everybody is well: \(left.joined(separator: ", "))")
            }
            moveClock(by: .seconds(2))
            sweep()
            for worker in workers.indices where workers[worker].isAlive {
                beat(worker, mayFail: false)
                look(worker)
                rescue(worker, mayFail: false)
                claim(worker, mayFail: false)
                while let place = workers[worker].held.indices.last, outcome.violations.isEmpty {
                    workers[worker].held[place].isStarted = true
                    finish(worker, place, mayFail: false)
                }
            }
        }
        guard outcome.violations.isEmpty else { return }
        checkEnd()
    }

    /// One transaction: what it raised wakes workers, though not always, and what always holds is checked.
    ///
    /// - Parameter mayHaveChanged: Whether a transaction that raised nothing could have changed a record.
    mutating func transact<Result>(
        mayHaveChanged: (Result) -> Bool = { _ in false }, _ body: (inout WorkTables, WorkInstant) -> Result
    ) -> Result {
        let result = body(&tables, now)
        if fault == .counterOutsideTransaction {
            // Its process may die between its two transactions.
            if random.chance(97) { tables.writeDeferredSteps(at: now) } else { tables.loseDeferredSteps() }
        }
        let change = tables.takeChange()
        if change.contains(.work) {
            for worker in workers.indices where random.chance(70) { workers[worker].isWoken = true }
        }
        if !change.isEmpty || mayHaveChanged(result) { check() }
        return result
    }

    mutating func moveClock(by duration: Duration) {
        now = now + duration
        note("clock +\(duration)")
    }

    mutating func sweep() {
        let orders = SweepOrders(recounts: random.chance(20))
        let result = transact { tables, now in tables.sweep(orders, at: now) }
        if result.mended > 0 { outcome.violations.append("\(result.mended) group counters had to be mended") }
        if result.closed > 0 { count("deadlines") }
        note("sweep \(result.promoted) promoted, \(result.closed) closed")
    }

    /// Writes down what happened.
    mutating func note(_ words: @autoclosure () -> String) { if keepsLog { outcome.log.append(words()) } }

    /// Counts what happened.
    mutating func count(_ what: String) { outcome.counts[what, default: 0] += 1 }
}
