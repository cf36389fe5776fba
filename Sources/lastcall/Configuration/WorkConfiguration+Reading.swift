import LastCallTransports
import LastCallWork

extension WorkConfiguration {
    /// Reads the configuration at a path, or from standard input for `-`.
    ///
    /// - Throws: Everything that is wrong with the file.
    init(path: String) throws(ConfigurationErrors) {
        try self.init(try InputFile(configuration: path), in: BaseDirectory(ofFile: path))
    }

    /// Reads a configuration whose relative paths count from `directory`.
    ///
    /// - Throws: Everything that is wrong with the file.
    init(_ input: InputFile, in directory: BaseDirectory) throws(ConfigurationErrors) {
        self.init(
            file: input.name, directory: directory, store: .sqlite(path: directory.path(to: Self.storeDefault)))
        let root = try input.configurationRoot()
        let keys = root.mapping(of: RootKey.self) ?? [:]
        if let value = keys[.store] { store = store(value) ?? store }
        let stated = keys[.concurrency]?.integer(in: Self.concurrencyRange)
        grace = keys[.grace]?.duration()
        queues = keys[.queues].map { Self.queues($0, concurrencyMax: stated) } ?? [:]
        concurrency = stated ?? max(concurrency, queues.values.max() ?? 0)
        retention = keys[.retention].map(Retention.init) ?? retention
        http = keys[.http].flatMap { Self.api($0, in: directory) }
        probes = keys[.probes].flatMap { Self.address($0, in: directory) }
        if let probes, probes == http?.listen {
            keys[.probes]?.report("is the address of http; give one of them another")
        }
        tasks = keys[.tasks].map { Self.tasks($0, in: directory) } ?? [:]
        outbox = keys[.outbox].map { Self.transports($0, in: directory) } ?? [:]
        schedules = keys[.schedules].map(readSchedules) ?? [:]
        if let tasks = keys[.tasks] { checkNotifications(of: tasks) }
        try root.problems.check()
    }

    private func store(_ value: ConfigurationValue) -> StoreLocation? {
        guard let text = value.text("write sqlite:PATH or \"memory:\"") else { return nil }
        do {
            return try StoreLocation(text, in: directory)
        } catch {
            value.report(error.message, shown: error.shown)
            return nil
        }
    }

    private static func address(_ value: ConfigurationValue, in directory: BaseDirectory) -> ListenAddress? {
        guard let text = value.text(ListenAddress.rule) else { return nil }
        guard let address = ListenAddress(text, in: directory) else {
            value.report("is no address; \(ListenAddress.rule)")
            return nil
        }
        return address
    }

    private static func api(_ value: ConfigurationValue, in directory: BaseDirectory) -> APISettings? {
        var settings: APISettings
        if value.node.pairs == nil {
            guard let listen = address(value, in: directory) else { return nil }
            settings = APISettings(listen: listen)
        } else {
            guard let keys = value.mapping(of: HTTPKey.self) else { return nil }
            guard let place = keys[.listen] else {
                value.report(.missing, "has no listen; \(ListenAddress.rule)")
                return nil
            }
            guard let listen = address(place, in: directory) else { return nil }
            settings = APISettings(listen: listen)
            settings.tokenFile = keys[.tokenFile]?.nonEmptyText("write a path").map(directory.path(to:))
        }
        if !settings.listen.isLocal && settings.tokenFile == nil {
            value.report(
                "can be reached from other machines and has no token; write http: {listen: \(settings.listen), tokenFile: PATH}, or listen on 127.0.0.1 or unix:PATH"
            )
        }
        return settings
    }

    private static func queues(_ value: ConfigurationValue, concurrencyMax: Int?) -> [String: Int] {
        var queues: [String: Int] = [:]
        func limit(_ value: ConfigurationValue) -> Int? {
            let limit = value.integer(in: concurrencyRange)
            if let limit, let most = concurrencyMax, limit > most {
                value.report(
                    "is more than concurrency, which is \(most) for all queues together; raise that, or lower this")
            }
            return limit
        }
        for (name, entry) in value.entries("write a mapping, as in {mail: {concurrency: 2}}") ?? [] {
            if let flaw = ConfigurationValue.flaw(inName: name) { entry.report(.malformed, flaw) }
            guard entry.node.pairs != nil else {
                queues[name] = limit(entry)
                continue
            }
            guard let keys = entry.mapping(of: QueueKey.self) else { continue }
            if let concurrency = keys[.concurrency] {
                queues[name] = limit(concurrency)
            } else {
                entry.report(.missing, "has no concurrency; write concurrency: 2 below it, or remove the queue")
            }
        }
        return queues
    }

    private static func tasks(_ value: ConfigurationValue, in directory: BaseDirectory) -> [String: TaskDefinition] {
        var tasks: [String: TaskDefinition] = [:]
        for (name, entry) in value.entries("write a mapping, as in {hash: {command: [sha256sum, \"{path}\"]}}") ?? [] {
            if name == TaskDefinition.reservedName {
                entry.report(.malformed, "is the name that submit -- CMD runs under; give the task another one")
            } else if let flaw = ConfigurationValue.flaw(inName: name) {
                entry.report(.malformed, flaw)
            }
            tasks[name] = TaskDefinition(entry, named: name, in: directory)
        }
        return tasks
    }
}

extension WorkConfiguration {
    private static func transports(
        _ value: ConfigurationValue, in directory: BaseDirectory
    ) -> [String: TransportDefinition] {
        var transports: [String: TransportDefinition] = [:]
        for (name, entry) in value.entries("write a mapping, as in {chat: {type: slack, tokenEnv: SLACK_TOKEN}}") ?? []
        {
            if let flaw = ConfigurationValue.flaw(inName: name) { entry.report(.malformed, flaw) }
            transports[name] = TransportDefinition(entry, named: name, in: directory)
        }
        return transports
    }

    /// Schedules, held against the tasks that they submit.
    private func readSchedules(_ value: ConfigurationValue) -> [String: ScheduleDefinition] {
        var schedules: [String: ScheduleDefinition] = [:]
        for (name, entry) in value.entries("write a mapping, as in {nightly: {cron: \"0 3 * * *\", task: report}}")
            ?? []
        {
            if let flaw = ConfigurationValue.flaw(inName: name) { entry.report(.malformed, flaw) }
            guard let schedule = ScheduleDefinition(entry, named: name) else { continue }
            WorkflowFile.Element.task(schedule.call).report(to: value.problems, with: self)
            schedules[name] = schedule
        }
        return schedules
    }

    /// Notifications, held against the transports that they go through.
    private func checkNotifications(of value: ConfigurationValue) {
        for (name, entry) in value.entries("write a mapping") ?? [] {
            guard let notify = tasks[name]?.notify, let pairs = entry.node.pairs,
                let place = pairs.first(where: { $0.key == TaskKey.notify.rawValue })
            else { continue }
            guard let flaw = flaw(in: notify) else { continue }
            entry.child(place.value, "\(entry.path).notify", line: place.line).report(.unknownName, flaw)
        }
    }

    /// Why a notification goes nowhere.
    func flaw(in notify: NotifyDefinition) -> String? {
        guard let transport = outbox[notify.through] else {
            let names = outbox.keys.sorted()
            let remedy =
                NearestName.match(notify.through, among: names).map { "write \($0)" }
                ?? (names.isEmpty
                    ? "there is none; write it below outbox: in \(file)" : "there is \(names.joined(separator: ", "))")
            return "goes through \"\(notify.through)\", which is no transport of \(file); \(remedy)"
        }
        if transport.kind == .slack {
            do { try SlackTransport.check(destination: notify.to) } catch {
                return "goes to \"\(notify.to)\", where Slack has nobody: \(error.message)"
            }
        }
        // Where none could be read, that was reported already.
        guard transport.kind == .http, transport.endpoints[notify.to] == nil, !transport.endpoints.isEmpty else {
            return nil
        }
        let names = transport.endpoints.keys.sorted().joined(separator: ", ")
        return "goes to \"\(notify.to)\", which is no endpoint of \(notify.through); it has \(names)"
    }
}

extension WorkConfiguration.Retention {
    /// Reads a retention: one value for all but dead work, or one for each end.
    init(_ value: ConfigurationValue) {
        self.init()
        guard value.node.pairs != nil else {
            guard let period = value.retentionPeriod() else { return }
            (succeeded, partial, failed, cancelled) = (period, period, period, period)
            return
        }
        guard let keys = value.mapping(of: RetentionKey.self) else { return }
        for (key, value) in keys {
            guard let period = value.retentionPeriod() else { continue }
            switch key {
            case .succeeded: succeeded = period
            case .partial: partial = period
            case .failed: failed = period
            case .cancelled: cancelled = period
            case .dead: dead = period
            }
        }
    }
}

extension ConfigurationValue {
    /// `forever` or a duration.
    fileprivate func retentionPeriod() -> WorkConfiguration.RetentionPeriod? {
        if node.text == "forever" { return .forever }
        if let text = node.text, NearestName.match(text, among: ["forever"]) != nil {
            report("is not a duration; write forever")
            return nil
        }
        return duration().map { .limited($0) }
    }
}

extension InputFile {
    /// Reads a configuration or a workflow file.
    init(configuration path: String, wanted: String = "a configuration") throws(ConfigurationErrors) {
        do {
            try self.init(path: path, wanted: wanted)
        } catch {
            throw ConfigurationErrors(errors: [ConfigurationError(error)])
        }
    }

    /// The one document of a configuration or a workflow file, as a value to be read.
    func configurationRoot(
        limits: YAMLReader.Limits = YAMLReader.Limits()
    ) throws(ConfigurationErrors) -> ConfigurationValue {
        let documents: [YAMLNode]
        do {
            documents = try YAMLReader.documents(in: Array(try text().utf8), limits: limits)
        } catch let error as CheckError {
            throw ConfigurationErrors(errors: [ConfigurationError(error)])
        } catch let error as YAMLError {
            let isColon = error.message.contains("mapping values are not allowed")
            let hint = "; text with a colon at its end or before a space needs quotes, as in store: \"memory:\""
            throw malformed(error.message + (isColon ? hint : ""), line: error.line)
        } catch {
            preconditionFailure("a text is read, or its file or its YAML is at fault: \(error)")
        }
        let filled = documents.filter { !$0.isNull }
        guard let root = filled.first else { throw malformed("holds nothing but comments; name \(wanted)", line: nil) }
        guard filled.count == 1 else {
            throw malformed("begins a second document; write one file for each", line: filled[1].line)
        }
        return ConfigurationValue(
            node: root, path: "", line: root.line, problems: ConfigurationProblems(file: name))
    }

    private func malformed(_ message: String, line: Int?) -> ConfigurationErrors {
        ConfigurationErrors(errors: [
            ConfigurationError(code: .malformed, file: name, line: line, message: message)
        ])
    }
}
