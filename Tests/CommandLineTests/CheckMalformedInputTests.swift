import Testing

@testable import lastcall

struct CheckMalformedInputTests {
    @Test(
        "B15 a file that is nothing to check says why",
        arguments: [
            ("a.yml", "", "a.yml: is empty; name a deployment file"),
            ("a.yml", " \n\t\n", "a.yml: is empty; name a deployment file"),
            ("a.yml", "\u{FEFF}\n", "a.yml: is empty; name a deployment file"),
            ("a.yml", "a\0b", "a.yml: is a binary file (byte 2 is 0); name a deployment file"),
            ("a.yml", "just text\n", "a.yml:1: is text, not a compose file or a manifest"),
            ("a.yml", "- a\n- b\n", "a.yml:1: is a list, not a compose file or a manifest"),
            (
                "a.yml", "a: b\n",
                "a.yml:1: is neither a compose file (no services:) nor a Kubernetes manifest (no apiVersion: and kind:)"
            ),
            ("a.yml", "services:\n", "a.yml:1: services: holds nothing; write at least one service below it"),
            ("a.yml", "services: {}\n", "a.yml:1: services: holds no service; write at least one service below it"),
            ("a.yml", "services: [a]\n", "a.yml:1: services: holds a list; write at least one service below it"),
            ("a.yml", "services:\n  web: text\n", "a.yml:2: services.web: must be a mapping, this is text"),
            (
                "a.yml", "# only\n---\n---\n",
                "a.yml: holds no service; name a file with a compose service or a workload such as a Deployment"
            ),
            (
                "a.yml", "apiVersion: v1\nkind: Secret\n",
                "a.yml: holds no service (found: Secret); name a file with a compose service or a workload such as a Deployment"
            ),
            (
                "a.yml", "services:\n  web: {\n",
                "a.yml:3: not valid YAML: did not find expected node content while parsing a flow node"
            ),
            (
                "a.yml", "services:\n  web: {{ .Values.x }}\n",
                "a.yml:2: a key must be text, this one is a mapping; render the template first, for example with helm template"
            ),
            (
                "a.yml", "services:\n\tweb: {}\n",
                "a.yml:2: not valid YAML: found character that cannot start any token while scanning for the next token; YAML is indented with spaces, never tabs, and text that begins with @, ` or % needs quotes"
            ),
            (
                "a.yml", "services:\n  web: {}\n  web: {}\n",
                "a.yml:3: the key \"web\" is written twice (first on line 2); remove one of them"
            ),
            ("notes.txt", "hello world\n", "notes.txt:1: is text, not a compose file or a manifest"),
        ]
    )
    func nothingToCheck(_ name: String, _ text: String, _ message: String) throws {
        let report = try checking(name, text, budgets: ["5s"])
        #expect(report.errors == [message])
        #expect(report.exitCode == 78)
        #expect(report.checks.isEmpty)
    }

    @Test("B15 text in another encoding is named as that")
    func encodings() {
        func errors(_ bytes: [UInt8]) -> [String] {
            CheckReport(files: [InputFile(name: "a.yml", bytes: bytes)], options: CheckOptions()).errors
        }
        #expect(errors([0xFF, 0xFE, 0x61, 0]) == ["a.yml: is UTF-16 text; save it as UTF-8"])
        #expect(errors([0xFE, 0xFF, 0, 0x61]) == ["a.yml: is UTF-16 text; save it as UTF-8"])
        #expect(errors([0x61, 0xE9, 0x0A]) == ["a.yml: is not UTF-8 text; save it as UTF-8"])
    }

    @Test(
        "B15 Windows line ends and a byte order mark change nothing, line numbers included",
        arguments: [
            ("compose.yml", "services:\n  web:\n    stop_grace_period: 20s\n"),
            ("web.service", "[Service]\n# x\nTimeoutStopSec=20\n"),
            ("Procfile", "# x\n# y\nweb: ./server\n"),
            (
                "pod.yaml",
                "apiVersion: v1\nkind: Pod\nspec:\n  terminationGracePeriodSeconds: 20\n  containers: [{name: a}]\n"
            ),
        ]
    )
    func windows(_ name: String, _ text: String) throws {
        let plain = try checking(name, text, budgets: ["40s"])
        let crlf = try checking(
            name, "\u{FEFF}" + text.split(separator: "\n").joined(separator: "\r\n") + "\r\n", budgets: ["40s"])
        #expect(plain.problems.count == 1)
        #expect(plain.text == crlf.text)
    }

    @Test("B15 an alias bomb in a compose file is an error, not an outage")
    func aliasBomb() throws {
        var text = "a0: &a0 [x, x]\n"
        for level in 1...60 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        let report = try checking("compose.yml", text + "services: {web: {command: *a60}}\n")
        #expect(report.exitCode == 78)
        #expect(report.errors.first?.contains("more than 500000 values once aliases are written out") == true)
    }

    @Test("B15 every prefix and every lost line of the shipped formats is read or refused, never a trap")
    func damaged() throws {
        let files = [
            (
                "c.yml",
                "services:\n  web:\n    environment:\n      - LASTCALL_GRACE=20s\n    stop_grace_period: \"1m\"\n    command: [sh, -c, \"a && b\"]\n"
            ),
            (
                "u.service",
                "[Unit]\nA=b\n[Service]\nEnvironment=\"LASTCALL_GRACE=1m\" \\\n  X=y\nTimeoutStopSec=1min 5s\nKillMode=mixed\n"
            ),
            ("Procfile", "web: env LASTCALL_GRACE=20s sh -c 'x'\nworker: y\n"),
            (
                "p.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: a\n    lifecycle: {preStop: {sleep: {seconds: 5}}}\n"
            ),
        ]
        for (name, text) in files {
            for end in text.indices {
                let report = try checking(name, String(text[..<end]), budgets: ["5s"])
                #expect([0, 1, 78].contains(report.exitCode))
                _ = report.text
            }
            let lines = text.split(separator: "\n")
            for lost in lines.indices {
                let rest = lines.enumerated().filter { $0.offset != lost }.map { String($0.element) }
                _ = try checking(name, rest.joined(separator: "\n"), budgets: ["5s"]).json
            }
        }
    }
}
