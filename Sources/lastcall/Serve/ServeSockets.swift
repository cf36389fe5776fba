import FoundationEssentials
import Hummingbird
import HummingbirdCore
import LastCall
import LastCallConcurrency
import LastCallHTTP
import LastCallWork
import Logging
import ServiceLifecycle

/// What `serve` answers over sockets: its API and its probes, as far as the configuration has them.
struct ServeSockets: Sendable {
    /// The API.
    let api: ListeningMember?
    /// The probes.
    let probes: ListeningMember?
    /// What people read about them when it starts.
    let greeting: [String]

    /// The shortest token.
    private static let tokenSizeMin = 16

    /// Reads the token and makes the members.
    ///
    /// - Throws: ``VerbError`` where the token cannot be read.
    init(
        _ configuration: WorkConfiguration, _ work: WorkClient, worker: Worker, outbox: Outbox?, logger: Logger
    ) throws {
        var greeting: [String] = []
        if let settings = configuration.http {
            let token = try settings.tokenFile.map(Self.token)
            let isSocket = if case .unix = settings.listen { true } else { false }
            let api = ServeAPI(
                work: work, configuration: configuration, token: token, takesCommands: token != nil || isSocket,
                checksHost: token == nil && !isSocket)
            let service = HTTPService(
                Application(router: api.router(), logger: logger), listener: settings.listen.listener)
            self.api = ListeningMember(service)
            greeting.append("http API on \(settings.listen)\(token == nil ? "" : ", with a token")")
        } else {
            api = nil
        }
        if let address = configuration.probes {
            let probes = Probes(
                listener: address.listener, providers: Self.providers(work, worker, outbox, configuration, api),
                logger: logger)
            self.probes = ListeningMember(probes)
            greeting.append("probes on \(address): /livez, /readyz, /health")
        } else {
            probes = nil
        }
        self.greeting = greeting
    }

    /// Whether one of them could not start.
    var couldNotListen: Bool { api?.couldNotStart == true || probes?.couldNotStart == true }

    private static func providers(
        _ work: WorkClient, _ worker: Worker, _ outbox: Outbox?, _ configuration: WorkConfiguration,
        _ api: ListeningMember?
    ) -> [HealthProvider] {
        let messages = outbox.map { outbox in
            HealthProvider("outbox") {
                let status = try await outbox.status()
                return [
                    "waiting": .integer(status.waiting), "inFlight": .integer(status.inFlight),
                    "utilisation": .number(status.utilisation), "delivered": .integer(status.delivered),
                    "dead": .integer(status.deadLettered), "openBreakers": .integer(status.openBreakers.count),
                    "lastFailure": status.lastFailure.map { HealthValue.text($0) } ?? HealthValue.none,
                ]
            }
        }
        let requests = api.map { api in HealthProvider("api") { ["requests": .integer(api.ledger.held)] } }
        return [
            HealthProvider("worker") {
                let held = worker.ledger.held
                return [
                    "running": .integer(held), "concurrency": .integer(configuration.concurrency),
                    "utilisation": .number(Double(held) / Double(max(1, configuration.concurrency))),
                ]
            },
            HealthProvider("store") {
                let counts = try await work.store.counts()
                let waiting = counts.filter(\.state.isWaiting).reduce(0) { $0 + $1.count }
                let dead = counts.filter { $0.state == .dead }.reduce(0) { $0 + $1.count }
                return ["waiting": .integer(waiting), "dead": .integer(dead)]
            },
        ] + (messages.map { [$0] } ?? []) + (requests.map { [$0] } ?? [])
    }

    private static func token(_ path: String) throws(VerbError) -> String {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw VerbError(
                .configuration, "http.tokenFile: \(path) cannot be read; make it, with the token in its first line")
        }
        let token = (text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).first ?? "")
            .trimmingSpaces()
        guard token.utf8.count >= tokenSizeMin else {
            throw VerbError(
                .configuration,
                "http.tokenFile: the first line of \(path) has \(token.utf8.count) bytes; write a token of at least \(tokenSizeMin), as openssl rand -hex 32 makes it"
            )
        }
        return String(token)
    }
}

/// Something that listens, as a member of the plan; it says itself, in one line, why it could not start.
final class ListeningMember: Service, ReadinessReporting, LedgerReporting, Sendable {
    private let service: any ReadinessReporting
    private let failure = Mutex<String?>(nil)

    init(_ service: any ReadinessReporting) { self.service = service }

    /// Whether it could not start.
    var couldNotStart: Bool { failure.withLock { $0 != nil } }

    func waitUntilReady() async throws { try await service.waitUntilReady() }

    func run() async throws {
        do {
            try await service.run()
        } catch let error as HTTPServiceError {
            failure.withLock { $0 = error.description }
            Verb.complain(error.description)
            throw error
        }
    }

    /// Requests in hand; what only answers probes has none.
    var ledger: Ledger { (service as? any LedgerReporting)?.ledger ?? Ledger() }

    func heldItems(itemsMax: Int) -> [LedgerItem] {
        (service as? any LedgerReporting)?.heldItems(itemsMax: itemsMax) ?? []
    }

    func cutItems(itemsMax: Int) -> [LedgerItem] {
        (service as? any LedgerReporting)?.cutItems(itemsMax: itemsMax) ?? []
    }
}
