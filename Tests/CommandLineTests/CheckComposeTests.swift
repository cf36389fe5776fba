import LastCall
import Testing

@testable import lastcall

struct CheckComposeTests {
    @Test("B15 a compose file without stop_grace_period is held to Docker's 10 s")
    func dockersDefault() throws {
        let report = try checking("compose.yml", "services:\n  web:\n    image: web\n", budgets: ["12s"])
        #expect(report.exitCode == 1)
        #expect(
            report.problems == ["compose.yml:2 services.web.stop_grace_period: write 13s or more (is 10s, the default)"]
        )
        let check = try #require(report.checks.first)
        #expect(check.service.grace.source == .assumed)
        #expect(check.window?.grace == .seconds(10))
        let reason = try #require(report.findings(.problem).first?.reason)
        #expect(reason.contains("it would scale the budgets and warn, not refuse"))
    }

    @Test("B15 a grace that is written is stated, and what fits it fits")
    func statedGrace() throws {
        let report = try checking(
            "compose.yml", "services:\n  web:\n    stop_grace_period: 1m30s\n    environment: {LASTCALL_GRACE: 90s}\n",
            budgets: ["60s", "28s"]
        )
        #expect(report.checks.first?.service.grace.source == .stated)
        #expect(report.exitCode == 0)
        #expect(report.advice == [])
    }

    @Test("B15 the suggestion holds the plan to the second, and one second less does not")
    func suggestionIsExact() throws {
        func code(_ grace: Int) throws -> Int32 {
            try checking(
                "compose.yml", "services:\n  web:\n    stop_grace_period: \(grace)s\n", budgets: ["30s", "5s"]
            )
            .exitCode
        }
        let problems = try checking("compose.yml", "services: {web: {}}", budgets: ["30s", "5s"]).problems
        #expect(problems.first?.contains("write 37s or more") == true)
        #expect(try code(37) == 0)
        #expect(try code(36) == 1)
    }

    @Test("B15 LASTCALL_GRACE is read from an environment in both forms")
    func environmentForms() throws {
        for environment in [
            "environment:\n      LASTCALL_GRACE: 20", "environment:\n      - OTHER\n      - LASTCALL_GRACE=20s",
        ] {
            let text = "services:\n  web:\n    stop_grace_period: 1m\n    \(environment)\n"
            let report = try checking("compose.yml", text, budgets: ["30s"])
            #expect(report.checks.first?.service.statedGrace?.value == .seconds(20))
            #expect(report.problems.count == 1)
            #expect(
                report.problems.first?.contains("services.web.environment.LASTCALL_GRACE: write 32s or more (is 20s)")
                    == true)
            #expect(report.checks.first?.isStatedWindow == true)
        }
    }

    @Test("B15 a LASTCALL_GRACE that promises more than the platform grants does not fit, plan or no plan")
    func promiseTooLong() throws {
        let text = "services:\n  web:\n    environment: {LASTCALL_GRACE: 45s}\n"
        #expect(
            try checking("compose.yml", text, budgets: ["5s"]).problems == [
                "compose.yml:2 services.web.stop_grace_period: write 45s or more (is 10s, the default)"
            ])
        #expect(try checking("compose.yml", text).exitCode == 1)
    }

    @Test("B15 a process that is not told a grace which is not the default gets the advice to tell it")
    func adviceToStateGrace() throws {
        let report = try checking(
            "compose.yml", "services:\n  web:\n    stop_grace_period: 45s\n    env_file: .env\n", budgets: ["30s"])
        #expect(report.exitCode == 0)
        #expect(
            report.advice == [
                "compose.yml:2 services.web.environment.LASTCALL_GRACE: write 45s (is not set in this file)"
            ])
    }

    @Test("B15 anchors and merge keys count, the way compose users share settings")
    func anchors() throws {
        let text = """
            x-service: &service
              stop_grace_period: 1m
              environment: &env {LASTCALL_GRACE: 60s}
            services:
              web: {<<: *service, image: web}
              short: {<<: *service, stop_grace_period: 20s, environment: {<<: *env, LASTCALL_GRACE: 20s}}
            """
        let report = try checking("compose.yml", text, budgets: ["30s"])
        #expect(report.checks.map(\.verdict) == [.fits, .doesNotFit])
        #expect(
            report.problems.first?.hasPrefix(
                "compose.yml:6 services.short.stop_grace_period: write 32s or more (is 20s)") == true)
    }

    @Test("B15 a string is not run by a shell in compose, a shell that is written out is")
    func shellForm() throws {
        let text = """
            services:
              plain: {command: ./server --port 80}
              shell: {command: sh -c "./server --port 80"}
              entry: {entrypoint: [/bin/sh, -c, "migrate && ./server"], init: true}
            """
        let report = try checking("compose.yml", text)
        #expect(report.exitCode == 0)
        #expect(
            report.advice == [
                #"compose.yml:3 services.shell.command: write ["./server", "--port", "80"] (is run by a shell)"#,
                #"compose.yml:4 services.entry.entrypoint: write "migrate && exec ./server" (is run by a shell)"#,
            ]
        )
        #expect(report.findings(.advice).last?.reason.hasPrefix("init: true hands SIGTERM to the shell") == true)
    }

    @Test(
        "B15 a stop signal that lastcall does not drain on is named",
        arguments: [
            ("SIGTERM", 0, 0), ("SIGINT", 0, 0), ("term", 0, 0), ("SIGQUIT", 0, 1), ("SIGUSR1", 0, 1),
            ("SIGKILL", 1, 0), ("9", 1, 0),
        ]
    )
    func stopSignals(_ signal: String, _ problems: Int, _ advice: Int) throws {
        let report = try checking("compose.yml", "services:\n  web:\n    stop_signal: \(signal)\n")
        #expect(report.problems.count == problems)
        #expect(report.advice.count == advice)
        #expect(report.exitCode == Int32(problems))
    }

    @Test("B15 ${NAME:-30s} is checked with its default and says so, ${NAME} is refused")
    func interpolation() throws {
        let fallback = try checking(
            "compose.yml", "services:\n  web:\n    stop_grace_period: ${GRACE:-45s}\n", budgets: ["30s"])
        #expect(fallback.exitCode == 0)
        #expect(
            fallback.advice.first
                == "compose.yml:3 services.web.stop_grace_period: depends on $GRACE; checked with 45s, which holds where it is not set."
        )
        let unknown = try checking(
            "compose.yml", "services:\n  web:\n    stop_grace_period: ${GRACE}\n", budgets: ["30s"])
        #expect(unknown.exitCode == 78)
        #expect(unknown.errors.first?.contains("docker compose config") == true)
    }

    @Test("B15 extends is not followed, and the report says so")
    func extends() throws {
        let report = try checking("compose.yml", "services:\n  web:\n    extends: {file: base.yml, service: web}\n")
        #expect(report.advice.first?.hasPrefix("compose.yml:3 services.web.extends: is not followed here") == true)
    }

    @Test("B15 unknown keys and a service without a body are taken as they are")
    func unknownKeys() throws {
        let report = try checking(
            "docker-compose.yaml", "name: x\nvolumes: {}\nservices:\n  web:\n  b: {x-y: [1, {z: 2}]}\n", budgets: ["5s"]
        )
        #expect(report.exitCode == 0)
        #expect(report.checks.count == 2)
    }

    @Test(
        "B15 a value that compose would refuse is refused with key, value and fix",
        arguments: [
            (
                "stop_grace_period: 30",
                "compose.yml:3: services.web.stop_grace_period: \"30\" has no unit, which compose refuses; write 30s"
            ),
            (
                "stop_grace_period: 5x",
                "compose.yml:3: services.web.stop_grace_period: \"5x\" is not a duration; write for example 30s or 1m30s"
            ),
            (
                "stop_grace_period: [1s]",
                "compose.yml:3: services.web.stop_grace_period: must be a duration such as 30s, this is a list"
            ),
            (
                "environment: {LASTCALL_GRACE: soon}",
                "compose.yml:3: services.web.environment.LASTCALL_GRACE: \"soon\" is not a duration; write for example 30s or 1m30s"
            ),
            (
                "environment: [LASTCALL_GRACE]",
                "compose.yml:3: services.web.environment.LASTCALL_GRACE: comes from the environment of docker compose; write the value here"
            ),
            (
                "environment: text",
                "compose.yml:3: services.web.environment: must be a mapping or a list of NAME=value, this is text"
            ),
        ]
    )
    func badValues(_ line: String, _ message: String) throws {
        let report = try checking("compose.yml", "services:\n  web:\n    \(line)\n  good: {}\n", budgets: ["5s"])
        #expect(report.errors == [message])
        #expect(report.exitCode == 78)
        #expect(report.checks.map(\.service.name) == ["good"])
    }
}
