import Foundation
import Testing

@testable import lastcall

@Suite("Templates and arguments")
struct ArgumentTemplateTests {
    @Test(
        "a template is literal text, braces and names",
        arguments: [
            ("plain", ["L:plain"]), ("", ["L:"]), ("{a}", ["P:a"]), ("--x={a}", ["L:--x=", "P:a"]),
            ("{a}{b}", ["P:a", "P:b"]), ("{{a}}", ["L:{a}"]), ("{{{a}}}", ["L:{", "P:a", "L:}"]),
            ("{{}}", ["L:{}"]), ("{a...}", ["S:a"]), ("é{_b-1}ü", ["L:é", "P:_b-1", "L:ü"]),
        ])
    func parts(_ text: String, _ expected: [String]) throws {
        let found = try ArgumentTemplate(text).parts.map { part in
            switch part {
            case .literal(let text): "L:\(text)"
            case .parameter(let name): "P:\(name)"
            case .list(let name): "S:\(name)"
            }
        }
        #expect(found == expected)
    }

    @Test(
        "what is no template says what to write",
        arguments: [
            ("{", "has a { that is never closed; close it, or write {{ for a brace"),
            ("a{b", "has a { that is never closed; close it, or write {{ for a brace"),
            ("{{{", "has a { that is never closed; close it, or write {{ for a brace"),
            ("}", "has a } that closes nothing; write }} for a brace"),
            ("{a}}", "has a } that closes nothing; write }} for a brace"),
            ("{}", "has {} without a name; write {name}, or {{}} for braces"),
            ("{...}", "has {...} without a name; write {name}, or {{...}} for braces"),
            (
                "{print $1}",
                "has {print $1}, which is no argument's name (at most 64 letters, digits, _ or -, the first a letter or _); write {{ and }} for braces"
            ),
            (
                "{1}",
                "has {1}, which is no argument's name (at most 64 letters, digits, _ or -, the first a letter or _); write {{ and }} for braces"
            ),
            ("x{a...}", "holds {a...} among other text; make {a...} an element of its own"),
        ])
    func flaws(_ text: String, _ message: String) {
        #expect(throws: ArgumentTemplate.Flaw(message: message)) { try ArgumentTemplate(text) }
    }

    private func hash() throws -> TaskDefinition {
        try task(
            """
            command: [sha, "--name={name}", "{path}", "{{x}}", "{more...}"]
            defaults: {name: n, more: []}
            env: {TARGET: "at {path}", HOME: ~}
            cwd: sub
            """)
    }

    @Test("arguments are put in as they are, whatever is in them")
    func render() throws {
        let rendered = try hash().render(arguments: ["path": .text("a b; $(rm) {name} }}"), "more": .list(["-1", ""])])
        #expect(rendered.argv == ["sha", "--name=n", "a b; $(rm) {name} }}", "{x}", "-1", ""])
        #expect(rendered.environment == ["TARGET": "at a b; $(rm) {name} }}", "HOME": nil])
        #expect(rendered.workingDirectory == "/work/sub")
        #expect(try hash().render(arguments: ["path": .text("p")]).argv == ["sha", "--name=n", "p", "{x}"])
        #expect(try hash().render(arguments: ["path": .text("p"), "more": .text("q")]).argv.last == "q")
    }

    @Test("a task tells which arguments it takes")
    func parameters() throws {
        #expect(try hash().parameters.map(\.description) == ["name (default n)", "path", "more... (default [])"])
        let both = try task("command: [a, '{x...}', '{x}']")
        #expect(both.parameters.map(\.takesList) == [false])
        #expect(try task("command: [a]\nenv: {B: '{two}', A: '{one}'}").parameters.map(\.name) == ["one", "two"])
    }

    @Test("every argument that is missing, unknown or no text is reported")
    func validate() throws {
        let hash = try hash()
        #expect(
            errors { () throws(ConfigurationErrors) in
                try hash.validate(arguments: ["paht": .text("a"), "name": .list(["b", "c"]), "more": .list(["\0"])])
            } == [
                "task t: argument path: is missing, which \"{path}\" needs; give it a value (the task takes name (default n), path, more... (default []))",
                "task t: argument more: \"[\0]\" holds a NUL byte, which no program can be given; remove it",
                "task t: argument name: \"[b, c]\" is a list, and \"--name={name}\" takes one text; give it one, or make {name...} an element of the command",
                "task t: argument paht: is not one that the task has; write path (it takes name (default n), path, more... (default []))",
            ])
        let none = try task("command: [a]")
        #expect(
            errors { () throws(ConfigurationErrors) in try none.validate(arguments: ["x": .text("")]) }
                == ["task t: argument x: is not one that the task has; leave it out (it takes none)"])
        #expect(
            errors { () throws(ConfigurationErrors) in try hash.render(arguments: [:]) }.first?.contains(
                "path: is missing")
                == true)
    }

    @Test("a program's name that comes out empty is refused")
    func emptyProgram() throws {
        let tool = try task("command: ['{tool}']")
        #expect(
            errors { () throws(ConfigurationErrors) in try tool.render(arguments: ["tool": .text("")]) }
                == ["task t: has no program once \"{tool}\" is filled; give its argument a value"])
    }

    @Test("values keep the text they are written with, in YAML and JSON")
    func values() throws {
        let found = try task("command: [a, '{v}', '{w}', '{l...}']\ndefaults: {v: 1.10, w: true, l: [1e3, x]}")
        #expect(try found.render(arguments: [:]).argv == ["a", "1.10", "true", "1e3", "x"])
        let json = try JSONEncoder().encode([ArgumentValue.text("1.10"), .list(["a"])])
        #expect(String(decoding: json, as: UTF8.self) == #"["1.10",["a"]]"#)
        #expect(try JSONDecoder().decode([ArgumentValue].self, from: json) == [.text("1.10"), .list(["a"])])
    }
}
