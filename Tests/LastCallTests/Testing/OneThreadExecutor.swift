import LastCall
import LastCallConcurrency

/// Runs a test's tasks on one thread, in the order in which they become ready.
///
/// Who was resumed first then goes on first, so that an order is a fact and not a likelihood.
final class OneThreadExecutor: TaskExecutor {
    private let thread = SerialThread(name: "one-thread")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        thread.perform { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    deinit { thread.end() }
}

/// What happened, in order.
final class Record<Entry: Sendable>: Sendable {
    private let list = Mutex<[Entry]>([])

    /// Everything so far.
    var entries: [Entry] { list.withLock { $0 } }

    /// Adds what happened next.
    func add(_ entry: Entry) { list.withLock { $0.append(entry) } }
}
