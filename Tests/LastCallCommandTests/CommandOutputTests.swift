import Glibc
import LastCallCommand
import LastCallTesting
import Testing

@Suite("What a command writes")
struct CommandOutputTests {
    @Test("C6 lines that a grandchild writes after the leader's exit are kept")
    func linesAfterLeader() async throws {
        let (lines, result) = try await Command.shell("(sleep 0.3; echo late) & echo early; exit 3").collect()
        #expect(lines.map(\.text) == ["early", "late"])
        #expect(result.outcome == .failed)
        #expect(result.exitCode == 3)
    }

    @Test("C4 what is left in the group after a natural end is killed")
    func leftovers() async throws {
        let (lines, result) = try await Command.shell("sleep 1000 >/dev/null 2>&1 & echo child $!").collect()
        #expect(result.outcome == .succeeded)
        #expect(ProcessProbe.waitUntilDead(try #require(lines.map(\.text).pid("child"))))
    }

    @Test("C6 a leader that closes its pipes and lives on is waited for")
    func closesPipes() async throws {
        let (lines, result) = try await Command.shell("echo first; exec >&- 2>&-; sleep 0.3; exit 6").collect()
        #expect(lines.map(\.text) == ["first"])
        #expect(result.exitCode == 6)
    }

    @Test("C16 a program that writes faster than it is read is slowed down, and our memory stays bounded")
    func backPressure() async throws {
        var taken = 0
        let result = try await Command("yes", ["0123456789abcdefghijklmnopqrstuvwxyz"]).withProcess { process in
            // Nobody reads: the program must come to rest with its pipe full.
            let written = try #require(await ProcessProbe.bytesWrittenAtRest(process.pid))
            #expect(written < 1 << 20)
            var lines = process.lines.makeAsyncIterator()
            while taken < 100_000, await lines.next() != nil { taken += 1 }
            #expect(await ProcessProbe.bytesWrittenAtRest(process.pid) != nil)
            process.stop()
            while await lines.next() != nil { taken += 1 }
            return await process.result
        }
        #expect(result.lineCount == taken)
        // All that was read but what the reader took: two queues, two pipes, two reads.
        #expect(result.outputBytes < 100_000 * 37 + (2 << 20))
    }

    @Test("C16 all bytes of a large output arrive, in order")
    func large() async throws {
        var expected = 1
        let result = try await Command("seq", ["1", "200000"]).run { line in
            if line.text == "\(expected)" { expected += 1 }
        }
        #expect(expected == 200_001)
        #expect(result.outcome == .succeeded)
        #expect(result.bytesDropped == 0)
    }

    @Test("C16 a huge line is cut at the limit, and the lines behind it are whole")
    func hugeLine() async throws {
        var command = Command.shell("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo after")
        command.limits.lineBytes = 1000
        let (lines, result) = try await command.collect()
        #expect(lines.count == 2)
        #expect(lines.first?.bytes == Array(repeating: UInt8(ascii: "x"), count: 1000))
        #expect(lines.first?.isTruncated == true)
        #expect(lines.last?.text == "after")
        #expect(lines.last?.isTruncated == false)
        #expect(result.linesCut == 1)
        #expect(result.bytesDropped == 2_999_000)
    }

    @Test("C6 a last line without a line feed is a line")
    func noLastLineFeed() async throws {
        let lines = try await Command.shell("printf 'one\\ntwo'").collect().lines
        #expect(lines.map(\.text) == ["one", "two"])
        #expect(lines.map(\.isTerminated) == [true, false])
    }

    @Test("C16 bytes that are no text, NULs and carriage returns come through as they are")
    func binary() async throws {
        let lines = try await Command.shell("printf 'a\\000b\\377\\r\\n\\n'").collect().lines
        #expect(lines.map(\.bytes) == [[97, 0, 98, 255, 13], []])
        #expect(lines.first?.text == "a\0b\u{FFFD}\r")
    }

    @Test("C16 standard input is empty by default")
    func emptyInput() async throws {
        let (lines, result) = try await Command("cat").collect()
        #expect(lines.isEmpty)
        #expect(result.outcome == .succeeded)
    }

    @Test("C16 a stream that goes nowhere is not read")
    func nowhere() async throws {
        let command = Command("sh", ["-c", "echo out; echo err >&2"], standardOutput: .null)
        let (lines, result) = try await command.collect()
        #expect(lines.map(\.text) == ["err"])
        #expect(result.outputBytes == 4)
    }

    @Test("C16 what a handler throws stops the command, and comes out once nothing is left")
    func handlerThrows() async throws {
        struct Mistake: Error {}
        var pid: pid_t?
        await #expect(throws: Mistake.self) {
            try await Command.shell("echo $$; while :; do echo more; done").run { line in
                pid = pid ?? pid_t(line.text)
                throw Mistake()
            }
        }
        #expect(!ProcessProbe.isAlive(try #require(pid)))
    }

    @Test("C16 a command starts at once beside one that writes half a line") func startsBesideHalfLine() async throws {
        // Reading the half line leaves EAGAIN behind on the loop's thread; the start of the next must not be taken for pending.
        let chatty = Command.shell("while :; do printf x; sleep 0.002; done")
        try await chatty.withProcess { first in
            for _ in 0..<20 {
                // The limit ends a start that is never noticed; then nobody is alive any more.
                let limits = CommandLimits(time: .seconds(10))
                try await Command("sleep", ["1000"], standardInput: .null, limits: limits).withProcess { second in
                    #expect(ProcessProbe.isAlive(second.pid))
                    #expect(ProcessProbe.isAlive(first.pid))
                }
            }
        }
    }
}
