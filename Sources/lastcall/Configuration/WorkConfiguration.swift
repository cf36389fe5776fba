import FoundationEssentials

/// What `lastcall serve` is told by its file: where the work is kept, how much runs at a time, and what can be submitted.
struct WorkConfiguration: Sendable, Hashable {
    /// How long ended work is kept.
    enum RetentionPeriod: Sendable, Hashable {
        /// Until somebody removes it.
        case forever
        /// This long after its end.
        case limited(Duration)
    }

    /// How long ended work is kept, by its end.
    struct Retention: Sendable, Hashable {
        /// Work that succeeded.
        var succeeded = RetentionPeriod.limited(.seconds(7 * 86400))
        /// Work that was cut short.
        var partial = RetentionPeriod.limited(.seconds(7 * 86400))
        /// Work that failed.
        var failed = RetentionPeriod.limited(.seconds(7 * 86400))
        /// Work that was cancelled.
        var cancelled = RetentionPeriod.limited(.seconds(7 * 86400))
        /// Work that was given up.
        var dead = RetentionPeriod.limited(.seconds(30 * 86400))
    }

    /// The file, as it was named.
    let file: String
    /// The directory that relative paths in the file count from.
    let directory: BaseDirectory
    /// Where the work is kept.
    var store: StoreLocation
    /// How many jobs one worker runs at a time, all queues together.
    var concurrency = WorkConfiguration.coreCount
    /// The grace period, where the file states it.
    var grace: Duration?
    /// How many jobs of a queue one worker runs at a time, by the queue's name.
    var queues: [String: Int] = [:]
    /// How long ended work is kept.
    var retention = Retention()
    /// The HTTP API, where there is one.
    var http: APISettings?
    /// Where probes are answered, where they are.
    var probes: ListenAddress?
    /// What can be submitted, by name.
    var tasks: [String: TaskDefinition] = [:]
    /// What is submitted again and again, by name.
    var schedules: [String: ScheduleDefinition] = [:]
    /// What notifications are sent through, by name.
    var outbox: [String: TransportDefinition] = [:]

    /// What a concurrency may be.
    static let concurrencyRange = 1...10_000
    /// The store where a file names none.
    static let storeDefault = "lastcall.sqlite"
    /// How many cores this process may use.
    static var coreCount: Int {
        min(max(ProcessInfo.processInfo.activeProcessorCount, concurrencyRange.lowerBound), concurrencyRange.upperBound)
    }

    /// The task of this name.
    ///
    /// - Throws: Which name is nearest, or which tasks there are.
    func task(named name: String) throws(ConfigurationErrors) -> TaskDefinition {
        guard let task = tasks[name] else {
            throw ConfigurationErrors(errors: [unknownTask(name)])
        }
        return task
    }

    /// An error about a task that is not there.
    func unknownTask(_ name: String) -> ConfigurationError {
        let names = tasks.keys.sorted()
        var remedy = "there are none; write it below tasks: in \(file)"
        if let nearest = NearestName.match(name, among: names) {
            remedy = "write \(nearest)"
        } else if !names.isEmpty {
            let shown = names.prefix(20).joined(separator: ", ")
            remedy = "\(file) has \(shown)\(names.count > 20 ? " and \(names.count - 20) more" : "")"
        }
        return ConfigurationError(
            code: .unknownName, value: name, message: "is no task of \(file); \(remedy)")
    }
}
