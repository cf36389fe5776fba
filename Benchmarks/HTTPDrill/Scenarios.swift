import LastCall
import LastCallConcurrency
import LastCallTesting

#if canImport(Glibc)
    import Glibc
#endif

/// The programs that the drill knows.
struct Scenarios {
    /// A folder for certificates and configurations, removed at the end.
    let scratch: ScratchDirectory
    /// This program.
    private let own = BuiltProgram.path("HTTPDrill")
    private let environment: [String: String]
    /// What our own servers are told besides.
    private let options: [String]

    /// - Parameter options: What our own servers are told besides; on a machine that is busy with other things clients may need a longer linger.
    init(options: [String] = []) throws {
        self.options = options
        scratch = try ScratchDirectory()
        var environment: [String: String] = [:]
        for key in ["PATH", "HOME", "LD_LIBRARY_PATH", "DRILL_LOG"] {
            environment[key] = ProcessEnvironment.current[key]
        }
        self.environment = environment
    }

    /// Makes a certificate for 127.0.0.1.
    func makeCertificate() async throws {
        let openssl = try program(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate,
            ])
        guard try await openssl.exit() == 0 else { throw DrillFailure("openssl: \(openssl.output)") }
    }

    /// The path of its key.
    var key: String { scratch.path + "/key.pem" }
    /// Its path.
    var certificate: String { scratch.path + "/certificate.pem" }

    /// LastCall's service and bare Hummingbird.
    func own(_ speaks: DrillProtocol, isBare: Bool) -> Scenario {
        let arguments = ["--speak", speaks.rawValue] + secrets(speaks) + (isBare ? ["--bare"] : [])
        return Scenario(name: "\(isBare ? "Hummingbird" : "LastCall") \(speaks.rawValue)", speaks: speaks) { port in
            try serve(port, arguments)
        }
    }

    /// With two seconds of propagation delay.
    func lameDuck() -> Scenario {
        Scenario(name: "LastCall http1, 1 s lame duck") { try serve($0, ["--delay", "1s"]) }
    }

    /// Two processes on one port, stopped one after the other.
    func rolling() -> Scenario {
        var scenario = Scenario(name: "LastCall http1, two processes rolling") { try serve($0, ["--share-port"]) }
        scenario.successor = { try serve($0, ["--share-port"]) }
        return scenario
    }

    /// A socket that outlives the process.
    func inherited() -> Scenario {
        let descriptor = Descriptor()
        var scenario = Scenario(name: "LastCall http1, inherited socket") { port in
            try inherit(descriptor.listen(port))
        }
        scenario.successor = { port in try inherit(descriptor.listen(port)) }
        scenario.startsSuccessorAfter = true
        return scenario
    }

    private func inherit(_ descriptor: Int32) throws -> ProgramUnderTest {
        let script = "exec 3<&\(descriptor); LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve --inherit \"$@\""
        return try ProgramUnderTest(
            "/bin/bash", ["-c", script, own] + options, environment: environment, inherits: true)
    }

    private func secrets(_ speaks: DrillProtocol) -> [String] {
        speaks.isSecure ? ["--certificate", certificate, "--key", key] : []
    }

    private func serve(_ port: Int, _ arguments: [String]) throws -> ProgramUnderTest {
        try ProgramUnderTest(own, ["serve", "--port", "\(port)"] + arguments + options, environment: environment)
    }

    // MARK: Others

    /// Any program.
    func other(_ command: String, path: String) -> Scenario {
        var scenario = Scenario(name: command) { [environment] _ in
            try ProgramUnderTest("/bin/sh", ["-c", "exec \(command)"], environment: environment)
        }
        scenario.path = path
        scenario.hasOwnRoutes = false
        return scenario
    }

    /// nginx in front of a server that is not stopped; its graceful stop is SIGQUIT.
    func nginx(upstream: Int) throws -> Scenario? {
        guard let nginx = find("nginx") else { return nil }
        let folder = scratch.path
        var scenario = Scenario(name: "nginx, a proxy") { [environment] port in
            let text = """
                daemon off; pid \(folder)/nginx.pid; error_log \(folder)/nginx.log; worker_processes 2; user root;
                events { worker_connections 1024; }
                http { access_log off; client_body_temp_path \(folder)/b; proxy_temp_path \(folder)/p;
                  fastcgi_temp_path \(folder)/f; uwsgi_temp_path \(folder)/u; scgi_temp_path \(folder)/s;
                  upstream up { server 127.0.0.1:\(upstream); keepalive 64; }
                  server { listen 127.0.0.1:\(port);
                    location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }
                """
            try write(text, to: folder + "/nginx.conf")
            return try ProgramUnderTest(nginx, ["-c", folder + "/nginx.conf"], environment: environment)
        }
        let backend = own(.http1, isBare: false)
        scenario.backend = { try backend.start(upstream) }
        scenario.signal = SIGQUIT
        return scenario
    }

    /// A server of Python's, where it is installed.
    func python(_ module: String) async throws -> Scenario? {
        guard let python = find("python3") else { return nil }
        let check = try ProgramUnderTest(python, ["-c", "import \(module)"], environment: environment)
        guard try await check.exit() == 0 else { return nil }
        let folder = scratch.path
        try write(Self.asgi, to: folder + "/drillapp.py")
        return Scenario(name: module) { [environment] port in
            let options =
                module == "hypercorn"
                ? ["--bind", "127.0.0.1:\(port)"] : ["--port", "\(port)", "--log-level", "warning"]
            return try ProgramUnderTest(
                python, ["-m", module] + options + ["drillapp:app"],
                environment: environment.merging(["PYTHONPATH": folder], uniquingKeysWith: { $1 }))
        }
    }

    private static let asgi = """
        import asyncio
        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                while True:
                    message = await receive()
                    await send({"type": message["type"] + ".complete"})
                    if message["type"] == "lifespan.shutdown":
                        return
            size, more = 0, True
            while more:
                message = await receive()
                size += len(message.get("body", b""))
                more = message.get("more_body", False)
            path, body = scope["path"], b"done"
            if path == "/slow":
                await asyncio.sleep(1)
            elif path == "/":
                await asyncio.sleep(0.02)
            elif path == "/upload":
                body = str(size).encode()
            headers = [(b"content-type", b"text/plain")]
            if path != "/stream":
                headers.append((b"content-length", str(len(body)).encode()))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            if path == "/stream":
                while True:
                    await send({"type": "http.response.body", "body": b"data: tick\\n\\n", "more_body": True})
                    await asyncio.sleep(0.05)
            await send({"type": "http.response.body", "body": body})
        """

    private func find(_ name: String) -> String? {
        let folders = (environment["PATH"] ?? "/usr/bin").split(separator: ":").map(String.init) + ["/usr/sbin"]
        return folders.map { $0 + "/" + name }.first { access($0, X_OK) == 0 }
    }

    private func program(_ name: String, _ arguments: [String]) throws -> ProgramUnderTest {
        guard let path = find(name) else { throw DrillFailure("\(name) is not installed") }
        return try ProgramUnderTest(path, arguments, environment: environment)
    }
}

/// A listening socket that this process keeps open.
private final class Descriptor: Sendable {
    private let value = Mutex<Int32>(-1)

    deinit { value.withLock { if $0 >= 0 { close($0) } } }

    func listen(_ port: Int) throws -> Int32 {
        try value.withLock { value in
            if value >= 0 { return value }
            let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var on: Int32 = 1
            setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            let size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafePointer(to: address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, size) == 0 }
            }
            guard isBound, Glibc.listen(socket, 256) == 0 else { throw DrillFailure("no socket on port \(port)") }
            value = socket
            return socket
        }
    }
}

/// Writes a text file.
private func write(_ text: String, to path: String) throws {
    guard let file = fopen(path, "w") else { throw DrillFailure("\(path) cannot be written") }
    defer { fclose(file) }
    fputs(text, file)
}
