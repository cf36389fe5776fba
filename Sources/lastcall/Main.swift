import ArgumentParser
import LastCall

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
        UnstructuredTask.start {
            await LastCallCommandLine.main(SubmitCommand.rewriting(Array(CommandLine.arguments.dropFirst())))
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
}
