// House style 6 and the proof that goes with every promise the compiler cannot check.
extension Rule {
    /// The one file that starts tasks which nothing waits for.
    static let unstructuredTaskPath = "Sources/LastCall/Concurrency/UnstructuredTask.swift"

    static let concurrency: [Rule] = [
        Rule(
            name: "an unstructured task is started in one file only",
            instead:
                "use a task group or `async let`, or `UnstructuredTask.start` (\(unstructuredTaskPath)) and say why",
            covers: { Paths.swift($0) && $0 != unstructuredTaskPath },
            find: { file in
                let start =
                    #/(?<arrow>->\s*)?\bTask(\.detached|\.immediate|\.immediateDetached|\.init)?\s*(<[^>{]*>)?\s*[({]/#
                    .asCode
                return file.lines.filter { line in
                    line.code.matches(of: start).contains { $0.output.arrow == nil }
                }.map(\.finding)
            },
            breaching: (
                Example(
                    path: "Sources/LastCall/A.swift",
                    text: "Task { f() }\nTask.detached { f() }\nlet a = Task(priority: .low) { f() }\n"
                        + "Task<Void, Never> { f() }\nself.task = Task.init{ f() }\n"
                ), lines: [1, 2, 3, 4, 5]
            ),
            clean: Example(
                path: "Sources/LastCall/A.swift",
                text:
                    "func a() -> Task<Void, Never> {\nTask.isCancelled; withTaskGroup { }\nvar task: Task<Void, Never>?\n"
                    + "UnstructuredTask.start { }  // not Task { }\n"
            )
        ),
        Rule(
            name: "@unchecked Sendable and nonisolated(unsafe) carry a proof",
            instead:
                "use Mutex or an actor; where neither will do, write a comment directly above with `Proof:` and the reason",
            covers: Paths.swift,
            find: unprovenPromises,
            breaching: (
                Example(
                    path: "Sources/LastCall/A.swift",
                    text: "/// A box.\nfinal class Box: @unchecked Sendable {}\n\n// Proof: of something else.\n\n"
                        + "nonisolated(unsafe) var pipe: Int32 = -1\n"
                ), lines: [2, 6]
            ),
            clean: Example(
                path: "Sources/LastCall/A.swift",
                text:
                    "/// A box.\n// Proof: `value` is only touched under `lock`,\n// which is never given away.\n@available(*, noasync)\n"
                    + "final class Box:\n    @unchecked Sendable\n{}\n"
                    + "// Proof: written once before the handler is installed.\nnonisolated(unsafe) var pipe: Int32 = -1\n"
            )
        ),
    ]

    /// Promises whose declaration has no comment block directly above it that says `Proof:`.
    @Sendable private static func unprovenPromises(in file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        for (index, line) in file.lines.enumerated()
        where line.code.contains(#/@unchecked\s+Sendable\b|\bnonisolated\(unsafe\)/#.asCode) {
            var above = index
            while above > 0,
                !file.lines[above].code.contains(#/\b(class|struct|enum|actor|extension|let|var)\b/#.asCode)
            {
                above -= 1
            }
            var proven = file.lines[above].comment.contains("Proof:")
            while above > 0, !proven {
                above -= 1
                let code = file.lines[above].code.trimmed
                guard code.hasPrefix("@") || (code.isEmpty && !file.lines[above].comment.isEmpty) else { break }
                proven = file.lines[above].comment.contains("Proof:")
            }
            if !proven { findings.append(line.finding) }
        }
        return findings
    }
}
