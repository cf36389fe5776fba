import LastCall
import LastCallWork

/// What `lastcall submit` was asked for, taken apart: jobs on their own, or one workflow.
struct SubmitRequest: Sendable, Hashable {
    /// What the command line says.
    struct Options: Sendable, Hashable {
        /// The words before `--`: a task and its arguments, or a file.
        var words: [String] = []
        /// The words behind `--`.
        var command: [String] = []
        /// An argument's name and its values.
        var each: [String] = []
        /// The task that follows, and its arguments.
        var then: [String] = []
        /// Whether arguments are read from standard input.
        var readsInput = false
        /// How each job is treated.
        var job = WorkflowFile.Options()
        /// How the group is treated, where there is one.
        var policy: WorkflowFile.Policy?
        /// What a member that was cut short counts as.
        var partialMembers: WorkflowFile.PartialMembers?
        /// How long the group waits.
        var deadline: Duration?
    }

    /// What is submitted: each element on its own.
    var elements: [WorkflowFile.Element]
    /// The file that errors name, where what is submitted was read from one.
    var file: String?
    /// Who is told when all of it is over.
    var notify: NotifyDefinition?

    /// Takes a command line apart.
    ///
    /// - Parameters:
    ///   - options: The command line.
    ///   - configuration: The tasks, where they are known.
    ///   - isFile: Whether there is something to read at a path.
    ///   - readInput: Reads standard input to its end.
    /// - Throws: ``VerbError`` for words that make no sense, ``ConfigurationErrors`` for a file or lines that do not.
    init(
        _ options: Options, configuration: WorkConfiguration?, isFile: (String) -> Bool,
        readInput: () throws -> [UInt8]
    ) throws {
        if !options.command.isEmpty {
            try Self.checkCommand(options)
            elements = [.command(.init(argv: options.command, options: options.job, line: 0))]
            return
        }
        guard let name = options.words.first else {
            throw VerbError(
                .usage,
                "what is to be submitted? Write a task and its arguments, a file, or a command behind --; see lastcall submit --help"
            )
        }
        if Self.isFileName(name, options, configuration, isFile) {
            try Self.checkFile(options)
            let flow = try WorkflowFile(path: name)
            elements = [flow.root]
            file = flow.file
            notify = flow.notify
            return
        }
        let base = WorkflowFile.TaskCall(
            name: name, arguments: try Self.arguments(options.words.dropFirst()), options: options.job, line: 0)
        let members: [WorkflowFile.TaskCall]?
        if options.readsInput {
            guard options.each.isEmpty else {
                throw VerbError(.usage, "--each and --stdin both say what differs; write one of them")
            }
            members = try Self.members(of: base, lines: try readInput())
            file = "standard input"
        } else if !options.each.isEmpty {
            members = try Self.members(of: base, each: options.each, then: options.then, configuration)
        } else {
            members = nil
        }
        elements = try Self.elements(base, members, options)
    }

    /// A workflow that came as one document.
    init(_ flow: WorkflowFile) {
        elements = [flow.root]
        notify = flow.notify
    }

    /// How many jobs it holds.
    var jobCount: Int { elements.reduce(0) { $0 + $1.jobCount } }

    /// Holds tasks and arguments against a configuration.
    ///
    /// - Throws: Every task that it does not have, and every argument that does not fit its task.
    func validate(with configuration: WorkConfiguration) throws(ConfigurationErrors) {
        let problems = ConfigurationProblems(file: file)
        for element in elements { element.report(to: problems, with: configuration) }
        if let flaw = notify.flatMap(configuration.flaw) {
            problems.add(ConfigurationError(code: .unknownName, key: "notify", message: flaw))
        }
        try problems.check()
    }

    // MARK: taking apart

    private static func elements(
        _ base: WorkflowFile.TaskCall, _ members: [WorkflowFile.TaskCall]?, _ options: Options
    ) throws -> [WorkflowFile.Element] {
        let isGroup = members != nil && (!options.readsInput || !options.then.isEmpty)
        guard isGroup, let members else {
            guard options.then.isEmpty else {
                throw VerbError(.usage, "--then follows a group; write --each or --stdin before it, or a workflow file")
            }
            try refuseGroupOptions(options, "a group: --each, or --stdin with --then")
            return (members ?? [base]).map { .task($0) }
        }
        guard options.job.key == nil else {
            throw VerbError(
                .usage, "--key would be the same for every member of the group; leave it out, or write a workflow file")
        }
        var group = WorkflowFile.Group(members: members.map { .task($0) })
        if let name = options.then.first {
            group.callback = .task(.init(name: name, arguments: try arguments(options.then.dropFirst()), line: 0))
        }
        group.policy = options.policy ?? group.policy
        group.partialMembers = options.partialMembers ?? group.partialMembers
        group.deadline = options.deadline
        return [.group(group)]
    }

    private static func refuseGroupOptions(_ options: Options, _ wanted: String) throws {
        let given = [
            options.policy.map { _ in "--policy" }, options.partialMembers.map { _ in "--partial-members" },
            options.deadline.map { _ in "--deadline" },
        ].compactMap(\.self)
        guard let first = given.first else { return }
        throw VerbError(.usage, "\(first) belongs to \(wanted)")
    }

    private static func checkCommand(_ options: Options) throws {
        guard options.words.isEmpty else {
            throw VerbError(
                .usage,
                "\"\(options.words[0])\" stands before --, which begins a command; submit a task or a command, not both"
            )
        }
        guard options.command.first?.isEmpty == false else { throw VerbError(.usage, "the command's name is empty") }
        guard options.each.isEmpty, options.then.isEmpty, !options.readsInput else {
            throw VerbError(
                .usage, "--each, --then and --stdin go with a task; write a workflow file for a group of commands")
        }
        try refuseGroupOptions(options, "a group of tasks, or to a workflow file's group")
    }

    private static func checkFile(_ options: Options) throws {
        let others = options.words.dropFirst()
        guard others.isEmpty, options.each.isEmpty, options.then.isEmpty, !options.readsInput else {
            throw VerbError(.usage, "\(options.words[0]) is a workflow file, which says all of it; leave the rest out")
        }
        guard options.job == WorkflowFile.Options() else {
            throw VerbError(
                .usage,
                "a workflow file says queue, priority, delay, key, retries and timeout of each job itself; write them there"
            )
        }
        try refuseGroupOptions(options, "the group in the file; write it there")
    }

    private static func isFileName(
        _ word: String, _ options: Options, _ configuration: WorkConfiguration?, _ isFile: (String) -> Bool
    ) -> Bool {
        if configuration?.tasks[word] != nil { return false }
        if word == "-" { return true }
        return word.contains("/") || [".yml", ".yaml", ".json"].contains(where: word.hasSuffix)
            || options.words.count == 1 && ConfigurationValue.flaw(inName: word) != nil && isFile(word)
    }

    /// Reads `name=value` words; a name that comes again makes a list.
    static func arguments(_ words: some Sequence<String>) throws -> [String: ArgumentValue] {
        var arguments: [String: ArgumentValue] = [:]
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, ArgumentTemplate.isName(parts[0]) else {
                throw VerbError(.usage, "\"\(word)\" is no argument; write NAME=VALUE, as in path=a.iso")
            }
            if let before = arguments[parts[0]] {
                arguments[parts[0]] = .list(before.elements + [parts[1]])
            } else {
                arguments[parts[0]] = .text(parts[1])
            }
        }
        return arguments
    }

    private static func members(
        of base: WorkflowFile.TaskCall, each: [String], then: [String], _ configuration: WorkConfiguration?
    ) throws -> [WorkflowFile.TaskCall] {
        let (name, values) = (each[0], each.dropFirst())
        guard ArgumentTemplate.isName(name) else {
            throw VerbError(
                .usage, "--each \(name): write an argument's name and its values, as in --each path a.iso b.iso")
        }
        guard base.arguments[name] == nil else {
            throw VerbError(
                .usage,
                "\(name) has a value already, \(name)=\(base.arguments[name]?.description ?? ""); leave that or --each out"
            )
        }
        guard !values.isEmpty || !then.isEmpty else {
            throw VerbError(
                .usage, "--each \(name) has no values; write them behind it, as in --each \(name) a.iso b.iso")
        }
        let parameters = configuration?.tasks[base.name]?.parameters.map(\.name) ?? []
        for value in values {
            // A word that was meant for the task would run as one more member.
            if let other = parameters.first(where: { $0 != name && value.hasPrefix("\($0)=") }) {
                throw VerbError(
                    .usage,
                    "\"\(value)\" stands among the values of --each \(name); write \(other)= before --each, or values with --stdin"
                )
            }
        }
        return values.map { value in
            var call = base
            call.arguments[name] = .text(value)
            return call
        }
    }

    private static func members(of base: WorkflowFile.TaskCall, lines: [UInt8]) throws -> [WorkflowFile.TaskCall] {
        let problems = ConfigurationProblems(file: "standard input")
        var calls: [WorkflowFile.TaskCall] = []
        for (index, line) in lines.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            guard line.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { continue }
            guard calls.count < WorkflowFile.jobsMax else {
                throw VerbError(
                    .refused, "standard input holds more than \(WorkflowFile.jobsMax) lines; submit them in parts")
            }
            var call = base
            call.line = index + 1
            if let flaw = call.merge(line: Array(line)) {
                problems.add(ConfigurationError(code: .malformed, line: index + 1, message: flaw))
            }
            calls.append(call)
        }
        try problems.check()
        return calls
    }
}

extension WorkflowFile.TaskCall {
    /// Takes the arguments of a line; returns what is wrong with it.
    fileprivate mutating func merge(line: [UInt8]) -> String? {
        let example = #"write one JSON object a line, as in {"path": "a.iso"}"#
        guard case .object(let fields) = AnyJSON(line) else { return "is no JSON object; \(example)" }
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            guard ArgumentTemplate.isName(name) else {
                return "\"\(name)\" is no argument's name; write \(ArgumentTemplate.nameRule)"
            }
            guard !value.isInexact else {
                return "\(name): the number is too large to be kept digit by digit; write it as a text, in quotes"
            }
            guard let argument = value.argumentValue else {
                return "\(name): write a text, a number, true, false or a list of these"
            }
            arguments[name] = argument
        }
        return nil
    }
}
