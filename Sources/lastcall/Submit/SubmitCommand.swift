import ArgumentParser
import FoundationEssentials
import LastCall
import LastCallWork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `lastcall submit`: makes jobs of a task, a command or a workflow file.
struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Submit a task, any command, a group of jobs or a workflow file.",
        usage: """
            lastcall submit [<options>] TASK [NAME=VALUE ...] [--each NAME VALUE ... [--then TASK [NAME=VALUE ...]]]
            lastcall submit [<options>] FILE
            lastcall submit [<options>] -- COMMAND [ARGUMENT ...]
            """,
        discussion: """
            Prints the ids of the jobs, one a line, in the order in which they are written; a callback comes last. When the ids \
            are printed, the jobs are stored; they run when lastcall serve does.

            An argument that is given twice becomes a list. Behind --each and --then every word up to the next option belongs \
            to them, so the task's own arguments come first; values that begin with - go in through --stdin. A callback reads \
            one JSON object a member on its standard input. A command starts in the directory in which it was submitted, with the \
            worker's environment.

            EXAMPLES
              lastcall submit hash path=a.iso
              lastcall submit hash --each path *.iso --then summarise --wait
              lastcall submit --delay 1h --retries 3 -- ./backup.sh --full
              lastcall submit report --after 17 --key daily
              lastcall submit workflow.yml --json
              jq -c '{path: .file}' files.json | lastcall submit hash --stdin --then summarise

            Exit codes: 0 submitted; with --wait 0 succeeded, 75 partial, 1 failed, cancelled or dead, 130 left running after \
            Ctrl-C. 1 refused, 64 bad usage, an unknown task or wrong arguments, 69 the store cannot be used now, \
            74 the answer could not be written, 78 bad configuration, workflow file or lines.
            """
    )

    @OptionGroup var place: StoreOptions

    @Argument(
        help: ArgumentHelp("A task and its arguments, or a workflow file (- for standard input).", valueName: "task"))
    var words: [String] = []

    @Option(name: .customLong(Self.commandOption), help: .hidden)
    var command: [String] = []

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("One job for each value of an argument: its name, then the values.", valueName: "name value")
    )
    var each: [String] = []

    @Option(
        parsing: .upToNextOption,
        help: "The task that runs when all jobs of --each or --stdin are over, and its arguments.")
    var then: [String] = []

    @Flag(help: "One job for each line of standard input: a JSON object of arguments.")
    var stdin = false

    @Option(
        help: ArgumentHelp(
            "Wait until this job has ended well; it is cancelled where that one did not.", valueName: "id"))
    var after: String?

    @Option(help: "The queue. Default: the task's.")
    var queue: String?

    @Option(help: "From -100 to 100; lower runs first. Default: the task's.")
    var priority: Int?

    @Option(help: "How long to wait before it may start, such as 10m.")
    var delay: String?

    @Option(help: "Where an unfinished job of the task has this key, that one's id is printed and nothing is added.")
    var key: String?

    @Option(help: "How often a run that failed is tried again. Default: the task's.")
    var retries: Int?

    @Option(help: "How long one run may take, such as 10m. Default: the task's.")
    var timeout: String?

    @Option(help: "When --then runs: always (the default), or where all members ended well or partial.")
    var policy: String?

    @Option(
        help: "A member that was cut short counts as ended (proceed, the default), or is waited for (awaitRemainder).")
    var partialMembers: String?

    @Option(help: "How long the group waits for its members before it goes on with what there is.")
    var deadline: String?

    @Flag(help: "Follow it to its end and print what the last job wrote. Ctrl-C leaves it running.")
    var wait = false

    @Flag(help: "Print one JSON object.")
    var json = false

    /// What each word behind `--` is parsed as; see ``rewriting(_:)``.
    private static let commandOption = "command-word"

    /// The command line with a hidden option for each word behind `--`.
    ///
    /// The parser cannot tell the words before `--` from those behind it, where both may be many.
    static func rewriting(_ arguments: [String]) -> [String] {
        guard arguments.first == configuration.commandName, let end = arguments.firstIndex(of: "--") else {
            return arguments
        }
        let command = arguments[(end + 1)...]
        // The mark keeps a word that is empty from looking like a missing value.
        return arguments[..<end] + command.map { "--\(commandOption)=\(commandMark)\($0)" }
    }

    /// Stands before each word of a command in its hidden option.
    private static let commandMark = ":"

    func validate() throws { _ = try options() }

    func run() async throws {
        let interruption = wait ? Interruption() : nil
        try await Verb.run {
            let options = try options()
            let after = try after.map { try WorkID.parse([$0])[0] }
            try await place.withStore(creates: true, readsTasks: true) { opened in
                let request = try SubmitRequest(
                    options, configuration: opened.configuration,
                    isFile: { FileManager.default.fileExists(atPath: $0) }, readInput: { try Self.readInput() })
                if let configuration = opened.configuration {
                    do {
                        try request.validate(with: configuration)
                    } catch let error as ConfigurationErrors where request.file == nil {
                        throw VerbError(.usage, error.description)
                    }
                } else if options.command.isEmpty {
                    Verb.complain("note: there is no configuration here, so tasks and arguments are not checked")
                }
                if let after { _ = try await opened.work.record(after) }
                let drafting = JobDrafting(
                    configuration: opened.configuration, directory: BaseDirectory.current.path, after: after)
                let submitted = try await Submitted(request, drafting, opened.work)
                if submitted.hasDuplicate, let key {
                    Verb.complain("a job with the key \(key) is there and not over; nothing was added")
                }
                if stdin, submitted.ids.count == (then.isEmpty ? 0 : 1) {
                    Verb.complain(
                        "note: standard input held no lines, so \(then.isEmpty ? "nothing" : "only --then") was submitted"
                    )
                }
                guard let interruption else {
                    if json { print(JSONText.encode(submitted.json())) } else { for id in submitted.ids { print(id) } }
                    if fflush(nil) != 0 {
                        Verb.complain("standard output could not be written: \(String(cString: strerror(errno)))")
                        let ids = submitted.ids.map(\.description).joined(separator: " ")
                        Verb.complain("submitted all the same, do not submit again: \(ids)")
                        throw ArgumentParser.ExitCode(EX_IOERR)
                    }
                    return
                }
                try await SubmitWait(submitted: submitted, work: opened.work, isJSON: json).run(until: interruption)
            }
        }
    }

    /// The command line, with its values read.
    ///
    /// - Throws: Which option has a value that it does not take.
    func options() throws -> SubmitRequest.Options {
        var options = SubmitRequest.Options(
            words: words, command: command.map { String($0.dropFirst()) }, each: each, then: then, readsInput: stdin)
        options.job.queue = try queue.map { name in
            if let flaw = ConfigurationValue.flaw(inName: name) { throw ValidationError("--queue \"\(name)\" \(flaw)") }
            return name
        }
        options.job.priority = try Self.number(priority, "--priority", TaskDefinition.priorityRange)
        options.job.retries = try Self.number(retries, "--retries", TaskDefinition.retriesRange)
        options.job.delay = try Self.duration(delay, "--delay", orZero: true)
        options.job.timeout = try Self.duration(timeout, "--timeout")
        options.job.key = try key.map { text in
            guard !text.isEmpty, text.utf8.count <= 255 else {
                throw ValidationError("--key: write a text of 1 to 255 bytes; this one has \(text.utf8.count)")
            }
            return text
        }
        options.policy = try Self.choice(policy, "--policy")
        options.partialMembers = try Self.choice(partialMembers, "--partial-members")
        options.deadline = try Self.duration(deadline, "--deadline")
        _ = try after.map { try WorkID.parse([$0]) }
        return options
    }

    private static func number(_ number: Int?, _ option: String, _ range: ClosedRange<Int>) throws -> Int? {
        guard let number else { return nil }
        guard range.contains(number) else {
            throw ValidationError(
                "\(option) \(number): write a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func duration(_ text: String?, _ option: String, orZero: Bool = false) throws -> Duration? {
        guard let text else { return nil }
        guard let duration = DurationText.parse(text), orZero || duration > .zero else {
            throw ValidationError(
                "\(option) \(text): write a duration \(orZero ? "of 0s or more" : "above 0s"), such as 30s, 10m or 1h30m"
            )
        }
        return duration
    }

    private static func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ text: String?, _ option: String
    ) throws -> Choice? {
        guard let text else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let names = Choice.allCases.map(\.rawValue)
            let remedy =
                NearestName.match(text, among: names).map { "write \($0)" }
                ?? "write \(names.joined(separator: " or "))"
            throw ValidationError("\(option) \(text): \(remedy)")
        }
        return choice
    }

    /// Standard input to its end.
    ///
    /// - Throws: ``VerbError`` where it is too much.
    private static func readInput() throws -> [UInt8] {
        let most = 256 << 20
        if Terminal.isInput { Verb.complain("reading one JSON object a line from the terminal; end with Ctrl-D") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(STDIN_FILENO, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw VerbError(.refused, "standard input could not be read: \(String(cString: strerror(errno)))")
            }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= most else {
                throw VerbError(.refused, "standard input holds more than \(most >> 20) MiB; submit it in parts")
            }
        }
    }
}
