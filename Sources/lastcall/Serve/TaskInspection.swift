import FoundationEssentials
import LastCall

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What can be seen of a task before one of its jobs runs: whether its program and its directory are there.
///
/// Nothing is refused for it: a volume may be mounted later.
struct TaskInspection {
    /// The environment in which the program will be looked for.
    let environment: [String: String]

    /// What is missing for a task, in sentences that begin with its name.
    func warnings(for task: TaskDefinition) -> [String] {
        var isDirectory = false
        let isThere = FileManager.default.fileExists(atPath: task.workingDirectory, isDirectory: &isDirectory)
        guard isThere, isDirectory else {
            let flaw = isThere ? "is not a directory" : "does not exist"
            return ["task \(task.name): cwd \(task.workingDirectory) \(flaw); its jobs fail until it does"]
        }
        guard let program = task.command.first, program.names.isEmpty,
            let name = program.filled(with: [:]).first, !isFound(name, for: task)
        else { return [] }
        let place = name.contains("/") ? "in \(task.workingDirectory)" : "on PATH"
        return ["task \(task.name): program \"\(name)\" was not found \(place); its jobs fail until it is there"]
    }

    private func isFound(_ name: String, for task: TaskDefinition) -> Bool {
        let directory = BaseDirectory(task.workingDirectory)
        if name.contains("/") { return isProgram(directory.path(to: name)) }
        // What the task puts into PATH from an argument is known when a job runs.
        if case .some(.some(let path)) = task.environment["PATH"], !path.names.isEmpty { return true }
        let own: String? =
            switch task.environment["PATH"] {
            case .some(let template): template?.filled(with: [:]).first
            case .none: environment["PATH"]
            }
        // What execvp(3) looks at where there is no PATH.
        let folders = (own ?? "/bin:/usr/bin").split(separator: ":", omittingEmptySubsequences: false)
        return folders.contains { isProgram(directory.path(to: $0.isEmpty ? name : "\($0)/\(name)")) }
    }

    private func isProgram(_ path: String) -> Bool {
        var isDirectory = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && !isDirectory
            && access(path, X_OK) == 0
    }
}
