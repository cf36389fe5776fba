// House style 12, 13 and 14: small rooms with honest names.
extension Rule {
    static let sizesAndNames: [Rule] = [
        lineLimit(400, what: "a source", covers: Paths.product, path: "Sources/LastCall/A.swift"),
        lineLimit(600, what: "a test", covers: { $0.hasPrefix("Tests/") && Paths.swift($0) }, path: "Tests/A/A.swift"),
        Rule(
            name: "a module is not named like a type inside it",
            instead: "rename the type: `Module.Type` could never be written, whatever the import",
            covers: Paths.swift,
            find: { file in
                let folders = file.path.split(separator: "/")
                guard folders.count > 2, ["Sources", "Tests", "Examples", "Benchmarks"].contains(folders[0]) else {
                    return []
                }
                return file.lines.filter { line in
                    declaredTypes(in: line.code).contains { $0 == folders[1] }
                }.map(\.finding)
            },
            breaching: (Example(path: "Sources/LastCall/A.swift", text: "\npublic enum LastCall {}\n"), lines: [2]),
            clean: Example(path: "Sources/LastCall/A.swift", text: "public enum LastCallError {}\n// enum LastCall\n")
        ),
        Rule(
            name: "no type is called Utils, Common, Core, Manager or Helper",
            instead: "say what it does: the name is where a reader looks for it",
            covers: Paths.product,
            find: { file in
                file.lines.filter { declaredTypes(in: $0.code).contains(where: isVague) }.map(\.finding)
            },
            breaching: (
                Example(
                    path: "Sources/LastCall/A.swift",
                    text: "struct SignalHelper {}\nfinal class TaskManager: A {}\nenum StringUtils {}\n"
                ), lines: [1, 2, 3]
            ),
            clean: Example(
                path: "Sources/LastCall/A.swift", text: "struct Score {}\nimport CoreMetrics\nenum Commonly {}\n")
        ),
        Rule(
            name: "no file is called Utils, Common, Core, Manager or Helper",
            instead: "name the file for its main type",
            covers: { Paths.swift($0) || Paths.product($0) },
            find: { file in
                let name = file.name.split(separator: ".").first ?? ""
                return name.split(separator: "+").contains(where: isVague) ? [Finding(line: 1, found: file.name)] : []
            },
            breaching: (Example(path: "Sources/LastCall/String+Utils.swift", text: "\n"), lines: [1]),
            clean: Example(path: "Sources/LastCall/Score+Text.swift", text: "\n")
        ),
        Rule(
            name: "no @_spi",
            instead: "`public` is for users, `package` for our other targets",
            covers: Paths.swift,
            find: { $0.findings(#/@_spi\b/#.asCode) },
            breaching: (
                Example(path: "Sources/LastCall/A.swift", text: "@_spi(Testing) public func f() {}\n"), lines: [1]
            ),
            clean: Example(path: "Sources/LastCall/A.swift", text: "package func f() {}  // no @_spi\n")
        ),
    ]

    private static func lineLimit(
        _ limit: Int, what: String, covers: @escaping @Sendable (String) -> Bool, path: String
    ) -> Rule {
        Rule(
            name: "\(what) has at most \(limit) lines",
            instead: "split it by topic: one main type a file, extensions as `Type+Topic.swift`",
            covers: covers,
            find: { file in
                file.lines.count > limit ? [Finding(line: limit + 1, found: "\(file.lines.count) lines")] : []
            },
            breaching: (Example(path: path, text: String(repeating: "a\n", count: limit + 1)), lines: [limit + 1]),
            clean: Example(path: path, text: String(repeating: "a\n", count: limit))
        )
    }

    /// The names of the types that a line declares.
    private static func declaredTypes(in code: String) -> [Substring] {
        code.matches(of: #/\b(?:struct|class|enum|actor|protocol|typealias)\s+(?<name>[A-Za-z_]\w*)/#.asCode).map(
            \.output.name)
    }

    /// Whether a camel-cased name has a word in it that says nothing.
    @Sendable private static func isVague(_ name: Substring) -> Bool {
        name.contains(#/(Utils?|Utilities|Common|Core|Manager|Helpers?)(?![a-z])/#)
    }
}
