import LastCall
import LastCallWork

/// A store's status as people read it.
struct StatusText: Sendable {
    /// The status.
    let status: WorkStatus
    /// What the store calls itself.
    let store: String

    /// What the columns count, in their order.
    private static let columns: [(name: String, states: Set<WorkState>)] = [
        ("waiting", [.blocked, .scheduled, .ready]), ("running", [.running, .stopping]), ("succeeded", [.succeeded]),
        ("partial", [.partial]), ("failed", [.failed]), ("cancelled", [.cancelled]), ("dead", [.dead]),
    ]

    /// All lines.
    func lines(_ style: TextStyle = .plain) -> [String] {
        var lines = [style.bold(store) + headline]
        if !status.counts.isEmpty { lines += [""] + jobs.lines(style) }
        if status.lanes.contains(where: Self.isWorthARow) { lines += [""] + lanes.lines(style) }
        if !status.schedules.isEmpty { lines += [""] + schedules.lines(style) }
        if !status.workers.isEmpty { lines += [""] + workers.lines(style) }
        let alerts = alerts
        if !alerts.isEmpty { lines += [""] + alerts.map { style.alert($0) } }
        return lines
    }

    private var headline: String {
        guard !status.counts.isEmpty else { return ": empty" }
        let waiting = count([.blocked, .scheduled, .ready])
        let running = count([.running, .stopping])
        let oldest = status.oldestReadyAge.map { ", the oldest that may run for \(AgeText.format($0))" } ?? ""
        return ": \(waiting) waiting\(oldest), \(running) running"
    }

    private func count(_ states: Set<WorkState>) -> Int {
        status.counts.filter { states.contains($0.state) }.reduce(0) { $0 + $1.count }
    }

    private var jobs: TextTable {
        var table = TextTable(
            [.words("queue"), .words("task")] + Self.columns.map { .figures($0.name) } + [.figures("oldest")])
        for queue in status.queues {
            let counts = status.counts.filter { $0.queue == queue }
            let name = status.pausedQueues.contains(queue) ? "\(queue) (paused)" : queue
            for (index, kind) in Set(counts.map(\.kind)).sorted().enumerated() {
                let own = counts.filter { $0.kind == kind }
                let figures = Self.columns.map { column in
                    let sum = own.filter { column.states.contains($0.state) }.reduce(0) { $0 + $1.count }
                    return sum == 0 ? "" : "\(sum)"
                }
                let oldest = index == 0 ? status.oldestReady[queue].map { AgeText.format(status.now - $0) } ?? "" : ""
                table.rows.append([index == 0 ? name : "", kind] + figures + [oldest])
            }
            if counts.isEmpty && status.pausedQueues.contains(queue) {
                table.rows.append([name, ""] + Self.columns.map { _ in "" } + [""])
            }
        }
        return table
    }

    /// Whether a lane holds something, or keeps failing.
    private static func isWorthARow(_ lane: LaneReport) -> Bool { lane.depth > 0 || !lane.breaker.isPristine }

    /// The most lanes that are listed; the deepest come first.
    private static let lanesMax = 20

    private var lanes: TextTable {
        var table = TextTable([.words("lane"), .figures("waiting"), .words("state")])
        let sorted = status.lanes.filter(Self.isWorthARow).sorted { ($1.depth, $0.name) < ($0.depth, $1.name) }
        for lane in sorted.prefix(Self.lanesMax) {
            table.rows.append([lane.name, "\(lane.depth)", state(lane.breaker, lane.restsUntil)])
        }
        if sorted.count > Self.lanesMax {
            let rest = sorted.dropFirst(Self.lanesMax)
            table.rows.append(["and \(rest.count) more", "\(rest.reduce(0) { $0 + $1.depth })", ""])
        }
        return table
    }

    /// Whether something is sent, in words.
    private func state(_ breaker: BreakerStateMachine, _ restsUntil: WorkInstant?) -> String {
        switch breaker.state(at: status.now) {
        case .open(let until): "keeps failing, left alone for \(AgeText.format(until - status.now))"
        case .halfOpen, .probing: "keeps failing, one may try"
        case .closed:
            restsUntil.map { "rests for \(AgeText.format(max(.zero, $0 - status.now)))" }
                ?? (breaker.failures > 0 ? "\(breaker.failures) failed" : "")
        }
    }

    private var schedules: TextTable {
        var table = TextTable([
            .words("schedule"), .words("due"), .words("next"), .figures("in"), .figures("last job"),
            .figures("left out"),
        ])
        for schedule in status.schedules {
            let wait = schedule.nextAt.map { $0 > status.now ? AgeText.format($0 - status.now) : "overdue" }
            table.rows.append([
                schedule.name, schedule.definition, schedule.nextAt?.rfc3339 ?? "never", wait ?? "",
                schedule.last?.description ?? "", schedule.skipped == 0 ? "" : "\(schedule.skipped)",
            ])
        }
        return table
    }

    private var workers: TextTable {
        var table = TextTable([
            .words("worker"), .words("host"), .figures("pid"), .figures("holds"), .words("since"), .words("queues"),
        ])
        for report in status.workers {
            let worker = report.worker
            table.rows.append([
                worker.name, worker.host, "\(worker.process.pid)", "\(report.held)",
                report.isAlive ? AgeText.format(status.now - report.startedAt) : "dead",
                worker.queues.joined(separator: ", "),
            ])
        }
        return table
    }

    /// What a person may have to do something about.
    private var alerts: [String] {
        var alerts: [String] = []
        for queue in status.pausedQueues.sorted() {
            alerts.append("queue \(queue) is paused; go on with: lastcall resume \(queue)")
        }
        for gate in status.gates {
            if let until = gate.restsUntil, until - status.now > .seconds(1) {
                alerts.append("\(gate.kind) rests for \(AgeText.format(until - status.now)), as it was asked to")
            }
            guard case .open(let until) = gate.breaker.state(at: status.now) else { continue }
            alerts.append(
                "\(gate.kind) keeps failing and is left alone for \(AgeText.format(until - status.now)); what waits for it is kept"
            )
        }
        for schedule in status.schedules {
            guard let due = schedule.nextAt, status.now - due > Self.overdueMax else { continue }
            alerts.append(
                "schedule \(schedule.name) was due \(AgeText.format(status.now - due)) ago and nobody minds it; serve a configuration with that schedule, unless it was removed"
            )
        }
        let unhandled = status.unhandled
        let waiting = count([.blocked, .scheduled, .ready])
        guard status.workers.contains(where: \.isAlive) else {
            if waiting > 0 { alerts.append("no worker is alive, so nothing runs; start one with: lastcall serve") }
            return alerts
        }
        for kind in unhandled {
            alerts.append(
                "\(kind.count) \(kind.kind) in queue \(kind.queue) \(kind.count == 1 ? "waits" : "wait") and no worker that is alive handles \(kind.count == 1 ? "it" : "them"); serve a configuration with that task and queue"
            )
        }
        return alerts
    }

    /// How late a tick may be decided on before somebody is told.
    private static let overdueMax = Duration.seconds(60)
}

/// A store's status for programs; keys may be added, never changed.
struct StatusJSON: Encodable {
    /// How many jobs there are of a task in a queue, by state.
    struct TaskCounts: Encodable {
        let queue: String
        let task: String
        let counts: [String: Int]
    }

    /// A queue.
    struct Queue: Encodable {
        let queue: String
        let paused: Bool
        let oldestReadySeconds: Double?
    }

    /// A worker.
    struct Worker: Encodable {
        let name: String
        let host: String
        let pid: Int32
        let alive: Bool
        let held: Int
        let tasks: [String]
        let queues: [String]
        let startedAt: String
    }

    /// A lane.
    struct Lane: Encodable {
        let lane: String
        let depth: Int
        let breaker: String
        let failures: Int
        let openUntil: String?
        let restsUntil: String?
    }

    /// The gate of a kind.
    struct Gate: Encodable {
        let task: String
        let breaker: String
        let failures: Int
        let openUntil: String?
        let restsUntil: String?
    }

    /// A schedule.
    struct Schedule: Encodable {
        let schedule: String
        let due: String
        let nextAt: String?
        let lastJob: Int64?
        let skipped: Int
    }

    /// What waits and nobody handles.
    struct Unhandled: Encodable {
        let queue: String
        let task: String
        let count: Int
    }

    let version = 1
    let store: String
    let now: String
    let counts: [String: Int]
    let tasks: [TaskCounts]
    let queues: [Queue]
    let workers: [Worker]
    let unhandled: [Unhandled]
    let oldestReadySeconds: Double?
    let lanes: [Lane]
    let gates: [Gate]
    let schedules: [Schedule]

    private enum CodingKeys: CodingKey {
        case version, store, now, counts, tasks, queues, workers, unhandled, oldestReadySeconds, lanes, gates, schedules
    }

    init(_ status: WorkStatus, store: String) {
        self.store = store
        now = status.now.rfc3339
        counts = Self.counts(status.counts)
        let places = Dictionary(grouping: status.counts) { [$0.queue, $0.kind] }
        tasks = places.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { place, counts in
            TaskCounts(queue: place[0], task: place[1], counts: Self.counts(counts))
        }
        queues = status.queues.map { queue in
            Queue(
                queue: queue, paused: status.pausedQueues.contains(queue),
                oldestReadySeconds: status.oldestReady[queue].map { (status.now - $0).inSecondsRounded })
        }
        workers = status.workers.map { report in
            Worker(
                name: report.worker.name, host: report.worker.host, pid: report.worker.process.pid,
                alive: report.isAlive, held: report.held, tasks: report.worker.kinds, queues: report.worker.queues,
                startedAt: report.startedAt.rfc3339)
        }
        unhandled = status.unhandled.map { Unhandled(queue: $0.queue, task: $0.kind, count: $0.count) }
        oldestReadySeconds = status.oldestReadyAge?.inSecondsRounded
        lanes = status.lanes.map { lane in
            Lane(
                lane: lane.name, depth: lane.depth, breaker: Self.name(lane.breaker.state(at: status.now)),
                failures: lane.breaker.failures, openUntil: lane.breaker.openUntil?.rfc3339,
                restsUntil: lane.restsUntil?.rfc3339)
        }
        gates = status.gates.map { gate in
            Gate(
                task: gate.kind, breaker: Self.name(gate.breaker.state(at: status.now)),
                failures: gate.breaker.failures, openUntil: gate.breaker.openUntil?.rfc3339,
                restsUntil: gate.restsUntil?.rfc3339)
        }
        schedules = status.schedules.map { schedule in
            Schedule(
                schedule: schedule.name, due: schedule.definition, nextAt: schedule.nextAt?.rfc3339,
                lastJob: schedule.last?.rawValue, skipped: schedule.skipped)
        }
    }

    /// A breaker's state, as the field names it.
    private static func name(_ state: BreakerStateMachine.State) -> String {
        switch state {
        case .closed: "closed"
        case .open: "open"
        case .halfOpen, .probing: "half-open"
        }
    }

    private static func counts(_ counts: [WorkCount]) -> [String: Int] {
        counts.reduce(into: [:]) { $0["\($1.state)", default: 0] += $1.count }
    }
}
