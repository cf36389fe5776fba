import LastCall
import LastCallCommand
import LastCallWork

/// Makes what runs the jobs of a configuration.
enum TaskHandlers {
    /// Why a job cannot be run as it was stored.
    struct PayloadError: Error, CustomStringConvertible {
        /// The whole sentence.
        let description: String
    }

    /// A handler for each task, and the one for `submit -- CMD`.
    static func all(for configuration: WorkConfiguration) -> [JobHandler] {
        let hidden = hidden(by: configuration)
        return configuration.tasks.values.sorted { $0.name < $1.name }.map { $0.handler(hiding: hidden) }
            + [command(hiding: hidden)]
    }

    /// The variables that hold secrets of the outbox; no task is given them.
    static func hidden(by configuration: WorkConfiguration) -> [String: String?] {
        var hidden: [String: String?] = [:]
        for transport in configuration.outbox.values {
            for secret in transport.secrets {
                if case .variable(let name) = secret.source { hidden.updateValue(nil, forKey: name) }
            }
        }
        return hidden
    }

    /// Runs what `submit -- CMD` was given, in the directory where it was given.
    static func command(hiding hidden: [String: String?] = [:]) -> JobHandler {
        .command(TaskDefinition.reservedName) { context in
            let payload = try decode(CommandPayload.self, context, as: #"{"command": ["PROGRAM", …]}"#)
            guard let program = payload.command.first, !program.isEmpty else {
                throw PayloadError(description: "the payload names no program; submit it again with one")
            }
            return Command(
                program, Array(payload.command.dropFirst()),
                environment: .updating(
                    ownVariables.merging(hidden) { $1 }.merging(payload.environment ?? [:]) { $1 }),
                workingDirectory: payload.cwd)
        }
    }

    /// Variables that speak to this process and to nobody that it starts: two receipts would overwrite each other.
    static let ownVariables: [String: String?] = Dictionary(
        uniqueKeysWithValues: [
            EnvironmentKey.receipt, .terminationLog, .notifySocket, .watchdogMicroseconds, .watchdogPid,
        ].map { ($0.rawValue, nil) })

    /// The payload of a job.
    ///
    /// - Throws: Which form it should have; never what it holds.
    fileprivate static func decode<Payload: Decodable>(
        _ type: Payload.Type, _ context: JobContext, as form: String
    ) throws -> Payload {
        do {
            return try PayloadJSON.decode(type, from: context.record.payload)
        } catch {
            throw PayloadError(
                description: "the payload is not of the form \(form); submit the job again with lastcall submit")
        }
    }
}

extension TaskDefinition {
    /// What runs the task's jobs.
    var handler: JobHandler { handler(hiding: [:]) }

    /// The same, without variables that are no task's business.
    func handler(hiding hidden: [String: String?]) -> JobHandler {
        let policy = LastCallWork.EvictionPolicy(rawValue: onEviction.rawValue)
        guard let policy else { preconditionFailure("\(onEviction) is an eviction policy") }
        return .command(name, evictionPolicy: policy, retryPolicy: retryPolicy) { context in
            let payload = try TaskHandlers.decode(
                TaskPayload.self, context, as: #"{"arguments": {"NAME": "VALUE", …}}"#)
            return try command(for: payload.arguments, hiding: hidden)
        }
    }

    /// How often a job runs, and how long a retry waits.
    var retryPolicy: RetryPolicy {
        RetryPolicy(
            attemptsMax: retries + 1, base: backoff.base, factor: backoff.factor, delayMax: backoff.longest,
            jitter: backoff.jitter)
    }

    /// What a worker's death means to a job.
    var lossPolicy: LastCallWork.LossPolicy {
        guard let policy = LastCallWork.LossPolicy(rawValue: onLost.rawValue) else {
            preconditionFailure("\(onLost) is a loss policy")
        }
        return policy
    }

    /// The program of one job, with everything that the task says about it.
    ///
    /// - Throws: As ``render(arguments:)``.
    func command(
        for arguments: [String: ArgumentValue], hiding hidden: [String: String?] = [:]
    ) throws(ConfigurationErrors) -> Command {
        let rendered = try render(arguments: arguments)
        return Command(
            rendered.argv[0], Array(rendered.argv.dropFirst()),
            environment: .updating(
                TaskHandlers.ownVariables.merging(hidden) { $1 }.merging(rendered.environment) { $1 }),
            workingDirectory: rendered.workingDirectory,
            stopPolicy: StopPolicy(killAfter: killAfter),
            limits: CommandLimits(time: timeout, memoryBytes: memoryBytes, outputBytes: outputBytes),
            okExitCodes: okExitCodes)
    }
}
