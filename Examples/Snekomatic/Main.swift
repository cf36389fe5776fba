import AsyncHTTPClient
import Hummingbird
import HummingbirdCore
import LastCall
import LastCallHTTP
import LastCallSQLite
import LastCallWork
import Logging
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#endif

/// A bot that welcomes newcomers: it invites them, thanks them, and remembers them, while the merge that made it do so redeploys it.
@main
struct Main {
    static func main() async {
        let signals = ProcessSignals.take()
        let logger = Logger(label: "snekomatic")
        do {
            try await run(try Settings(ProcessEnvironment.current), signals: signals, logger: logger)
        } catch {
            logger.critical("cannot start", metadata: ["why": "\(error)"])
            exit(ExitCode.configuration)
        }
    }

    private static func run(_ settings: Settings, signals: ProcessSignals, logger: Logger) async throws {
        let people = try People(folder: settings.stateFolder + "/people")
        let store = try await SQLiteStore.open(settings.stateFolder + "/jobs.sqlite")
        let bot = Bot(
            gitHub: GitHub(client: .shared, apiURL: settings.apiURL, token: settings.token), people: people)
        let work = WorkClient(store)
        let worker = try Worker(store, handlers: [.job(Welcome.self)])
        let webhook = Webhook(work: work, people: people, organisation: settings.organisation)
        let web = HTTPService(
            Application(router: try webhook.router(secret: settings.webhookSecret), logger: logger),
            listener: .hostname("0.0.0.0", port: settings.port))
        let probes = Probes(
            listener: .hostname("0.0.0.0", port: settings.probePort),
            providers: [
                HealthProvider("jobs") {
                    let waiting = try await work.store.counts().filter(\.state.isWaiting).reduce(0) { $0 + $1.count }
                    return ["waiting": .integer(waiting), "running": .integer(worker.ledger.held)]
                }
            ])
        let plan = try ShutdownPlan {
            Stage("web") { web.named("web") }
            Stage("work") { worker.named("worker") }
            Stage("close") {
                store.named("store")
                if settings.probePort > 0 { probes.named("probes") }
            }
        }
        let lifecycle = Lifecycle(
            plan, configuration: .init(name: "snekomatic", logger: logger), signals: signals)
        // Members inherit it, and so do the jobs.
        await Bot.$current.withValue(bot) { () async -> Void in await lifecycle.runAndExit() }
    }
}
