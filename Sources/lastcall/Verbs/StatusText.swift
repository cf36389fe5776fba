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

    private enum CodingKeys: CodingKey {
        case version, store, now, counts, tasks, queues, workers, unhandled, oldestReadySeconds
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
    }

    private static func counts(_ counts: [WorkCount]) -> [String: Int] {
        counts.reduce(into: [:]) { $0["\($1.state)", default: 0] += $1.count }
    }
}
