import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import HummingbirdTLS
import LastCall
import LastCallHTTP
import Logging
import NIOCore
import NIOSSL

/// What a drilled server speaks.
enum DrillProtocol: String, CaseIterable, Sendable {
    case http1
    case tls
    case http2

    /// Whether its clients need a certificate.
    var isSecure: Bool { self != .http1 }
}

/// The server under test: the same routes with LastCall's service around them, or as Hummingbird runs them itself.
struct DrillServer: Sendable {
    /// What the command line says about it.
    struct Options: Sendable {
        /// The port on 127.0.0.1.
        var port = 8080
        /// What it speaks.
        var speaks = DrillProtocol.http1
        /// Whether Hummingbird runs it itself.
        var isBare = false
        /// Whether it shares its port with another process.
        var sharesPort = false
        /// Whether it gets its socket from whoever started it.
        var inherits = false
        /// How long readiness is false before the listener closes.
        var propagationDelay: Duration?
        /// How long idle connections are kept once the listener is closed.
        var linger: Duration?
        /// Where certificate and key are, as PEM.
        var certificate: String?
        var key: String?
    }

    let options: Options

    func run(signals: ProcessSignals) async throws {
        var logger = Logger(label: "drill")
        logger.logLevel = ProcessEnvironment.current["DRILL_LOG"].flatMap { Logger.Level(rawValue: $0) } ?? .warning
        let router = Router()
        router.get("/") { _, _ in
            try await Task.sleep(for: .milliseconds(20))
            return "done"
        }
        router.get("/fast") { _, _ in "done" }
        router.get("/slow") { _, _ in
            try await Task.sleep(for: .seconds(1))
            return "done"
        }
        router.get("/stream") { _, _ in Self.stream() }
        router.post("/upload") { request, _ in
            var count = 0
            for try await part in request.body { count += part.readableBytes }
            return "\(count)"
        }
        let address = ApplicationConfiguration(address: .hostname("127.0.0.1", port: options.port))
        if options.isBare {
            let application = Application(
                router: router, server: try bareServer(), configuration: address,
                onServerRunning: { _ in say("listening") },
                logger: logger)
            return try await application.runService()
        }
        let application = Application(
            router: router, configuration: address, onServerRunning: { _ in say("listening") }, logger: logger)
        var configuration = HTTPService.Configuration()
        configuration.propagationDelay = options.propagationDelay
        if let linger = options.linger { configuration.linger = linger }
        // Clients on a machine that is busy with other things may need as long for the other half.
        configuration.limits.headTimeout = .seconds(30)
        let listener: Listener = options.inherits ? .inherited() : .application
        let service = HTTPService(
            application, listener: options.sharesPort ? listener.sharingPort() : listener, speaking: try speaking(),
            configuration: configuration)
        let plan = try ShutdownPlan(grace: .stated(.seconds(10))) { Stage("web") { service.named("web") } }
        await Lifecycle(plan, configuration: .init(name: "drill", logger: logger), signals: signals).runAndExit()
    }

    /// A stream that never ends of itself.
    private static func stream() -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream"],
            body: ResponseBody { writer in
                for try await _ in Ticks().endingOnShutdown() {
                    try await writer.write(ByteBuffer(string: "data: tick\n\n"))
                }
                try await writer.write(ByteBuffer(string: "event: end\n\n"))
                try await writer.finish(nil)
            })
    }

    private func tls() throws -> TLSConfiguration {
        guard let certificate = options.certificate, let key = options.key else {
            throw DrillFailure("--certificate and --key are needed for \(options.speaks.rawValue)")
        }
        return .makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
    }

    private func speaking() throws -> ConnectionProtocol {
        switch options.speaks {
        case .http1: .application
        case .tls: .tls(try tls())
        case .http2: .http2(tls: try tls())
        }
    }

    private func bareServer() throws -> HTTPServerBuilder {
        switch options.speaks {
        case .http1: .http1()
        case .tls: try .tls(.http1(), tlsConfiguration: tls())
        case .http2: try .http2Upgrade(tlsConfiguration: tls())
        }
    }
}

/// An element every 50 ms.
struct Ticks: AsyncSequence, Sendable {
    struct AsyncIterator: AsyncIteratorProtocol {
        mutating func next() async throws -> Void? { try await Task.sleep(for: .milliseconds(50)) }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
}

/// Why the drill cannot go on.
struct DrillFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
