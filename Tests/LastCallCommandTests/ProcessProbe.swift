import CLastCall
import Glibc
import LastCallCommand
import LastCallTesting

/// What the tests ask of other processes.
extension ProcessProbe {
    /// Waits for a process to end, by its pidfd; at most ten seconds.
    static func waitUntilDead(_ pid: pid_t) -> Bool {
        let pidfd = lastcall_pidfd_open(pid)
        guard pidfd >= 0 else { return true }
        defer { close(pidfd) }
        var event = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
        return poll(&event, 1, 10_000) == 1
    }

    /// Asks again until the answer is yes, at most some seconds.
    static func eventually(_ condition: () async -> Bool) async -> Bool {
        let end = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < end {
            if await condition() { return true }
            await Task.yield()
        }
        return false
    }

    /// How many bytes a process has written with the calls that it finished (`wchar` in proc_pid_io(5)).
    static func bytesWritten(_ pid: pid_t) -> Int? {
        let line = text("/proc/\(pid)/io")?.split(separator: "\n").first { $0.hasPrefix("wchar: ") }
        return line.flatMap { Int($0.dropFirst(7)) }
    }

    /// Waits until a program that would write for ever has filled a good part of its pipe, and then writes nothing more for a while.
    ///
    /// - Returns: How much it had written, or `nil` where it never came to rest.
    static func bytesWrittenAtRest(_ pid: pid_t) async -> Int? {
        var last = 0
        var since = ContinuousClock.now
        let isAtRest = await eventually {
            let now = bytesWritten(pid) ?? 0
            if now != last {
                last = now
                since = ContinuousClock.now
            }
            return last >= 32 << 10 && ContinuousClock.now - since > .milliseconds(300)
        }
        return isAtRest ? last : nil
    }

    /// A file's text, or `nil` where it cannot be read.
    static func text(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// What this process's descriptors point at, by number.
    static func descriptors() -> [Int: String] {
        var found: [Int: String] = [:]
        for number in 0..<4096 {
            var target = [CChar](repeating: 0, count: 256)
            let count = readlink("/proc/self/fd/\(number)", &target, 255)
            if count > 0 {
                found[number] = String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }
        return found
    }

    /// This process's children, ended ones too.
    static func children() -> Set<pid_t> {
        guard let tasks = opendir("/proc/self/task") else { return [] }
        defer { closedir(tasks) }
        var pids: Set<pid_t> = []
        while let entry = readdir(tasks) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let list = text("/proc/self/task/\(name)/children") ?? ""
            pids.formUnion(list.split(separator: " ").compactMap { pid_t($0) })
        }
        return pids
    }
}

extension Command {
    /// A shell script.
    static func shell(_ script: String, killAfter: Duration = .seconds(10)) -> Command {
        Command("sh", ["-c", script], stopPolicy: StopPolicy(killAfter: killAfter))
    }

    /// A Python program.
    static func python(_ program: String) -> Command { Command("python3", ["-c", program]) }

    /// Whether this machine has Python; the tests that need it say so where it is missing.
    static let hasPython: Bool = {
        for folder in (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":") {
            if access("\(folder)/python3", X_OK) == 0 { return true }
        }
        print("python3 is missing: tests that need it are skipped")
        return false
    }()

    /// Runs it, and stops it when it writes `ready`; returns its lines and its result.
    func stoppedWhenReady(
        _ stop: (CommandProcess) -> Void = { $0.stop() }
    ) async throws -> (lines: [String], result: CommandResult) {
        try await withProcess { process in
            var lines: [String] = []
            for await line in process.lines {
                lines.append(line.text)
                if line.text == "ready" { stop(process) }
            }
            return (lines, await process.result)
        }
    }
}

extension [String] {
    /// The number behind a prefix: `child 12` holds 12.
    func pid(_ prefix: String) -> pid_t? {
        compactMap { $0.hasPrefix(prefix + " ") ? pid_t($0.dropFirst(prefix.count + 1)) : nil }.first
    }
}
