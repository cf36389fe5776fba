import LastCall
import LastCallWork

// What workers do, and what happens to them.
extension WorkSimulation {
    mutating func startWorker(handlesAll: Bool = false) {
        let kinds = handlesAll || random.chance(70) ? ["a", "b"] : [random.chance(50) ? "a" : "b"]
        let name = "w\(workers.count)"
        guard let registered = register(name, kinds) else { return }
        workers.append(Worker(id: registered, kinds: kinds, pollAt: now))
        note("\(name) starts, handles \(kinds)")
    }

    private mutating func register(_ name: String, _ kinds: [String]) -> WorkerID? {
        let description = WorkerDescription(
            name: name, host: "host", process: ProcessIdentity(bootID: "b", pid: 1, startTime: 1),
            kinds: kinds, queues: Self.queues)
        let registered: WorkerID? = transact { tables, now in
            do throws(WorkError) { return try tables.register(description, at: now) } catch { return nil }
        }
        if registered == nil { outcome.violations.append("the name \(name) is taken") }
        return registered
    }

    /// It hears that it is taken for dead.
    private mutating func registerAnew(_ worker: Int, _ heardOf: WorkerID?) {
        // What it hears late may be about a registration that it has replaced.
        guard workers[worker].isAlive, workers[worker].id == heardOf,
            let id = register("w\(worker)", workers[worker].kinds)
        else { return }
        workers[worker].formerIDs.append(workers[worker].id)
        workers[worker].id = id
        workers[worker].isWoken = true
        count("registrations anew")
        note("w\(worker) registers anew")
    }

    /// A worker that lives does something.
    mutating func workerActs() {
        guard let worker = workers.indices.filter({ workers[$0].isAlive }).randomElement(using: &random) else { return }
        let place = workers[worker].held.indices.randomElement(using: &random)
        switch (Int.random(in: 0..<100, using: &random), place) {
        case (..<30, _), (..<80, nil): claim(worker, mayFail: true)
        case (..<60, let place?):
            if workers[worker].held[place].isStarted {
                finish(worker, place, mayFail: true)
            } else {
                workers[worker].held[place].isStarted = true
            }
        case (..<72, let place?): stream(worker, place)
        case (..<80, _): beat(worker, mayFail: true)
        case (..<88, _): look(worker)
        case (..<95, _): rescue(worker, mayFail: true)
        default: drain(worker)
        }
    }

    /// It asks for work, if it was told that there is some, or if it was not told anything for long.
    mutating func claim(_ worker: Int, mayFail: Bool) {
        guard workers[worker].isWoken || workers[worker].pollAt <= now else { return }
        workers[worker].isWoken = false
        workers[worker].pollAt = now + .seconds(1)
        let limit = Int.random(in: 1...3, using: &random)
        let gates =
            random.chance(50) ? [KindGate(kind: "b", spacing: random.chance(50) ? .zero : .milliseconds(500))] : []
        let since: WorkInstant? = random.chance(10) ? now : nil
        let demands = Self.queues.map {
            QueueDemand(queue: $0, kinds: workers[worker].kinds, limit: limit, gates: gates, drainingSince: since)
        }
        let request = ExchangeRequest(worker: workers[worker].id, demands: demands)
        send(.exchange(request), worker, mayFail)
    }

    /// A job is over, in some way.
    mutating func finish(_ worker: Int, _ place: Int, mayFail: Bool) {
        let held = workers[worker].held.remove(at: place)
        let ending: JobEnding =
            if held.claimed.facts.cancelRequested {
                .cancelled(detail: "asked")
            } else {
                randomEnding()
            }
        settle([(held, ending)], worker, mayFail)
    }

    private mutating func randomEnding() -> JobEnding {
        switch Int.random(in: 0..<100, using: &random) {
        case ..<62: return .succeeded
        case ..<80: return .failed(detail: "error", retryAfter: .seconds(Int.random(in: 0...5, using: &random)))
        case ..<84: return .failed(detail: "error", retryAfter: nil)
        case ..<90: return .partial(.timeout, detail: "timeout")
        case ..<96: return .lost(detail: "killed")
        default: return .refused(detail: "refused")
        }
    }

    private mutating func settle(_ endings: [(held: Held, ending: JobEnding)], _ worker: Int, _ mayFail: Bool) {
        guard !endings.isEmpty else { return }
        var settlements: [Settlement] = []
        for (held, ending) in endings {
            let checkpoint: [UInt8]? = random.chance(15) ? [1] : nil
            var facts = held.claimed.facts
            facts.hasCheckpoint = facts.hasCheckpoint || checkpoint != nil
            var machine = RecordStateMachine(facts)
            guard let change = machine.ended(ending) else {
                outcome.violations.append("the machine has no end for a claim of \(held.claimed.id)")
                return
            }
            settlements.append(
                Settlement(
                    claim: held.claimed.claim, change: change, result: change.state == .succeeded ? [1] : nil,
                    checkpoint: checkpoint, news: random.chance(30) ? news() : nil))
        }
        send(.exchange(ExchangeRequest(settlements: settlements)), worker, mayFail)
    }

    /// What an end says of its lane and kind.
    private mutating func news() -> LaneNews {
        func verdict() -> LaneNews.Verdict {
            switch Int.random(in: 0..<3, using: &random) {
            case 0: .none
            case 1: .succeeded
            default: .failed(failuresMax: 2, coolDown: .seconds(5))
            }
        }
        var news = LaneNews()
        if random.chance(40) { news.laneRest = .seconds(Int.random(in: 1...5, using: &random)) }
        if random.chance(20) { news.kindRest = .seconds(Int.random(in: 1...3, using: &random)) }
        news.lane = verdict()
        news.kind = verdict()
        count("news")
        return news
    }

    /// A job streams a line, or journals a step.
    private mutating func stream(_ worker: Int, _ place: Int) {
        let claim = workers[worker].held[place].claimed.claim
        if random.chance(30) {
            send(.journal(JournalEntry(name: "step", value: [1]), claim), worker, true)
        } else {
            let update = JobUpdate(claim: claim, output: OutputChunk([WorkLine("line")]))
            send(.beat(BeatRequest(updates: [update])), worker, true)
        }
    }

    /// It says that it lives, and hears what is not its own any more.
    mutating func beat(_ worker: Int, mayFail: Bool) {
        let held = workers[worker].held.map(\.claimed.claim)
        let request = BeatRequest(worker: workers[worker].id, held: held)
        send(.beat(request), worker, mayFail)
    }

    /// It looks for dead workers, and remembers what it saw.
    mutating func look(_ worker: Int) {
        let lost = tables.lostWorkers(at: now)
        let own = workers[worker].formerIDs + [workers[worker].id]
        workers[worker].rescuing = lost.filter { !own.contains($0.id) }.flatMap(\.records)
    }

    /// It rescues what it saw, which others may have seen too.
    mutating func rescue(_ worker: Int, mayFail: Bool) {
        let seen = workers[worker].rescuing
        workers[worker].rescuing = []
        guard !seen.isEmpty else { return }
        let settlements = seen.compactMap { record in
            var machine = RecordStateMachine(record.facts)
            return machine.ended(.lost(detail: "its worker died")).map { Settlement(claim: record.claim, change: $0) }
        }
        count("rescues")
        send(.exchange(ExchangeRequest(settlements: settlements)), worker, mayFail)
    }

    /// It is told to stop: gives back what did not begin, ends what runs by its policy, and leaves.
    private mutating func drain(_ worker: Int) {
        let held = workers[worker].held
        let stopping = held.filter(\.isStarted).map(\.claimed.claim)
        if !stopping.isEmpty { send(.exchange(ExchangeRequest(stopping: stopping)), worker, true) }
        var endings: [(held: Held, ending: JobEnding)] = []
        for job in held {
            let policy = EvictionPolicy.allCases.randomElement(using: &random) ?? .requeue
            endings.append((job, job.isStarted ? .evicted(policy, detail: "SIGTERM") : .unstarted))
        }
        workers[worker].held = []
        count("drains")
        settle(endings, worker, true)
        note("w\(worker) drains")
        guard workers[worker].isAlive else { return }
        workers[worker].isAlive = false
        if random.chance(80) {
            workers[worker].isSeenDead = true
            let id = workers[worker].id
            transact { tables, _ in tables.deregister(id) }
        }
    }

    /// A worker dies; what it sent is underway.
    mutating func crash() {
        guard let worker = workers.indices.filter({ workers[$0].isAlive }).randomElement(using: &random) else { return }
        workers[worker].isAlive = false
        count("crashes")
        let held = workers[worker].held.map(\.claimed.id)
        note("w\(worker) crashes, holding \(held)")
    }

    /// Somebody sees that a dead worker's lock is free.
    mutating func lockIsSeenFree() {
        let dead = workers.indices.filter { !workers[$0].isAlive && !workers[$0].isSeenDead }
        guard let worker = dead.randomElement(using: &random) else { return }
        workers[worker].isSeenDead = true
        let id = workers[worker].id
        transact { tables, _ in tables.declareDead(id) }
        note("the lock of w\(worker) is free")
    }

    // MARK: messages

    /// Sends a message: it arrives now or later, perhaps twice, and its sender may die.
    private mutating func send(_ content: Message.Content, _ worker: Int, _ mayFail: Bool) {
        let message = Message(content: content, sender: worker)
        guard mayFail else { return arrive(message) }
        let isLate = random.chance(15)
        if isLate { underway.append(message) } else { arrive(message) }
        if random.chance(6) {
            underway.append(message)
            count("duplicates")
        }
        if random.chance(2), workers[worker].isAlive {
            workers[worker].isAlive = false
            count("crashes")
            note("w\(worker) crashes after it sent something")
        }
    }

    /// One of the messages that are underway arrives, or is lost with its dead sender.
    mutating func deliver() {
        guard let place = underway.indices.randomElement(using: &random) else { return }
        let message = underway.remove(at: place)
        if !workers[message.sender].isAlive, random.chance(40) { return }
        count("late")
        arrive(message)
    }

    private mutating func arrive(_ message: Message) {
        switch message.content {
        case .exchange(let request): arrive(request, message.sender)
        case .beat(let request): arrive(request, message.sender)
        case .journal(let entry, let claim):
            let stands = stands(claim)
            let isWritten = transact { tables, _ in
                do throws(WorkError) { try tables.journal(entry, for: claim) } catch { return false }
                return true
            }
            if isWritten != stands { outcome.violations.append("a step of \(claim.id) was written: \(isWritten)") }
        }
    }

    private mutating func arrive(_ request: ExchangeRequest, _ sender: Int) {
        let claims = request.settlements.map(\.claim) + request.stopping
        let void = claims.filter { !stands($0) }
        let before = void.map { tables.glimpse($0.id) }
        let result = transact(mayHaveChanged: { !claims.isEmpty || !$0.claimed.isEmpty }) { tables, now in
            tables.exchange(request, at: now)
        }
        note("w\(sender): \(claims.map(\.id)) settled, \(void.map(\.id)) void, \(result.claimed.map(\.id)) claimed")
        if result.overtaken != void {
            outcome.violations.append("\(void) are void, the store says \(result.overtaken)")
        }
        let isAlone = request.settlements.count + request.stopping.count == void.count && result.claimed.isEmpty
        if isAlone, before != void.map({ tables.glimpse($0.id) }) {
            outcome.violations.append("\(void) changed something")
        }
        if !void.isEmpty { count("void") }
        if !result.isRegistered { registerAnew(sender, request.worker) }
        if result.gateOpensAt != nil { count("gates held") }
        if result.claimed.isEmpty { return }
        for claimed in result.claimed { checkClaim(claimed) }
        if workers[sender].isAlive { workers[sender].held += result.claimed.map { Held(claimed: $0) } }
    }

    private mutating func arrive(_ request: BeatRequest, _ sender: Int) {
        let claims = request.updates.map(\.claim) + request.held
        let void = claims.filter { !stands($0) }
        let result = transact { tables, now in tables.beat(request, at: now) }
        if result.overtaken != void { outcome.violations.append("\(void) are void, a beat says \(result.overtaken)") }
        if !result.isRegistered { registerAnew(sender, request.worker) }
        let gone = Set(result.overtaken)
        workers[sender].held.removeAll { gone.contains($0.claimed.claim) }
        for place in workers[sender].held.indices
        where result.cancelRequested.contains(workers[sender].held[place].claimed.claim) {
            workers[sender].held[place].claimed.facts.cancelRequested = true
        }
    }

    /// Whether a claim stands, by what the simulation itself last saw.
    private func stands(_ claim: ClaimKey) -> Bool {
        let index = Int(claim.id.rawValue) - 1
        guard seen.indices.contains(index) else { return false }
        return seen[index].facts.state.isHeld && seen[index].facts.epoch == claim.epoch
    }
}
