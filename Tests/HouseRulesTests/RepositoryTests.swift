import Foundation
import Testing

@Suite("The house rules hold in this repository")
struct RepositoryTests {
    private let repository: Repository

    init() throws { repository = try Repository.current.get() }

    /// The files, read once for all rules.
    private static let files = Result {
        let repository = try Repository.current.get()
        return try repository.paths.compactMap { path in
            try repository.text(path).map { SourceFile(path: path, text: $0) }
        }
    }

    @Test("house rule", arguments: Rule.all)
    func rule(_ rule: Rule) async throws {
        for file in try Self.files.get() {
            // Other tests wait for a thread.
            await Task.yield()
            for breach in rule.breaches(in: file) { Issue.record("\(breach)") }
        }
    }

    @Test("the sources are among the files that were read")
    func reads() throws {
        let paths = Set(try Self.files.get().map(\.path))
        for expected in ["Package.swift", Rule.unstructuredTaskPath, "Sources/lastcall/Main.swift"] {
            #expect(paths.contains(expected))
        }
    }

    @Test("every target that the design does not name has its decision record")
    func decisionRecords() throws {
        for target in Layering.targets(inManifest: try repository.text("Package.swift") ?? "") {
            guard case .record(let path) = Layering.layer(of: target.name)?.origin else { continue }
            let exists = repository.exists(path)
            #expect(exists, "Package.swift:\(target.line): \(target.name) names \(path), which does not exist")
        }
    }

    @Test("neither Package.resolved nor a build folder is tracked")
    func nothingBuiltIsTracked() {
        let built = (repository.tracked ?? []).filter(Self.isBuilt)
        #expect(
            built.isEmpty, "\(built.prefix(5)) must not be committed: `git rm --cached` them and look at .gitignore")
    }

    @Test(
        "what counts as built",
        arguments: [
            ("Package.resolved", true), (".build/debug/a", true), (".build-tsan/a", true),
            ("Examples/a/.build/b", true),
            ("dist/lastcall", true), ("Sources/LastCall/A.swift", false), ("scripts/dist", false),
            (".gitignore", false),
        ])
    func builtPaths(path: String, built: Bool) { #expect(Self.isBuilt(path) == built) }

    private static func isBuilt(_ path: String) -> Bool {
        let folders = path.split(separator: "/")
        return folders.last == "Package.resolved" || folders.dropLast().contains { $0.hasPrefix(".build") }
            || folders.first == "dist"
                && folders.count > 1
    }

    @Test("every relative link in a Markdown file leads somewhere")
    func links() throws {
        for file in try Self.files.get() where file.path.hasSuffix(".md") {
            for link in MarkdownLinks.relative(in: file.text) {
                let target = MarkdownLinks.resolve(link.target, from: file.path)
                if target.map(repository.exists) != true {
                    Issue.record(
                        "\(file.path):\(link.line): the link to \(link.target) leads nowhere. Mend or remove it")
                }
            }
        }
    }
}
