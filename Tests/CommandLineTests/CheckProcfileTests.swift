import LastCall
import Testing

@testable import lastcall

struct CheckProcfileTests {
    @Test("B15 Heroku grants every process type 30 s, and only the budgets can give way")
    func fixedGrace() throws {
        let report = try checking(
            "Procfile", "# types\nweb: ./server --port $PORT\nworker-2: ./worker\n", budgets: ["20s", "10s"])
        #expect(report.checks.map(\.service.name) == ["web", "worker-2"])
        #expect(report.checks.first?.service.grace.source == .fixed)
        #expect(
            report.problems == [
                "Procfile:2 web budgets: write 28.5s in total, or less (is 30s)",
                "Procfile:3 worker-2 budgets: write 28.5s in total, or less (is 30s)",
            ]
        )
        #expect(try checking("Procfile", "web: ./server\n", budgets: ["28.5s"]).exitCode == 0)
    }

    @Test(
        "B15 LASTCALL_GRACE before the command counts",
        arguments: ["LASTCALL_GRACE=60s ./server", "env A=b LASTCALL_GRACE=60 ./server"])
    func statedGrace(_ command: String) throws {
        #expect(
            try checking("Procfile", "web: \(command)\n").problems == [
                "Procfile:1 web LASTCALL_GRACE: write 30s (is 1m)"
            ]
        )
        #expect(try checking("Procfile", "web: ./server LASTCALL_GRACE=60s\n").exitCode == 0)
    }

    @Test(
        "B15 a Procfile is known by its name or by its lines",
        arguments: ["Procfile", "Procfile.dev", "processes", "dir/Procfile"])
    func recognised(_ name: String) throws {
        #expect(
            try checking(name, "web: ./server\nworker: ./w\n").checks.map(\.service.platform) == [.procfile, .procfile])
    }

    @Test("B15 YAML that looks like a Procfile names itself")
    func notRecognised() throws {
        #expect(try checking("standard input", "services: {web: {}}\n").checks.map(\.service.platform) == [.compose])
        let pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a}]}\n"
        #expect(try checking("standard input", pod).checks.map(\.service.platform) == [.kubernetes])
    }

    @Test(
        "B15 a line that is no process type is refused",
        arguments: [
            (
                "web\n",
                "Procfile:1: \"web\" is not an entry of a Procfile; write name: command, the name of letters, digits, - and _"
            ),
            (
                "web: x\nweb:\n",
                "Procfile:2: \"web:\" is not an entry of a Procfile; write name: command, the name of letters, digits, - and _"
            ),
            ("# only a comment\n", "Procfile: holds no process type; write for example web: ./server"),
            (
                "web: LASTCALL_GRACE=x ./s\n",
                "Procfile:1: web LASTCALL_GRACE: \"x\" is not a duration; write for example 30s or 1m30s"
            ),
        ]
    )
    func malformed(_ text: String, _ message: String) throws {
        #expect(try checking("Procfile", text).errors == [message])
    }
}
