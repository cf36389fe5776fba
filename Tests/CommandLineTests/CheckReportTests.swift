import LastCall
import Testing

@testable import lastcall

/// The whole output, as text.
struct CheckReportTests {
    private let compose = """
        services:
          web:
            image: web
          worker:
            stop_grace_period: 1m
            environment: {LASTCALL_GRACE: 60s}

        """
    private let pod = """
        apiVersion: v1
        kind: Pod
        metadata: {name: p}
        spec:
          terminationGracePeriodSeconds: 60
          containers:
          - name: api
            lifecycle: {preStop: {exec: {command: [nginx, -s, quit]}}}
            env: [{name: LASTCALL_GRACE, value: 60s}]

        """

    @Test("B15 the report is a table for each file, what to write instead, advice, and the outcome")
    func wholeReport() throws {
        let report = try checking([("compose.yml", compose), ("pod.yaml", pod)], budgets: ["intake=30s", "close=5s"])
        #expect(
            report.text == """
                plan (--budget): intake 30s + close 5s = 35s

                compose.yml (Docker Compose)
                  service  grace        preStop  reserve  left  stages  verdict
                  web      10s default  -        500ms    9.5s  35s     does not fit
                  worker   1m           -        2s       58s   35s     fits

                pod.yaml (Kubernetes)
                  service    grace  preStop  reserve  left  stages  verdict
                  Pod/p api  1m     ?        2s       58s   35s     fits, but see preStop

                To change:
                  compose.yml:2 services.web.stop_grace_period: write 37s or more (is 10s, the default)
                      10s - reserve 500ms = 9.5s for the stages, which need 35s; or shorten the budgets by 25.5s.
                      Without LASTCALL_GRACE the service can only assume its grace: at start it would scale the
                      budgets and warn, not refuse.

                Advice:
                  compose.yml:2 services.web.environment.LASTCALL_GRACE: write 37s (is not set)
                      The platform does not tell a process its grace period; not told, it assumes 10s.
                  pod.yaml:8 Pod/p containers.api.lifecycle.preStop.exec: a command of unknown length runs before SIGTERM and uses the same grace period; the plan fits if it takes less than 23s. Say how long it takes with --prestop, and tell the service with LASTCALL_PRESTOP.

                1 of 3 services does not fit.

                """
        )
        #expect(report.exitCode == 1)
    }

    @Test("B15 without a plan the files are checked by themselves, and the report says so")
    func withoutPlan() throws {
        let report = try checking("compose.yml", compose)
        #expect(
            report.text == """
                no plan given: the files are checked by themselves; add --budget or --plan to hold a plan against them

                compose.yml (Docker Compose)
                  service  grace        preStop  reserve  left  stages  verdict
                  web      10s default  -        500ms    9.5s  -       no plan
                  worker   1m           -        2s       58s   -       no plan

                No plan was given; nothing in 2 services contradicts itself.

                """
        )
        #expect(report.exitCode == 0)
    }

    @Test("B15 the smallest report is the sum and one line")
    func allFits() throws {
        let report = try checking("compose.yml", compose, budgets: ["9s"], services: ["web"])
        #expect(
            report.text == """
                plan (--budget): stage 1 9s

                compose.yml (Docker Compose)
                  service  grace        preStop  reserve  left  stages  verdict
                  web      10s default  -        500ms    9.5s  9s      fits

                The service fits.

                """
        )
    }

    @Test("B15 --service drops what nobody asked for, errors included")
    func serviceFilter() throws {
        let text = compose + "  broken: {stop_grace_period: 5x}\n"
        #expect(try checking("compose.yml", text, budgets: ["5s"]).exitCode == 78)
        #expect(try checking("compose.yml", text, budgets: ["5s"], services: ["web"]).exitCode == 0)
        #expect(try checking("compose.yml", text, budgets: ["5s"], services: ["broken"]).exitCode == 78)
        let unknown = try checking("compose.yml", text, budgets: ["5s"], services: ["web", "api"])
        #expect(unknown.errors == ["--service: \"api\" is in none of the files; there are: web, worker"])
    }

    @Test("B15 78 wins over 1: what is not understood may be worse than what does not fit")
    func exitCodes() throws {
        #expect(try checking([("c.yml", compose), ("x.yml", "")], budgets: ["30s"]).exitCode == 78)
    }

    @Test("B15 the report is JSON with a version, seconds and the same findings")
    func json() throws {
        let report = try checking([("compose.yml", compose)], budgets: ["a=30s"], services: ["web"])
        #expect(
            report.json == #"""
                {
                  "errors" : [

                  ],
                  "exitCode" : 1,
                  "findings" : [
                    {
                      "current" : "10s, the default",
                      "file" : "compose.yml",
                      "key" : "services.web.stop_grace_period",
                      "line" : 2,
                      "reason" : "10s - reserve 500ms = 9.5s for the stages, which need 30s; or shorten the budgets by 20.5s. Without LASTCALL_GRACE the service can only assume its grace: at start it would scale the budgets and warn, not refuse.",
                      "severity" : "problem",
                      "suggested" : "32s or more"
                    },
                    {
                      "current" : "not set",
                      "file" : "compose.yml",
                      "key" : "services.web.environment.LASTCALL_GRACE",
                      "line" : 2,
                      "reason" : "The platform does not tell a process its grace period; not told, it assumes 10s.",
                      "severity" : "advice",
                      "suggested" : "32s"
                    }
                  ],
                  "plan" : {
                    "origin" : "--budget",
                    "stages" : [
                      {
                        "budgetSeconds" : 30,
                        "name" : "a"
                      }
                    ]
                  },
                  "services" : [
                    {
                      "file" : "compose.yml",
                      "graceSeconds" : 10,
                      "graceSource" : "assumed",
                      "leftSeconds" : 9.5,
                      "name" : "web",
                      "platform" : "compose",
                      "preStopSeconds" : 0,
                      "reserveSeconds" : 0.5,
                      "verdict" : "doesNotFit"
                    }
                  ],
                  "version" : 1
                }

                """#
        )
    }
}
