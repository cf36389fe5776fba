import LastCall
import LastCallConcurrency
import Metrics

/// What a worker counts, under the names `lastcall_jobs_…`.
///
/// The dimensions are the job's name, its queue and its end; an instrument is made once for each combination.
final class WorkMetrics: Sendable {
    /// What an instrument is for.
    private struct Key: Hashable {
        /// The job's name.
        let kind: String
        /// The queue.
        let queue: String
        /// How it ended.
        let outcome: WorkState
    }

    /// The instruments of one combination.
    private struct Instruments: Sendable {
        /// How many ended so.
        let count: Counter
        /// How long they ran.
        let duration: Metrics.Timer
    }

    private let instruments = Mutex<[Key: Instruments]>([:])
    private let waits = Mutex<[String: Metrics.Timer]>([:])

    /// A job started: how long it waited after it was due.
    func started(_ record: ClaimedRecord) {
        let timer = waits.withLock { waits in
            if let timer = waits[record.queue] { return timer }
            let timer = Metrics.Timer(label: "lastcall_jobs_wait_seconds", dimensions: [("queue", record.queue)])
            waits[record.queue] = timer
            return timer
        }
        timer.record(duration: record.claimedAt - record.dueAt)
    }

    /// A claim ended.
    func ended(_ record: ClaimedRecord, _ change: RecordChange, after duration: Duration) {
        let key = Key(kind: record.kind, queue: record.queue, outcome: change.state)
        let found = instruments.withLock { instruments in
            if let found = instruments[key] { return found }
            let dimensions = [("job", key.kind), ("queue", key.queue), ("outcome", Self.name(of: key.outcome))]
            let made = Instruments(
                count: Counter(label: "lastcall_jobs_total", dimensions: dimensions),
                duration: Metrics.Timer(label: "lastcall_jobs_seconds", dimensions: dimensions))
            instruments[key] = made
            return made
        }
        found.count.increment()
        found.duration.record(duration: duration)
    }

    /// What a claim's end is called.
    private static func name(of outcome: WorkState) -> String {
        switch outcome {
        case .ready: "givenBack"
        case .scheduled: "retried"
        case .blocked, .running, .stopping, .succeeded, .partial, .failed, .cancelled, .dead: "\(outcome)"
        }
    }

    /// Records of dead workers were rescued.
    func rescued(_ count: Int) {
        if count > 0 { Counter(label: "lastcall_jobs_rescued_total").increment(by: count) }
    }

    /// Group counters were wrong.
    func mended(_ count: Int) { Counter(label: "lastcall_groups_mended_total").increment(by: count) }
}
