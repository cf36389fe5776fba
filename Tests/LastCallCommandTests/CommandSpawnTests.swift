import Glibc
import LastCallCommand
import LastCallTesting
import Testing

@Suite("Starting a program")
struct CommandSpawnTests {
    @Test("C16 a command that does not exist is 127, one that may not be executed is 126, and both are named")
    func cannotStart() async throws {
        let missing = await #expect(throws: CommandError.self) { try await Command("no-such-program").collect() }
        #expect(missing?.code == .notFound)
        #expect(missing?.shellCode == 127)
        #expect(missing?.message.hasPrefix("no-such-program: command not found.") == true)
        for path in ["/no/such/program", ""] {
            let error = await #expect(throws: CommandError.self) { try await Command(path).collect() }
            #expect(error?.shellCode == 127)
        }
        for path in ["/etc/passwd", "/usr", "/proc/self/maps"] {
            let error = await #expect(throws: CommandError.self) { try await Command(path).collect() }
            #expect(error?.code == .notExecutable)
            #expect(error?.shellCode == 126)
        }
    }

    @Test("C16 a program on the PATH that may not be executed is 126, unless a later folder has one that may")
    func searchesPath() async throws {
        let folder = try makeFolder()
        #expect(creat(folder + "/tool", 0o644) >= 0)
        let environment = CommandEnvironment.custom(["PATH": folder])
        let error = await #expect(throws: CommandError.self) {
            try await Command("tool", environment: environment).collect()
        }
        #expect(error?.shellCode == 126)
        #expect(rename(folder + "/tool", folder + "/true") == 0)
        let both = CommandEnvironment.custom(["PATH": "\(folder)::/no/such/folder:/usr/bin:/bin"])
        #expect(try await Command("true", environment: both).collect().result.outcome == .succeeded)
    }

    @Test(
        "C13 C15 a working directory that is missing or closed is a clear error at start",
        arguments: ["/no/such", "/etc/passwd"])
    func badDirectory(_ path: String) async throws {
        let error = await #expect(throws: CommandError.self) {
            try await Command("true", workingDirectory: path).collect()
        }
        #expect(error?.code == .badWorkingDirectory)
        #expect(error?.message.contains(path) == true)
    }

    @Test("C16 working directory and environment are the program's")
    func surroundings() async throws {
        let command = Command(
            "/bin/sh", ["-c", "pwd; echo $A-$B; env | grep -c ."],
            environment: .custom(["A": "1", "B": "x y"]), workingDirectory: "/usr/bin")
        // A, B, the command's id, and the PWD that the shell adds.
        #expect(try await command.collect().lines.map(\.text) == ["/usr/bin", "1-x y", "4"])
        let updated = Command("sh", ["-c", "echo ${HOME-none} $A"], environment: .updating(["HOME": nil, "A": "2"]))
        #expect(try await updated.collect().lines.map(\.text) == ["none 2"])
    }

    @Test("C16 arguments reach the program as they are")
    func arguments() async throws {
        let odd = ["a b", "$HOME", "*", "", "'\"", "ä\n"]
        let lines = try await Command("printf", ["%s|"] + odd).collect().lines
        #expect(lines.map(\.text).joined(separator: "\n") == odd.map { $0 + "|" }.joined())
        let error = await #expect(throws: CommandError.self) { try await Command("echo", ["a\0b"]).collect() }
        #expect(error?.code == .invalidCommand)
    }

    @Test("C11 the program leads a group and session of its own, with default signals and an open mask")
    func signalsAndSession() async throws {
        let script = "cut -d' ' -f1,5,6 /proc/$$/stat; grep -E 'SigBlk|SigIgn' /proc/self/status"
        let lines = try await Command.shell(script).collect().lines.map(\.text)
        let ids = try #require(lines.first).split(separator: " ")
        #expect(Set(ids).count == 1)
        #expect(lines.dropFirst().allSatisfy { $0.hasSuffix("\t0000000000000000") }, "\(lines)")

        var command = Command("sh", ["-c", "cut -d' ' -f1,5,6 /proc/$$/stat"])
        command.grouping = .processGroup
        let inGroup = try #require(try await command.collect().lines.first).text.split(separator: " ")
        #expect(inGroup[0] == inGroup[1])
        #expect(inGroup[2] == "\(getsid(0))")
    }

    @Test("C16 no descriptor of ours reaches a program, also one that was opened without close-on-exec")
    func descriptors() async throws {
        let leaky = open("/dev/null", O_RDONLY)
        #expect(leaky > 2)
        defer { close(leaky) }
        let lines = try await Command("ls", ["/proc/self/fd"]).collect().lines.map(\.text)
        // 3 is the folder that ls reads.
        #expect(lines == ["0", "1", "2", "3"])
    }

    @Test("C16 many commands, failing ones too, leave no descriptor, no zombie and no process behind")
    func leavesNothing() async throws {
        _ = try await Command("true").collect()
        var pids: [pid_t] = []
        for round in 0..<30 {
            if round % 3 == 0 {
                _ = await #expect(throws: CommandError.self) { try await Command("/etc/passwd").collect() }
            }
            let (lines, _) = try await Command.shell("echo pid $$; echo ready; sleep 1000").stoppedWhenReady()
            pids.append(try #require(lines.pid("pid")))
        }
        #expect(ProcessProbe.children().isDisjoint(with: pids))
        #expect(pids.allSatisfy { !ProcessProbe.isAlive($0) })
    }

    @Test("C17 fifty commands at once, each with its own lines and its own end")
    func fifty() async throws {
        try await withThrowingTaskGroup(of: (Int, [String], CommandResult).self) { group in
            for number in 0..<50 {
                group.addTask {
                    let command = Command.shell("echo \(number); seq 1 200 >&2; exit \(number % 7)")
                    let (lines, result) = try await command.collect()
                    return (number, lines.map(\.text), result)
                }
            }
            for try await (number, lines, result) in group {
                #expect(lines.count == 201)
                #expect(lines.contains("\(number)"))
                #expect(result.exitCode == Int32(number % 7))
            }
        }
    }

    @Test("C11 C12 stopping fifty commands at once ends all fifty")
    func stopFifty() async throws {
        let outcomes = try await withThrowingTaskGroup(of: CommandOutcome.self) { group in
            for _ in 0..<50 {
                group.addTask { try await Command.shell("echo ready; sleep 1000").stoppedWhenReady().result.outcome }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes == Array(repeating: .stopped(.requested), count: 50))
    }

    private func makeFolder() throws -> String {
        var template = Array("/tmp/lastcall-command-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
