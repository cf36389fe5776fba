import CLastCall
import Dispatch
import LastCall
import LastCallConcurrency

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A real process that a test starts, listens to and sends signals to.
///
/// Every wait is bounded: after ``lifeMax`` the process is killed, which ends all waits.
package final class ProgramUnderTest: Sendable {
    /// Why a test cannot go on.
    package struct Failure: Error, CustomStringConvertible {
        /// The whole story, output included.
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// What the reader's thread and the test share.
    private struct State {
        /// The lines so far.
        var lines: [String] = []
        /// How many lines were asked for already.
        var consumed = 0
        /// Whether the output came to its end.
        var isOver = false
        /// Who waits for news.
        var waiters: [CheckedContinuation<Void, Never>] = []
        /// Where its input is written to, if it has any and runs.
        var input: Int32?
    }

    /// The process.
    package let pid: pid_t
    private let state = Mutex(State())
    private let exited = Latch<Int32>()
    private let alarm = Watchdog.shared.makeAlarm()

    /// How long a program under test may live.
    package static let lifeMax = Duration.seconds(60)

    /// Starts a program in a process group of its own, with both outputs in one pipe.
    ///
    /// - Parameters:
    ///   - path: The program.
    ///   - arguments: Its arguments, without its name.
    ///   - environment: Its whole environment.
    ///   - readsOutput: Whether its output is read; otherwise the pipe is closed at once, so that writing to it fails.
    ///   - inherits: Whether it has the descriptors of this process that are not marked to be closed (`FD_CLOEXEC`).
    ///   - hasInput: Whether its input is what ``write(_:)`` writes; otherwise it has none.
    ///   - lifeMax: How long it may live.
    package init(
        _ path: String, _ arguments: [String] = [], environment: [String: String] = [:], readsOutput: Bool = true,
        inherits: Bool = false, hasInput: Bool = false, lifeMax: Duration = ProgramUnderTest.lifeMax
    ) throws {
        let (readEnd, writeEnd) = try Self.makePipe()
        let inputEnds = hasInput ? try Self.makePipe() : nil
        if let inputEnds {
            // A program that does not read to the end must not take the tests with it.
            ignoreBrokenPipes()
            state.withLock { $0.input = inputEnds.write }
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let inputEnds {
            posix_spawn_file_actions_adddup2(&actions, inputEnds.read, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, writeEnd, 1)
        posix_spawn_file_actions_adddup2(&actions, writeEnd, 2)
        #if os(Linux)
            // What others open at this moment and have not marked yet: they would wait for the end of this program.
            if !inherits { lastcall_spawn_closes_rest(&actions) }
        #endif
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var argv = ([path] + arguments).map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var spawned: pid_t = 0
        let code = posix_spawn(&spawned, path, &actions, &attributes, &argv, &envp)
        close(writeEnd)
        if let inputEnds { close(inputEnds.read) }
        guard code == 0 else {
            close(readEnd)
            if let inputEnds { close(inputEnds.write) }
            throw Failure(description: "\(path) cannot be started: \(String(cString: strerror(code)))")
        }
        let pid = spawned
        self.pid = pid
        DedicatedThread.start(name: "program-reader") { [self] in
            if readsOutput { read(from: readEnd) }
            close(readEnd)
            finishOutput()
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            state.withLock { state in
                if let input = state.input { close(input) }
                state.input = nil
            }
            Watchdog.shared.set(alarm, at: nil) {}
            exited.open(status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F))
        }
        Watchdog.shared.set(alarm, at: .now + lifeMax) { [self] in
            kill(-pid, SIGKILL)
            // Somebody outside the group may still hold the pipe: nobody waits for that.
            finishOutput()
            exited.open(-SIGKILL)
        }
    }

    /// A pipe whose ends no program inherits but the one that is started with them.
    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure(description: "no pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private func read(from end: Int32) {
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = readBytes(end, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            rest += buffer[..<count]
            while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
                add(String(decoding: rest[..<newline], as: UTF8.self))
                rest.removeSubrange(...newline)
            }
        }
        if !rest.isEmpty { add(String(decoding: rest, as: UTF8.self)) }
    }

    private func add(_ line: String) {
        let waiters = state.withLock { state in
            state.lines.append(line)
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private func finishOutput() {
        let waiters = state.withLock { state in
            state.isOver = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Everything that it has written.
    package var output: String { state.withLock { $0.lines.joined(separator: "\n") } }

    /// Waits for the next line that contains `text`, and returns it.
    ///
    /// Lines before it are passed over.
    ///
    /// - Parameter amongPassed: Whether one of those that were passed over will do: two threads of a program may write in any order.
    @discardableResult
    package func line(_ text: String, amongPassed: Bool = false) async throws -> String {
        while true {
            let found: (line: String?, isOver: Bool) = state.withLock { state in
                if amongPassed, let line = state.lines.prefix(state.consumed).first(where: { $0.contains(text) }) {
                    return (line, false)
                }
                while state.consumed < state.lines.count {
                    let line = state.lines[state.consumed]
                    state.consumed += 1
                    if line.contains(text) { return (line, false) }
                }
                return (nil, state.isOver)
            }
            if let line = found.line { return line }
            guard !found.isOver else { throw Failure(description: "no line with \"\(text)\" in:\n\(output)") }
            await withCheckedContinuation { continuation in
                let isNews = state.withLock { state in
                    guard state.consumed == state.lines.count && !state.isOver else { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if isNews { continuation.resume() }
            }
        }
    }

    /// Writes to the program's input.
    package func write(_ text: String) {
        // A few words fit into any pipe. A program that has ended reads nothing, and the wait for its next line says so.
        state.withLock { state in
            if let input = state.input { _ = writeBytes(input, Array(text.utf8), text.utf8.count) }
        }
    }

    /// Sends a signal to the process.
    package func signal(_ number: Int32) { kill(pid, number) }

    /// Sends a signal to the process's whole group.
    package func signalGroup(_ number: Int32) { kill(-pid, number) }

    /// Waits for the end: the exit code, or a signal's number below zero.
    package func exit() async throws -> Int32 { try await exited.wait() }
}

/// Where the build put the package's programs.
package enum BuiltProgram {
    /// The path of a program that was built together with the running tests.
    ///
    /// The test bundle lies in the folder of the programs; its path is the first argument but for options, or the program's own.
    package static func path(_ name: String) -> String {
        let candidates = [CommandLine.arguments.first] + CommandLine.arguments.map { $0 as String? }
        for candidate in candidates.compactMap({ $0 }) {
            guard let slash = candidate.lastIndex(of: "/") else { continue }
            let path = candidate[..<slash] + "/" + name
            guard access(String(path), X_OK) == 0, let absolute = realpath(String(path), nil) else { continue }
            defer { free(absolute) }
            return String(cString: absolute)
        }
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let own = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/" + name
    }
}

/// Asks the kernel about any process.
package enum ProcessProbe {
    /// The state of a process as in proc_pid_stat(5): `T` where it is stopped, `Z` where it has ended and waits to be reaped.
    ///
    /// - Returns: `nil` where there is no such process any more.
    package static func state(of pid: pid_t) -> Character? {
        guard let file = fopen("/proc/\(pid)/stat", "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = fread(&bytes, 1, bytes.count, file)
        // The name before it may hold anything, also `)`.
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: ")").last?.first { $0 != " " }
    }

    /// Whether a process is there and not just waiting to be reaped.
    package static func isAlive(_ pid: pid_t) -> Bool {
        guard let state = state(of: pid) else { return false }
        return state != "Z" && state != "X"
    }
}

/// read(2), under a name that the method of the same name does not hide.
private func readBytes(_ file: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(file, buffer, count)
}

/// write(2), under a name that the method of the same name does not hide.
private func writeBytes(_ file: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int { write(file, bytes, count) }

/// signal(2), under a name that the method of the same name does not hide.
private func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
