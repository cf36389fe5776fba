import LastCall
import LastCallTesting
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// What systemd is told, over a socket as systemd has it.
@Suite(.serialized, .timeLimit(.minutes(1))) struct NotifySocketTests {
    @Test(
        "B14 every message is what sd_notify(3) says",
        arguments: [
            (.ready, "READY=1\nSTATUS=Running"),
            (.stopping(atMost: .milliseconds(1500)), "STOPPING=1\nEXTEND_TIMEOUT_USEC=1500000\nSTATUS=Stopping"),
            (.extendTimeout(.seconds(2)), "EXTEND_TIMEOUT_USEC=2000000"),
            (.extendTimeout(.seconds(-1)), "EXTEND_TIMEOUT_USEC=1"),
            (.status("one\nSTOPPING=1"), "STATUS=one STOPPING=1"),
            (.watchdog, "WATCHDOG=1"),
        ] as [(NotifySocket.Message, String)])
    func texts(_ message: NotifySocket.Message, _ text: String) {
        #expect(message.text == text)
    }

    @Test("B14 a message reaches a socket with a path and an abstract one", arguments: [false, true])
    func arrives(isAbstract: Bool) async throws {
        let fake = try FakeNotifySocket(isAbstract: isAbstract)
        let socket = try #require(NotifySocket(environment: ["NOTIFY_SOCKET": fake.address]))
        #expect(socket.send(.watchdog) == nil)
        #expect(await fake.messages(until: "WATCHDOG") == ["WATCHDOG=1"])
    }

    @Test("B14 without an address that systemd gives nobody is told", arguments: [nil, "", "relative", "vsock:2:1"])
    func nobody(_ address: String?) {
        #expect(NotifySocket(environment: address.map { ["NOTIFY_SOCKET": $0] } ?? [:]) == nil)
    }

    @Test(
        "B14 signs of life are due at half the watchdog's time, and only from the process that is watched",
        arguments: [
            (["WATCHDOG_USEC": "3000000"], .milliseconds(1500)),
            (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"], .milliseconds(1500)),
            (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"], nil),
            (["WATCHDOG_USEC": "0"], nil), (["WATCHDOG_USEC": "often"], nil), ([:], nil),
        ] as [([String: String], Duration?)])
    func watchdog(_ environment: [String: String], _ interval: Duration?) throws {
        let environment = environment.merging(["NOTIFY_SOCKET": "/run/notify"]) { $1 }
        #expect(try #require(NotifySocket(environment: environment, pid: 7)).watchdogInterval == interval)
    }

    @Test("B14 nobody who does not read, listen or exist holds up the sender")
    func nobodyReads() throws {
        let full = try FakeNotifySocket(isRead: false)
        let socket = try #require(NotifySocket(environment: ["NOTIFY_SOCKET": full.address]))
        // The kernel keeps some messages; then a sender that could block would.
        var error: Int32?
        for _ in 0..<10_000 where error == nil { error = socket.send(.watchdog) }
        #expect(error == EAGAIN)
        #expect(NotifySocket(environment: ["NOTIFY_SOCKET": full.address + "-gone"])?.send(.ready) == ENOENT)
        let long = "/" + String(repeating: "n", count: 200)
        #expect(NotifySocket(environment: ["NOTIFY_SOCKET": long])?.send(.ready) == ENAMETOOLONG)
    }

    @Test("B14 systemd hears READY, signs of life, STOPPING with the time it takes, each stage, and the time left")
    func wholeLife() async throws {
        let fake = try FakeNotifySocket()
        let run = try FixtureRun(
            "slow", grace: "20s", environment: ["NOTIFY_SOCKET": fake.address, "WATCHDOG_USEC": "400000"])
        var heard = await fake.messages(until: "READY=1")
        // Two, so that they go on.
        for _ in 0..<2 { heard += await fake.messages(until: "WATCHDOG=1") }
        run.program.signal(SIGTERM)
        heard = await fake.messages(until: "STOPPING=1")
        let limit = try #require(
            heard.last?.split(separator: "\n").first { $0.hasPrefix("EXTEND") }?.split(separator: "="))
        // What is left of the grace, which is never more than all of it.
        #expect(try (10_000_000...20_000_000).contains(#require(Int(limit[1]))))
        #expect(try await run.program.exit() == 0)
        let rest = await fake.messages(until: "STATUS=Stopping close").filter { $0 != "WATCHDOG=1" }
        #expect(rest.count == 3)
        #expect(rest.first == "STATUS=Stopping work")
        #expect(rest.dropFirst().first?.hasPrefix("EXTEND_TIMEOUT_USEC=") == true)
    }

    @Test("B14 a service whose notify socket is gone runs and stops all the same")
    func goneSocket() async throws {
        let run = try FixtureRun(
            "idle", environment: ["NOTIFY_SOCKET": "/nonexistent/notify", "WATCHDOG_USEC": "20000"])
        try await run.program.line("ready")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == 0)
    }
}
