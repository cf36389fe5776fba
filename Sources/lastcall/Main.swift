import ArgumentParser
import LastCall
import LastCallSQLite

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The program's start.
///
/// An async `main` hands the main thread to Dispatch, which ends it with pthread_exit(3); glibc does that by loading
/// libgcc_s.so.1 and aborts where the file is missing, as in an image with nothing but glibc. So the work runs in a task and
/// the main thread waits here. Nothing in this program may need the main actor: nobody serves it.
@main
enum Program {
    static func main() {
        SQLiteLibrary.countNoMemory()
        UnstructuredTask.start {
            let arguments = Array(CommandLine.arguments.dropFirst())
            if let flaw = LastCallCommandLine.flawInBytes ?? LastCallCommandLine.flaw(inVerbOf: arguments) {
                StandardError.writeLine("lastcall: \(flaw)")
                exit(LastCall.ExitCode.usage)
            }
            await LastCallCommandLine.main(SubmitCommand.rewriting(arguments))
            exit(EXIT_SUCCESS)
        }
        while true { pause() }
    }
}

/// The command line: parses arguments and hands over to a verb.
struct LastCallCommandLine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lastcall",
        abstract: "Stop without losing work.",
        version: "0.1.0-dev",
        groupedSubcommands: [
            CommandGroup(name: "Run", subcommands: [RunCommand.self, ServeCommand.self]),
            CommandGroup(
                name: "Work",
                subcommands: [
                    SubmitCommand.self, StatusCommand.self, ListCommand.self, WatchCommand.self, ShowCommand.self,
                    OutputCommand.self, CancelCommand.self,
                    RetryCommand.self,
                    ReplayCommand.self, PauseCommand.self, ResumeCommand.self,
                ]),
            CommandGroup(name: "Stops", subcommands: [ReceiptCommand.self, CheckCommand.self]),
            CommandGroup(name: "Measure", subcommands: [BenchCommand.self]),
        ]
    )

    /// Which argument is no text, where there is one: it would reach its program as another one.
    static var flawInBytes: String? {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let bytes = CommandLine.unsafeArgv[index], String(validatingCString: bytes) == nil else { continue }
            return
                "argument \(index), \"\(String(cString: bytes))\", is not UTF-8, and arguments are kept as text; rename the file, or hand over a name that is UTF-8"
        }
        return nil
    }

    /// What is wrong with the first word, where it is no verb; the parser would only call it unexpected.
    static func flaw(inVerbOf arguments: [String]) -> String? {
        guard let word = arguments.first, !word.hasPrefix("-") else { return nil }
        let verbs = configuration.groupedSubcommands.flatMap { $0.subcommands }
        let names = verbs.compactMap { $0.configuration.commandName } + ["help"]
        guard !names.contains(word) else { return nil }
        let remedy = NearestName.match(word, among: names).map { "did you mean \($0)?" } ?? "see lastcall --help"
        return "\(word) is no verb; \(remedy)"
    }
}
