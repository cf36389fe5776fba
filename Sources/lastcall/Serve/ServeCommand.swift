import ArgumentParser
import LastCall
import LastCallCommand
import LastCallWork
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `lastcall serve`: a worker for the tasks of a configuration.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the jobs of a configuration's tasks, and stop without losing one.",
        discussion: """
            Reads a configuration (Documentation/ServeConfiguration.md), opens its store and runs what is submitted to it, with \
            commands that were submitted by lastcall submit -- CMD. Several may serve one store at the same time.

            SIGTERM, or Ctrl-C once: nothing more is claimed, what runs is ended or finished as its task says, and what is left \
            is given back to the store with everything it wrote. Ctrl-C twice: everything is given back now. Three times: it \
            ends now, and the next start goes on. The receipt says what became of each job.

            EXAMPLES
              lastcall serve                                 # ./lastcall.yml
              lastcall serve Examples/Recon/lastcall.yml
              lastcall serve --grace 60s --receipt /run/receipt.json --name worker-1
              lastcall serve --store sqlite:queue.sqlite     # commands alone

            With http: or probes: in the configuration it answers an HTTP API and probes as well.

            Exit codes: 0 nothing was lost, 1 a member failed or the store was deleted, 64 bad usage, 69 the store cannot be used now (locked, full), 70 the counts do \
            not add up, 75 something was lost and is listed, 78 bad configuration, a store that has to be mended first, a name that is taken, \
            124 the stop was forced.
            """
    )

    @Argument(help: "The configuration. Default: --config, $LASTCALL_CONFIG, ./lastcall.yml.")
    var file: String?

    @Option(help: "The configuration, as the other verbs name it.")
    var config: String?

    @Option(help: "The store, instead of the configuration's: sqlite:PATH.")
    var store: String?

    @Option(help: "The worker's name, unique among the living. Default: the host, the process and a number.")
    var name: String?

    @Option(help: "How many jobs run at a time, instead of the configuration's figure.")
    var concurrency: Int?

    @Option(
        help: "The grace period, such as 30s. Default: the configuration's, $LASTCALL_GRACE, what the platform grants.")
    var grace: String?

    @Option(help: "Write the receipt as JSON to this path. Default: $LASTCALL_RECEIPT.")
    var receipt: String?

    @Flag(help: "Print nothing but errors and the receipt of a stop that lost something.")
    var quiet = false

    func validate() throws {
        guard file == nil || config == nil else {
            throw ValidationError("FILE and --config both name a configuration; write one of them")
        }
        if let concurrency, !WorkConfiguration.concurrencyRange.contains(concurrency) {
            throw ValidationError("--concurrency \(concurrency): write a number from 1 to 10000")
        }
        if receipt?.isEmpty == true { throw ValidationError("--receipt: the path is empty; name a file") }
        _ = try statedGrace()
    }

    private func statedGrace() throws -> Duration? {
        guard let grace else { return nil }
        guard let duration = DurationText.parse(grace), duration > .zero else {
            throw ValidationError("--grace \(grace): write a duration above 0 and up to 876000h, such as 30s or 1m30s")
        }
        return duration
    }

    func run() async throws {
        // Before anything can take time: from here on SIGTERM waits for the worker.
        let signals = ProcessSignals.take()
        let settings: ServeSettings
        let isNew: Bool
        let opened: any WorkStore
        let worker: Worker
        let plan: ShutdownPlan
        let members: ServeMembers
        let sockets: ServeSockets
        do {
            settings = try ServeSettings(
                file: file, config: config, store: store, name: name, concurrency: concurrency,
                grace: try statedGrace())
            // Before the store, so that a secret that is missing leaves no file behind.
            let transports = try ServeOutbox.transports(settings.configuration)
            isNew = StoreOpening.isMissing(settings.configuration.store)
            opened = try await StoreOpening.open(settings.configuration.store)
            let outbox = try ServeOutbox.make(
                transports, settings.configuration, opened, name: name, logger: workLogger)
            let scheduler = try ServeSchedules.make(settings.configuration, opened, name: name, logger: workLogger)
            worker = try Worker(
                opened, handlers: TaskHandlers.all(for: settings.configuration),
                configuration: settings.workerConfiguration(opened, logger: workLogger))
            members = ServeMembers(
                worker: ServeWorker(worker), outbox: outbox.map { ServeWorker($0) },
                scheduler: scheduler.map { ServeWorker($0) })
            sockets = try ServeSockets(
                settings.configuration, WorkClient(opened), worker: worker, outbox: outbox, logger: socketLogger)
            plan = try shutdownPlan(settings, members, sockets, opened)
        } catch let error where VerbError(error) != nil {
            guard let error = VerbError.ofServing(error) else { return }
            for line in error.description.split(separator: "\n") { Verb.complain(String(line)) }
            throw ArgumentParser.ExitCode(error.kind.code)
        }
        warn(about: settings)
        let greeting = settings.greeting(
            workerName: worker.name, durability: opened.traits.durability, isNew: isNew)
        var configuration = Lifecycle.Configuration(
            name: name ?? "serve", logger: logger { members.couldNotStart || sockets.couldNotListen },
            receiptPath: receipt,
            showsReceipt: .onTerminal
        ) { [quiet] event in
            guard case .ready = event.kind, !quiet else { return }
            for line in greeting + sockets.greeting { Verb.complain(line) }
        }
        configuration.showsReceiptOf = { [quiet] receipt in
            !members.couldNotStart && !sockets.couldNotListen && !(quiet && receipt.isClean)
        }
        configuration.exitCode = { receipt in
            sockets.couldNotListen ? LastCall.ExitCode.configuration : members.exitCode(of: receipt)
        }
        await Lifecycle(plan, configuration: configuration, signals: signals).runAndExit()
    }

    /// Nothing new comes in first; then the work gets all the time but what closing the store takes.
    private func shutdownPlan(
        _ settings: ServeSettings, _ members: ServeMembers, _ sockets: ServeSockets, _ store: any WorkStore
    ) throws(LastCallError) -> ShutdownPlan {
        let grace: ShutdownPlan.Grace = settings.configuration.grace.map { .stated($0) } ?? .detected()
        let available = try ShutdownPlan(grace: grace) { Stage("work") {} }.arithmetic.available
        // Counting takes a moment in a large store, so only who looks on is told.
        let closing = StoreMember(store, tellsRest: isTerminal && !quiet).named("store")
        return try ShutdownPlan(grace: grace) {
            if sockets.api != nil || members.scheduler != nil {
                Stage("intake", budget: min(available / 10, .seconds(5))) {
                    if let api = sockets.api { api.named("api") }
                    if let scheduler = members.scheduler { scheduler.named("scheduler") }
                }
            }
            Stage("work") { members.worker.named("worker") }
            if let outbox = members.outbox {
                // What the last jobs tell of is sent too, as far as it goes.
                Stage("outbox", budget: min(available / 4, .seconds(10))) { outbox.named("outbox") }
            }
            Stage("store", budget: min(available / 10, .seconds(2))) {
                closing
                if let probes = sockets.probes { probes.named("probes") }
            }
        }
    }

    private func warn(about settings: ServeSettings) {
        let inspection = TaskInspection(environment: ProcessEnvironment.current)
        for task in settings.configuration.tasks.values.sorted(by: { $0.name < $1.name }) {
            for warning in inspection.warnings(for: task) { Verb.complain("warning: \(warning)") }
        }
    }

    private var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// On a terminal the receipt says it all; in a container's log two lines frame the stop.
    ///
    /// - Parameter isSaid: Whether the worker has said itself why it could not start.
    private func logger(isSaid: @escaping @Sendable () -> Bool) -> Logger {
        var logger = Logger(label: "lastcall", factory: { _ in WorkLogHandler(isSilent: isSaid) })
        logger.logLevel = quiet ? .error : isTerminal ? .warning : .notice
        return logger
    }

    private var socketLogger: Logger {
        var logger = Logger(label: "lastcall.http", factory: { _ in WorkLogHandler() })
        logger.logLevel = quiet || isTerminal ? .error : .warning
        return logger
    }

    /// Whoever looks on sees each job's end; a log has those that did not end well.
    private var workLogger: Logger {
        var logger = Logger(label: "lastcall.worker", factory: { _ in WorkLogHandler() })
        logger.logLevel = quiet ? .error : isTerminal ? .debug : .info
        return logger
    }
}
