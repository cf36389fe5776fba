import CLastCall

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What a command comes to on this machine: its paths, its environment, its id.
struct SpawnPlan {
    /// Where a shell looks when the environment has no `PATH` (`_PATH_DEFPATH` and the superuser's directories).
    static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The paths to try in this order.
    let candidates: [String]
    /// The program's `argv`.
    let arguments: [String]
    /// The program's environment, `NAME=value` each.
    let environment: [String]
    /// The command's id, by which its processes are found.
    let id: String

    /// Works a command out.
    ///
    /// - Throws: ``CommandError`` with the code `invalidCommand` or `notFound`.
    init(_ command: Command) throws {
        guard !command.executable.isEmpty else {
            throw CommandError(.notFound, "The command is empty. Name a program.", errno: ENOENT)
        }
        let id = command.id ?? String(UInt64.random(in: .min ... .max), radix: 36)
        var variables = Self.variables(command.environment)
        let outer = variables[ProcessTree.variable]
        variables[ProcessTree.variable] = outer.map { "\($0):\(id)" } ?? id
        self.id = id
        environment = variables.map { "\($0.key)=\($0.value)" }.sorted()
        arguments = [command.executable] + command.arguments
        candidates = Self.candidates(command.executable, path: variables["PATH"])
        try Self.validate(command, texts: arguments + environment)
    }

    /// The variables that a program is to find.
    private static func variables(_ environment: CommandEnvironment) -> [String: String] {
        switch environment {
        case .inherited: return current()
        case .custom(let variables): return variables
        case .updating(let changes):
            var variables = current()
            for (name, value) in changes { variables[name] = value }
            return variables
        }
    }

    /// This process's environment.
    private static func current() -> [String: String] {
        var variables: [String: String] = [:]
        var next = lastcall_environment()
        while let entry = next?.pointee {
            let text = String(cString: entry)
            next = next?.advanced(by: 1)
            guard let equals = text.firstIndex(of: "=") else { continue }
            variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return variables
    }

    /// As execvp(3): a name without a slash is looked up, an empty entry of the path is the working directory.
    private static func candidates(_ executable: String, path: String?) -> [String] {
        if executable.contains("/") { return [executable] }
        return (path ?? defaultPath).split(separator: ":", omittingEmptySubsequences: false).map {
            $0.isEmpty ? executable : "\($0)/\(executable)"
        }
    }

    private static func validate(_ command: Command, texts: [String]) throws {
        for text in texts + [command.workingDirectory ?? ""] where text.utf8.contains(0) {
            throw CommandError(
                .invalidCommand, "A NUL byte in \"\(text.prefix(40))\": no program can be given one. Remove it.")
        }
        let limits = command.limits
        guard limits.lineBytes > 0, limits.time ?? .seconds(1) > .zero, limits.memoryBytes ?? 1 > 0,
            limits.outputBytes ?? 0 >= 0, command.stopPolicy.killAfter >= .zero
        else {
            throw CommandError(
                .invalidCommand,
                "A limit of \"\(command.executable)\" is not positive: \(limits), \(command.stopPolicy). Use nil for no limit."
            )
        }
    }
}
