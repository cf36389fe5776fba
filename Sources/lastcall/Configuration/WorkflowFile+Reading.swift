extension WorkflowFile {
    /// Enough for ``depthMax`` and ``jobsMax``: two levels of YAML an element and its arguments, twenty values a job.
    private static let limits = YAMLReader.Limits(depthMax: 2 * depthMax + 6, nodesMax: 20 * jobsMax)

    /// Reads the workflow at a path, or from standard input for `-`.
    ///
    /// - Throws: Everything that is wrong with the file.
    init(path: String) throws(ConfigurationErrors) {
        try self.init(try InputFile(configuration: path, wanted: "a workflow file"))
    }

    /// Reads a workflow.
    ///
    /// - Throws: Everything that is wrong with the file.
    init(_ input: InputFile) throws(ConfigurationErrors) {
        let value = try input.configurationRoot(limits: Self.limits)
        var reader = Reader(problems: value.problems)
        let root = reader.element(value, depth: 1)
        try value.problems.check()
        guard let root else { preconditionFailure("an element that cannot be read is reported") }
        self.init(file: input.name, root: root, jobCount: reader.jobCount, notify: reader.notify)
    }

    /// Holds the workflow's tasks and arguments against a configuration.
    ///
    /// - Throws: Every task that the configuration does not have, and every argument that does not fit its task.
    func validate(with configuration: WorkConfiguration) throws(ConfigurationErrors) {
        let problems = ConfigurationProblems(file: file)
        root.report(to: problems, with: configuration)
        if let flaw = notify.flatMap(configuration.flaw) {
            problems.add(ConfigurationError(code: .unknownName, key: "notify", message: flaw))
        }
        try problems.check()
    }
}

extension WorkflowFile {
    /// Reads elements and counts jobs.
    private struct Reader {
        /// Where mistakes are reported.
        let problems: ConfigurationProblems
        /// How many jobs were read.
        var jobCount = 0
        /// Who is told when all of it is over.
        var notify: NotifyDefinition?

        /// Reads an element, or reports why it cannot be read.
        mutating func element(_ value: ConfigurationValue, depth: Int) -> Element? {
            guard depth <= WorkflowFile.depthMax else {
                value.report(.malformed, "is nested more than \(WorkflowFile.depthMax) levels deep; flatten it")
                return nil
            }
            if value.node.elements != nil {
                value.report(.malformed, "is a list; say how its elements run: write chain: or group: before it")
                return nil
            }
            guard let keys = value.mapping(of: WorkflowKey.self) else { return nil }
            let kinds = WorkflowKey.kinds.filter { keys[$0] != nil }
            guard let kind = kinds.first, let content = keys[kind] else {
                value.report(.missing, "says not what to run; write one of task, command, chain, group")
                return nil
            }
            guard kinds.count == 1 else {
                keys[kinds[1]]?.report(.malformed, "stands beside \(kind.rawValue); an element has one of them")
                return nil
            }
            let allowed = kind.companions(isEach: keys[.each] != nil)
            for (key, other) in keys where key != kind && !allowed.contains(key) {
                other.report(.unknownKey, Self.advice(on: key, beside: kind, allowed: allowed))
            }
            if let value = keys[.notify] {
                if depth > 1 { value.report(.malformed, "stands inside; write it beside the outermost element") }
                notify = NotifyDefinition(value)
            }
            switch kind {
            case .task: return task(content, value, keys, depth: depth)
            case .command: return command(content, value, keys)
            case .chain:
                let elements = list(content, depth: depth)
                if content.node.elements?.isEmpty == true { content.report("is empty; write at least one element") }
                return .chain(elements)
            default: return .group(group(list(content, depth: depth), keys, depth: depth))
            }
        }

        private static func advice(on key: WorkflowKey, beside kind: WorkflowKey, allowed: [WorkflowKey]) -> String {
            let names = allowed.filter { $0 != .notify }.map(\.rawValue).joined(separator: ", ")
            let groupKeys: [WorkflowKey] = [.then, .policy, .partialMembers, .deadline]
            if kind == .task, groupKeys.contains(key) {
                return "belongs to a group; write it beside group: or each:"
            }
            return
                "does not go with \(kind.rawValue); \(names.isEmpty ? "write it at its elements" : "it goes with \(names)")"
        }

        private mutating func list(_ value: ConfigurationValue, depth: Int) -> [Element] {
            (value.list("write a list of elements") ?? []).compactMap { element($0, depth: depth + 1) }
        }

        private mutating func group(
            _ members: [Element], _ keys: [WorkflowKey: ConfigurationValue], depth: Int
        ) -> Group {
            var group = Group(members: members)
            group.callback = keys[.then].flatMap { element($0, depth: depth + 1) }
            group.policy = keys[.policy]?.choice(of: Policy.self) ?? group.policy
            group.partialMembers = keys[.partialMembers]?.choice(of: PartialMembers.self) ?? group.partialMembers
            group.deadline = keys[.deadline]?.duration()
            return group
        }

        private mutating func task(
            _ name: ConfigurationValue, _ element: ConfigurationValue, _ keys: [WorkflowKey: ConfigurationValue],
            depth: Int
        ) -> Element? {
            let call = TaskCall(
                name: name.name() ?? "", arguments: keys[.arguments]?.arguments() ?? [:],
                options: Self.options(keys), line: element.line)
            guard let each = keys[.each] else {
                count(1, at: element)
                return .task(call)
            }
            keys[.key]?.report(
                .malformed, "would be the same for every member; remove it, or write the members as a group")
            let members = self.members(each, of: call)
            count(members.count, at: each)
            return .group(group(members, keys, depth: depth))
        }

        private func members(_ each: ConfigurationValue, of call: TaskCall) -> [Element] {
            guard let keys = each.mapping(of: EachKey.self) else { return [] }
            guard let name = keys[.argument], let values = keys[.values] else {
                each.report(.missing, "needs argument and values; write {argument: path, values: [a, b]}")
                return []
            }
            guard let argument = name.text("write the name of an argument") else { return [] }
            guard ArgumentTemplate.isName(argument) else {
                name.report("is no argument's name; write \(ArgumentTemplate.nameRule)")
                return []
            }
            if call.arguments[argument] != nil {
                name.report("has a value in arguments already; remove it there")
            }
            return (values.list("write a list of values") ?? []).compactMap { entry in
                guard let value = entry.argumentValue() else { return nil }
                var call = call
                call.arguments[argument] = value
                call.line = entry.line
                return .task(call)
            }
        }

        private mutating func command(
            _ content: ConfigurationValue, _ element: ConfigurationValue, _ keys: [WorkflowKey: ConfigurationValue]
        ) -> Element {
            let elements = content.argv()
            let argv = elements.compactMap { $0.text("write a text") }
            if argv.first?.isEmpty == true { elements[0].report("is empty; write the program's name") }
            count(1, at: element)
            return .command(CommandCall(argv: argv, options: Self.options(keys), line: element.line))
        }

        private static func options(_ keys: [WorkflowKey: ConfigurationValue]) -> Options {
            var options = Options()
            if let key = keys[.key], let text = key.nonEmptyText("write a text") {
                if text.utf8.count > 255 { key.report("is longer than 255 bytes; shorten it, or write its digest") }
                options.key = text
            }
            options.queue = keys[.queue]?.name()
            options.priority = keys[.priority]?.integer(in: TaskDefinition.priorityRange)
            options.delay = keys[.delay]?.duration(orZero: true)
            options.retries = keys[.retries]?.integer(in: TaskDefinition.retriesRange)
            options.timeout = keys[.timeout]?.duration()
            return options
        }

        /// Counts jobs; the one that is too many is reported, the rest are not.
        private mutating func count(_ jobs: Int, at value: ConfigurationValue) {
            let wasWithin = jobCount <= WorkflowFile.jobsMax
            jobCount += jobs
            guard wasWithin, jobCount > WorkflowFile.jobsMax else { return }
            value.report(.malformed, "begins more than \(WorkflowFile.jobsMax) jobs; split the file")
        }
    }
}
