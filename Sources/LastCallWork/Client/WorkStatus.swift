/// What a store holds and who works on it, at one moment.
public struct WorkStatus: Sendable {
    /// Jobs of one kind that wait where nobody takes them.
    public struct Unhandled: Sendable, Hashable {
        /// The queue they wait in.
        public var queue: String
        /// Which handler they need.
        public var kind: String
        /// How many wait.
        public var count: Int
    }

    /// When it was looked at, on the store's clock.
    public var now: WorkInstant
    /// How many jobs there are, by queue, kind and state.
    public var counts: [WorkCount]
    /// The workers that are known, alive or not.
    public var workers: [WorkerReport]
    /// The queues from which nothing is claimed.
    public var pausedQueues: Set<String>
    /// When the job that may run and waits longest was accepted, by queue.
    public var oldestReady: [String: WorkInstant]
    /// The lanes that hold something, rest, or keep failing.
    public var lanes: [LaneReport]
    /// The kinds of which nothing is claimed for a while, or that keep failing.
    public var gates: [GateReport]
    /// The schedules.
    public var schedules: [ScheduleReport]

    /// Creates a status.
    public init(
        now: WorkInstant, counts: [WorkCount], workers: [WorkerReport], pausedQueues: Set<String>,
        oldestReady: [String: WorkInstant], lanes: [LaneReport] = [], gates: [GateReport] = [],
        schedules: [ScheduleReport] = []
    ) {
        self.lanes = lanes
        self.gates = gates
        self.schedules = schedules
        self.now = now
        self.counts = counts
        self.workers = workers
        self.pausedQueues = pausedQueues
        self.oldestReady = oldestReady
    }

    /// All queues that hold something, are worked on or are paused, by name.
    public var queues: [String] {
        let alive = workers.filter(\.isAlive).flatMap(\.worker.queues)
        return Set(counts.map(\.queue)).union(alive).union(pausedQueues).sorted()
    }

    /// What waits and is handled by no worker that is alive, in the order of the queues' names.
    public var unhandled: [Unhandled] {
        var waiting: [Place: Int] = [:]
        for count in counts where count.state.isWaiting && count.count > 0 {
            waiting[Place(queue: count.queue, kind: count.kind), default: 0] += count.count
        }
        return waiting.filter { !isHandled($0.key.kind, in: $0.key.queue) }
            .map { Unhandled(queue: $0.key.queue, kind: $0.key.kind, count: $0.value) }
            .sorted { ($0.queue, $0.kind) < ($1.queue, $1.kind) }
    }

    /// Whether a worker that is alive takes jobs of this kind from this queue.
    public func isHandled(_ kind: String, in queue: String) -> Bool {
        workers.contains { $0.isAlive && $0.worker.kinds.contains(kind) && $0.worker.queues.contains(queue) }
    }

    /// How long the job that may run and waits longest has waited, over all queues.
    public var oldestReadyAge: Duration? { oldestReady.values.min().map { max(.zero, now - $0) } }

    /// Where jobs wait.
    private struct Place: Hashable {
        /// The queue.
        let queue: String
        /// Which handler they need.
        let kind: String
    }
}

extension WorkClient {
    /// What the store holds and who works on it.
    public func status() async throws -> WorkStatus {
        let counts = try await store.counts()
        var oldest: [String: WorkInstant] = [:]
        for queue in Set(counts.filter { $0.state == .ready && $0.count > 0 }.map(\.queue)) {
            // Ids grow, so the lowest one was accepted first.
            let query = WorkQuery(states: [.ready], queues: [queue], limit: 1)
            oldest[queue] = try await store.records(query).first?.acceptedAt
        }
        return WorkStatus(
            now: store.now, counts: counts.filter { $0.count > 0 }, workers: try await store.workers(),
            pausedQueues: try await store.pausedQueues(), oldestReady: oldest,
            lanes: try await store.lanes(prefix: ""), gates: try await store.gates(),
            schedules: try await store.schedules())
    }
}
