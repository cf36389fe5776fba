extension TaskDefinition {
    /// Reads a task; what cannot be read is reported and left at its default.
    init(_ value: ConfigurationValue, named name: String, in directory: BaseDirectory) {
        self.init(name: name, workingDirectory: directory.path)
        guard let keys = value.mapping(of: TaskKey.self) else { return }
        if let command = keys[.command] {
            self.command = Self.command(command)
        } else {
            value.report(.missing, "has no command; write command: [PROGRAM, ARGUMENT, …] below it")
        }
        readWhere(keys, in: directory)
        readLimits(keys)
        readFailures(keys)
        // After the templates, which say what there is to have a default.
        if let defaults = keys[.defaults] { readDefaults(defaults) }
    }

    private mutating func readWhere(_ keys: [TaskKey: ConfigurationValue], in directory: BaseDirectory) {
        description = keys[.description]?.text("write a text")
        environment = keys[.env].map(Self.environment) ?? [:]
        if let value = keys[.cwd], let text = value.text("write a path") {
            do {
                workingDirectory = try directory.resolve(text)
            } catch {
                value.report(error.message)
            }
        }
        queue = keys[.queue]?.name() ?? queue
        priority = keys[.priority]?.integer(in: Self.priorityRange) ?? priority
    }

    private mutating func readLimits(_ keys: [TaskKey: ConfigurationValue]) {
        timeout = keys[.timeout]?.duration()
        memoryBytes = keys[.memory]?.size(atLeast: Self.memoryBytesMin)
        outputBytes = keys[.outputLimit]?.size()
        killAfter = keys[.killAfter]?.duration(orZero: true) ?? killAfter
        guard let okExit = keys[.okExit] else { return }
        let codes = okExit.node.elements == nil ? [okExit] : okExit.list("write exit codes") ?? []
        if codes.isEmpty { okExit.report("is an empty list; write at least one exit code, such as 0") }
        okExitCodes = Set(codes.compactMap { $0.integer(in: 0...255).map(Int32.init) })
    }

    private mutating func readFailures(_ keys: [TaskKey: ConfigurationValue]) {
        retries = keys[.retries]?.integer(in: Self.retriesRange) ?? retries
        backoff = keys[.backoff].map(Backoff.init) ?? backoff
        onEviction = keys[.onEviction]?.choice(of: EvictionPolicy.self) ?? onEviction
        notify = keys[.notify].flatMap { NotifyDefinition($0) }
        onLost = keys[.onLost]?.choice(of: LossPolicy.self) ?? onLost
        guard let losses = keys[.lossesMax] else { return }
        if losses.node.text == "unlimited" {
            lossesMax = nil
        } else if losses.node.text?.first?.isLetter == true {
            losses.report("is not allowed; write a whole number from 0 to 1000, or unlimited")
        } else {
            lossesMax = losses.integer(in: 0...1000) ?? lossesMax
        }
    }

    private mutating func readDefaults(_ value: ConfigurationValue) {
        defaults = value.arguments()
        let parameters = self.parameters
        for (name, entry) in value.entries("write a mapping of values") ?? [] {
            guard let given = defaults[name] else { continue }
            if let parameter = parameters.first(where: { $0.name == name }) {
                if let flaw = Self.flaw(in: given, for: parameter) { entry.report(flaw, shown: "\(given)") }
                continue
            }
            let names = parameters.map(\.name)
            let taken = names.isEmpty ? "no argument" : names.joined(separator: ", ")
            let remedy = NearestName.match(name, among: names).map { "write \($0)" } ?? "it uses \(taken)"
            entry.report(.unknownName, "is no argument that the command or env uses; \(remedy)")
        }
    }

    private static func command(_ value: ConfigurationValue) -> [ArgumentTemplate] {
        let elements = argv(value, of: "{name} stands for an argument")
        let templates = elements.compactMap(\.template)
        if let first = templates.first, templates.count == elements.count {
            if first.isList { elements[0].value.report("is the program, which cannot be a list; write its name first") }
            if first.text.isEmpty { elements[0].value.report("is empty; write the program's name") }
        }
        return templates
    }

    private static func argv(
        _ value: ConfigurationValue, of hint: String
    ) -> [(value: ConfigurationValue, template: ArgumentTemplate?)] {
        value.argv().map { element in
            guard let text = element.text("write a text; \(hint)") else { return (element, nil) }
            return (element, element.template(text))
        }
    }

    private static func environment(_ value: ConfigurationValue) -> [String: ArgumentTemplate?] {
        var variables: [String: ArgumentTemplate?] = [:]
        for (name, entry) in value.entries("write a mapping, as in {LANG: C}") ?? [] {
            if name.isEmpty || name.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "=") }) {
                entry.report(.malformed, "is no variable's name; write one without = and NUL")
            } else if reservedVariables.contains(name) {
                entry.report(.malformed, "is set by the worker for every job; remove it")
            } else if entry.node.isNull {
                variables.updateValue(nil, forKey: name)
            } else if let text = entry.text("write a text, or nothing to remove the variable"),
                let template = entry.template(text)
            {
                if template.isList {
                    entry.report("is a variable, which cannot be a list; write {\(template.names[0])}")
                }
                variables.updateValue(template, forKey: name)
            }
        }
        return variables
    }
}

extension ConfigurationValue {
    /// The elements of a command, which is a list and not empty.
    func argv() -> [ConfigurationValue] {
        if let text = node.text {
            report("is one text, and no shell takes it apart; write it as a list: \(Self.listForm(of: text))")
            return []
        }
        guard let elements = list("write a list: [PROGRAM, ARGUMENT, …]") else { return [] }
        if elements.isEmpty { report("is empty; write at least the program's name") }
        return elements
    }

    /// A template, or `nil` after its flaw was reported.
    func template(_ text: String) -> ArgumentTemplate? {
        do {
            return try ArgumentTemplate(text)
        } catch {
            report(error.message)
            return nil
        }
    }

    /// How a command that is one text is written as a list: its words, or the shell that it needs.
    private static func listForm(of text: String) -> String {
        let words = text.split(whereSeparator: \.isWhitespace)
        let needsShell = text.contains { "|&;<>()$`\\\"'*?[]#~=%!\n".contains($0) }
        guard !needsShell, !words.isEmpty, text.count <= 60 else {
            return text.contains("\n") || text.count > 60 ? "[sh, -c, …]" : "[sh, -c, …] with the text in quotes"
        }
        let quoted = words.map { $0.contains { "{},:".contains($0) } ? "\"\($0)\"" : String($0) }
        return "[\(quoted.joined(separator: ", "))]"
    }
}

extension TaskDefinition.Backoff {
    /// Reads a backoff: the wait before the first retry, or a mapping.
    init(_ value: ConfigurationValue) {
        self.init()
        guard value.node.pairs != nil else {
            base = value.duration(orZero: true) ?? base
            longest = max(longest, base)
            return
        }
        guard let keys = value.mapping(of: BackoffKey.self) else { return }
        base = keys[.base]?.duration(orZero: true) ?? base
        factor = keys[.factor]?.number(in: 1...100) ?? factor
        jitter = keys[.jitter]?.number(in: 0...1) ?? jitter
        longest = max(longest, base)
        if let written = keys[.max], let duration = written.duration(orZero: true) {
            if duration < base { written.report("is shorter than the base; write at least as much") }
            longest = max(duration, base)
        }
    }
}
