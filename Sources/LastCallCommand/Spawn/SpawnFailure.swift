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

    /// What a child's report pipe says.
    enum Report {
        /// Nothing yet.
        case pending
        /// It was closed: by the start of the program, or by the child's death.
        case closed
        /// The child could not become its program.
        case failed(SpawnFailure)
    }

    /// Reads a report pipe, without waiting.
    static func read(_ pipe: Int32) -> Report {
        var failure = lastcall_spawn_failure()
        let size = MemoryLayout<lastcall_spawn_failure>.size
        while true {
            let count = systemRead(pipe, &failure, size)
            // One write below PIPE_BUF: all of it or nothing.
            if count == size {
                return .failed(
                    SpawnFailure(stage: lastcall_spawn_stage(rawValue: UInt32(failure.stage)), errno: failure.error))
            }
            // At the pipe's end errno(3) is what some earlier call left there.
            guard count < 0 else { return .closed }
            if systemErrno == EAGAIN { return .pending }
            guard systemErrno == EINTR else { return .closed }
        }
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

/// read(2), under a name that the method of the same name does not hide.
private func systemRead(_ file: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(file, buffer, count)
}

/// errno(3), under a name that the property of the same name does not hide.
private var systemErrno: Int32 { errno }
