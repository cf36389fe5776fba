import Testing

@testable import lastcall

@Suite("Tasks of a configuration")
struct TaskDefinitionTests {
    @Test("every key of a task is read")
    func everyKey() throws {
        let found = try task(
            """
            command: [scan, 30, true, "{host}"]
            description: Looks at a host.
            defaults: {host: 127.0.0.1}
            env: {LANG: C, TARGET: "{host}", HOME: ~}
            cwd: ../jobs
            queue: scans
            priority: -5
            timeout: 1h30m
            memory: 1.5GB
            outputLimit: 10MB
            okExit: [0, 3]
            retries: 1000
            backoff: {base: 500ms, max: 10m, factor: 1.5, jitter: 0}
            onEviction: continue
            onLost: fail
            lossesMax: unlimited
            killAfter: 0s
            """)
        #expect(found.command.map(\.text) == ["scan", "30", "true", "{host}"])
        #expect(found.description == "Looks at a host.")
        #expect(found.defaults == ["host": .text("127.0.0.1")])
        #expect(found.environment.mapValues { $0?.text } == ["LANG": "C", "TARGET": "{host}", "HOME": nil])
        #expect(found.workingDirectory == "/work/../jobs")
        #expect(found.queue == "scans")
        #expect(found.priority == -5)
        #expect(found.timeout == .seconds(5400))
        #expect(found.memoryBytes == 1_500_000_000)
        #expect(found.outputBytes == 10_000_000)
        #expect(found.okExitCodes == [0, 3])
        #expect(found.retries == 1000)
        #expect(found.backoff == .init(base: .milliseconds(500), longest: .seconds(600), factor: 1.5, jitter: 0))
        #expect(found.onEviction == .continue)
        #expect(found.onLost == .fail)
        #expect(found.lossesMax == nil)
        #expect(found.killAfter == .zero)
    }

    @Test("a backoff is a duration or a mapping, and its longest wait is never below its base")
    func backoff() throws {
        #expect(try task("backoff: 5s").backoff.base == .seconds(5))
        #expect(try task("backoff: 5s").backoff.longest == .seconds(3600))
        #expect(try task("backoff: 2h").backoff.longest == .seconds(7200))
        #expect(try task("backoff: {base: 2h}").backoff.longest == .seconds(7200))
        #expect(try task("okExit: 7").okExitCodes == [7])
        #expect(try task("lossesMax: 0").lossesMax == 0)
    }

    @Test("several tasks may share their keys through an anchor")
    func anchors() throws {
        let found = try configuration(
            "tasks:\n  a: &a {command: [x], retries: 2}\n  b: {<<: *a, retries: 3}\n")
        #expect(try found.task(named: "b").command.map(\.text) == ["x"])
        #expect(try found.task(named: "b").retries == 3)
        #expect(try found.task(named: "a").retries == 2)
    }

    @Test(
        "a task's value that is not allowed says what is",
        arguments: [
            ("tiemout: 1s", "tiemout: is no key of a task; write timeout"),
            ("on_eviction: finish", "on_eviction: is no key of a task; write onEviction"),
            ("environment: {A: b}", "environment: is no key of a task; write env"),
            (
                "timeout: 0",
                "timeout: \"0\" is too short; write one above 0s and up to 876000h, such as 30s, 10m or 1h30m"
            ),
            ("timeout:", "timeout: has no value; write a duration such as 30s, 10m or 1h30m, or remove the key"),
            (
                "memory: 512M",
                "memory: \"512M\" has half a unit, which some read as 1,000 and some as 1,024; write 512MiB or 512MB"
            ),
            (
                "memory: 4k",
                "memory: \"4k\" has half a unit, which some read as 1,000 and some as 1,024; write 4KiB or 4kB"
            ),
            ("memory: lots", "memory: \"lots\" is not a size; write a size such as 512MiB, 1GB or 65536"),
            (
                "memory: 512",
                "memory: \"512\" is 512 bytes, and less than 1048576 leaves no program room; write a size such as 512MiB, 1GB or 65536"
            ),
            ("outputLimit: 0", "outputLimit: \"0\" is not a size; write a size such as 512MiB, 1GB or 65536"),
            ("retries: 1001", "retries: \"1001\" is out of range; write a whole number from 0 to 1000"),
            ("retries: 1.5", "retries: \"1.5\" is not allowed; write a whole number from 0 to 1000"),
            ("priority: -101", "priority: \"-101\" is out of range; write a whole number from -100 to 100"),
            ("priority: high", "priority: \"high\" is not allowed; write a whole number from -100 to 100"),
            ("backoff: {base: 1m, max: 1s}", "backoff.max: \"1s\" is shorter than the base; write at least as much"),
            ("backoff: {factor: 0.5}", "backoff.factor: \"0.5\" is not allowed; write a number from 1 to 100"),
            ("backoff: {jitter: nan}", "backoff.jitter: \"nan\" is not allowed; write a number from 0 to 1"),
            ("backoff: {step: 1s}", "backoff.step: is no key of a backoff; it has base, max, factor, jitter"),
            (
                "backoff: soon",
                "backoff: \"soon\" is not a duration; write one of 0s or more and up to 876000h, such as 30s, 10m or 1h30m"
            ),
            ("onLost: retry", "onLost: \"retry\" is not allowed; write one of requeue, finalize, fail"),
            (
                "lossesMax: infinite",
                "lossesMax: \"infinite\" is not allowed; write a whole number from 0 to 1000, or unlimited"
            ),
            ("lossesMax: -1", "lossesMax: \"-1\" is out of range; write a whole number from 0 to 1000"),
            ("okExit: []", "okExit: is an empty list; write at least one exit code, such as 0"),
            ("okExit: [0, 256]", "okExit[1]: \"256\" is out of range; write a whole number from 0 to 255"),
            (
                "queue: a/b",
                "queue: \"a/b\" is no name; write at most 64 letters, digits, ., _ or -, the first a letter or digit"
            ),
            ("cwd: ~/jobs", "cwd: \"~/jobs\" begins with ~, which only a shell expands; write the whole path"),
            ("cwd: ''", "cwd: \"\" is empty; write a path"),
            ("env: [A=b]", "env: is a list; write a mapping, as in {LANG: C}"),
            ("env: {A=b: c}", "env.A=b: is no variable's name; write one without = and NUL"),
            ("env: {LASTCALL_EPOCH: 1}", "env.LASTCALL_EPOCH: is set by the worker for every job; remove it"),
            ("env: {A: [b]}", "env.A: is a list; write a text, or nothing to remove the variable"),
            ("env: {A: '{b...}'}", "env.A: \"{b...}\" is a variable, which cannot be a list; write {b}"),
            ("command: []", "command: is empty; write at least the program's name"),
            ("command: ['']", "command[0]: \"\" is empty; write the program's name"),
            (
                "command: ['{all...}']",
                "command[0]: \"{all...}\" is the program, which cannot be a list; write its name first"
            ),
            ("command: [a, {b: c}]", "command[1]: is a mapping; write a text; {name} stands for an argument"),
            ("command: [a, {path}]", "command[1]: is a mapping, for YAML reads {path} so; write \"{path}\" in quotes"),
            (
                "command: [a, ]\ndefaults: {b: c}",
                "defaults.b: is no argument that the command or env uses; it uses no argument"
            ),
            (
                "command: [a, '{path}']\ndefaults: {paht: c}",
                "defaults.paht: is no argument that the command or env uses; write path"
            ),
            (
                "command: [a, '{path}']\ndefaults: {path: [b, c]}",
                "defaults.path: \"[b, c]\" is a list, and \"{path}\" takes one text; give it one, or make {path...} an element of the command"
            ),
            (
                "command: a | b",
                "command: \"a | b\" is one text, and no shell takes it apart; write it as a list: [sh, -c, …] with the text in quotes"
            ),
            (
                "command: [a, \"b\\0c\"]",
                "command[1]: \"b\0c\" holds a NUL byte, which no program can be given; remove it"
            ),
            ("command: [a, '{']", "command[1]: \"{\" has a { that is never closed; close it, or write {{ for a brace"),
        ])
    func notAllowed(_ keys: String, _ message: String) {
        let found = errors { () throws(ConfigurationErrors) in try task(keys) }
        #expect(found.map { $0.replacing(#/^\d+: tasks\.t\./#, with: "") } == [message])
    }
}
