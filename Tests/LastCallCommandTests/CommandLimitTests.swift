import LastCallCommand
import Testing

@Suite("Limits on time, memory and output")
struct CommandLimitTests {
    @Test("C18 a timeout stops the command with partial results and says so")
    func timeout() async throws {
        var command = Command.shell("echo found; sleep 1000")
        command.limits.time = .seconds(1)
        let (lines, result) = try await command.collect()
        #expect(lines.map(\.text) == ["found"])
        #expect(result.outcome == .stopped(.timeout))
        #expect(result.warnings == ["cut short by timeout: ran longer than 1s"])
        #expect(result.stopDuration != nil)
    }

    @Test("C18 a command that ends in time is not touched")
    func inTime() async throws {
        var command = Command("true")
        command.limits.time = .seconds(60)
        let result = try await command.collect().result
        #expect(result.outcome == .succeeded)
        #expect(result.stopDuration == nil)
    }

    @Test(
        "C19 memory over the limit, summed over the tree, stops the command with partial results",
        .enabled(if: Command.hasPython))
    func memory() async throws {
        // Two processes of 60 MiB each: neither is over the limit alone.
        var command = Command.python(
            """
            import os, time
            print("found", flush=True)
            os.fork()
            block = bytearray(os.urandom(1)) * (60 << 20)
            time.sleep(1000)
            """)
        command.limits.memoryBytes = 100 << 20
        let (lines, result) = try await command.collect()
        #expect(lines.map(\.text) == ["found"])
        #expect(result.outcome == .stopped(.memory))
        #expect(result.peakMemoryBytes > 100 << 20)
        #expect(result.warnings.first?.hasPrefix("cut short by memory: held ") == true)
    }

    @Test("C19 pages that processes share count once", .enabled(if: Command.hasPython))
    func sharedMemory() async throws {
        // Six processes with 60 MiB in common: 360 MiB of resident sets, little more than 60 MiB of memory.
        var command = Command.python(
            """
            import os, time
            block = bytearray(os.urandom(1)) * (60 << 20)
            children = []
            for _ in range(5):
                pid = os.fork()
                if pid == 0:
                    time.sleep(1.5)
                    os._exit(0)
                children.append(pid)
            for pid in children:
                os.waitpid(pid, 0)
            print("done")
            """)
        command.limits.memoryBytes = 200 << 20
        let (lines, result) = try await command.collect()
        #expect(result.outcome == .succeeded, "\(result)")
        #expect(lines.map(\.text) == ["done"])
    }

    @Test("C18 output over the limit stops the command; what is within it is kept and the rest counted")
    func output() async throws {
        var command = Command.shell("yes 0123456789")
        command.limits.outputBytes = 1000
        let (lines, result) = try await command.collect()
        #expect(result.outcome == .stopped(.outputLimit))
        #expect(lines.count == 91)
        #expect(lines.last?.text == "0123456789")
        #expect(lines.last?.isTruncated == true)
        #expect(result.outputBytes == 1000 + result.bytesDropped)
        #expect(result.warnings.first?.hasPrefix("cut short by outputLimit: wrote ") == true)
    }

    @Test("C16 a limit that is not positive is refused before anything starts")
    func refused() async throws {
        var command = Command("true")
        command.limits.time = .zero
        let error = await #expect(throws: CommandError.self) { try await command.collect() }
        #expect(error?.code == .invalidCommand)
    }
}
