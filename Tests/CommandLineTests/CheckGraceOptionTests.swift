import Testing

@testable import lastcall

/// What `lastcall run --grace` in a deployment file tells, beside what the platform grants.
struct CheckGraceOptionTests {
    @Test(
        "B15 lastcall run's own --grace is read from its command",
        arguments: [
            (["lastcall", "run", "--grace", "90s", "--", "x"], 90),
            (["/usr/bin/lastcall", "run", "--grace=5s", "x"], 5),
            (["tini", "--", "lastcall", "run", "--quiet", "--kill-after", "3s", "--grace", "7s", "x"], 7),
            (["lastcall", "run", "--", "x", "--grace", "90s"], nil), (["lastcall", "run", "x", "--grace", "90s"], nil),
            (["lastcall", "run", "--grace"], nil), (["lastcall", "run", "--grace", "soon", "x"], nil),
            (["lastcall"], nil),
            (["x", "--grace", "90s"], nil), ([], nil),
        ] as [([String], Int?)])
    func words(_ words: [String], _ seconds: Int?) {
        #expect(CommandWords(words: words).graceOption == seconds.map { .seconds($0) })
    }

    @Test("B15 a --grace that promises more than the platform grants does not fit, in every kind of file")
    func promiseTooLong() throws {
        let compose = """
            services:
              web:
                stop_grace_period: 30s
                entrypoint: [lastcall, run, --grace, 90s]
                command: ["--", worker]
                environment: {LASTCALL_GRACE: 30s}
            """
        #expect(
            try checking("compose.yml", compose, budgets: ["5s"]).problems == [
                "compose.yml:3 services.web.stop_grace_period: write 90s or more (is 30s)"
            ])
        let pod = """
            apiVersion: v1
            kind: Pod
            metadata: {name: web}
            spec: {containers: [{name: web, image: a, command: [lastcall, run, --grace, 90s, --, worker]}]}
            """
        #expect(
            try checking("pod.yml", pod).problems.first?.contains("terminationGracePeriodSeconds: write 90 or more")
                == true)
        let unit = "[Service]\nTimeoutStopSec=30s\nExecStart=/usr/bin/lastcall run --grace 90s -- worker\n"
        #expect(try checking("web.service", unit).problems.first?.contains("TimeoutStopSec: write 90s or more") == true)
        let procfile = "web: lastcall run --grace 90s -- worker\n"
        #expect(
            try checking("Procfile", procfile).problems == ["Procfile:1 web --grace: write 30s (is 1m30s)"])
    }

    @Test("B15 a --grace that fits is what the table counts with, by its name") func fits() throws {
        let compose =
            "services:\n  web:\n    stop_grace_period: 30s\n    command: lastcall run --grace 20s -- worker\n"
        let report = try checking("compose.yml", compose, budgets: ["5s"])
        #expect(report.exitCode == 0)
        #expect(report.text.contains("20s --grace"))
        #expect(report.advice.isEmpty)
    }

    @Test("B15 SIGQUIT drains under lastcall run, and is advised against elsewhere") func quitSignal() throws {
        func advice(_ command: String) throws -> [String] {
            let text =
                "services:\n  web:\n    stop_grace_period: 10s\n    stop_signal: SIGQUIT\n    command: \(command)\n"
            return try checking("compose.yml", text).advice
        }
        #expect(try advice("lastcall run -- nginx").isEmpty)
        #expect(try advice("worker").first?.contains("stop_signal") == true)
    }
}
