import AsyncHTTPClient
import Hummingbird
import HummingbirdCore
import LastCall
import LastCallHTTP
import LastCallSQLite
import LastCallTransports
import LastCallWork
import Logging

/// The bot's parts, put together.
struct Scout: Sendable {
    /// The version that `/health` tells.
    static let version = "1.0.0"
    /// The name of the schedule, and so what a receipt calls it: `poll cancelled`.
    static let pollName = "poll"

    /// Where everything is.
    let store: SQLiteStore
    /// What sends messages.
    let outbox: Outbox
    /// What was seen, and who follows what.
    let archive: Archive
    /// What polls.
    let scheduler: Scheduler
    /// What takes commands.
    let web: HTTPService
    /// What answers probes, if somebody asks.
    let probes: Probes?

    /// Puts the parts together and makes the tables where they are missing.
    ///
    /// - Throws: Why that cannot be.
    init(_ settings: Settings, logger: Logger) async throws {
        let store = try await SQLiteStore.open(settings.stateFolder + "/scout.sqlite")
        let slack = try SlackTransport(token: settings.token, name: Alert.transport, baseURL: settings.slackURL)
        let outbox = try Outbox(store, transports: [slack], configuration: .init(logger: logger))
        let archive = Archive(
            store: store, outbox: outbox, everything: settings.defaultChannel,
            operatorChannel: settings.operatorChannel)
        try await archive.prepare()
        // What nobody asked for was not refused.
        try await archive.noteSilence(since: nil)
        let poll = Poll(
            index: PaperIndex(
                client: .shared, url: settings.indexURL, bytesMax: settings.indexBytesMax,
                timeout: settings.indexTimeout),
            probe: settings.draftTemplate.map {
                DraftProbe(client: .shared, template: $0, concurrency: settings.probeConcurrency)
            },
            archive: archive, limits: settings.limits, logger: logger)
        // What was due while nobody was there is made up for by the poll at the start.
        let schedule = Schedule(Self.pollName, .every(settings.pollInterval), missed: .skip, runsAtStart: true) { _ in
            try await poll.run()
        }
        let scheduler = try Scheduler(store, schedules: [schedule], configuration: .init(logger: logger))
        let router = try Commands(archive: archive).router(signingSecret: settings.signingSecret)
        self.store = store
        self.outbox = outbox
        self.archive = archive
        self.scheduler = scheduler
        web = HTTPService(
            Application(router: router, logger: logger), listener: .hostname("0.0.0.0", port: settings.port))
        probes =
            settings.probePort > 0
            ? Probes(
                listener: .hostname("0.0.0.0", port: settings.probePort), version: Self.version,
                providers: Health.providers(outbox: outbox, scheduler: scheduler, archive: archive), logger: logger)
            : nil
    }
}
