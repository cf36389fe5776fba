import ArgumentParser
import Testing

@testable import lastcall

/// The help of every verb.
@Suite struct VerbHelpTests {
    private static let verbs = LastCallCommandLine.configuration.groupedSubcommands.flatMap { $0.subcommands }

    @Test("every verb's help has examples that begin with lastcall, and says its exit codes")
    func help() {
        #expect(Self.verbs.count == 16)
        for verb in Self.verbs where verb != BenchCommand.self {
            let text = verb.configuration.discussion
            let name = verb.configuration.commandName ?? ""
            #expect(text.uppercased().contains("EXAMPLES"), "\(name)")
            #expect(text.contains("lastcall \(name)"), "\(name)")
            #expect(text.lowercased().contains("exit code"), "\(name)")
        }
    }

    @Test("every verb is on the page, and one that is misspelled is told the nearest")
    func page() throws {
        let page = try repositoryFile("Documentation/Verbs.md")
        let others: Set = ["run", "check", "bench"]
        for name in Self.verbs.compactMap({ $0.configuration.commandName }) where !others.contains(name) {
            #expect(page.contains("`\(name)"), "\(name)")
        }
        #expect(LastCallCommandLine.flaw(inVerbOf: ["wacth"]) == "wacth is no verb; did you mean watch?")
        #expect(LastCallCommandLine.flaw(inVerbOf: ["--version"]) == nil)
        #expect(LastCallCommandLine.flaw(inVerbOf: ["zzz"]) == "zzz is no verb; see lastcall --help")
    }
}
