import LastCall
import Testing

@testable import lastcall

struct CheckSystemdTests {
    /// A unit about which there is nothing to advise.
    private let good = """
        Type=notify
        KillMode=mixed
        SuccessExitStatus=75 143
        Restart=on-failure
        RestartPreventExitStatus=64 78
        """

    private func unit(_ lines: String) -> String {
        "[Unit]\nDescription=Web\n\n[Service]\nExecStart=/usr/bin/web\n\(lines)\n[Install]\nWantedBy=multi-user.target\n"
    }

    @Test("B15 a unit without TimeoutStopSec is held to systemd's 90 s")
    func systemdDefault() throws {
        #expect(try checking("web.service", unit(good), budgets: ["88s"]).exitCode == 0)
        let report = try checking("web.service", unit(good), budgets: ["89s"])
        #expect(report.problems == ["web.service:4 TimeoutStopSec: write 91s or more (is 1m30s, the default)"])
        #expect(report.advice == ["web.service:4 Environment=LASTCALL_GRACE: write 91s (is not set)"])
    }

    @Test(
        "B15 the time that systemd grants is read as systemd reads it",
        arguments: [
            ("TimeoutStopSec=45", 45), ("TimeoutStopSec=1min 30s", 90), ("TimeoutSec=20", 20),
            ("TimeoutSec=20\nTimeoutStopSec=30", 30),
            ("TimeoutStopSec=30\nTimeoutSec=20", 20), ("TimeoutStopSec = 30 s", 30),
            ("TimeoutStopSec=1min \\\n# a comment\n  5s", 65),
            ("TimeoutStopSec=5\nTimeoutStopSec=6", 6),
        ]
    )
    func timeouts(_ lines: String, _ seconds: Int) throws {
        let report = try checking("web.service", unit(lines))
        #expect(report.checks.first?.window?.grace == .seconds(seconds))
        #expect(report.checks.first?.service.grace.source == .stated)
    }

    @Test(
        "B15 infinity and 0 are no limit: everything fits, and the service should be told something",
        arguments: ["infinity", "0"])
    func infinity(_ value: String) throws {
        let report = try checking("web.service", unit("\(good)\nTimeoutStopSec=\(value)"), budgets: ["300s"])
        #expect(report.exitCode == 0)
        #expect(report.text.contains("web.service  no limit  -        -        no limit  5m      fits"))
        #expect(report.advice == ["web.service:4 Environment=LASTCALL_GRACE: write 302s (is not set)"])
        let told = try checking(
            "web.service", unit("\(good)\nTimeoutStopSec=\(value)\nEnvironment=LASTCALL_GRACE=60"), budgets: ["300s"])
        #expect(told.problems == ["web.service:12 Environment=LASTCALL_GRACE: write 302s or more (is 1m)"])
    }

    @Test("B15 Environment= is unquoted as systemd does: later wins, empty forgets")
    func environment() throws {
        func grace(_ lines: String) throws -> Duration? {
            try checking("web.service", unit(lines)).checks.first?.service.statedGrace?.value
        }
        #expect(try grace("Environment=A=b LASTCALL_GRACE=30s") == .seconds(30))
        #expect(try grace("Environment=\"X=1 LASTCALL_GRACE=9\" 'LASTCALL_GRACE=31s'") == .seconds(31))
        #expect(try grace("Environment=LASTCALL_GRACE=30s\nEnvironment=LASTCALL_GRACE=40s") == .seconds(40))
        #expect(try grace("Environment=LASTCALL_GRACE=30s\nEnvironment=") == nil)
    }

    @Test("B15 control-group tells every process to stop, and mixed is recommended")
    func killMode() throws {
        #expect(
            try checking("web.service", unit("TimeoutStopSec=90")).advice.contains(
                "web.service:4 KillMode: write mixed (is control-group, the default)"))
        #expect(
            try checking("web.service", unit("KillMode=control-group")).advice.contains(
                "web.service:6 KillMode: write mixed (is control-group)"))
        #expect(
            try checking("web.service", unit("KillMode=process")).advice.contains(
                "web.service:6 KillMode: write mixed (is process)"))
        #expect(try checking("web.service", unit("KillMode=mixed")).advice.allSatisfy { !$0.contains("KillMode") })
        #expect(try checking("web.service", unit("KillSignal=SIGKILL")).exitCode == 1)
    }

    @Test("B15 exit statuses are merged over lines and known by number and name")
    func exitStatuses() throws {
        func asked(_ lines: String, _ key: String) throws -> Bool {
            try checking("web.service", unit(lines)).advice.contains { $0.contains(" \(key): ") }
        }
        #expect(try asked("SuccessExitStatus=75", "SuccessExitStatus"))
        #expect(try !asked("SuccessExitStatus=TEMPFAIL\nSuccessExitStatus=143 SIGKILL", "SuccessExitStatus"))
        #expect(try asked("SuccessExitStatus=75 143\nSuccessExitStatus=", "SuccessExitStatus"))
        #expect(try asked("Restart=always", "RestartPreventExitStatus"))
        #expect(try !asked("Restart=always\nRestartPreventExitStatus=USAGE CONFIG", "RestartPreventExitStatus"))
        #expect(try !asked("Restart=no", "RestartPreventExitStatus"))
        #expect(try !asked("", "RestartPreventExitStatus"))
    }

    @Test(
        "B15 a unit in which notifications go nowhere gets a hint",
        arguments: [
            ("", true), ("Type=simple", true), ("Type=notify", false), ("Type=notify-reload", false),
            ("NotifyAccess=main", false), ("NotifyAccess=none", true), ("WatchdogSec=5", false),
        ])
    func notify(_ line: String, _ isHinted: Bool) throws {
        #expect(
            try checking("web.service", unit(line)).advice.contains { $0.contains(" Type: write notify") } == isHinted)
    }

    @Test("B15 a drop-in and a unit without its ending are known by their sections")
    func byContent() throws {
        #expect(
            try checking("override.conf", "# x\n[Service]\nTimeoutStopSec=10\n", budgets: ["9s"]).checks.first?.service
                .platform == .systemd)
        #expect(try checking("web", unit(good), budgets: ["9s"]).checks.first?.service.platform == .systemd)
    }

    @Test("B15 --service finds a unit with and without its ending", arguments: ["web", "web.service"])
    func serviceFilter(_ name: String) throws {
        #expect(try checking("/etc/systemd/system/web.service", unit(good), services: [name]).checks.count == 1)
    }

    @Test(
        "B15 what systemd could not read is refused with line and fix",
        arguments: [
            (
                "[Service]\nTimeoutStopSec=soon\n",
                "x.service:2: TimeoutStopSec: \"soon\" is not a time span; write for example 45s, 1min 30s or infinity"
            ),
            (
                "[Service]\nTimeoutStopSec=\n",
                "x.service:2: TimeoutStopSec: \"\" is not a time span; write for example 45s, 1min 30s or infinity"
            ),
            (
                "[Service]\nEnvironment=LASTCALL_GRACE=x\n",
                "x.service:2: Environment=LASTCALL_GRACE: \"x\" is not a duration; write for example 30s or 1m30s"
            ),
            ("[Service\nA=b\n", "x.service:1: \"[Service\" is not a section; write for example [Service]"),
            (
                "[Service]\nnonsense\n",
                "x.service:2: \"nonsense\" is not an assignment in a section; write Key=value below [Service]"
            ),
            ("A=b\n", "x.service:1: \"A=b\" is not an assignment in a section; write Key=value below [Service]"),
            ("[Unit]\nDescription=x\n", "x.service: holds no [Service] section; name the unit that starts the service"),
            ("[Service]\nTimeoutStopSec=5 \\", "x.service"),
        ]
    )
    func malformed(_ text: String, _ message: String) throws {
        let report = try checking("x.service", text)
        if text.hasSuffix("\\") {
            #expect(report.checks.first?.window?.grace == .seconds(5))
        } else {
            #expect(report.errors == [message])
            #expect(report.exitCode == 78)
        }
    }
}
