import LastCall
import Testing

@testable import lastcall

struct CheckKubernetesTests {
    /// A manifest of a kind whose pod template stands under `spec.template`.
    private func manifest(_ kind: String = "Deployment", pod: String = "", container: String = "") -> String {
        """
        apiVersion: apps/v1
        kind: \(kind)
        metadata:
          name: web
        spec:
          template:
            spec:
              \(pod.isEmpty ? "dnsPolicy: Default" : pod)
              containers:
                - name: api
                  image: web
                  \(container.isEmpty ? "tty: false" : container)
        """
    }

    @Test("B15 a manifest without terminationGracePeriodSeconds is held to Kubernetes' 30 s")
    func kubernetesDefault() throws {
        let report = try checking("web.yaml", manifest(), budgets: ["30s", "5s"])
        #expect(report.exitCode == 1)
        #expect(
            report.problems == [
                "web.yaml:7 Deployment/web spec.template.spec.terminationGracePeriodSeconds: write 37 or more (is 30, the default)"
            ]
        )
    }

    @Test("B15 a preStop sleep is taken from the grace period before the stages get any")
    func preStopSleep() throws {
        for hook in [
            "lifecycle: {preStop: {sleep: {seconds: 10}}}", "lifecycle: {preStop: {exec: {command: [sleep, \"10\"]}}}",
            "lifecycle: {preStop: {exec: {command: [/bin/sh, -c, sleep 10]}}}",
        ] {
            let text = manifest(pod: "terminationGracePeriodSeconds: 40", container: hook)
            let fits = try checking("web.yaml", text, budgets: ["28s"])
            #expect(fits.checks.first?.window?.left == .seconds(28))
            #expect(fits.exitCode == 0)
            #expect(try checking("web.yaml", text, budgets: ["28.001s"]).exitCode == 1)
        }
    }

    @Test(
        "B15 a hook of unknown length is said to be unknown, with what it may take",
        arguments: ["exec: {command: [nginx, -s, quit]}", "httpGet: {path: /stop, port: 80}", "exec: {}"])
    func unknownHook(_ hook: String) throws {
        let text = manifest(container: "lifecycle: {preStop: {\(hook)}}")
        let report = try checking("web.yaml", text, budgets: ["20s"])
        #expect(report.exitCode == 0)
        #expect(report.checks.first?.verdict == .fitsUnlessHookIsLong)
        #expect(report.advice.first?.contains("of unknown length runs before SIGTERM") == true)
        #expect(report.advice.first?.contains("fits if it takes less than 8.5s") == true)
        #expect(report.text.contains("fits, but see preStop"))
    }

    @Test("B15 --prestop says how long an unknown hook takes")
    func preStopOption() throws {
        let text = manifest(container: "lifecycle: {preStop: {httpGet: {path: /stop, port: 80}}}")
        #expect(try checking("web.yaml", text, budgets: ["20s"], preStop: .seconds(5)).checks.first?.verdict == .fits)
        #expect(try checking("web.yaml", text, budgets: ["20s"], preStop: .seconds(9)).exitCode == 1)
    }

    @Test("B15 a hook that uses up the grace period is a problem without any plan")
    func hookLongerThanGrace() throws {
        let report = try checking("web.yaml", manifest(container: "lifecycle: {preStop: {sleep: {seconds: 30}}}"))
        #expect(report.exitCode == 1)
        #expect(report.findings(.problem).first?.reason.contains("leaves nothing for the stages") == true)
    }

    @Test("B15 a grace period of 0 is SIGKILL at once")
    func zeroGrace() throws {
        let report = try checking("web.yaml", manifest(pod: "terminationGracePeriodSeconds: 0"), budgets: ["5s"])
        #expect(
            report.problems == [
                "web.yaml:8 Deployment/web spec.template.spec.terminationGracePeriodSeconds: write 6 or more (is 0)"
            ])
        #expect(report.findings(.problem).first?.reason.hasPrefix("0 means SIGKILL at once") == true)
    }

    @Test("B15 LASTCALL_PRESTOP that is shorter than the hook does not fit")
    func preStopToldTooShort() throws {
        let env = "env: [{name: LASTCALL_GRACE, value: 30s}, {name: LASTCALL_PRESTOP, value: 2s}]"
        let text = manifest(container: "lifecycle: {preStop: {sleep: {seconds: 5}}}\n          \(env)")
        let report = try checking("web.yaml", text, budgets: ["10s"])
        #expect(report.problems == ["web.yaml:13 Deployment/web containers.api.env.LASTCALL_PRESTOP: write 5s (is 2s)"])
    }

    @Test("B15 LASTCALL_GRACE without the hook's time is a deadline after SIGKILL")
    func preStopNotTold() throws {
        let hook = "lifecycle: {preStop: {sleep: {seconds: 5}}}"
        let told = manifest(container: "\(hook)\n          env: [{name: LASTCALL_GRACE, value: 30s}]")
        #expect(
            try checking("web.yaml", told).problems == [
                "web.yaml:13 Deployment/web containers.api.env.LASTCALL_PRESTOP: write 5s (is not set)"
            ])
        // Told less grace instead, the service is right about the end, which is all that counts.
        let less = manifest(container: "\(hook)\n          env: [{name: LASTCALL_GRACE, value: 25s}]")
        #expect(try checking("web.yaml", less, budgets: ["20s"]).exitCode == 0)
        // Told nothing, it gets advice.
        #expect(
            try checking("web.yaml", manifest(container: hook)).advice == [
                "web.yaml:10 Deployment/web containers.api.env.LASTCALL_PRESTOP: write 5s (is not set)"
            ])
    }

    @Test("B15 every workload kind is found, others are passed over, in one stream of documents")
    func kinds() throws {
        var documents = ["StatefulSet", "DaemonSet", "Deployment", "Job"].map { manifest($0) }
        documents.append("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: []}")
        documents.append("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c}]}")
        documents.append(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: n}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c}, {name: d}]}}}}}"
        )
        let report = try checking(
            "all.yaml", "---\n" + documents.joined(separator: "\n---\n") + "\n---\n", budgets: ["5s"])
        #expect(
            report.checks.map(\.service.name) == [
                "StatefulSet/web api", "DaemonSet/web api", "Deployment/web api", "Job/web api", "Pod/p c",
                "CronJob/n c", "CronJob/n d",
            ]
        )
        #expect(report.exitCode == 0)
    }

    @Test("B15 a List is read item by item")
    func list() throws {
        let text =
            "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c}]}}\n- {apiVersion: v1, kind: Secret}\n"
        #expect(try checking("list.yaml", text).checks.map(\.service.name) == ["Pod/a c"])
    }

    @Test("B15 JSON manifests are YAML too")
    func json() throws {
        let text =
            #"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"terminationGracePeriodSeconds": 60, "containers": [{"name": "c"}]}}"#
        #expect(try checking("pod.json", text, budgets: ["50s"]).exitCode == 0)
    }

    @Test("B15 containers share one grace period, and the longest wish is what to write")
    func sharedGrace() throws {
        let text =
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: a\n  - name: b\n    lifecycle: {preStop: {sleep: {seconds: 9}}}\n"
        let report = try checking("pod.yaml", text, budgets: ["30s"])
        #expect(report.checks.count { $0.verdict == .doesNotFit } == 2)
        #expect(
            report.problems == [
                "pod.yaml:4 Pod/p spec.terminationGracePeriodSeconds: write 41 or more (is 30, the default)"
            ])
    }

    @Test("B15 --service finds a container, a workload or both")
    func serviceFilter() throws {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a}, {name: b}]}\n"
        #expect(try checking("pod.yaml", text, services: ["b"]).checks.map(\.service.name) == ["Pod/p b"])
        #expect(try checking("pod.yaml", text, services: ["p"]).checks.count == 2)
        #expect(try checking("pod.yaml", text, services: ["Pod/p"]).checks.count == 2)
        let none = try checking("pod.yaml", text, services: ["x"])
        #expect(none.exitCode == 78)
        #expect(none.errors == ["--service: \"x\" is in none of the files; there are: Pod/p a, Pod/p b"])
    }

    @Test("B15 a value that comes from elsewhere is not guessed")
    func valueFrom() throws {
        let env = "env: [{name: LASTCALL_GRACE, valueFrom: {configMapKeyRef: {name: a, key: b}}}]"
        let report = try checking("web.yaml", manifest(container: env), budgets: ["5s"])
        #expect(report.exitCode == 0)
        #expect(report.advice.first?.contains("has no value written here (valueFrom?)") == true)
    }

    @Test(
        "B15 values that the API server would refuse are refused with the fix",
        arguments: [
            (
                "terminationGracePeriodSeconds: 45s",
                "\"45s\" is not a whole number of seconds, without unit and quotes; write 45"
            ),
            (
                "terminationGracePeriodSeconds: \"60\"",
                "\"60\" is not a whole number of seconds, without unit and quotes; write 60"
            ),
            (
                "terminationGracePeriodSeconds: -1",
                "\"-1\" is not a whole number of seconds, without unit and quotes; write 30"
            ),
            ("terminationGracePeriodSeconds: 99999999999999999999", "write"),
            ("terminationGracePeriodSeconds: [1]", "\"a list\" is not a whole number of seconds"),
        ]
    )
    func badGrace(_ line: String, _ message: String) throws {
        let report = try checking("web.yaml", manifest(pod: line))
        #expect(report.exitCode == 78)
        #expect(
            report.errors.first?.hasPrefix(
                "web.yaml:8: Deployment/web spec.template.spec.terminationGracePeriodSeconds: ") == true)
        #expect(report.errors.first?.contains(message) == true)
    }

    @Test("B15 a bare number as a variable's value is what the API server refuses, and the advice says so")
    func bareNumber() throws {
        let report = try checking("web.yaml", manifest(container: "env: [{name: LASTCALL_GRACE, value: 30}]"))
        #expect(report.advice == ["web.yaml:12 Deployment/web containers.api.env.LASTCALL_GRACE: write \"30\" (is 30)"])
    }

    @Test("B15 a workload without pod or containers is an error with its name")
    func incomplete() throws {
        let noPod = try checking(
            "a.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n")
        #expect(
            noPod.errors == [
                "a.yaml:4: Deployment/web spec.template.spec: is missing or not a mapping; a Deployment needs it"
            ])
        let noContainers = try checking(
            "a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: []}\n")
        #expect(
            noContainers.errors == ["a.yaml:4: Pod/p spec.containers: is missing or empty; a Pod needs at least one"])
    }
}
