extension TaskDefinition {
    /// An argument that a task takes.
    struct Parameter: Sendable, Hashable, CustomStringConvertible {
        /// Its name.
        let name: String
        /// Its value where a submitter leaves it out; `nil` where it is required.
        let defaultValue: ArgumentValue?
        /// The first template that uses it.
        let template: String
        /// Whether it may be a list: every use is `{name...}`.
        let takesList: Bool

        /// `path`, `files...` or `level (default 3)`.
        var description: String {
            let name = takesList ? "\(name)..." : name
            return defaultValue.map { "\(name) (default \($0))" } ?? name
        }
    }

    /// What a program is started with.
    struct Rendered: Sendable, Hashable {
        /// The program and its arguments.
        let argv: [String]
        /// Variables to set, or to remove where the value is `nil`.
        let environment: [String: String?]
        /// The directory it starts in.
        let workingDirectory: String
    }

    /// The arguments that the task takes, in the order of its command, then of its variables' names.
    var parameters: [Parameter] {
        let variables = environment.sorted { $0.key < $1.key }.compactMap(\.value)
        let templates = command + variables
        let bare = Set(templates.filter { !$0.isList }.flatMap(\.names))
        var seen: Set<String> = []
        return templates.flatMap { template in template.names.map { (name: $0, template: template.text) } }
            .filter { seen.insert($0.name).inserted }
            .map { use in
                Parameter(
                    name: use.name, defaultValue: defaults[use.name], template: use.template,
                    takesList: !bare.contains(use.name))
            }
    }

    /// Checks the arguments of one job.
    ///
    /// - Throws: Everything that is wrong with them: an argument that is missing, that the task does not take, that is a list
    ///   where a text belongs, or that holds a NUL byte.
    func validate(arguments: [String: ArgumentValue]) throws(ConfigurationErrors) {
        let problems = ConfigurationProblems(file: nil)
        report(on: arguments, to: problems)
        try problems.check()
    }

    /// Adds what is wrong with the arguments of one job.
    ///
    /// - Parameter line: Where they are written, if in a file.
    func report(on arguments: [String: ArgumentValue], to problems: ConfigurationProblems, line: Int? = nil) {
        let parameters = self.parameters
        let taken = parameters.isEmpty ? "takes none" : "takes \(parameters.map(\.description).joined(separator: ", "))"
        func report(_ code: ConfigurationError.Code, _ argument: String, _ message: String, value: String? = nil) {
            problems.add(
                ConfigurationError(
                    code: code, line: line, key: "task \(name): argument \(argument)", value: value, message: message))
        }
        for parameter in parameters where parameter.defaultValue == nil && arguments[parameter.name] == nil {
            report(
                .missing, parameter.name,
                "is missing, which \"\(parameter.template)\" needs; give it a value (the task \(taken))")
        }
        for (name, value) in arguments.sorted(by: { $0.key < $1.key }) {
            guard let parameter = parameters.first(where: { $0.name == name }) else {
                let nearest = NearestName.match(name, among: parameters.map(\.name))
                let remedy = nearest.map { "write \($0)" } ?? "leave it out"
                report(.unknownName, name, "is not one that the task has; \(remedy) (it \(taken))")
                continue
            }
            if let flaw = Self.flaw(in: value, for: parameter) {
                report(.invalidValue, name, flaw, value: value.description)
            }
        }
    }

    /// What the program is started with for one job.
    ///
    /// - Throws: As ``validate(arguments:)``, and where the program's own name comes out empty.
    func render(arguments: [String: ArgumentValue]) throws(ConfigurationErrors) -> Rendered {
        try validate(arguments: arguments)
        let values = defaults.merging(arguments) { $1 }
        let argv = command.flatMap { $0.filled(with: values) }
        guard let program = argv.first, !program.isEmpty else {
            throw ConfigurationErrors(errors: [
                ConfigurationError(
                    code: .invalidValue, key: "task \(name)",
                    message: "has no program once \"\(command.first?.text ?? "")\" is filled; give its argument a value"
                )
            ])
        }
        return Rendered(
            argv: argv, environment: environment.mapValues { $0?.filled(with: values).first },
            workingDirectory: workingDirectory)
    }

    /// Why a value is not one for this parameter.
    static func flaw(in value: ArgumentValue, for parameter: Parameter) -> String? {
        if value.elements.contains(where: { $0.contains("\0") }) {
            return "holds a NUL byte, which no program can be given; remove it"
        }
        if value.isList && !parameter.takesList {
            return
                "is a list, and \"\(parameter.template)\" takes one text; give it one, or make {\(parameter.name)...} an element of the command"
        }
        return nil
    }
}
