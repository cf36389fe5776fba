import ArgumentParser
import LastCallWork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `lastcall output`: what a job wrote, byte for byte.
struct OutputCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "output",
        abstract: "Print what a job wrote.",
        discussion: """
            Prints the lines of standard output that belong to the job's result, byte for byte. Lines of runs that were started \
            anew are left out, but for a job that was given up, of which all lines are kept; --all has them always. Lines that the job wrote to standard error go to standard error with --stderr, \
            together with what the worker noted, such as why it was cut short.

            EXAMPLES
              lastcall output 17
              lastcall output 17 -f --stderr
              lastcall output 17 --all > everything.txt

            \(Verb.exitCodes)
            """
    )

    @OptionGroup var place: StoreOptions

    @Argument(help: "The job's id.")
    var id: String

    @Flag(name: .shortAndLong, help: "Go on until the job is over.")
    var follow = false

    @Flag(help: "Print the lines of all runs, not only those of the result.")
    var all = false

    @Flag(help: "Write the job's standard error to standard error.")
    var stderr = false

    func validate() throws { _ = try WorkID.parse([id]) }

    func run() async throws {
        let id = try WorkID.parse([id])[0]
        try await Verb.run {
            try await place.withStore { opened in
                _ = try await opened.work.record(id)
                do {
                    try await printOutput(of: id, opened.work)
                } catch let error as Terminal.OutputClosed {
                    // As after head(1): whoever read has enough.
                    guard error.code != EPIPE else { return }
                    Verb.complain("standard output could not be written: \(String(cString: strerror(error.code)))")
                    throw ArgumentParser.ExitCode(EX_IOERR)
                }
            }
        }
    }

    private func printOutput(of id: WorkID, _ work: WorkClient) async throws {
        var written = 0
        var hidden = 0
        var run: Int64?
        try await work.readOutput(of: id, from: all ? .start : nil, follows: follow) { page in
            if let before = run, page.resultFrom > before {
                Verb.complain("job \(id) was started anew; what follows is of its next run")
            }
            run = page.resultFrom
            let errors = page.lines.filter { $0.source != .output }
            written += page.lines.count - errors.count
            hidden += errors.count { $0.source == .error }
            try Terminal.write(
                page.lines.filter { $0.source == .output }.flatMap { $0.bytes + [0x0A] }, to: STDOUT_FILENO)
            if stderr { try Terminal.write(errors.flatMap { $0.bytes + [0x0A] }, to: STDERR_FILENO) }
        }
        guard !stderr, written == 0, hidden > 0, Terminal.isError else { return }
        let lines = hidden == 1 ? "1 line" : "\(hidden) lines"
        Verb.complain("job \(id) wrote nothing but \(lines) to standard error; see them with --stderr")
    }
}
