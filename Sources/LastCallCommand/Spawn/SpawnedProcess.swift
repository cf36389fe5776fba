import CLastCall

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A child that was just forked: its number, its descriptors, and what it is not sure of yet.
struct SpawnedProcess {
    /// Its number, registered.
    var pid: pid_t
    /// Readable once it has ended.
    var pidfd: Int32
    /// Ends without a word once the program runs; otherwise tells why it does not.
    var report: Int32
    /// The reading ends of its streams.
    var pipes: [OutputStream: Int32]
    /// The terminal that it was made the foreground group of.
    var terminal: Int32?

    /// Forks, registers and executes.
    ///
    /// Does not wait for the program: see ``report``.
    static func start(_ command: Command, plan: SpawnPlan) throws -> SpawnedProcess {
        // Children of a process that ignores SIGCHLD leave no status.
        lastcall_keep_exit_statuses()
        var descriptors = StdioDescriptors()
        defer { descriptors.closeChildEnds() }
        do {
            try descriptors.open(command)
            return try fork(command, plan: plan, descriptors: descriptors)
        } catch {
            descriptors.closeOurEnds()
            throw error
        }
    }

    private static func fork(
        _ command: Command, plan: SpawnPlan, descriptors: StdioDescriptors
    ) throws -> SpawnedProcess {
        let readsTerminal = command.standardInput == .inherit && descriptors.child[0] < 0 && isatty(0) == 1
        let (isSession, terminal): (Bool, Int32?) =
            switch command.grouping {
            case .automatic: (!readsTerminal, nil)
            case .processGroup: (false, nil)
            case .foreground: (false, readsTerminal ? 0 : nil)
            case .session: (true, nil)
            }
        var pidfd: Int32 = -1
        var report: Int32 = -1
        var failure: Int32 = 0
        let pid = withCStrings(plan.candidates) { candidates in
            withCStrings(plan.arguments) { arguments in
                withCStrings(plan.environment) { environment in
                    withOptionalCString(command.workingDirectory) { directory in
                        var request = lastcall_spawn_request(
                            candidates: candidates, arguments: arguments, environment: environment,
                            directory: directory,
                            stdio: (descriptors.child[0], descriptors.child[1], descriptors.child[2]),
                            new_session: isSession, terminal: terminal ?? -1)
                        return ChildRegistry.shared.starting {
                            let pid = lastcall_spawn(&request, &pidfd, &report)
                            if pid < 0 { failure = errno }
                            return pid
                        }
                    }
                }
            }
        }
        guard pid > 0 else { throw SpawnFailure(stage: LASTCALL_SPAWN_FORK, errno: failure).error(for: command) }
        return SpawnedProcess(pid: pid, pidfd: pidfd, report: report, pipes: descriptors.pipes, terminal: terminal)
    }

    /// Lends a NULL-ended array of C strings.
    private static func withCStrings<R>(
        _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        var pointers = texts.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers)
    }

    private static func withOptionalCString<R>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> R) -> R {
        guard let text else { return body(nil) }
        return text.withCString { body($0) }
    }
}

/// The descriptors that become a program's 0, 1 and 2, and our ends of its pipes.
private struct StdioDescriptors {
    /// What the child gets, or -1 for what stands there already.
    var child: [Int32] = [-1, -1, -1]
    /// Our ends.
    var pipes: [OutputStream: Int32] = [:]

    mutating func open(_ command: Command) throws {
        // An own descriptor that is closed is replaced: the first file a program opens must not become its output.
        switch command.standardInput {
        case .null: child[0] = try openNull(writing: false)
        case .inherit: if isClosed(0) { child[0] = try openNull(writing: false) }
        case .file(let path):
            child[0] = lastcall_open(path, false)
            guard child[0] >= 0 else { throw refused(path) }
        }
        for (number, stream, output) in [
            (1, OutputStream.standardOutput, command.standardOutput), (2, .standardError, command.standardError),
        ] {
            switch output {
            case .inherit:
                if isClosed(Int32(number)) { child[number] = try openNull(writing: true) }
            case .null: child[number] = try openNull(writing: true)
            case .lines:
                var readEnd: Int32 = -1
                guard lastcall_pipe(&readEnd, &child[number]) == 0 else { throw refused("a pipe") }
                pipes[stream] = readEnd
            }
        }
    }

    func closeChildEnds() {
        for descriptor in child where descriptor >= 0 { close(descriptor) }
    }

    func closeOurEnds() {
        for descriptor in pipes.values { close(descriptor) }
    }

    /// Whether a program would find nothing there: it is closed, or some file of ours got the number and closes on exec.
    private func isClosed(_ descriptor: Int32) -> Bool {
        let flags = fcntl(descriptor, F_GETFD)
        return flags < 0 || flags & FD_CLOEXEC != 0
    }

    private func openNull(writing: Bool) throws -> Int32 {
        let descriptor = lastcall_open("/dev/null", writing)
        guard descriptor >= 0 else { throw refused("/dev/null") }
        return descriptor
    }

    private func refused(_ what: String) -> CommandError {
        let number = errno
        return CommandError(
            .systemRefused,
            "Could not open \(what): \(String(cString: strerror(number))). Check the limit on open files.",
            errno: number)
    }
}
