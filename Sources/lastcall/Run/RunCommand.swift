import ArgumentParser
import LastCall
import LastCallCommand
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `lastcall run`: supervises one program as a container's PID 1 would.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Supervise a program: forward signals, reap orphans, end the whole tree in time, write a receipt.",
        usage: "lastcall run [<options>] [--] <command> [<argument> ...]",
        discussion: """
            The program runs in a process group of its own. SIGTERM and Ctrl-C are forwarded to it; what is left of it, \
            grandchildren included, is killed before the grace period ends. A second Ctrl-C leaves it a second at most, a third \
            gives up waiting. SIGUSR1, SIGUSR2, SIGALRM and SIGWINCH are passed on, and SIGHUP where standard input is no \
            terminal; so is every other signal that would end lastcall and leave the program alone. SIGQUIT from a platform \
            (nginx images have STOPSIGNAL SIGQUIT) is a stop like SIGTERM; Ctrl-\\ on a terminal hands over at once.

            The exit code is the program's own (128 + the signal's number where it died of a signal), 124 where it had to \
            be killed, 127 where it does not exist, 126 where it may not be executed, 64 for bad usage.

            EXAMPLES
              lastcall run -- python3 -m http.server
              lastcall run --grace 30s --forward TERM=QUIT -- nginx -g 'daemon off;'
              lastcall run --receipt stop.json --ok-exit 143 -- ./worker --queue mail
              lastcall run --timeout 10m --memory 512MiB -- ./import.sh
            """
    )

    @Option(help: "The grace period, such as 30s. Default: $LASTCALL_GRACE, else what the platform grants.")
    var grace: String?

    @Option(help: "Kill what is left this long after the first signal. Default: as late as the grace period allows.")
    var killAfter: String?

    @Option(help: "Write the receipt as JSON to this path. Default: $LASTCALL_RECEIPT.")
    var receipt: String?

    @Option(help: "Exit codes that count as 0, separated by commas, such as 143.")
    var okExit: String?

    @Option(help: "Send another signal in place of one, such as TERM=QUIT. May be repeated.")
    var forward: [String] = []

    @Option(help: "Stop the program when its process tree holds more memory, such as 512MiB.")
    var memory: String?

    @Option(help: "Stop the program when it runs longer, such as 10m.")
    var timeout: String?

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    @Flag(help: "Print the receipt as JSON on standard error.")
    var json = false

    @Argument(
        parsing: .captureForPassthrough,
        help: ArgumentHelp(
            "The program and its arguments; behind -- where the program's name begins with -.", valueName: "command"))
    var words: [String] = []

    /// The program and its arguments, without the `--` before them.
    var command: [String] { words.first == "--" ? Array(words.dropFirst()) : words }

    func validate() throws {
        if let first = words.first, first != "--", first.hasPrefix("-") {
            // The parser hands over whatever it does not know, and this with it.
            if ["-h", "--help"].contains(first) { throw CleanExit.helpRequest(self) }
            throw ValidationError("unknown option \(first); a command whose name begins with - goes after --")
        }
        do {
            _ = try RunSettings(self)
        } catch let error as RunSettings.UsageError {
            throw ValidationError(error.description)
        }
    }

    func run() async throws {
        // Before anything can take time: from here on SIGTERM waits for the supervisor.
        let signals = ProcessSignals.take()
        let settings: RunSettings
        let plan: ShutdownPlan
        let supervisor: Supervisor
        do {
            settings = try RunSettings(self)
            supervisor = Supervisor(settings, complain: { [json] in if !json { Self.complain($0) } })
            plan = try ShutdownPlan(grace: settings.grace.map { .stated($0) } ?? .detected()) {
                Stage("command") { supervisor.named(settings.name) }
            }
        } catch let error as LastCallError {
            Self.complain("\(error)")
            throw ArgumentParser.ExitCode(LastCall.ExitCode.configuration)
        }
        if let killAfter = settings.killAfter, killAfter > plan.arithmetic.available {
            let (arithmetic, format) = (plan.arithmetic, DurationText.format)
            let limits =
                "--kill-after \(format(killAfter)) is longer than the \(format(arithmetic.available)) that the stop has: "
                + "grace \(format(arithmetic.grace.duration)) (\(arithmetic.grace.source.rawValue)), less "
                + "\(format(arithmetic.preStop + arithmetic.reserve)) for preStop and reserve"
            // An assumed grace may be longer in truth; a stated one is not.
            guard plan.arithmetic.grace.source != .stated else {
                Self.complain("\(limits); shorten it, or grant a longer grace period")
                throw ArgumentParser.ExitCode(LastCall.ExitCode.configuration)
            }
            Self.complain("\(limits); SIGKILL comes at its end")
        }
        supervisor.prepare(killAfter: settings.killAfter ?? plan.arithmetic.available, signals: signals)
        var configuration = Lifecycle.Configuration(
            name: settings.name, logger: logger, receiptPath: receipt,
            showsReceipt: quiet ? .never : json ? .json : .onTerminal
        ) { event in supervisor.heard(event) }
        configuration.showsReceiptOf = { [json] receipt in json || supervisor.isWorthShowing(receipt) }
        configuration.drainsOnQuit = true
        configuration.exitCode = { receipt in supervisor.exitCode(for: receipt) }
        await Lifecycle(plan, configuration: configuration, signals: signals).runAndExit()
    }

    /// On a terminal the receipt says it all; in a container's log two lines frame the stop.
    private var logger: Logger {
        var logger = Logger(label: "lastcall", factory: { _ in LineLogHandler() })
        logger.logLevel = quiet ? .error : isatty(STDERR_FILENO) == 1 || json ? .warning : .notice
        return logger
    }

    /// Writes a line to standard error.
    @Sendable static func complain(_ message: String) {
        StandardError.writeLine("lastcall: \(message)")
    }
}
