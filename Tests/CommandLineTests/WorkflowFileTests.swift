import Testing

@testable import lastcall

@Suite("Workflow files")
struct WorkflowFileTests {
    private func call(_ name: String, _ arguments: [String: ArgumentValue] = [:], line: Int) -> WorkflowFile.Element {
        .task(.init(name: name, arguments: arguments, line: line))
    }

    @Test("a task is read with everything that goes with it")
    func task() throws {
        let found = try workflow(
            "task: hash\narguments: {path: a, n: 3}\nkey: once\nqueue: q\npriority: -1\ndelay: 5s\nretries: 2\ntimeout: 1m\n"
        )
        let options = WorkflowFile.Options(
            key: "once", queue: "q", priority: -1, delay: .seconds(5), retries: 2, timeout: .seconds(60))
        #expect(
            found.root
                == .task(
                    .init(name: "hash", arguments: ["path": .text("a"), "n": .text("3")], options: options, line: 1)))
        #expect(found.jobCount == 1)
    }

    @Test("a command's braces are braces")
    func command() throws {
        #expect(
            try workflow("command: [awk, '{print $1}', 3]\nkey: k\n").root
                == .command(.init(argv: ["awk", "{print $1}", "3"], options: .init(key: "k"), line: 1)))
    }

    @Test("chains and groups nest, and a group with a callback is a chord")
    func nesting() throws {
        let found = try workflow(
            """
            chain:
              - task: find
              - group:
                  - task: hash
                  - chain:
                      - command: [a]
                then: {task: summarise}
                policy: all
                partialMembers: awaitRemainder
                deadline: 10m
            """)
        let inner = WorkflowFile.Group(
            members: [call("hash", line: 4), .chain([.command(.init(argv: ["a"], line: 6))])],
            callback: call("summarise", line: 7), policy: .all, partialMembers: .awaitRemainder,
            deadline: .seconds(600))
        #expect(found.root == .chain([call("find", line: 2), .group(inner)]))
        #expect(found.jobCount == 4)
    }

    @Test("each makes a group of a task, one member a value")
    func each() throws {
        let found = try workflow(
            """
            task: hash
            arguments: {level: 3}
            each:
              argument: path
              values:
                - a
                - [b, c]
            then: {task: summarise}
            deadline: 1h
            """)
        let level = ArgumentValue.text("3")
        let group = WorkflowFile.Group(
            members: [
                call("hash", ["level": level, "path": .text("a")], line: 6),
                call("hash", ["level": level, "path": .list(["b", "c"])], line: 7),
            ], callback: call("summarise", line: 8), deadline: .seconds(3600))
        #expect(found.root == .group(group))
        #expect(found.jobCount == 3)
    }

    @Test("JSON is read as it is, and a group may be empty")
    func json() throws {
        #expect(
            try workflow(#"{"group": [], "then": {"task": "t", "arguments": {"v": 1.10, "u": true}}}"#).root
                == .group(
                    .init(members: [], callback: call("t", ["v": .text("1.10"), "u": .text("true")], line: 1))))
    }

    @Test(
        "what cannot be read says what to write",
        arguments: [
            ("- task: a", "1: is a list; say how its elements run: write chain: or group: before it"),
            (
                "text",
                "1: is text; write a mapping with task, command, chain, group, arguments, each, key, queue, priority, delay, retries, timeout, then, policy, partialMembers, deadline, notify"
            ),
            ("arguments: {a: b}", "1: says not what to run; write one of task, command, chain, group"),
            ("taks: a", "1: taks: is no key of an element; write task"),
            ("task: a\nchain: []", "2: chain: stands beside task; an element has one of them"),
            ("chain: []", "1: chain: is empty; write at least one element"),
            ("chain: {task: a}", "1: chain: is a mapping; write a list of elements"),
            ("chain: [{task: a}]\nkey: k", "2: key: does not go with chain; write it at its elements"),
            (
                "group: []\narguments: {a: b}",
                "2: arguments: does not go with group; it goes with then, policy, partialMembers, deadline"
            ),
            ("task: a\nthen: {task: b}", "2: then: belongs to a group; write it beside group: or each:"),
            (
                "task: a b",
                "1: task: \"a b\" is no name; write at most 64 letters, digits, ., _ or -, the first a letter or digit"
            ),
            (
                "task: a\ndelay: soon",
                "2: delay: \"soon\" is not a duration; write one of 0s or more and up to 876000h, such as 30s, 10m or 1h30m"
            ),
            ("task: a\npriority: 101", "2: priority: \"101\" is out of range; write a whole number from -100 to 100"),
            ("task: a\nkey: ''", "2: key: \"\" is empty; write a text"),
            ("task: a\narguments: [b]", "2: arguments: is a list; write a mapping of arguments, as in {path: a.iso}"),
            (
                "task: a\narguments: {b=c: d}",
                "2: arguments.b=c: is no argument's name; write at most 64 letters, digits, _ or -, the first a letter or _"
            ),
            (
                "task: a\narguments: {b: {c: d}}",
                "2: arguments.b: is a mapping; write a text, a number, true, false or a list of these"
            ),
            ("task: a\narguments: {b: [[c]]}", "2: arguments.b[0]: is a list; write a text or a number"),
            (
                "task: a\neach: {argument: b}",
                "2: each: needs argument and values; write {argument: path, values: [a, b]}"
            ),
            ("task: a\neach: {argument: b, values: c}", "2: each.values: is text; write a list of values"),
            (
                "task: a\narguments: {b: c}\neach: {argument: b, values: []}",
                "3: each.argument: \"b\" has a value in arguments already; remove it there"
            ),
            (
                "task: a\nkey: k\neach: {argument: b, values: [c]}",
                "2: key: would be the same for every member; remove it, or write the members as a group"
            ),
            ("group: []\npolicy: any", "2: policy: \"any\" is none of always, all; write all"),
            (
                "command: a b",
                "1: command: \"a b\" is one text, and no shell takes it apart; write it as a list: [a, b]"
            ),
        ])
    func notAllowed(_ text: String, _ message: String) {
        let found = errors { () throws(ConfigurationErrors) in try workflow(text + "\n") }
        #expect(found.contains(message), "\(found)")
    }

    @Test("all mistakes are reported together, with the path of each")
    func everyMistake() {
        #expect(
            errors { () throws(ConfigurationErrors) in
                try workflow("group:\n  - task: a\n    timeot: 1s\n  - chain: []\nthen:\n  tsk: b\n")
            } == [
                "3: group[0].timeot: is no key of an element; write timeout",
                "4: group[1].chain: is empty; write at least one element",
                "5: then: says not what to run; write one of task, command, chain, group",
                "6: then.tsk: is no key of an element; write task",
            ])
    }

    /// A chain in a chain, so often.
    private func nested(_ levels: Int) -> String {
        (1..<levels).reduce("{task: a, arguments: {l: [x]}}") { text, _ in "{chain: [\(text)]}" }
    }

    @Test("elements nest 32 levels deep and no deeper")
    func depth() throws {
        #expect(try workflow(nested(32)).jobCount == 1)
        let found = errors { () throws(ConfigurationErrors) in try workflow(nested(33)) }
        #expect(found.count == 1)
        #expect(found.first?.hasSuffix("is nested more than 32 levels deep; flatten it") == true)
        #expect(errors { () throws(ConfigurationErrors) in try workflow(nested(60_000)) }.count == 1)
    }

    @Test("a file begins 100,000 jobs and no more")
    func jobs() throws {
        func text(_ count: Int) -> String {
            "task: a\neach: {argument: b, values: [\(Array(repeating: "x", count: count).joined(separator: ","))]}\n"
        }
        #expect(try workflow(text(100_000)).jobCount == 100_000)
        #expect(
            errors { () throws(ConfigurationErrors) in try workflow(text(100_000) + "then: {task: c}\n") }
                == ["3: then: begins more than 100000 jobs; split the file"])
    }

    @Test("a workflow is held against a configuration, line by line")
    func validate() throws {
        let known = try configuration(
            "tasks: {hash: {command: [h, '{path}']}, sum: {command: [s]}}\n")
        let good = try workflow("task: hash\neach: {argument: path, values: [a]}\nthen: {task: sum}\n")
        #expect(errors { () throws(ConfigurationErrors) in try good.validate(with: known) } == [])
        let bad = try workflow(
            "chain:\n  - task: hahs\n  - group:\n      - task: hash\n    then: {task: sum, arguments: {x: y}}\n")
        #expect(
            errors { () throws(ConfigurationErrors) in try bad.validate(with: known) } == [
                "2: \"hahs\" is no task of lastcall.yml; write hash",
                "4: task hash: argument path: is missing, which \"{path}\" needs; give it a value (the task takes path)",
                "5: task sum: argument x: is not one that the task has; leave it out (it takes none)",
            ])
    }

    @Test("every prefix of a workflow is read or refused, never a trap")
    func prefixes() {
        let text = "chain:\n  - {task: a, arguments: {b: [c]}}\n  - group: [{command: [d]}]\n    then: {task: e}\n"
        for end in text.indices { _ = errors { () throws(ConfigurationErrors) in try workflow(String(text[..<end])) } }
    }
}
