import FoundationEssentials
import LastCall
import LastCallConcurrency
import LastCallCommand
import LastCallSQLite
import LastCallTesting
import LastCallWork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Three workers, told to stop and killed at random while workflows come in; in the end everything has to add up.
final class Chaos: Sendable {
    /// What happened.
    private struct State {
        /// The running worker of each place.
        var running: [Int: CommandProcess] = [:]
        /// Whether workers are started again.
        var isOver = false
        /// All ids that were accepted, by workflow.
        var accepted: [[WorkID]] = []
        /// How many workers were told.
        var told = 0
        /// How many workers were killed.
        var killed = 0
    }

    private let path: String
    private let seconds: Int
    private let seed: UInt64
    private let state = Mutex(State())

    init(store: String, seconds: Int, seed: UInt64) {
        path = store
        self.seconds = seconds
        self.seed = seed
    }

    /// Plays it; returns what does not add up.
    func run() async throws -> [String] {
        print("seed \(seed)")
        fflush(nil)
        let store = try await SQLiteStore.open(path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for place in 0..<3 { group.addTask { [self] in try await keepRunning(place) } }
            group.addTask { [self] in
                try await play(store)
                try await settle(store)
                let last = state.withLock { state in
                    state.isOver = true
                    return Array(state.running.values)
                }
                for process in last { process.signal(SIGTERM) }
            }
            try await group.waitForAll()
        }
        let problems = try await check(store)
        await store.close()
        return problems
    }

    /// Starts a worker whenever the one of this place ended.
    private func keepRunning(_ place: Int) async throws {
        var number = 0
        while !state.withLock({ $0.isOver }) {
            number += 1
            let command = Command(
                "/proc/self/exe", ["worker", path, "w\(place)-\(number)"], standardOutput: .null, standardError: .null)
            try await command.withProcess { process in
                state.withLock { $0.running[place] = process }
                _ = await process.result
                state.withLock { $0.running[place] = nil }
            }
        }
    }

    /// Submits workflows and ends workers, for so many seconds.
    private func play(_ store: SQLiteStore) async throws {
        var random = SeededGenerator(seed: seed)
        let work = WorkClient(store)
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(Int.random(in: 5...60, using: &random)))
            if random.chance(70) {
                let ids = try await work.submit(workflow(&random))
                state.withLock { $0.accepted.append(ids) }
            }
            guard random.chance(12) else { continue }
            let place = Int.random(in: 0..<3, using: &random)
            let isKill = random.chance(50)
            guard let process = state.withLock({ $0.running[place] }) else { continue }
            process.signal(isKill ? SIGKILL : SIGTERM)
            state.withLock { if isKill { $0.killed += 1 } else { $0.told += 1 } }
        }
    }

    private func workflow(_ random: inout SeededGenerator) -> Workflow {
        let members = (0..<Int.random(in: 0...5, using: &random)).map { _ in member(&random) }
        let callback = Workflow.record(RecordDraft(kind: ChaosJobs.callback))
        let chord = Workflow.group(
            members, then: callback, partialMembers: random.chance(30) ? .awaitRemainder : .proceed)
        return random.chance(20) ? .chain([member(&random), chord]) : chord
    }

    private func member(_ random: inout SeededGenerator) -> Workflow {
        var draft = RecordDraft(kind: ChaosJobs.members.randomElement(using: &random) ?? "finish")
        draft.priority = Int.random(in: -2...2, using: &random)
        if random.chance(50) { draft.lossesMax = nil }
        if random.chance(20) { draft.onLost = random.chance(50) ? .finalize : .fail }
        if random.chance(20) { draft.delay = .milliseconds(Int.random(in: 1...300, using: &random)) }
        return .record(draft)
    }

    /// Waits until everything is over; the workers that run now are left alone.
    private func settle(_ store: SQLiteStore) async throws {
        let open = Set(WorkState.allCases.filter { !$0.isTerminal })
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if try await store.records(WorkQuery(states: open, limit: 1)).isEmpty { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    // MARK: the sums

    private func check(_ store: SQLiteStore) async throws -> [String] {
        let (accepted, told, killed) = state.withLock { ($0.accepted, $0.told, $0.killed) }
        var problems: [String] = []
        let records = try await store.records(WorkQuery(limit: .max))
        let byID = Dictionary(uniqueKeysWithValues: records.map { ($0.id, $0) })
        for id in accepted.flatMap(\.self) where byID[id] == nil {
            problems.append("job \(id) was accepted and is gone")
        }
        for record in records {
            if !record.state.isTerminal { problems.append("job \(record.id) \(record.kind) is still \(record.state)") }
            if let result = record.result.map({ String(decoding: $0, as: UTF8.self) }), result != "\(record.epoch)" {
                problems.append("job \(record.id) was completed by run \(result), and run \(record.epoch) is its last")
            }
            if record.attempt > record.attemptsMax { problems.append("job \(record.id) has too many attempts") }
        }
        problems += checkCallbacks(records)
        var orders = SweepOrders()
        orders.recounts = true
        let mended = try await store.sweep(orders).mended
        if mended > 0 { problems.append("\(mended) group counters were wrong") }
        let sums = records.reduce(into: (losses: 0, evictions: 0)) { sums, record in
            sums.losses += record.losses
            sums.evictions += record.evictions
        }
        print(
            "\(records.count) jobs in \(accepted.count) workflows; \(told) workers told, \(killed) killed; \(sums.evictions) evictions, \(sums.losses) losses; \(problems.count) problems"
        )
        if told == 0 || killed == 0 {
            problems.append("no worker was \(told == 0 ? "told" : "killed"): nothing was tried")
        }
        return problems
    }

    /// Every callback fired once; again only where its own worker died between firing and remembering it.
    private func checkCallbacks(_ records: [WorkRecord]) -> [String] {
        let log =
            FileManager.default.contents(atPath: path + ".fired").map { String(decoding: $0, as: UTF8.self) } ?? ""
        var fired: [WorkID: Int] = [:]
        for line in log.split(separator: "\n") { if let id = WorkID(line) { fired[id, default: 0] += 1 } }
        var problems: [String] = []
        for record in records where record.kind == ChaosJobs.callback {
            let count = fired[record.id] ?? 0
            if record.state == .succeeded, count == 0 { problems.append("callback \(record.id) never fired") }
            if count > 1 + record.losses { problems.append("callback \(record.id) fired \(count) times") }
            if record.state == .failed { problems.append("callback \(record.id) failed: \(record.detail ?? "?")") }
        }
        return problems
    }
}
