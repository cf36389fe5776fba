import LastCallCommand

#if canImport(Glibc)
    import Glibc
#endif

/// What can only be tried in a process of its own: it becomes a subreaper, closes its descriptors, loses its statuses.
@main
struct Fixture {
    static func main() async throws {
        switch CommandLine.arguments.dropFirst().first {
        case "reap-once": try await reapOnce()
        case "reap-continuously": try await reapContinuously()
        case "adopt": try await adopt()
        case "closed-stdio": try await closedStdio()
        case "ignored-sigchld": try await ignoredChildSignal()
        case "stolen-status": try await stolenStatus()
        case "descriptors": try await descriptors()
        case "no-descriptors": try await noDescriptors()
        default: exit(64)
        }
    }

    /// Twenty orphans beside a command: the command keeps its status, the orphans are reaped.
    private static func reapOnce() async throws {
        OrphanReaper.becomeSubreaper()
        let script = "i=0; while [ $i -lt 20 ]; do (setsid sleep 0.01 >/dev/null 2>&1 &); i=$((i+1)); done; exit 7"
        async let result = Command("sh", ["-c", script]).collect().result
        var reaped = 0
        await wait {
            reaped += OrphanReaper.reapOrphans()
            return reaped >= 20
        }
        let exitCode = try await result.exitCode
        report("code \(exitCode ?? -1) reaped \(reaped) left \(childCount())")
    }

    /// The same, pushed by SIGCHLD.
    private static func reapContinuously() async throws {
        OrphanReaper.becomeSubreaper()
        try OrphanReaper.reapContinuously()
        let script = "i=0; while [ $i -lt 20 ]; do (setsid true >/dev/null 2>&1 &); i=$((i+1)); done; exit 7"
        let (_, result) = try await Command("sh", ["-c", script]).collect()
        await wait { childCount() == 0 }
        report("code \(result.exitCode ?? -1) left \(childCount())")
    }

    /// A daemon that left group, session, parents and environment is still ended by a subreaper's only command.
    private static func adopt() async throws {
        OrphanReaper.becomeSubreaper()
        try OrphanReaper.reapContinuously()
        let script = "(setsid env -i sleep 1000 >/dev/null 2>&1 &); echo ready; sleep 1000"
        let result = try await Command("sh", ["-c", script], adoptsOrphans: true).withProcess { process in
            for await line in process.lines where line.text == "ready" {
                // The daemon is ours once its parents are gone.
                await wait { childCount() >= 2 }
                process.stop()
            }
            return await process.result
        }
        await wait { childCount() == 0 }
        report("\(result.outcome) left \(childCount())")
    }

    /// Without 0, 1 and 2 our pipes would get these numbers.
    private static func closedStdio() async throws {
        let answer = fcntl(1, F_DUPFD_CLOEXEC, 10)
        for descriptor in Int32(0)...2 { close(descriptor) }
        let script = "cat; echo out; echo err >&2; exit 4"
        let (lines, result) = try await Command("sh", ["-c", script], standardInput: .inherit).collect()
        let inherited = try await Command("sh", ["-c", "echo gone"], standardOutput: .inherit).collect().result
        dup2(answer, 1)
        let texts = lines.map(\.text).sorted().joined(separator: ",")
        report("\(texts) code \(result.exitCode ?? -1) inherited \(inherited.exitCode ?? -1)")
    }

    private static func ignoredChildSignal() async throws {
        signal(SIGCHLD, SIG_IGN)
        let (_, result) = try await Command("sh", ["-c", "exit 5"]).collect()
        report("code \(result.exitCode ?? -1)")
    }

    /// Another library waits for any child there is, and is quicker.
    private static func stolenStatus() async throws {
        let result = try await Command("sh", ["-c", "echo ready; kill -STOP $$"]).withProcess { process in
            for await line in process.lines where line.text == "ready" {
                // Blocks until the program ends; it is continued once we wait.
                while waitpid(-1, nil, WUNTRACED) > 0 { kill(process.pid, SIGKILL) }
            }
            return await process.result
        }
        report("\(result.outcome)")
    }

    private static func descriptors() async throws {
        _ = try await Command("true").collect()
        let before = descriptorCount()
        for round in 0..<100 {
            switch round % 4 {
            case 0: _ = try await Command("sh", ["-c", "echo a; echo b >&2"]).collect()
            case 1: _ = try? await Command("/etc/passwd").collect()  // it fails on purpose
            case 2: _ = try? await Command("true", workingDirectory: "/none").collect()  // it fails on purpose
            default: _ = try await Command("sleep", ["1000"], limits: CommandLimits(time: .milliseconds(1))).collect()
            }
        }
        // A thread that has just told the result may still have one to close.
        await wait { descriptorCount() <= before }
        report("\(max(0, descriptorCount() - before)) more")
    }

    private static func noDescriptors() async throws {
        _ = try await Command("true").collect()
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let before = limit
        limit.rlim_cur = rlim_t(descriptorCount() + 3)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var code = "started"
        do { _ = try await Command("true").collect() } catch let error as CommandError { code = error.code.description }
        limit = before
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        report("\(code) then \(try await Command("true").collect().result.outcome)")
    }

    private static func descriptorCount() -> Int {
        (0..<4096).count { fcntl($0, F_GETFD) >= 0 }
    }

    /// Asks again until the answer is yes, at most some seconds.
    private static func wait(_ condition: () -> Bool) async {
        let end = ContinuousClock.now + .seconds(10)
        while !condition(), ContinuousClock.now < end { await Task.yield() }
    }

    private static func childCount() -> Int {
        var count = 0
        guard let tasks = opendir("/proc/self/task") else { return -1 }
        defer { closedir(tasks) }
        while let entry = readdir(tasks) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let children = fopen("/proc/self/task/\(name)/children", "r") else { continue }
            var pid: Int32 = 0
            while withUnsafeMutablePointer(to: &pid, { withVaList([$0]) { vfscanf(children, "%d", $0) } }) == 1 {
                count += 1
            }
            fclose(children)
        }
        return count
    }

    private static func report(_ text: String) {
        print(text)
        fflush(nil)
    }
}
