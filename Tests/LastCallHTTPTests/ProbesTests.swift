import FoundationEssentials
import Hummingbird
import HummingbirdCore
import LastCall
import LastCallConcurrency
import LastCallTesting
import ServiceLifecycle
import ServiceLifecycleTestKit
import Testing

@testable import LastCallHTTP

@Suite(.timeLimit(.minutes(2))) struct ProbesTests {
    /// Asks for a path on a connection of its own.
    private func ask(_ path: String, of probes: Probes) async throws -> RawClient.Answer {
        let client = try await RawClient.connect(to: probes.localAddress)
        try await client.get(path)
        return try #require(await client.answer())
    }

    private func object(_ answer: RawClient.Answer) throws -> [String: Any] {
        struct Anything: Decodable {
            let value: Any
            init(from decoder: any Decoder) throws {
                if let map = try? decoder.singleValueContainer().decode([String: Anything].self) {  // not a map
                    value = map.mapValues(\.value)
                } else if let text = try? decoder.singleValueContainer().decode(String.self) {  // no text either
                    value = text
                } else if let number = try? decoder.singleValueContainer().decode(Double.self) {  // nor a number
                    value = number
                } else {
                    value = "null"
                }
            }
        }
        return try JSONDecoder().decode([String: Anything].self, from: Data(answer.body.utf8)).mapValues(\.value)
    }

    @Test("P36 /health is JSON with version, uptime and what every provider says; unknown paths are 404")
    func health() async throws {
        let probes = Probes(
            listener: .hostname("127.0.0.1", port: 0), version: "1.4.2",
            providers: [
                HealthProvider("outbox", timeout: .seconds(20)) {
                    ["depth": 3, "utilisation": 0.25, "breaker": "closed"]
                },
                HealthProvider("poll", timeout: .seconds(20)) { ["lastPoll": nil, "lastError": "none yet"] },
            ])
        try await running(probes) {
            let answer = try await ask("/health", of: probes)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/json")
            let report = try object(answer)
            #expect(report["version"] as? String == "1.4.2")
            #expect(report["status"] as? String == "ok")
            #expect(report["uptimeSeconds"] is Double)
            let checks = try #require(report["checks"] as? [String: Any])
            let outbox = try #require(checks["outbox"] as? [String: Any])
            #expect(outbox["depth"] as? Double == 3)
            #expect(outbox["utilisation"] as? Double == 0.25)
            #expect(outbox["breaker"] as? String == "closed")
            #expect(outbox["status"] as? String == "ok")
            #expect((checks["poll"] as? [String: Any])?["lastPoll"] as? String == "null")
            let client = try await RawClient.connect(to: probes.localAddress)
            try await client.send("HEAD /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            #expect(await client.text("HTTP/1.1 200"))
            #expect(await client.end() == .closed)
            for path in ["/", "/healthz", "/health/outbox", "/../etc/passwd"] {
                #expect(try await ask(path, of: probes).status == 404)
            }
        }
    }

    @Test("P36 a provider that fails or never answers degrades its own entry, never the endpoint")
    func failingProvider() async throws {
        struct NoTable: Error {}
        let forever = Latch<Void>()
        let probes = Probes(
            listener: .hostname("127.0.0.1", port: 0),
            providers: [
                HealthProvider("good", timeout: .seconds(20)) { ["depth": 1] },
                HealthProvider("bad", timeout: .seconds(20)) { throw NoTable() },
                HealthProvider("stuck", timeout: .milliseconds(20)) {
                    _ = await forever.waitThroughCancellation()
                    return [:]
                },
            ])
        try await running(probes) {
            let answer = try await ask("/health", of: probes)
            #expect(answer.status == 200)
            let report = try object(answer)
            #expect(report["status"] as? String == "degraded")
            let checks = try #require(report["checks"] as? [String: [String: Any]])
            #expect(checks["good"]?["status"] as? String == "ok")
            #expect(checks["bad"]?["status"] as? String == "failed")
            #expect((checks["bad"]?["error"] as? String)?.contains("NoTable") == true)
            #expect((checks["stuck"]?["error"] as? String)?.contains("no answer within 20ms") == true)
        }
        forever.open()
    }

    @Test("P36 a provider that hangs is asked once, however often somebody looks")
    func hangingProvider() async throws {
        let release = Latch<Void>()
        let asked = Mutex(0)
        let probes = Probes(
            listener: .hostname("127.0.0.1", port: 0),
            providers: [
                HealthProvider("stuck", timeout: .milliseconds(10)) {
                    asked.withLock { $0 += 1 }
                    _ = await release.waitThroughCancellation()
                    return ["depth": 1]
                }
            ])
        try await running(probes) {
            for _ in 0..<5 { #expect(try await ask("/health", of: probes).body.contains("no answer within 10ms")) }
            #expect(asked.withLock { $0 } == 1)
            release.open()
            // Once it has answered it is asked again.
            while try await !ask("/health", of: probes).body.contains("\"depth\":1") || asked.withLock({ $0 }) < 2 {
                await Task.yield()
            }
        }
    }

    @Test("B10 outside a lifecycle /readyz is 503 from the moment the probes themselves are told")
    func readinessWithoutLifecycle() async throws {
        let probes = Probes(listener: .hostname("127.0.0.1", port: 0))
        try await testGracefulShutdown { trigger in
            async let end: Void = probes.run()
            try await probes.waitUntilReady()
            #expect(try await ask("/readyz", of: probes).status == 200)
            let client = try await RawClient.connect(to: probes.localAddress)
            try await client.send("GET /readyz HTTP/1.1\r\nHost: test\r\n")
            // The first half has arrived when the second request of another connection is answered on the same loop.
            #expect(try await ask("/livez", of: probes).body == "ok\n")
            trigger.triggerGracefulShutdown()
            try await client.send("\r\n")
            let answer = await client.answer()
            #expect(answer?.status == 503)
            #expect(answer?.body == "draining\n")
            try await end
        }
    }

    @Test(
        "B10 /readyz is 503 before all are ready and from the beginning of the stop; the others stay 200 and say draining"
    )
    func readiness() async throws {
        /// A member that is ready when it is told so.
        struct Slow: Service, ReadinessReporting {
            let ready: Latch<Void>
            let entered: Latch<Void>
            let ends: Latch<Void>
            func waitUntilReady() async throws {
                entered.open()
                try await ready.wait()
            }
            func run() async throws { try await ends.wait() }
        }
        let slow = Slow(ready: Latch(), entered: Latch(), ends: Latch())
        let probes = Probes(listener: .hostname("127.0.0.1", port: 0))
        let up = Latch<Void>()
        let plan = try ShutdownPlan(grace: .stated(.seconds(30)), environment: [:]) {
            Stage("slow") { slow }
            Stage("probes") { probes }
        }
        let lifecycle = Lifecycle(
            plan,
            configuration: .init(showsReceipt: .never, environment: [:]) { if case .ready = $0.kind { up.open() } })
        async let receipt = lifecycle.runUntilStopped()
        try await probes.waitUntilReady()
        try await slow.entered.wait()
        let starting = try await ask("/readyz", of: probes)
        #expect(starting.status == 503)
        #expect(starting.body == "starting\n")
        #expect(try await ask("/livez", of: probes).status == 200)
        slow.ready.open()
        try await up.wait()
        #expect(try await ask("/readyz", of: probes).status == 200)
        let told = Shutdown.current
        #expect(told == nil)
        lifecycle.stop("maintenance")
        // The stop begins on the lifecycle's own thread; the probes say when.
        while try await ask("/readyz", of: probes).status == 200 { await Task.yield() }
        #expect(try await ask("/readyz", of: probes).body == "draining\n")
        let live = try await ask("/livez", of: probes)
        #expect(live.status == 200)
        #expect(live.body == "draining\n")
        let health = try await ask("/health", of: probes)
        #expect(health.status == 200)
        #expect(try object(health)["status"] as? String == "draining")
        #expect(health.body.contains("maintenance"))
        slow.ends.open()
        #expect(await receipt.outcome == .clean)
    }

    /// Runs probes in a lifecycle of their own.
    private func running(_ probes: Probes, _ body: () async throws -> Void) async throws {
        let plan = try ShutdownPlan(environment: [:]) { Stage("probes") { probes } }
        let lifecycle = Lifecycle(plan, configuration: .init(showsReceipt: .never, environment: [:]))
        async let receipt = lifecycle.runUntilStopped()
        try await probes.waitUntilReady()
        do {
            try await body()
        } catch {
            lifecycle.stop()
            _ = await receipt
            throw error
        }
        lifecycle.stop()
        #expect(await receipt.outcome == .clean)
    }
}
