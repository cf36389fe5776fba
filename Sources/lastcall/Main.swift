import ArgumentParser

/// The command line: parses arguments and hands over to a verb.
@main
struct LastCallCommandLine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lastcall",
        abstract: "Stop without losing work.",
        subcommands: [RunCommand.self, CheckCommand.self, BenchCommand.self]
    )
}
