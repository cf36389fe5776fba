import LastCall
import LastCallCommand
import LastCallWork
import Logging

/// What `lastcall serve` works from: the configuration, and what the command line says otherwise.
struct ServeSettings: Sendable {
    /// The configuration; without a file it holds no task.
    var configuration: WorkConfiguration
    /// Whether there is a file.
    let hasFile: Bool
    /// The worker's name, where one was given.
    var name: String?

    /// Finds and reads the configuration.
    ///
    /// - Throws: ``ConfigurationErrors`` with everything that is wrong with it.
    init(
        file: String?, config: String?, store: String?, name: String? = nil, concurrency: Int? = nil,
        grace: Duration? = nil
    ) throws(ConfigurationErrors) {
        let search = try ConfigurationSearch(
            store: store, config: file ?? config, option: file == nil ? "--config" : "FILE")
        hasFile = search.file != nil
        if let path = search.file {
            configuration = try WorkConfiguration(path: path)
            configuration.store = search.store ?? configuration.store
        } else {
            guard let location = search.store else { preconditionFailure("a search finds a file or a store") }
            configuration = WorkConfiguration(file: "no file", directory: .current, store: location)
        }
        self.name = name
        if let concurrency {
            configuration.concurrency = concurrency
            configuration.queues = configuration.queues.mapValues { min($0, concurrency) }
        }
        configuration.grace = grace ?? configuration.grace
    }

    /// All queues that tasks name, the configured ones, and `default`, with their limits.
    var queues: [Worker.Queue] {
        let names = Set(configuration.tasks.values.map(\.queue)).union(configuration.queues.keys).union(["default"])
        return names.sorted().map { Worker.Queue($0, concurrency: configuration.queues[$0]) }
    }

    /// What the worker is told.
    ///
    /// - Parameters:
    ///   - store: Where the jobs are.
    ///   - logger: Where it logs.
    func workerConfiguration(_ store: any WorkStore, logger: Logger) -> Worker.Configuration {
        Worker.Configuration(
            name: name, concurrency: configuration.concurrency, queues: queues,
            retention: configuration.retention.work, leftovers: CommandLeftovers(store), logger: logger)
    }

    /// What people read when it starts: what is served, from where, and how to submit.
    ///
    /// - Parameters:
    ///   - workerName: What the worker calls itself.
    ///   - durability: How long the store keeps things.
    ///   - isNew: Whether the store was made just now.
    func greeting(
        workerName: String, durability: StoreTraits.Durability = .durable, isNew: Bool = false
    ) -> [String] {
        let tasks = configuration.tasks.keys.sorted()
        let shown = tasks.prefix(12).joined(separator: ", ") + (tasks.count > 12 ? " and \(tasks.count - 12) more" : "")
        var lines: [String] = []
        let atATime = "\(configuration.concurrency) at a time"
        if hasFile && !tasks.isEmpty {
            lines.append(
                "serving \(tasks.count) \(tasks.count == 1 ? "task" : "tasks") of \(configuration.file), \(atATime): \(shown)"
            )
        } else {
            let why = hasFile ? "\(configuration.file) has no tasks" : "there is no configuration"
            lines.append("serving commands alone, \(atATime): \(why)")
        }
        for (words, names) in [
            ("schedules", configuration.schedules.keys.sorted()),
            ("messages through", configuration.outbox.keys.sorted()),
        ] where !names.isEmpty {
            let more = names.count > 12 ? " and \(names.count - 12) more" : ""
            lines.append("\(words): \(names.prefix(12).joined(separator: ", "))\(more)")
        }
        guard case .memory = configuration.store else {
            lines.append("worker \(workerName), store \(configuration.store)\(isNew ? ", which is new" : "")")
            if case .ephemeral(let reason) = durability {
                lines.append("warning: store \(configuration.store): \(reason)")
            }
            lines.append("submit with: \(submitExample)")
            return lines
        }
        lines.append(
            "worker \(workerName), store memory: only this process sees it, nothing can be submitted from elsewhere, and all work dies with the process; write store: sqlite:PATH to keep it"
        )
        return lines
    }

    /// A command line that submits something to this very store.
    private var submitExample: String {
        let isFound = ConfigurationSearch.fileNames.contains(configuration.file)
        let place = !hasFile ? " --store \(configuration.store)" : isFound ? "" : " --config \(configuration.file)"
        guard let task = configuration.tasks.values.min(by: { $0.name < $1.name }) else {
            return "lastcall submit\(place) -- PROGRAM ARGUMENT…"
        }
        let arguments = task.parameters.filter { $0.defaultValue == nil }.map { " \($0.name)=VALUE" }.joined()
        return "lastcall submit\(place) \(task.name)\(arguments)"
    }
}

extension WorkConfiguration.Retention {
    /// The retention as a worker takes it.
    var work: Retention {
        Retention(
            succeeded: succeeded.duration, partial: partial.duration, failed: failed.duration,
            cancelled: cancelled.duration, dead: dead.duration)
    }
}

extension WorkConfiguration.RetentionPeriod {
    /// How long it is; `nil` is for ever.
    fileprivate var duration: Duration? {
        switch self {
        case .forever: nil
        case .limited(let duration): duration
        }
    }
}
