import ArgumentParser
import LastCall

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `lastcall check`: says whether a plan fits what the deployment files grant.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Hold a shutdown plan against deployment files.",
        discussion: """
            Reads compose files, Kubernetes manifests, systemd units and Procfiles, prints the arithmetic of the stop, and \
            says what to write where it does not fit. Nothing is changed.

            Examples:
              lastcall check compose.yml --budget intake=30s --budget close=5s
              lastcall check deploy.yaml my.service --plan plan.json
              helm template ./chart | lastcall check - --budget 25s --service api

            Exit codes: 0 all fit, 1 something does not fit, 64 bad usage, 74 the report could not be written, 78 a file or \
            plan cannot be understood.
            Advice does not change the exit code.
            """
    )

    @Argument(help: "Files to check; - for standard input.")
    var files: [String]

    @Option(name: .customLong("budget"), help: "A stage's budget: 30s, or intake=30s. Once for each stage, in order.")
    var budgets: [String] = []

    @Option(help: "The plan that a service wrote with --print-plan (JSON).")
    var plan: String?

    @Option(help: "What is kept for the receipt. (default: 5% of the grace, 0.2s to 2s)")
    var reserve: String?

    @Option(help: "How long the preStop hook takes, where the file cannot tell.")
    var prestop: String?

    @Option(name: .customLong("service"), help: "Only this service, workload or container. May be repeated.")
    var services: [String] = []

    @Flag(help: "Print the report as JSON.")
    var json = false

    func validate() throws {
        guard budgets.isEmpty || plan == nil else {
            throw ValidationError("--budget and --plan both give a plan; write one of them")
        }
        _ = try usage()
    }

    func run() throws {
        var options = try usage()
        var unread: [CheckError] = []
        if let plan {
            do {
                options.plan = try StagePlan(file: InputFile(path: plan))
            } catch {
                unread.append(error)
            }
        }
        var inputs: [InputFile] = []
        for path in files {
            do {
                inputs.append(try InputFile(path: path))
            } catch {
                unread.append(error)
            }
        }
        // Without the plan that was asked for, a table would answer another question.
        if plan != nil && options.plan == nil { inputs = [] }
        let report = CheckReport(files: inputs, unread: unread, options: options)
        if json {
            print(report.json, terminator: "")
        } else {
            // Errors first and unbuffered, so that "see above" is true where both streams are one terminal.
            var standardError = StandardError()
            print(report.failureText.withoutControlCharacters, terminator: "", to: &standardError)
            print(report.text.withoutControlCharacters, terminator: "")
        }
        guard fflush(nil) == 0 else {
            StandardError.writeLine(
                "lastcall: standard output could not be written: \(String(cString: strerror(errno)))")
            throw ExitCode(EX_IOERR)
        }
        throw ExitCode(report.exitCode)
    }

    /// The options that are on the command line itself.
    private func usage() throws -> CheckOptions {
        var options = CheckOptions(services: services)
        options.reserve = try duration(reserve, option: "--reserve")
        options.preStop = try duration(prestop, option: "--prestop")
        guard !budgets.isEmpty else { return options }
        do {
            options.plan = try StagePlan(budgets: budgets)
        } catch {
            throw ValidationError(error.message)
        }
        return options
    }

    private func duration(_ text: String?, option: String) throws -> Duration? {
        guard let text else { return nil }
        guard let duration = DurationText.parse(text) else {
            throw ValidationError("\(option): \"\(text)\" is not a duration; write for example 5s")
        }
        return duration
    }
}
