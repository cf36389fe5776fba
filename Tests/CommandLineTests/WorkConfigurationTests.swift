import LastCallTesting
import Testing

@testable import lastcall

@Suite("Configuration of serve")
struct WorkConfigurationTests {
    @Test("the interface that scripts rely on is read as it is written")
    func interface() throws {
        let found = try configuration(
            """
            store: sqlite:queue.sqlite        # memory: · sqlite:PATH · later postgres://…
            concurrency: 4
            tasks:
              hash:
                command: [sha256sum, "{path}"]   # argv, {name} replaced inside an argument, never a shell
                timeout: 10m
                memory: 512MiB
                retries: 2
                onEviction: finalize             # finish | finalize | requeue | continue
                onLost: requeue                  # requeue | finalize | fail
              summarise:
                command: [./summarise]
            """)
        #expect(found.store == .sqlite(path: "/work/queue.sqlite"))
        #expect(found.concurrency == 4)
        #expect(found.tasks.keys.sorted() == ["hash", "summarise"])
        let hash = try found.task(named: "hash")
        #expect(hash.command.map(\.text) == ["sha256sum", "{path}"])
        #expect(hash.timeout == .seconds(600))
        #expect(hash.memoryBytes == 512 << 20)
        #expect(hash.retries == 2)
        #expect(hash.onEviction == .finalize)
        #expect(hash.onLost == .requeue)
        #expect(try found.task(named: "summarise").workingDirectory == "/work")
    }

    @Test("what a file does not say has its documented default")
    func defaults() throws {
        let found = try configuration("tasks: {t: {command: [a]}}\n")
        #expect(found.store == .sqlite(path: "/work/lastcall.sqlite"))
        #expect(found.concurrency == WorkConfiguration.coreCount)
        #expect(found.concurrency >= 1)
        #expect(found.grace == nil)
        #expect(found.queues.isEmpty)
        #expect(found.retention.failed == .limited(.seconds(7 * 86400)))
        #expect(found.retention.dead == .limited(.seconds(30 * 86400)))
        let task = try found.task(named: "t")
        #expect(task.queue == "default")
        #expect(task.priority == 0)
        #expect(task.retries == 0)
        #expect(task.backoff == .init(base: .seconds(1), longest: .seconds(3600), factor: 2, jitter: 0.2))
        #expect(task.onEviction == .finalize)
        #expect(task.onLost == .requeue)
        #expect(task.lossesMax == 3)
        #expect(task.okExitCodes == [0])
        #expect(task.killAfter == .seconds(10))
        #expect(task.timeout == nil)
    }

    @Test("queues are read with a number or a mapping")
    func queues() throws {
        let found = try configuration("queues: {mail: 2, scans: {concurrency: 10000}}\n")
        #expect(found.queues == ["mail": 2, "scans": 10_000])
    }

    @Test("one retention is for all ends but dead, a mapping for each")
    func retention() throws {
        let one = try configuration("retention: forever\n").retention
        #expect([one.succeeded, one.partial, one.failed, one.cancelled] == Array(repeating: .forever, count: 4))
        #expect(one.dead == .limited(.seconds(30 * 86400)))
        let each = try configuration("retention: {succeeded: 1h30m, dead: forever}\n").retention
        #expect(each.succeeded == .limited(.seconds(5400)))
        #expect(each.partial == .limited(.seconds(7 * 86400)))
        #expect(each.dead == .forever)
    }

    @Test("all mistakes of a file are reported together, in the order of its lines")
    func everyMistake() {
        let text = """
            stor: sqlite:q
            concurrency: 0
            tasks:
              hash:
                command: sha256sum {path}
                timeout: 5x
                onEviction: finalise
              "bad name": {command: [a]}
              none: {}
            grace: -3s
            """
        #expect(
            errors { () throws(ConfigurationErrors) in try configuration(text) } == [
                "1: stor: is no key of the configuration; write store",
                "2: concurrency: \"0\" is out of range; write a whole number from 1 to 10000",
                "5: tasks.hash.command: \"sha256sum {path}\" is one text, and no shell takes it apart; write it as a list: [sha256sum, \"{path}\"]",
                "6: tasks.hash.timeout: \"5x\" is not a duration; write one above 0s and up to 876000h, such as 30s, 10m or 1h30m",
                "7: tasks.hash.onEviction: \"finalise\" is none of finish, finalize, requeue, continue; write finalize",
                "8: tasks.bad name: is no name; write at most 64 letters, digits, ., _ or -, the first a letter or digit",
                "9: tasks.none: has no command; write command: [PROGRAM, ARGUMENT, …] below it",
                "10: grace: \"-3s\" is not a duration; write one above 0s and up to 876000h, such as 30s, 10m or 1h30m",
            ])
    }

    @Test(
        "a value at the top that is not allowed says what is",
        arguments: [
            ("concurrency: many", "1: concurrency: \"many\" is not allowed; write a whole number from 1 to 10000"),
            ("concurrency: '4'", "1: concurrency: \"4\" is text, not a number; write 4 without quotes"),
            ("concurrency: 010", "1: concurrency: \"010\" is not allowed; write a whole number from 1 to 10000"),
            (
                "concurrency: 99999999999999999999",
                "1: concurrency: \"99999999999999999999\" is not allowed; write a whole number from 1 to 10000"
            ),
            ("concurrency:", "1: concurrency: has no value; write a whole number from 1 to 10000, or remove the key"),
            ("concurrency: [4]", "1: concurrency: is a list; write a whole number from 1 to 10000"),
            (
                "grace: 0s",
                "1: grace: \"0s\" is too short; write one above 0s and up to 876000h, such as 30s, 10m or 1h30m"
            ),
            (
                "grace: 1000000h",
                "1: grace: \"1000000h\" is not a duration; write one above 0s and up to 876000h, such as 30s, 10m or 1h30m"
            ),
            ("queues: 3", "1: queues: is text; write a mapping, as in {mail: {concurrency: 2}}"),
            (
                "queues: {-a: 1}",
                "1: queues.-a: is no name; write at most 64 letters, digits, ., _ or -, the first a letter or digit"
            ),
            ("queues: {a: {}}", "1: queues.a: has no concurrency; write concurrency: 2 below it, or remove the queue"),
            (
                "queues: {a: {concurency: 1}}",
                "1: queues.a.concurency: is no key of a queue; write concurrency"
            ),
            (
                "retention: 7 days",
                "1: retention: \"7 days\" is not a duration; write one above 0s and up to 876000h, such as 30s, 10m or 1h30m"
            ),
            (
                "retention: {done: 1d}",
                "1: retention.done: is no key of the retention; it has succeeded, partial, failed, cancelled, dead"
            ),
            ("retention: {dead: forewer}", "1: retention.dead: \"forewer\" is not a duration; write forever"),
            ("tasks: [a]", "1: tasks: is a list; write a mapping, as in {hash: {command: [sha256sum, \"{path}\"]}}"),
            (
                "tasks: {command: {command: [a]}}",
                "1: tasks.command: is the name that submit -- CMD runs under; give the task another one"
            ),
            (
                "tasks: {a: [b]}",
                "1: tasks.a: is a list; write a mapping with command, description, defaults, env, cwd, queue, priority, timeout, memory, outputLimit, okExit, retries, backoff, onEviction, onLost, lossesMax, killAfter, notify"
            ),
            (
                "store: postgres://u:secret@h/db",
                "1: store: \"postgres://…\" is a PostgreSQL store, which comes with a later version; write sqlite:PATH or \"memory:\""
            ),
            ("store: [a]", "1: store: is a list; write sqlite:PATH or \"memory:\""),
        ])
    func notAllowed(_ text: String, _ message: String) {
        #expect(errors { () throws(ConfigurationErrors) in try configuration(text + "\n") }.first == message)
    }

    @Test(
        "a file that is no configuration says why",
        arguments: [
            ("", "lastcall.yml: is empty; name a configuration"),
            ("# nothing\n---\n", "lastcall.yml: holds nothing but comments; name a configuration"),
            (
                "just text",
                "1: is text; write a mapping with store, concurrency, grace, queues, retention, http, probes, tasks, schedules, outbox"
            ),
            (
                "store: memory:",
                "1: not valid YAML: mapping values are not allowed in this context; text with a colon at its end or before a space needs quotes, as in store: \"memory:\""
            ),
            (
                "- a",
                "1: is a list; write a mapping with store, concurrency, grace, queues, retention, http, probes, tasks, schedules, outbox"
            ),
            ("grace: 1s\n---\ngrace: 2s\n", "3: begins a second document; write one file for each"),
            ("grace: 1s\ngrace: 2s\n", "2: the key \"grace\" is written twice (first on line 1); remove one of them"),
            (
                "tasks:\n\ta: 1\n",
                "2: not valid YAML: found character that cannot start any token while scanning for the next token; YAML is indented with spaces, never tabs, and text that begins with @, ` or % needs quotes"
            ),
            ("a\0b", "lastcall.yml: is a binary file (byte 2 is 0); name a configuration"),
        ])
    func noConfiguration(_ text: String, _ message: String) {
        #expect(errors { () throws(ConfigurationErrors) in try configuration(text) } == [message])
    }

    @Test("a file with too many mistakes shows a hundred and counts the others")
    func tooMany() {
        let text = (0..<130).map { "wrong\($0): 1\n" }.joined()
        let found = errors { () throws(ConfigurationErrors) in try configuration(text) }
        #expect(found.count == ConfigurationProblems.errorsMax + 1)
        #expect(found.last == "and 30 more")
    }

    @Test("a long value is cut in the error")
    func longValue() throws {
        let found = errors { () throws(ConfigurationErrors) in
            try configuration("grace: \(String(repeating: "x", count: 500))\n")
        }
        #expect(try #require(found.first).hasPrefix("1: grace: \"\(String(repeating: "x", count: 80))…\" is not"))
    }

    @Test("a file is read from disk, and its paths count from where it lies")
    func fromDisk() throws {
        let scratch = try ScratchDirectory()
        let path = try scratch.write("store: sqlite:./q.sqlite\ntasks: {t: {command: [a], cwd: sub}}\n", to: "c.yml")
        let found = try WorkConfiguration(path: path)
        #expect(found.store == .sqlite(path: "\(scratch.path)/q.sqlite"))
        #expect(try found.task(named: "t").workingDirectory == "\(scratch.path)/sub")
        #expect(
            errors { () throws(ConfigurationErrors) in try WorkConfiguration(path: "\(scratch.path)/none.yml") }
                == ["\(scratch.path)/none.yml: cannot be opened: No such file or directory"])
        #expect(
            errors { () throws(ConfigurationErrors) in try WorkConfiguration(path: scratch.path) }
                == ["\(scratch.path): is a directory; name a file in it"])
    }

    @Test("a task that is not there is named with the nearest, or with all that are")
    func unknownTask() throws {
        let found = try configuration("tasks: {hash: {command: [a]}, scan: {command: [b]}}\n")
        #expect(
            errors { () throws(ConfigurationErrors) in try found.task(named: "hahs") }
                == ["\"hahs\" is no task of lastcall.yml; write hash"])
        #expect(
            errors { () throws(ConfigurationErrors) in try found.task(named: "unrelated") }
                == ["\"unrelated\" is no task of lastcall.yml; lastcall.yml has hash, scan"])
        let none = try configuration("store: 'memory:'\n")
        #expect(
            errors { () throws(ConfigurationErrors) in try none.task(named: "x") }
                == ["\"x\" is no task of lastcall.yml; there are none; write it below tasks: in lastcall.yml"])
    }

    @Test("every prefix and every lost line of a configuration is read or refused, never a trap")
    func damaged() {
        let text = """
            store: sqlite:queue.sqlite
            grace: 30s
            queues: {mail: 2}
            retention: {dead: forever}
            tasks:
              hash: &hash
                command: [sha256sum, "{path}", "{more...}"]
                defaults: {more: [a, b]}
                env: {LANG: "C.{path}", HOME: ~}
                backoff: {base: 1s, jitter: 0.5}
                okExit: [0, 1]
                lossesMax: unlimited
              other: {<<: *hash, cwd: sub}
            """
        #expect(errors { () throws(ConfigurationErrors) in try configuration(text) } == [])
        for end in text.indices {
            _ = errors { () throws(ConfigurationErrors) in try configuration(String(text[..<end])) }
        }
        let lines = text.split(separator: "\n")
        for lost in lines.indices {
            let rest = lines.enumerated().filter { $0.offset != lost }.map(\.element).joined(separator: "\n")
            _ = errors { () throws(ConfigurationErrors) in try configuration(rest) }
        }
    }
}
