import CLastCall

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Where and why a child could not become its program.
struct SpawnFailure {
    /// The step.
    var stage: lastcall_spawn_stage
    /// The system's error number.
    var errno: Int32

    init(stage: lastcall_spawn_stage, errno: Int32) {
        self.stage = stage
        self.errno = errno
    }

    /// Reads what a child left in its report pipe: `nil` where it said nothing, which is success.
    init?(report: Int32) {
        var failure = lastcall_spawn_failure()
        let size = MemoryLayout<lastcall_spawn_failure>.size
        // One write below PIPE_BUF: all of it or nothing.
        guard read(report, &failure, size) == size else { return nil }
        self.init(stage: lastcall_spawn_stage(rawValue: UInt32(failure.stage)), errno: failure.error)
    }

    /// The failure in words.
    func error(for command: Command) -> CommandError {
        let reason = String(cString: strerror(errno))
        let name = command.executable
        switch stage {
        case LASTCALL_SPAWN_EXEC where errno == ENOENT || errno == ENOTDIR:
            let place =
                name.contains("/") ? "The path leads nowhere, or its interpreter is missing." : "It is not on the PATH."
            return CommandError(.notFound, "\(name): command not found. \(place)", errno: errno)
        case LASTCALL_SPAWN_EXEC where errno == ENOEXEC:
            return CommandError(
                .notExecutable, "\(name): not a program. A script needs a first line such as #!/bin/sh.", errno: errno)
        case LASTCALL_SPAWN_EXEC where [EACCES, EISDIR, EPERM, ELOOP, ETXTBSY].contains(errno):
            return CommandError(
                .notExecutable, "\(name): may not be executed (\(reason)). Check its permissions and its mount.",
                errno: errno)
        case LASTCALL_SPAWN_DIRECTORY:
            return CommandError(
                .badWorkingDirectory,
                "\(name): the working directory \"\(command.workingDirectory ?? "")\" cannot be entered (\(reason)). "
                    + "Make it, or allow this user in.",
                errno: errno)
        default:
            return CommandError(
                .systemRefused, "\(name): could not be started at step \(stage.rawValue) (\(reason)).", errno: errno)
        }
    }
}
