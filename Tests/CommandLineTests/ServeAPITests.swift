import Foundation
import Hummingbird
import LastCall
import LastCallTesting
import LastCallWork
import Testing

@testable import lastcall

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct ServeAPITests {
    // MARK: Addresses

    @Test(
        "an address is a host and port or a unix socket, and knows whether other machines can reach it",
        arguments: [
            ("127.0.0.1:8380", "127.0.0.1:8380", true), ("localhost:1", "localhost:1", true),
            ("[::1]:80", "[::1]:80", true),
            ("0.0.0.0:8380", "0.0.0.0:8380", false), ("[::]:8380", "[::]:8380", false),
            ("example.org:1", "example.org:1", false), ("127.0.0.1.example.org:80", "127.0.0.1.example.org:80", false),
            ("127.1.2:80", "127.1.2:80", false), ("127.9.9.9:80", "127.9.9.9:80", true),
            ("127.0.0.256:80", "127.0.0.256:80", false), ("unix:run/api.sock", "unix:/base/run/api.sock", true),
            ("unix:/run/api.sock", "unix:/run/api.sock", true),
        ])
    func address(text: String, shown: String, isLocal: Bool) throws {
        let address = try #require(ListenAddress(text, in: BaseDirectory("/base")))
        #expect(address.description == shown)
        #expect(address.isLocal == isLocal)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "8380", ":8380", "127.0.0.1:0", "127.0.0.1", "127.0.0.1:", "host:65536", "::1:80", "a/b:1", "unix:",
            "http://127.0.0.1:80",
        ])
    func noAddress(text: String) {
        #expect(ListenAddress(text, in: BaseDirectory("/base")) == nil)
    }

    @Test("an address that other machines can reach needs a token, and the error says how")
    func needsToken() throws {
        let found = errors { () throws(ConfigurationErrors) in try configuration("http: 0.0.0.0:8380\n") }
        #expect(found.count == 1)
        #expect(found.first?.contains("tokenFile") == true)
        let fine = try configuration("http: {listen: \"0.0.0.0:8380\", tokenFile: t}\n")
        #expect(fine.http?.listen == .hostname("0.0.0.0", port: 8380))
        let empty = errors { () throws(ConfigurationErrors) in
            try configuration("http: {tokenFile: t}\nprobes: nowhere\n")
        }
        #expect(empty.count == 2)
        let same = errors { () throws(ConfigurationErrors) in
            try configuration("http: 127.0.0.1:8380\nprobes: 127.0.0.1:8380\n")
        }
        #expect(same.count == 1)
        #expect(same.first?.contains("is the address of http") == true)
    }

    // MARK: The document

    @Test(
        "the OpenAPI document has exactly the routes that are served, and the file in the repository is that document")
    func document() throws {
        let api = ServeAPI(
            work: WorkClient(MemoryStore()), configuration: try configuration("tasks: {}\n"), token: nil,
            takesCommands: false,
            checksHost: true)
        let served = Set(api.router().routes.map { "\($0.method.rawValue) \($0.path)" })
        let object = try JSONSerialization.jsonObject(with: Data(OpenAPIDocument.text.utf8))
        let paths = try #require((object as? [String: Any])?["paths"] as? [String: [String: Any]])
        let documented = Set(paths.flatMap { path, methods in methods.keys.map { "\($0.uppercased()) \(path)" } })
        #expect(documented == served)
        #expect(documented.count == APIRoute.allCases.count)
        #expect(try repositoryFile("Documentation/openapi.json") == OpenAPIDocument.text + "\n")
    }

    @Test("JSON becomes YAML by its texts alone: numbers keep their digits, lines their numbers")
    func jsonAsYAML() {
        func yaml(_ json: String) -> String {
            String(decoding: YAMLText.bytes(ofJSON: Array(json.utf8)), as: UTF8.self)
        }
        let plain = "{\"a\": [1.10, 1e3,\n 12345678901234567890123, \"x\"]}"
        #expect(yaml(plain) == plain)
        #expect(yaml(#"{"\u0061": "1\/2 \ud83d\ude00"}"#) == #"{"a": "1/2 😀"}"#)
        #expect(yaml(#"{"a": "\"\\", "b": "\n"}"#) == #"{"a": "\"\\", "b": "\n"}"#)
    }

    // MARK: Over a socket

    /// What curl(1) got.
    private struct Answer {
        var status = ""
        var body = ""

        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]  // no object: no keys
        }
        var error: String { json["error"] as? String ?? "" }
    }

    /// A server on a socket file, and requests to it.
    private struct Server {
        let folder: ServeFolder
        var path: String { folder.path("api.sock") }

        func ask(_ route: String, _ options: [String] = []) async throws -> Answer {
            let curl = try ProgramUnderTest(
                "/usr/bin/curl",
                ["-sS", "-N", "--unix-socket", path, "-w", "\n%{http_code}", "http://localhost/v1/\(route)"] + options,
                environment: ["PATH": "/usr/bin"])
            guard try await curl.exit() == 0 else { throw ProgramUnderTest.Failure(description: curl.output) }
            var lines = curl.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            return Answer(status: lines.popLast() ?? "", body: lines.joined(separator: "\n"))
        }

        /// Submits the first job, one that writes two lines and then nothing, and follows it beyond them.
        func followSlowJob() async throws -> ProgramUnderTest {
            _ = try await submit(#"{"task": "slow"}"#)
            let curl = try ProgramUnderTest(
                "/usr/bin/curl", ["-sS", "-N", "--unix-socket", path, "http://localhost/v1/jobs/1/output?follow=true"],
                environment: ["PATH": "/usr/bin"])
            try await curl.line("two")
            return curl
        }

        /// What `/health` says.
        func health() async throws -> String {
            let curl = try ProgramUnderTest(
                "/usr/bin/curl", ["-sS", "--unix-socket", folder.path("probes.sock"), "http://localhost/health"],
                environment: ["PATH": "/usr/bin"])
            _ = try await curl.exit()
            return curl.output
        }

        func submit(_ body: String) async throws -> Answer {
            try await ask("jobs", ["-H", "Content-Type: application/json", "-d", body])
        }
    }

    private func server(_ http: String = "unix:api.sock") throws -> Server {
        Server(folder: try ServeFolder(ServeProcessTests.tasks, root: "grace: 20s\nconcurrency: 4\nhttp: \(http)\n"))
    }

    @Test("the API submits, lists, shows, follows, cancels and retries as the verbs do")
    func api() async throws {
        let server = try server()
        let worker = try await server.folder.serve()
        let submitted = try await server.submit(#"{"task": "quick", "arguments": {"n": "1 \u00e9 \ud83d\ude00"}}"#)
        #expect(submitted.status == "201")
        #expect(submitted.json["ids"] as? [Int] == [1])
        let followed = try await server.ask("jobs/1/output?follow=true")
        #expect(followed.status == "200")
        #expect(followed.body == "quick 1 é 😀\n")
        let shown = try await server.ask("jobs/1")
        #expect((shown.json["job"] as? [String: Any])?["state"] as? String == "succeeded")
        let group = try await server.submit(
            #"{"group": [{"task": "quick", "arguments": {"n": 1}}, {"command": ["echo", "raw"]}], "then": {"task": "tally"}}"#
        )
        #expect(group.status == "201")
        #expect(group.json["ids"] as? [Int] == [2, 3, 4])
        #expect(try await server.ask("jobs/4/output?follow=true").body.contains("raw"))
        let slow = try await server.submit(#"{"task": "slow"}"#)
        #expect(slow.json["ids"] as? [Int] == [5])
        // Numbers keep their digits, as in a workflow file.
        _ = try await server.submit(#"{"task": "quick", "arguments": {"n": 1.10}}"#)
        #expect(try await server.ask("jobs/6/output?follow=true").body == "quick 1.10\n")
        try await server.folder.follow("5").line("two")
        #expect((try await server.ask("jobs?state=running").json["jobs"] as? [Any])?.count == 1)
        #expect(try await server.ask("jobs/5/cancel", ["-X", "POST"]).json["done"] as? String == "told to stop")
        _ = try await server.ask("jobs/5/output?follow=true")
        #expect(try await server.ask("jobs/5/cancel", ["-X", "POST"]).status == "409")
        #expect(try await server.ask("jobs/1/retry", ["-X", "POST"]).json["done"] as? String == "runs again")
        #expect(try await server.ask("openapi.json").json["openapi"] as? String == "3.1.0")
        worker.signal(SIGTERM)
        #expect(try await worker.exit() == ExitCode.clean)
    }

    @Test("what cannot be is answered with a status and a sentence, and nothing is stored")
    func badRequests() async throws {
        let server = try server()
        let worker = try await server.folder.serve()
        let json = ["-H", "Content-Type: application/json"]
        for (options, status, words) in [
            (json + ["-d", #"{"task": "quik", "arguments": {"n": 1}}"#], "400", "write quick"),
            (json + ["-d", #"{"task": "quick"}"#], "400", "n"),
            (json + ["-d", "nonsense"], "400", "no JSON object"),
            (json + ["-d", "[]"], "400", "no JSON object"),
            (json + ["-d", #"{"task": "quick", "task": "slow"}"#], "400", "task"),
            (["-d", #"{"task": "slow"}"#], "415", "application/json"),
            (json + ["-d", "{}", "-H", "Origin: http://example.org"], "403", "web pages"),
        ] {
            let answer = try await server.ask("jobs", options)
            #expect(answer.status == status, "\(options)")
            #expect(answer.error.contains(words), "\(answer.error)")
        }
        for (route, status) in [
            ("jobs/99", "404"), ("jobs/99/output", "404"), ("jobs/x", "400"), ("jobs?limit=0", "400"),
            ("jobs?state=happy", "400"), ("jobs?sate=failed", "400"), ("jobs?limit=1&limit=2", "400"),
            ("nothing", "404"), ("jobs/99/output?follow=perhaps", "400"),
        ] {
            #expect(try await server.ask(route).status == status, "\(route)")
        }
        #expect((try await server.ask("jobs").json["jobs"] as? [Any])?.isEmpty == true)
        worker.signal(SIGTERM)
        #expect(try await worker.exit() == ExitCode.clean)
    }

    @Test("S3 a followed output ends with a whole answer when the server is told to stop")
    func followedOutputEnds() async throws {
        let server = try server()
        let worker = try await server.folder.serve()
        let curl = try await server.followSlowJob()
        worker.signal(SIGTERM)
        #expect(try await curl.exit() == 0, "\(curl.output)")
        #expect(try await worker.exit() == ExitCode.clean)
        #expect(try server.folder.receipt().totals.cut == 0)
    }

    @Test("S3 who follows a job that says nothing and leaves is let go", .timeLimit(.minutes(1)))
    func followerLeaves() async throws {
        let server = try server("unix:api.sock\nprobes: unix:probes.sock")
        let worker = try await server.folder.serve()
        let curl = try await server.followSlowJob()
        curl.signal(SIGKILL)
        _ = try await curl.exit()
        // The test's time limit is what this may take.
        while try await !server.health().contains(#""api":{"requests":0"#) {}
        #expect(try await server.health().contains(#""running":1"#))
        worker.signal(SIGTERM)
        #expect(try await worker.exit() == ExitCode.clean)
    }

    @Test("who may write to the socket may have commands run, so only its owner may")
    func socketMode() async throws {
        let server = try server()
        let worker = try await server.folder.serve()
        let mode = try FileManager.default.attributesOfItem(atPath: server.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        worker.signal(SIGTERM)
        #expect(try await worker.exit() == ExitCode.clean)
    }

    @Test("with a token only who has it gets in, and commands may be submitted")
    func token() async throws {
        let server = try server("{listen: \"unix:api.sock\", tokenFile: token}")
        try server.folder.folder.write("0123456789abcdef0123456789abcdef\n", to: "token")
        let worker = try await server.folder.serve()
        #expect(try await server.ask("jobs").status == "401")
        #expect(
            try await server.ask("jobs", ["-H", "Authorization: Bearer 0123456789abcdef0123456789abcdeX"]).status
                == "401")
        #expect(try await server.ask("jobs", ["-H", "Authorization: Bearer "]).status == "401")
        let good = ["-H", "Authorization: Bearer 0123456789abcdef0123456789abcdef"]
        #expect(try await server.ask("jobs", good).status == "200")
        #expect(!worker.output.contains("0123456789abcdef"))
        worker.signal(SIGTERM)
        #expect(try await worker.exit() == ExitCode.clean)
    }

    @Test("a token that is too short or not there, and an address that is taken, are bad configuration that is named")
    func cannotStart() async throws {
        let server = try server("{listen: \"unix:api.sock\", tokenFile: token}")
        let serve = ["serve", server.folder.path("lastcall.yml")]
        let missing = try server.folder.start(serve)
        #expect(try await missing.exit() == 78)
        #expect(missing.output.contains("token cannot be read"))
        try server.folder.folder.write("short\n", to: "token")
        let short = try server.folder.start(serve)
        #expect(try await short.exit() == 78)
        #expect(short.output.contains("has 5 bytes"))
        #expect(!short.output.contains("short\""))
        let first = try self.server()
        let worker = try await first.folder.serve()
        let second = try first.folder.start(["serve", first.folder.path("lastcall.yml"), "--name", "second"])
        #expect(try await second.exit() == 78)
        #expect(second.output.contains("somebody listens on"))
        worker.signal(SIGTERM)
        #expect(try await worker.exit() == ExitCode.clean)
    }

    @Test("P36 probes say what the worker and the store have, and that the server drains")
    func probes() async throws {
        let folder = try ServeFolder(
            ServeProcessTests.tasks, root: "grace: 50s\nconcurrency: 4\nprobes: unix:probes.sock\n")
        let worker = try await folder.serve()
        func ask(_ path: String) async throws -> String {
            let curl = try ProgramUnderTest(
                "/usr/bin/curl", ["-sS", "--unix-socket", folder.path("probes.sock"), "http://localhost/\(path)"],
                environment: ["PATH": "/usr/bin"])
            _ = try await curl.exit()
            return curl.output
        }
        #expect(try await ask("readyz") == "ok")
        _ = try await folder.submit(["patient"])
        try await folder.follow("1").line("one")
        let health = try await ask("health")
        #expect(health.contains(#""running":1"#))
        #expect(health.contains(#""utilisation":0.25"#))
        // What has to finish keeps the stop going, so that there is somebody to ask.
        worker.signal(SIGTERM)
        try await worker.line("stop began")
        #expect(try await ask("readyz") == "draining")
        #expect(try await ask("livez") == "draining")
        let draining = try await ask("health")
        #expect(draining.contains(#""status":"draining""#), "\(draining)")
        worker.signal(SIGQUIT)
        _ = try await worker.exit()
    }
}
