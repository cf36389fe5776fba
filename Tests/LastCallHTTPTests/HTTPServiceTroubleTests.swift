import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import LastCall
import LastCallConcurrency
import LastCallTesting
import ServiceLifecycle
import Testing

@testable import LastCallHTTP

@Suite struct HTTPServiceTroubleTests {
    private let routes = TestRoutes()

    /// Runs a service that cannot start, and returns its error.
    private func failure(
        _ listener: Listener = .hostname("127.0.0.1", port: 0), speaking: ConnectionProtocol = .application,
        environment: [String: String] = [:], server: HTTPServerBuilder = .http1()
    ) async throws -> HTTPServiceError {
        let service = HTTPService(
            Application(router: routes.router(), server: server), listener: listener, speaking: speaking,
            configuration: testConfiguration { $0.environment = environment })
        do {
            try await service.run()
        } catch let error as HTTPServiceError {
            return error
        }
        throw HTTPServiceError(.cannotListen, "the service started")
    }

    @Test("a port that is taken is named, with how to find who has it")
    func portTaken() async throws {
        try await withService(routes.router()) { running in
            let port = try #require(running.service.localAddress?.port)
            let error = try await failure(.hostname("127.0.0.1", port: port))
            #expect(error.code == .addressInUse)
            #expect(error.message.contains("port \(port) on 127.0.0.1 is taken"))
            #expect(error.message.contains("ss -ltnp"))
        }
    }

    @Test(
        "an unknown host and an address of another machine are named", arguments: ["no-such-host.invalid", "192.0.2.1"])
    func unknownHost(host: String) async throws {
        let error = try await failure(.hostname(host, port: 0))
        #expect(error.code == .cannotListen)
        #expect(error.message.contains(host))
    }

    @Test("a certificate or key that is not there, or is none, is a failed start that names the file")
    func unusableCertificate() async throws {
        let missing = try await failure(speaking: .tls(certificate: "/no/such/cert.pem", key: "/no/such/key.pem"))
        #expect(missing.code == .invalidCertificate)
        #expect(missing.message.contains("/no/such/cert.pem"))
        let scratch = try ScratchDirectory()
        let nonsense = try scratch.write("no certificate", to: "cert.pem")
        let error = try await failure(speaking: .http2(certificate: nonsense, key: nonsense))
        #expect(error.code == .invalidCertificate)
        #expect(error.message.contains(nonsense))
    }

    @Test("an application that is configured for something else than HTTP/1.1 is never served as that")
    func applicationWithAnotherProtocol() async throws {
        let error = try await failure(server: .plaintextHTTP2())
        #expect(error.code == .invalidApplication)
        #expect(error.message.contains("speaking:"))
        let broken = HTTPServerBuilder { _ in throw HTTPServiceError(.invalidCertificate, "no certificate") }
        #expect(try await failure(server: broken).code == .invalidApplication)
    }

    @Test("the application's own address is where the service listens")
    func applicationAddress() throws {
        let hostname = Application(
            router: routes.router(), configuration: .init(address: .hostname("192.0.2.7", port: 4711)))
        #expect(ServedApplication(hostname).place == .hostname("192.0.2.7", port: 4711))
        let unix = Application(
            router: routes.router(), configuration: .init(address: .unixDomainSocket(path: "/run/x")))
        #expect(ServedApplication(unix).place == .unixSocket("/run/x"))
        let idle = Application(
            router: routes.router(), server: .http1(configuration: .init(idleTimeout: .seconds(7))))
        #expect(ServedApplication(idle).http1?.idleTimeout == .seconds(7))
    }

    // MARK: Unix sockets

    @Test("a unix socket is served, removed by the stop, and a stale one is replaced")
    func unixSocket() async throws {
        let scratch = try ScratchDirectory()
        let path = scratch.path + "/web.sock"
        for _ in 1...2 {
            try await withService(routes.router(), listener: .unixSocket(path)) { running in
                let client = try await running.connect()
                try await client.get("/")
                #expect(await client.answer()?.status == 200)
                let error = try await failure(.unixSocket(path))
                #expect(error.code == .addressInUse)
                try await running.stopListening()
                await #expect(throws: (any Error).self) { try await running.connect() }
            }
        }
    }

    @Test("a file that is no socket is left alone, and a folder that is not there is named")
    func unixSocketTrouble() async throws {
        let scratch = try ScratchDirectory()
        let file = try scratch.write("precious", to: "file")
        #expect(try await failure(.unixSocket(file)).message.contains("is no socket"))
        let noFolder = try await failure(.unixSocket(scratch.path + "/no/such/folder.sock"))
        #expect(noFolder.code == .cannotListen)
        #expect(noFolder.description.hasSuffix("its folder does not exist; make it"))
        let long = try await failure(.unixSocket(scratch.path + "/" + String(repeating: "x", count: 120)))
        #expect(long.description.contains("at most 107 bytes"))
    }

    // MARK: Inherited sockets

    @Test(
        "an inherited socket that is not there is an error that says what to do",
        arguments: [
            ([:], "LISTEN_FDS is not set"),
            (["LISTEN_FDS": "1", "LISTEN_PID": "1"], "are for process 1"),
            (["LISTEN_FDS": "1"], "are for process ?"),
        ] as [([String: String], String)])
    func inheritedTrouble(environment: [String: String], message: String) async throws {
        let error = try await failure(.inherited(), environment: environment)
        #expect(error.code == .noInheritedSocket)
        #expect(error.message.contains(message))
    }

    @Test("an inherited socket with another name is an error that lists the names")
    func inheritedName() {
        let environment = ["LISTEN_FDS": "2", "LISTEN_PID": "77", "LISTEN_FDNAMES": "web:probes"]
        do {
            _ = try InheritedSockets.take(named: "admin", environment: environment, pid: 77)
            Issue.record("it was taken")
        } catch {
            #expect(error.message.contains("web, probes"))
        }
    }
}
