import Foundation
import LastCallTesting

@testable import lastcall

/// YAML's values as the JSON that an editor's schema sees.
enum JSON {
    /// The JSON text of a value: numbers, `true`, `false` and `null` where they are not quoted.
    static func text(_ node: YAMLNode) -> String {
        switch node.content {
        case .sequence(let elements): "[\(elements.map(text).joined(separator: ", "))]"
        case .mapping(let pairs):
            "{\(pairs.map { "\(quoted($0.key)): \(text($0.value))" }.joined(separator: ", "))}"
        case .scalar(let scalar, let isQuoted):
            if node.isNull {
                "null"
            } else if !isQuoted, ["true", "false"].contains(scalar) || scalar.contains(#/^-?(0|[1-9]\d*)(\.\d+)?$/#) {
                scalar
            } else {
                quoted(scalar)
            }
        }
    }

    private static func quoted(_ text: String) -> String {
        let escapes: [Unicode.Scalar: String] = ["\"": "\\\"", "\\": "\\\\", "\n": "\\n", "\0": "\\u0000"]
        return "\"\(text.unicodeScalars.map { escapes[$0] ?? String($0) }.joined())\""
    }
}

/// The `python3` of this machine and its package jsonschema.
enum Python {
    /// Whether there is one; says so where there is none.
    static let hasJSONSchema: Bool = {
        do {
            if try run("import jsonschema; jsonschema.Draft202012Validator", arguments: []).code == 0 { return true }
        } catch {
            print("python3 cannot be started: \(error)")
        }
        print("skipped: python3 with the package jsonschema is missing")
        return false
    }()

    /// Whether each instance, a JSON text, is what the schema allows.
    static func verdicts(on instances: [String], schema: String) throws -> [Bool] {
        let scratch = try ScratchDirectory()
        let files = [
            try scratch.write(schema, to: "schema.json"),
            try scratch.write("[\(instances.joined(separator: ",\n"))]", to: "instances.json"),
        ]
        let program = """
            import json, sys, jsonschema
            schema, instances = (json.load(open(path)) for path in sys.argv[1:])
            jsonschema.Draft202012Validator.check_schema(schema)
            validator = jsonschema.Draft202012Validator(schema)
            print(" ".join("1" if validator.is_valid(instance) else "0" for instance in instances))
            """
        return try run(program, arguments: files).output.split(whereSeparator: \.isWhitespace).map { $0 == "1" }
    }

    private static func run(_ program: String, arguments: [String]) throws -> (code: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", program] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}

/// Configurations that the parser and the schema must judge alike.
enum SchemaSamples {
    /// Whole files.
    static let whole = [
        "store: 'memory:'", "store: sqlite:q", "store: sqlite:/a/b.db", "store: sqlite://q", "store: q.sqlite",
        "store: 'sqlite:'", "store: sqlite:a/", "store: sqlite:~/q", "store: sqlite:~q", "store: 'postgres://h'",
        "store: 'memory:x'", "store: [a]", "store: ~", "stor: 'memory:'",
        "concurrency: 1", "concurrency: 10000", "concurrency: 0", "concurrency: 10001", "concurrency: '4'",
        "concurrency: 1.5", "grace: 30s", "grace: 30", "grace: 1.5", "grace: 1h30m", "grace: 1d2h3m4s5ms", "grace: 0s",
        "grace: '0'", "grace: 0", "grace: 30m1h", "grace: 1m1m", "grace: s", "grace: ''", "grace: -1s", "grace: 5min",
        "grace: 5sec", "grace: 5 s", "grace: 5x", "grace: [1s]", "grace: ~",
        "queues: {a: 1}", "queues: {a: {concurrency: 1}}", "queues: {a: {}}", "queues: {a: 0}", "queues: {-a: 1}",
        "queues: [a]", "queues: {a: {concurrency: 1, b: 2}}", "queues: {}",
        "retention: 1d", "retention: forever", "retention: never", "retention: {dead: forever}",
        "retention: {dead: 0s}", "retention: {done: 1d}", "retention: {}",
        "tasks: {}", "tasks: ~", "tasks: [a]", "tasks: {t: {}}", "tasks: {t: {command: a}}",
        "tasks: {t: {command: []}}",
        "tasks: {t: {command: [a]}}", "tasks: {command: {command: [a]}}", "tasks: {commands: {command: [a]}}",
        "tasks: {'a b': {command: [a]}}", "tasks: {t: {command: [a, 1, true, 1.5]}}", "tasks: {t: {command: [a, ~]}}",
        "tasks: {t: {command: [a, [b]]}}", "tasks: {t: {command: [a, '{b}', 'c{d}e{{f}}', '{g...}']}}",
        "tasks: {t: {command: [a, '{']}}", "tasks: {t: {command: [a, '}']}}", "tasks: {t: {command: [a, '{}']}}",
        "tasks: {t: {command: [a, '{b c}']}}", "tasks: {t: {command: [a, 'x{b...}']}}",
        "tasks: {t: {command: [a, '{{{b}}}']}}", "tasks: {t: {command: [a], nope: 1}}",
    ]

    /// Keys of a task.
    static let tasks = [
        "description: d", "description: [d]", "defaults: {x: 1}", "defaults: {x: true}", "defaults: {x: ~}",
        "defaults: {x: {y: z}}", "defaults: {'1': a}", "env: {A: b}", "env: {A: ~}", "env: {A: 1}", "env: {A: [b]}",
        "env: {A: '{'}", "env: {LASTCALL_EPOCH: a}", "env: {'': a}", "env: {'a=b': c}", "env: {A: '{x...}'}",
        "cwd: a", "cwd: ''", "cwd: [a]", "queue: q", "queue: ''", "queue: a/b", "priority: -100", "priority: 101",
        "priority: low", "timeout: 10m", "timeout: 0", "memory: 512MiB", "memory: 2GB", "memory: 2000000",
        "memory: 1.5GiB", "memory: 512M", "memory: lots", "memory: -1", "outputLimit: 1", "outputLimit: 0",
        "outputLimit: 64kB", "outputLimit: 1iB", "okExit: 0", "okExit: [0, 255]", "okExit: []", "okExit: 256",
        "okExit: [a]", "retries: 0", "retries: 1000", "retries: 1001", "retries: -1", "backoff: 0s", "backoff: 5s",
        "backoff: {}", "backoff: {base: 0s, max: 1h, factor: 1, jitter: 0}", "backoff: {factor: 0.5}",
        "backoff: {jitter: 2}", "backoff: {step: 1s}", "backoff: soon", "onEviction: finish", "onEviction: stop",
        "onLost: fail", "onLost: retry", "lossesMax: 0", "lossesMax: unlimited", "lossesMax: none", "lossesMax: 1001",
        "killAfter: 0s", "killAfter: 10", "killAfter: soon",
    ]
}
