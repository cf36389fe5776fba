import Glibc
import LastCallCommand
import LastCallTesting
import Testing

@Suite("Stopping a command and everything it started")
struct CommandStopTests {
    @Test("C4 a command that ignores SIGTERM is killed when its time is up")
    func ignoresTerm() async throws {
        let script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
        let (_, result) = try await Command.shell(script, killAfter: .milliseconds(200)).stoppedWhenReady()
        #expect(result.outcome == .stopped(.requested))
        #expect(result.signal == SIGKILL)
        #expect(result.wasKilled)
    }

    @Test("C4 a group member that ignores TERM is killed after its leader left")
    func memberIgnoresTerm() async throws {
        let script = """
            trap 'echo leaving; exit 0' TERM
            sh -c 'trap "" TERM; echo member $$; echo ready; while :; do sleep 0.05; done' &
            wait
            """
        // Long enough for the leader to leave by itself, also on a busy machine.
        let (lines, result) = try await Command.shell(script, killAfter: .seconds(3)).stoppedWhenReady()
        let member = try #require(lines.pid("member"))
        #expect(lines.contains("leaving"))
        #expect(ProcessProbe.waitUntilDead(member))
        #expect(result.exitCode == 0)
        #expect(result.outcome == .stopped(.requested))
        #expect(result.wasKilled)
    }

    @Test("C4 a group member without our pipes that ignores TERM is killed too, when its time is up")
    func silentMemberIgnoresTerm() async throws {
        let script = """
            trap 'exit 0' TERM
            sh -c 'trap "" TERM; echo member $$; echo ready; exec >/dev/null 2>&1; while :; do sleep 0.05; done' &
            wait
            """
        let (lines, result) = try await Command.shell(script, killAfter: .seconds(3)).stoppedWhenReady()
        #expect(ProcessProbe.waitUntilDead(try #require(lines.pid("member"))))
        #expect(result.wasKilled)
    }

    @Test("C4 a member that needs a moment after TERM gets it, though its leader left at once")
    func memberFinishes() async throws {
        let script = """
            trap 'exit 0' TERM
            sh -c 'trap "sleep 0.2; echo cleaned up; exit 0" TERM; echo ready; while :; do sleep 0.01; done' &
            wait
            """
        let (lines, result) = try await Command.shell(script).stoppedWhenReady()
        #expect(lines.contains("cleaned up"))
        #expect(!result.wasKilled)
    }

    @Test("C4 B13 a grandchild in a session of its own is stopped with the rest")
    func sessionGrandchild() async throws {
        let script = "setsid sh -c 'echo child $$; echo ready; sleep 1000'; sleep 1000"
        let (lines, result) = try await Command.shell(script).stoppedWhenReady()
        #expect(ProcessProbe.waitUntilDead(try #require(lines.pid("child"))))
        #expect(result.outcome == .stopped(.requested))
    }

    @Test("C4 B13 a daemon whose parents are gone and that ignores TERM is found by its environment and killed")
    func daemon() async throws {
        let script = """
            (setsid sh -c 'trap "" TERM; echo child $$; echo ready; exec >/dev/null 2>&1; while :; do sleep 0.05; done' &)
            sleep 1000
            """
        let (lines, result) = try await Command.shell(script, killAfter: .milliseconds(300)).stoppedWhenReady()
        #expect(ProcessProbe.waitUntilDead(try #require(lines.pid("child"))))
        #expect(result.wasKilled)
    }

    @Test("C4 a command that is stopped by job control still acts on the stop")
    func stoppedByJobControl() async throws {
        let command = Command.shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done")
        let (lines, result) = try await command.stoppedWhenReady { process in
            process.signal(SIGSTOP)
            process.stop()
        }
        #expect(lines.contains("bye"))
        #expect(result.exitCode == 0)
    }

    @Test("C6 every line is kept, also what was still in the pipe when the command died")
    func pipeIsEmptied() async throws {
        // The reader takes nothing before the command is dead: by then its lines lie in our queue and in the pipe.
        var written = 0
        let (lines, result) = try await Command("yes", ["0123456789abcdef"]).withProcess { process in
            written = try #require(await ProcessProbe.bytesWrittenAtRest(process.pid))
            process.stop()
            let result = await process.result
            var lines: [OutputLine] = []
            for await line in process.lines { lines.append(line) }
            return (lines, result)
        }
        #expect(result.outcome == .stopped(.requested))
        #expect(lines.dropLast().allSatisfy { $0.text == "0123456789abcdef" })
        #expect(result.lineCount == lines.count)
        let terminated = lines.count { $0.isTerminated }
        #expect(lines.reduce(0) { $0 + $1.bytes.count } + terminated == result.outputBytes)
        // The call that it died in may have written some more.
        #expect(result.outputBytes >= written)
    }

    @Test("C6 a command that we stopped has not failed, whatever its exit code")
    func anyExitCode() async throws {
        let command = Command.shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done")
        let (_, result) = try await command.stoppedWhenReady()
        #expect(result.outcome == .stopped(.requested))
        #expect(result.exitCode == 9)
        #expect(!result.wasKilled)
    }

    @Test("C6 the stop policy's own signal is used")
    func ownSignal() async throws {
        var command = Command.shell("trap 'echo got INT; exit 0' INT; echo ready; while :; do sleep 0.01; done")
        command.stopPolicy.signal = SIGINT
        let (lines, _) = try await command.stoppedWhenReady()
        #expect(lines.contains("got INT"))
    }

    @Test("C4 kill ends the whole tree at once")
    func killNow() async throws {
        let script = "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo child $$; echo ready; sleep 1000'; sleep 1000"
        let (lines, result) = try await Command.shell(script).stoppedWhenReady { $0.kill() }
        #expect(ProcessProbe.waitUntilDead(try #require(lines.pid("child"))))
        #expect(result.signal == SIGKILL)
        #expect(try #require(result.stopDuration) < .seconds(9))
    }

    @Test("B13 a signal from the supervisor reaches the group, and a death by it is not a failure")
    func forwardedSignal() async throws {
        let caught = Command.shell("trap 'echo hup; exit 0' HUP; echo ready; while :; do sleep 0.01; done")
        let (lines, result) = try await caught.stoppedWhenReady { $0.signal(SIGHUP) }
        #expect(lines.contains("hup"))
        #expect(result.outcome == .succeeded)

        let (_, died) = try await Command.shell("echo ready; sleep 1000").stoppedWhenReady { $0.signal(SIGUSR1) }
        #expect(died.outcome == .stopped(.signalled))
        #expect(died.signal == SIGUSR1)
    }

    @Test("C11 a signal to a command that has ended reaches nobody")
    func signalAfterEnd() async throws {
        let isSent = try await Command("true").withProcess { process in
            _ = await process.result
            return process.signal(SIGTERM)
        }
        #expect(!isSent)
    }

    @Test("C11 stopping one command leaves another alone")
    func othersLive() async throws {
        try await Command.shell("echo ready; sleep 1000").withProcess { other in
            var lines = other.lines.makeAsyncIterator()
            _ = await lines.next()
            let (_, result) = try await Command.shell("echo ready; sleep 1000").stoppedWhenReady()
            #expect(result.outcome == .stopped(.requested))
            #expect(ProcessProbe.isAlive(other.pid))
            #expect(other.resultIfEnded == nil)
        }
    }

    @Test("C20 a SIGKILL that we did not send is a loss")
    func lost() async throws {
        let (lines, result) = try await Command.shell("echo found; echo ready; sleep 1000").stoppedWhenReady {
            kill($0.pid, SIGKILL)
        }
        #expect(lines == ["found", "ready"])
        #expect(result.outcome == .lost)
        #expect(result.warnings.count == 1)
    }

    @Test("C20 a death by SIGTERM that nobody of ours sent is a failure when no stop follows")
    func foreignTerm() async throws {
        let (_, result) = try await Command.shell("echo ready; sleep 1000").stoppedWhenReady {
            kill(-$0.pid, SIGTERM)
        }
        #expect(result.outcome == .failed)
        #expect(result.signal == SIGTERM)
    }

    @Test("C20 a death by SIGTERM right beside our own stop is that stop")
    func termBesideStop() async throws {
        let result = try await Command.shell("echo ready; sleep 1000").withProcess { process in
            for await line in process.lines where line.text == "ready" {
                kill(-process.pid, SIGTERM)
                process.stop(.eviction)
            }
            return await process.result
        }
        #expect(result.outcome == .stopped(.eviction))
    }

    @Test("C16 what the body throws comes out once nothing of the command is left")
    func bodyThrows() async throws {
        struct Mistake: Error {}
        var pid: pid_t = 0
        await #expect(throws: Mistake.self) {
            try await Command.shell("echo ready; sleep 1000").withProcess { process in
                pid = process.pid
                throw Mistake()
            }
        }
        #expect(!ProcessProbe.isAlive(pid))
        #expect(!ProcessProbe.children().contains(pid))
    }
}
