import LastCallCommand
import Testing

@Suite("A command from its start to its end")
struct CommandRunTests {
    @Test("C16 lines of both streams, the exit code and the counts come back")
    func collects() async throws {
        let (lines, result) = try await Command("sh", ["-c", "echo one; echo two >&2; exit 3"]).collect()
        #expect(Set(lines.map(\.text)) == ["one", "two"])
        #expect(lines.first { $0.text == "two" }?.stream == .standardError)
        #expect(result.outcome == .failed)
        #expect(result.exitCode == 3)
        #expect(result.outputBytes == 8)
        #expect(result.lineCount == 2)
        #expect(result.warnings.isEmpty)
    }

    @Test("C18 a timeout stops the command with partial results and says so")
    func timeout() async throws {
        var command = Command("sh", ["-c", "echo found; sleep 1000"])
        command.limits.time = .milliseconds(100)
        let (lines, result) = try await command.collect()
        #expect(lines.map(\.text) == ["found"])
        #expect(result.outcome == .stopped(.timeout))
        #expect(result.warnings == ["cut short by timeout: ran longer than 100ms"])
    }

    @Test("C4 a command that ignores SIGTERM is killed when its time is up")
    func ignoresTerm() async throws {
        let command = Command(
            "sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"],
            stopPolicy: StopPolicy(killAfter: .milliseconds(200)))
        let result = try await command.withProcess { process in
            for await line in process.lines where line.text == "ready" { process.stop() }
            return await process.result
        }
        #expect(result.outcome == .stopped(.requested))
        #expect(result.signal == 9)
        #expect(result.wasKilled)
    }

    @Test("C16 a command that does not exist is 127, one that may not be executed is 126")
    func cannotStart() async throws {
        let missing = await #expect(throws: CommandError.self) { try await Command("no-such-program").collect() }
        #expect(missing?.code == .notFound)
        #expect(missing?.shellCode == 127)
        let refused = await #expect(throws: CommandError.self) { try await Command("/etc/passwd").collect() }
        #expect(refused?.code == .notExecutable)
        #expect(refused?.shellCode == 126)
    }
}
