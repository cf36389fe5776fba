import FoundationEssentials
import LastCall
import LastCallTransports
import LastCallWork
import Logging

/// Makes the outbox of a configuration, with secrets read from where it says that they are.
enum ServeOutbox {
    /// The outbox; `nil` where there is no transport.
    ///
    /// - Throws: `WorkError`.
    static func make(
        _ transports: [any Transport], _ configuration: WorkConfiguration, _ store: any WorkStore, name: String?,
        logger: Logger
    ) throws -> Outbox? {
        guard !transports.isEmpty else { return nil }
        var settings = Outbox.Configuration(
            name: name.map { "\($0.prefix(50))-outbox" }, retention: nil, logger: logger)
        settings.compose = Notification.composer(store, configuration.outbox)
        return try Outbox(store, transports: transports, configuration: settings)
    }

    /// The transports of a configuration.
    ///
    /// - Throws: ``VerbError`` that names the keys of all secrets that are missing, and never holds one.
    static func transports(
        _ configuration: WorkConfiguration, environment: [String: String] = ProcessEnvironment.current
    ) throws -> [any Transport] {
        let definitions = configuration.outbox.values.sorted { $0.name < $1.name }
        let defects = definitions.flatMap { definition in
            definition.secrets.compactMap { defect(of: $0.source, $0.key, environment) }
        }
        guard defects.isEmpty else { throw VerbError(.configuration, defects.joined(separator: "\n")) }
        return try definitions.map { try transport($0, environment) }
    }

    /// What is wrong with where a secret is to be.
    private static func defect(
        of source: TransportDefinition.Source, _ key: String, _ environment: [String: String]
    ) -> String? {
        do {
            _ = try secret(source, key, environment)
            return nil
        } catch {
            return error.description
        }
    }

    private static func transport(
        _ definition: TransportDefinition, _ environment: [String: String]
    ) throws -> any Transport {
        let spacing = definition.spacing ?? (definition.kind == .slack ? .seconds(1) : nil)
        let policy = TransportPolicy(
            ratePerDestination: spacing.map { .init(1, per: $0) }, timeout: definition.timeout,
            givesUpAfter: definition.givesUpAfter)
        switch definition.kind {
        case .slack:
            guard let source = definition.token else { preconditionFailure("a configuration with Slack has a token") }
            let token = try secret(source, TransportDefinition.tokenKey(definition.name), environment)
            guard let url = definition.url else {
                return try SlackTransport(token: token, name: definition.name, policy: policy)
            }
            return try SlackTransport(token: token, name: definition.name, baseURL: url, policy: policy)
        case .http:
            var endpoints: [String: HTTPTransport.Endpoint] = [:]
            for (name, endpoint) in definition.endpoints {
                let key = TransportDefinition.addressKey(definition.name, name)
                endpoints[name] = HTTPTransport.Endpoint(try secret(endpoint.address, key, environment))
                guard let authorization = endpoint.authorization else { continue }
                let authorizationKey = TransportDefinition.authorizationKey(definition.name, name)
                endpoints[name]?.headers["Authorization"] = try secret(authorization, authorizationKey, environment)
            }
            return try HTTPTransport(definition.name, endpoints: endpoints, policy: policy)
        }
    }

    /// A secret, or an address that may be one.
    private static func secret(
        _ source: TransportDefinition.Source, _ key: String, _ environment: [String: String]
    ) throws(VerbError) -> String {
        switch source {
        case .text(let text): return text
        case .variable(let name):
            guard let value = environment[name], !value.isEmpty else {
                throw VerbError(.configuration, "\(key)Env: the variable \(name) is not set; set it, or name another")
            }
            return value
        case .file(let path):
            let text: String
            do {
                text = try String(contentsOfFile: path, encoding: .utf8)
            } catch {
                let isThere = FileManager.default.fileExists(atPath: path)
                throw VerbError(
                    .configuration,
                    isThere
                        ? "\(key)File: \(path) cannot be read as text; look at its rights and at what it is"
                        : "\(key)File: \(path) is not there; make it, with the value in its first line")
            }
            let line = (text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).first ?? "")
                .trimmingSpaces()
            guard !line.isEmpty else {
                throw VerbError(.configuration, "\(key)File: the first line of \(path) is empty; write the value there")
            }
            return String(line)
        }
    }
}

/// Makes the schedules of a configuration.
enum ServeSchedules {
    /// The scheduler; `nil` where the configuration has no schedule.
    ///
    /// - Throws: `WorkError`.
    static func make(
        _ configuration: WorkConfiguration, _ store: any WorkStore, name: String?, logger: Logger
    ) throws(WorkError) -> Scheduler? {
        guard !configuration.schedules.isEmpty else { return nil }
        let drafting = JobDrafting(configuration: configuration, directory: configuration.directory.path)
        let schedules = configuration.schedules.values.sorted { $0.name < $1.name }.map { definition in
            Schedule.enqueueing(
                definition.name, definition.recurrence, overlap: definition.overlapPolicy,
                missed: definition.missedPolicy, jitter: definition.jitter
            ) { _ in
                guard let draft = drafting.draft(.task(definition.call)) else {
                    preconditionFailure("a task is a single job")
                }
                return draft
            }
        }
        return try Scheduler(
            store, schedules: schedules,
            configuration: .init(name: name.map { "\($0.prefix(50))-scheduler" }, logger: logger))
    }
}

extension ScheduleDefinition {
    /// What happens to a tick while the one before is not over.
    fileprivate var overlapPolicy: Schedule.Overlap {
        switch overlap {
        case .skip: .skip
        case .queue: .queue
        case .allow: .allow
        }
    }

    /// What happens to ticks that were missed.
    fileprivate var missedPolicy: Schedule.Missed {
        switch missed {
        case .once: .once
        case .skip: .skip
        case .all: .all
        }
    }
}
