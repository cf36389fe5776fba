import FoundationEssentials
import Hummingbird
import HummingbirdCore
public import LastCall
public import Logging
import NIOCore
public import ServiceLifecycle

/// Answers `/livez`, `/readyz` and `/health` on a listener of its own.
///
/// ```swift
/// let probes = Probes(listener: .hostname("0.0.0.0", port: 8081), version: "1.4.2", providers: [queue])
/// let plan = try ShutdownPlan {
///     Stage("web") { web }
///     Stage("close") { store; probes }     // last: it answers while everything else stops
/// }
/// ```
///
/// - `/livez` is 200 as long as the process answers.
/// - `/readyz` is 200 once every member of the plan is ready, and 503 before that and from the moment the stop begins.
/// - `/health` is 200 and a JSON object with the version, the uptime and an entry for each provider; a provider that fails or does not
///   answer degrades its own entry only.
///
/// While the service stops all of them say `draining`. Nothing else is there: any other path is 404.
public final class Probes: Service, ReadinessReporting, Sendable {
    private let service: HTTPService

    /// Creates probes.
    ///
    /// - Parameters:
    ///   - listener: Where to listen; 127.0.0.1, port 8081, by default. A kubelet needs an address that it can reach.
    ///   - version: The service's version.
    ///   - providers: What `/health` asks; each name once.
    ///   - clock: The clock that uptime and timeouts are measured with.
    ///   - logger: Where to log.
    public init(
        listener: Listener = .hostname("127.0.0.1", port: 8081), version: String? = nil,
        providers: [HealthProvider] = [], clock: any Clock<Duration> = ContinuousClock(),
        logger: Logger = Logger(label: "lastcall.probes")
    ) {
        let uptime = Stopwatch(clock)
        let stop = StopSignals()
        let isDraining: @Sendable () -> Bool = { Shutdown.current?.cause != nil || stop.told.value != nil }
        let askers = providers.map { HealthAsker($0, clock: clock) }
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.get("livez") { _, _ in Self.plain(.ok, isDraining() ? "draining" : "ok") }
        router.get("readyz") { _, _ in
            if isDraining() { return Self.plain(.serviceUnavailable, "draining") }
            guard Self.isReady else { return Self.plain(.serviceUnavailable, "starting") }
            return Self.plain(.ok, "ok")
        }
        router.get("health") { _, _ in
            let entries = await Self.ask(askers)
            let shutdown = Shutdown.current
            let report = Report(
                status: isDraining() ? "draining" : entries.values.allSatisfy(\.isHealthy) ? "ok" : "degraded",
                version: version, uptimeSeconds: uptime.elapsed.inSeconds,
                stop: shutdown?.cause.map { Report.Stop(cause: $0.description) }, checks: entries)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return Response(
                status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: try encoder.encode(report))))
        }
        var configuration = HTTPService.Configuration()
        configuration.propagationDelay = .zero
        configuration.environment = configuration.environment
            .filter { $0.key != EnvironmentKey.propagationDelay.rawValue }
        service = HTTPService(
            Application(router: router, logger: logger), listener: listener, speaking: .application,
            configuration: configuration, until: nil, stop: stop)
    }

    /// Where the probes listen, once they do.
    public var localAddress: SocketAddress? { service.localAddress }

    /// Returns once the probes are answered.
    public func waitUntilReady() async throws { try await service.waitUntilReady() }

    /// Answers until it is told to stop.
    public func run() async throws { try await service.run() }

    // MARK: Answers

    /// The body of `/health`.
    private struct Report: Encodable {
        /// The stop.
        struct Stop: Encodable {
            /// Its cause.
            let cause: String
        }

        /// All in one word.
        let status: String
        /// The service's version.
        let version: String?
        /// Since the probes were made.
        let uptimeSeconds: Double
        /// The stop, once it has begun.
        let stop: Stop?
        /// What each provider said.
        let checks: [String: HealthEntry]
    }

    /// Outside a lifecycle nobody knows about the others.
    private static var isReady: Bool { Shutdown.current?.isLifecycleReady ?? true }

    private static func plain(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text + "\n")))
    }

    private static func ask(_ askers: [HealthAsker]) async -> [String: HealthEntry] {
        await withTaskGroup(of: (String, HealthEntry).self) { group in
            for asker in askers { group.addTask { (asker.name, await asker.ask()) } }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }
}
