import Glibc
import LastCall
import LastCallWork
@testable import LastCallCommand
import LastCallTesting
import LastCallWork
import ServiceLifecycle
import ServiceLifecycleTestKit
import Synchronization
import Testing

@Suite("Being told to stop with a command running")
struct CommandEvictionTests {
    /// Runs a command in a member's scope; when it writes `ready` the member is told.
    private func evict(
        _ command: Command, cancelAt: Duration = .seconds(30), endAt: Duration = .seconds(30),
        urgency: Shutdown.Urgency = .drain
    ) async throws -> (lines: [String], result: CommandResult) {
        let scope = ShutdownScope(now: { .zero })
        let cause = ShutdownCause(kind: .signal, detail: "SIGTERM", pid: 1)
        return try await Shutdown.$scope.withValue(scope) {
            var lines: [String] = []
            let result = try await command.run { line in
                // The shell reports on standard error what the signal did to its own children.
                if line.stream == .standardOutput { lines.append(line.text) }
                guard line.text == "ready" else { return }
                scope.stopBegan(cause: cause, cancelAt: cancelAt, endAt: endAt)
                scope.tell(urgency)
            }
            return (lines, result)
        }
    }

    @Test("C1 C2 C3 C5 C6 C8 a lifecycle's stop reaches the program with nothing switched on; its lines are kept")
    func lifecycle() async throws {
        let script = "trap 'echo saved; exit 7' TERM; echo found; echo ready; while :; do sleep 0.01; done"
        let (lines, result) = try await evict(.shell(script))
        #expect(lines == ["found", "ready", "saved"])
        #expect(result.outcome == .stopped(.eviction))
        #expect(result.exitCode == 7)
        #expect(result.cause?.detail == "SIGTERM")
        #expect(result.warnings == ["cut short by eviction: SIGTERM from pid 1"])
    }

    @Test("C1 C3 the ecosystem's graceful shutdown does the same")
    func gracefulShutdown() async throws {
        try await testGracefulShutdown { trigger in
            let result = try await Command.shell("echo ready; sleep 1000").run { line in
                if line.text == "ready" { trigger.triggerGracefulShutdown() }
            }
            #expect(result.outcome == .stopped(.eviction))
            #expect(result.warnings == ["cut short by eviction: graceful shutdown"])
        }
    }

    @Test("C12 a stop that came before the command is not missed")
    func before() async throws {
        try await testGracefulShutdown { trigger in
            trigger.triggerGracefulShutdown()
            let result = try await Command("sleep", ["1000"]).collect().result
            #expect(result.outcome == .stopped(.eviction))
        }
    }

    @Test("C8 plain cancellation is not an eviction; the lines written before it still come")
    func cancelled() async throws {
        let ready = Latch<Void>()
        let (lines, result) = try await withThrowingTaskGroup(of: ([String], CommandResult).self) { group in
            group.addTask {
                var lines: [String] = []
                let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done"
                let result = try await Command.shell(script).run { line in
                    if line.stream == .standardOutput { lines.append(line.text) }
                    if line.text == "ready" { ready.open() }
                }
                return (lines, result)
            }
            try await ready.wait()
            group.cancelAll()
            return try #require(try await group.next())
        }
        #expect(lines == ["ready", "bye"])
        #expect(result.outcome == .stopped(.cancelled))
        #expect(result.warnings == ["cut short by cancelled"])
    }

    @Test("C12 nothing is started for a task that is cancelled already")
    func cancelledBefore() async throws {
        await withThrowingTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask {
                await #expect(throws: CancellationError.self) { try await Command("sleep", ["1000"]).collect() }
            }
        }
    }

    @Test("C8 C10 a member that is cancelled at the end of its stage was evicted, not cancelled")
    func cancelledByStage() async throws {
        let scope = ShutdownScope(now: { .zero })
        let ready = Latch<Void>()
        let result = try await withThrowingTaskGroup(of: CommandResult.self) { group in
            group.addTask {
                try await Shutdown.$scope.withValue(scope) {
                    var command = Command.shell("echo ready; sleep 1000")
                    command.evictionPolicy = .finish
                    return try await command.run { line in
                        if line.text == "ready" { ready.open() }
                    }
                }
            }
            try await ready.wait()
            scope.stopBegan(cause: .unknown, cancelAt: .seconds(60), endAt: .seconds(60))
            scope.tell(.drain)
            group.cancelAll()
            return try #require(try await group.next())
        }
        #expect(result.outcome == .stopped(.eviction))
    }

    @Test("C4 C10 SIGKILL comes early enough for the pipes to be read before the member's end")
    func killedInTime() async throws {
        let script = "trap '' TERM; echo ready; while :; do sleep 0.01; done"
        let (_, result) = try await evict(.shell(script), cancelAt: .milliseconds(800), endAt: .milliseconds(800))
        #expect(result.outcome == .stopped(.eviction))
        #expect(result.wasKilled)
        #expect(try #require(result.stopDuration) >= .milliseconds(590))
        // Ten seconds are what the policy grants; the member's end is far before them.
        #expect(try #require(result.stopDuration) < .seconds(5))
    }

    @Test("C6 a command that may finish does, where the member's time allows it")
    func finishes() async throws {
        var command = Command.shell("echo ready; sleep 0.3; echo finished")
        command.evictionPolicy = .finish
        let (lines, result) = try await evict(command)
        #expect(lines == ["ready", "finished"])
        #expect(result.outcome == .succeeded)
    }

    @Test("C10 a command that may finish and does not is stopped when the member's time ends")
    func doesNotFinish() async throws {
        var command = Command.shell("echo ready; sleep 1000")
        command.evictionPolicy = .finish
        let (_, result) = try await evict(command, cancelAt: .milliseconds(200), endAt: .seconds(2))
        #expect(result.outcome == .stopped(.eviction))
        #expect(result.duration >= .milliseconds(200))
    }

    @Test("C10 handing over now stops also a command that may finish")
    func handOver() async throws {
        var command = Command.shell("echo ready; sleep 1000")
        command.evictionPolicy = .finish
        let (_, result) = try await evict(command, urgency: .handOver)
        #expect(result.outcome == .stopped(.eviction))
    }

    @Test("C20 a program that died of SIGTERM while our process was stopping was evicted")
    func diedBesideStop() async throws {
        let scope = ShutdownScope(now: { .zero })
        let result = try await Shutdown.$scope.withValue(scope) {
            try await Command.shell("echo ready; sleep 1000").withProcess { process in
                for await line in process.lines where line.text == "ready" {
                    // The stop has begun; the member's own stage comes later.
                    scope.stopBegan(cause: .unknown, cancelAt: .seconds(60), endAt: .seconds(60))
                    kill(-process.pid, SIGTERM)
                }
                return await process.result
            }
        }
        #expect(result.outcome == .stopped(.eviction))
    }

    @Test("C9 an order is acted on at the instant at which it comes, not at the next look")
    func reactionTime() {
        var machine = CommandStateMachine(
            settings: CommandSettings(timeLimit: .seconds(600), memoryLimit: 1 << 30), openPipes: [], startedAt: .zero)
        let now = Duration.milliseconds(1234)
        #expect(machine.timerAt.map { $0 > .zero } == true)
        #expect(machine.evicted(EvictionNotice(memberEndsAt: .seconds(60)), at: now) == .terminate)
    }
}
