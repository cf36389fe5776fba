/// Who may import whom: the table of the design's second section, as far as the code can hold it.
struct Layer: Sendable {
    /// Why a target exists.
    enum Origin: Sendable, Equatable {
        /// The design names it.
        case design
        /// A decision record does.
        case record(String)
    }

    /// The target.
    let target: String
    /// Our own modules that it may import.
    let siblings: Set<String>
    /// The only other modules that it may import, where that list is closed.
    var only: Set<String>?
    /// Modules that it never imports; a trailing `*` stands for any rest.
    var never: [String] = []
    /// Where the target was decided.
    var origin = Origin.design

    /// What is wrong with `module` being imported here, or nil.
    func objection(to module: String) -> String? {
        if Layering.ours.contains(module) {
            guard module != target, !siblings.contains(module) else { return nil }
            return "its own modules are \(Self.list(siblings))"
        }
        if never.contains(where: { Self.matches(module, $0) }) {
            return "it never imports \(never.joined(separator: ", "))"
        }
        guard let only, !only.contains(module), !Layering.platform.contains(module) else { return nil }
        return "beside the platform it imports \(Self.list(only))"
    }

    private static func matches(_ module: String, _ pattern: String) -> Bool {
        pattern.hasSuffix("*") ? module.hasPrefix(pattern.dropLast()) : module == pattern
    }

    private static func list(_ names: Set<String>) -> String {
        names.isEmpty ? "none" : names.sorted().joined(separator: ", ")
    }
}

/// The layers, lowest first.
enum Layering {
    /// The standard library's modules and the C libraries; everybody may import them.
    static let platform: Set<String> = [
        "Swift", "Synchronization", "Dispatch", "Glibc", "Musl", "Darwin", "FoundationEssentials", "Observation",
    ]

    private static let nio = ["NIO*", "_NIO*"]
    private static let stores = ["GRDB*", "SQLite*", "CSQLite*", "PostgresNIO", "PostgresKit"]
    private static let http = ["Hummingbird*", "AsyncHTTPClient"]
    private static let fullFoundation = [
        "Foundation", "FoundationNetworking", "FoundationInternationalization", "FoundationXML",
    ]

    static let layers: [Layer] = [
        Layer(target: "CLastCall", siblings: [], only: []),
        Layer(
            target: "LastCallConcurrency", siblings: ["CLastCall"], only: ["Synchronization"],
            origin: .record("Documentation/decisions/0009-a-target-for-the-lock.md")
        ),
        Layer(
            target: "LastCall",
            siblings: ["CLastCall", "LastCallConcurrency"],
            only: ["ServiceLifecycle", "ServiceLifecycleTestKit", "Logging", "Metrics", "CoreMetrics"],
            never: fullFoundation + nio + stores
        ),
        Layer(target: "LastCallHTTP", siblings: ["CLastCall", "LastCall", "LastCallConcurrency"], never: stores),
        Layer(
            target: "LastCallWork", siblings: ["CLastCall", "LastCall", "LastCallConcurrency"],
            never: nio + http + stores + ["Subprocess"]),
        Layer(
            target: "LastCallCommand",
            siblings: ["CLastCall", "LastCall", "LastCallConcurrency", "LastCallWork"],
            never: fullFoundation + nio + http + stores
        ),
        Layer(
            target: "CSQLite", siblings: [], only: [],
            origin: .record("Documentation/decisions/0007-sqlite-directly.md")
        ),
        Layer(
            target: "LastCallSQLite",
            siblings: ["CLastCall", "CSQLite", "LastCall", "LastCallConcurrency", "LastCallWork"],
            never: fullFoundation + nio + http + ["GRDB*"]
        ),
        Layer(target: "CLibPQ", siblings: [], only: []),
        Layer(
            target: "LastCallPostgres",
            siblings: ["CLastCall", "CLibPQ", "LastCall", "LastCallConcurrency", "LastCallWork"], never: nio + http
        ),
        Layer(target: "LastCallTransports", siblings: ["LastCall", "LastCallWork"], never: stores + ["Hummingbird*"]),
        Layer(
            target: "LastCallTesting", siblings: ["CLastCall", "LastCall", "LastCallConcurrency", "LastCallWork"],
            never: stores + ["Hummingbird*"]),
        Layer(
            target: "CLibYAML", siblings: [], only: [],
            origin: .record("Documentation/decisions/0003-yaml-through-libyaml.md")
        ),
        Layer(
            target: "lastcall",
            siblings: [
                "CLastCall", "CLibYAML", "LastCall", "LastCallConcurrency", "LastCallCommand", "LastCallHTTP",
                "LastCallPostgres",
                "LastCallSQLite",
                "LastCallTransports", "LastCallWork",
            ],
            never: fullFoundation
        ),
        Layer(
            target: "Snekomatic", siblings: ["LastCall", "LastCallHTTP", "LastCallSQLite", "LastCallWork"],
            never: fullFoundation + stores),
        Layer(
            target: "PaperScout",
            siblings: [
                "LastCall", "LastCallConcurrency", "LastCallHTTP", "LastCallSQLite", "LastCallTransports",
                "LastCallWork",
            ],
            never: fullFoundation + stores),
        Layer(
            target: "HTTPDrill", siblings: ["LastCall", "LastCallConcurrency", "LastCallHTTP", "LastCallTesting"],
            never: fullFoundation + stores,
            origin: .record("Documentation/decisions/0010-a-handler-in-the-place-of-hummingbirds.md")
        ),
    ]

    /// Every module of ours that something could import.
    static let ours = Set(layers.map(\.target))

    /// The row of a target.
    static func layer(of target: some StringProtocol) -> Layer? { layers.first { $0.target == target } }

    /// The targets that `Package.swift` declares, with their lines.
    ///
    /// Test targets are left out: they may import anything.
    static func targets(inManifest text: String) -> [(name: String, line: Int)] {
        text.matches(
            of: #/\.(?:target|executableTarget|systemLibrary|plugin|macro|binaryTarget)\(\s*name:\s*"(?<name>[^"]+)"/#
        ).map {
            (String($0.output.name), text[..<$0.range.lowerBound].count(where: { $0 == "\n" }) + 1)
        }
    }

    /// The module that a line of code imports.
    static func importedModule(in code: String) -> String? {
        let statement =
            #/^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|private|fileprivate)\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(?<module>[A-Za-z_]\w*)/#
        return code.firstMatch(of: statement).map { String($0.output.module) }
    }
}

extension Rule {
    static let layers: [Rule] = [
        Rule(
            name: "a target imports only what its layer allows",
            instead:
                "move the code to the layer that may, or change the table in Layering.swift together with a decision record",
            covers: { $0.hasPrefix("Sources/") && Paths.swift($0) },
            find: { file in
                guard let layer = Layering.layer(of: file.path.split(separator: "/")[1]) else { return [] }
                return file.lines.compactMap { line in
                    guard let module = Layering.importedModule(in: line.code),
                        let objection = layer.objection(to: module)
                    else {
                        return nil
                    }
                    return Finding(line: line.number, found: "`import \(module)` in \(layer.target); \(objection)")
                }
            },
            breaching: (
                Example(
                    path: "Sources/LastCall/A.swift",
                    text:
                        "import Foundation\n@preconcurrency import NIOCore\ninternal import LastCallCommand\nimport struct GRDB.Row\nimport LastCallTesting\n"
                ), lines: [1, 2, 3, 4, 5]
            ),
            clean: Example(
                path: "Sources/LastCall/A.swift",
                text:
                    "import CLastCall\npackage import FoundationEssentials\n@preconcurrency import Glibc\nimport ServiceLifecycle\n// import NIO\n"
            )
        ),
        Rule(
            name: "the command line stays clear of the full Foundation",
            instead: "import FoundationEssentials: the full Foundation brings 30 MB of ICU into the binary",
            covers: { $0.hasPrefix("Sources/lastcall/") && Paths.swift($0) },
            find: { file in file.findings(#/^\s*(\w+\s+)?import\s+(\w+\s+)?Foundation(\.|\s*$)/#) },
            breaching: (
                Example(path: "Sources/lastcall/A.swift", text: "import Foundation\nimport class Foundation.Process\n"),
                lines: [1, 2]
            ),
            clean: Example(path: "Sources/lastcall/A.swift", text: "import FoundationEssentials\n")
        ),
        Rule(
            name: "a new target needs a row in the layering table and a decision record",
            instead: "write Documentation/decisions/NNNN-….md and add a `Layer` with its `origin` to Layering.swift",
            covers: { $0 == "Package.swift" },
            find: { file in
                Layering.targets(inManifest: file.text).filter { name, _ in
                    Layering.layer(of: name) == nil && !testPrograms.contains(name)
                }.map { Finding(line: $0.line, found: "target \"\($0.name)\"") }
            },
            breaching: (
                Example(
                    path: "Package.swift",
                    text:
                        "targets: [\n    .target(name: \"LastCall\"),\n    .target(\n        name: \"LastCallRedis\")\n]\n"
                ), lines: [3]
            ),
            clean: Example(
                path: "Package.swift",
                text:
                    "targets: [.target(name: \"LastCall\"), .testTarget(name: \"NewTests\"), .product(name: \"Logging\")]\n"
            )
        ),
        Rule(
            name: "every folder of Sources is a known target",
            instead: "move the file into its target's folder",
            covers: { $0.hasPrefix("Sources/") },
            find: { file in
                let folder = file.path.split(separator: "/")[1]
                return Layering.layer(of: folder) == nil ? [Finding(line: 1, found: "Sources/\(folder)")] : []
            },
            breaching: (Example(path: "Sources/Shared/A.swift", text: "\n"), lines: [1]),
            clean: Example(path: "Sources/LastCall/A.swift", text: "\n")
        ),
    ]

    /// Executables that only tests start; they live under Tests and ship nowhere.
    private static let testPrograms: Set<String> = [
        "CommandFixture", "LifecycleFixture", "StoreFixture", "WorkFixture",
    ]
}
