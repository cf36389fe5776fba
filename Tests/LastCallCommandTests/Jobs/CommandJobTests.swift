import FoundationEssentials
import Glibc
import LastCall
import LastCallCommand
import LastCallTesting
import LastCallWork
import Testing

/// Programs as jobs, with real processes.
@Suite(.timeLimit(.minutes(1))) struct CommandJobTests {
    @Test("C28 a program's lines are the job's, each with its stream, and its success is the job's") func lines()
        async throws
    {
        let (record, lines) = try await JobRun.result(of: .shell("echo a; echo b >&2; echo c"))
        #expect(record.state == .succeeded)
        #expect(lines.filter { $0.source == .output }.map(\.text) == ["a", "c"])
        #expect(lines.filter { $0.source == .error }.map(\.text) == ["b"])
        #expect(record.attempt == 1)
    }

    @Test("an exit code is a failed attempt, unless the command counts it as well done") func exitCodes() async throws {
        let (failed, _) = try await JobRun.result(of: .shell("exit 3"))
        #expect(failed.state == .failed)
        #expect(failed.detail == "exit code 3")
        var command = Command.shell("exit 3")
        command.okExitCodes = [0, 3]
        #expect(try await JobRun.result(of: command).record.state == .succeeded)
    }

    @Test("a failed program is tried again, as often as the job may run") func retries() async throws {
        let run = try JobRun([
            .shell(
                "job", .shell("echo $LASTCALL_EPOCH; exit 1"),
                retryPolicy: RetryPolicy(base: .milliseconds(1), jitter: 0))
        ])
        try await run.run { run in
            let id = try await run.enqueue("job") { $0.attemptsMax = 3 }
            let record = try await run.client.wait(for: id)
            #expect(record.state == .failed)
            #expect(record.attempt == 3)
            // Only the last run's lines are the result.
            #expect(try await run.output(id) == ["0.3"])
        }
    }

    @Test("a program that died of a signal of its own failed, and the signal is named") func ownSignal() async throws {
        let (record, _) = try await JobRun.result(of: .shell("kill -SEGV $$"))
        #expect(record.state == .failed)
        #expect(record.detail == "died of SIGSEGV")
    }

    @Test("a missing program is said clearly and not tried again") func missing() async throws {
        let (record, _) = try await JobRun.result(of: Command("no-such-program-anywhere")) { $0.attemptsMax = 5 }
        #expect(record.state == .failed)
        #expect(record.attempt == 1)
        #expect(record.detail?.contains("no-such-program-anywhere") == true)
    }

    @Test("a job whose command cannot be made fails for good, in its own words") func unmakeable() async throws {
        let handler = JobHandler.command("job") { _ in throw JobFailure("argument \"host\" is missing") }
        let run = try JobRun([handler])
        try await run.run { run in
            let record = try await run.client.wait(for: try await run.enqueue("job") { $0.attemptsMax = 5 })
            #expect(record.state == .failed)
            #expect(record.attempt == 1)
            #expect(record.detail == "argument \"host\" is missing")
        }
    }

    // MARK: limits

    @Test("C18 a timeout stops the program with its partial results and says so") func timeout() async throws {
        let (record, lines) = try await JobRun.result(of: .shell("echo found; sleep 1000")) {
            $0.timeout = .seconds(2)
            $0.attemptsMax = 5
        }
        #expect(record.state == .partial)
        #expect(record.reason == .timeout)
        #expect(record.detail == "stopped after 2s, its timeout")
        #expect(lines.first?.text == "found")
        #expect(lines.contains { $0.source == .notice })
    }

    @Test(
        "C19 a memory limit over the tree stops the program with its partial results", .enabled(if: Command.hasPython))
    func memory() async throws {
        var command = Command.shell(
            "echo found; python3 -c 'import time; a = b\"x\" * (200 << 20); time.sleep(1000)'; :")
        command.limits.memoryBytes = 100 << 20
        let (record, lines) = try await JobRun.result(of: command)
        #expect(record.state == .partial)
        #expect(record.reason == .memory)
        #expect(record.detail == "stopped at its memory limit of \(100 << 20) bytes")
        #expect(lines.first?.text == "found")
    }

    @Test("an output limit stops the program with what it wrote up to there") func outputLimit() async throws {
        var command = Command("yes")
        command.limits.outputBytes = 10_000
        let (record, lines) = try await JobRun.result(of: command)
        #expect(record.state == .partial)
        #expect(record.reason == .outputLimit)
        #expect(lines.filter { $0.source == .output }.count >= 4_900)
        #expect(lines.filter { $0.source == .output }.count <= 5_000)
    }

    // MARK: losses

    @Test(
        "C20 C24 a program that somebody else kills is run again at once, which counts as a loss and not as an attempt")
    func killedFromOutside() async throws {
        let run = try JobRun([.shell("job", .shell("echo pid $$; [ $LASTCALL_EPOCH = 0.2 ] || sleep 1000"))])
        try await run.run { run in
            let id = try await run.enqueue("job")
            kill(try await run.pid("pid", of: id), SIGKILL)
            let record = try await run.client.wait(for: id)
            #expect(record.state == .succeeded)
            #expect(record.losses == 1)
            #expect(record.attempt == 1)
            #expect(record.evictions == 0)
            #expect(record.epoch == 2)
        }
    }

    @Test("C21 C22 C26 a job that keeps being lost is given up after its cap, its output kept, and the chord goes on")
    func lossCap() async throws {
        let last = Command("cat")
        let run = try JobRun([
            .shell("doomed", .shell("echo found $LASTCALL_EPOCH; kill -KILL $$")), .shell("callback", last),
        ])
        try await run.run { run in
            var doomed = RecordDraft(kind: "doomed")
            doomed.lossesMax = 2
            let ids = try await run.client.submit(
                .group([Workflow.record(doomed)], then: Workflow.record(RecordDraft(kind: "callback"))))
            let callback = try await run.client.wait(for: ids[1])
            let record = try await run.client.record(ids[0])
            #expect(record.state == .dead)
            #expect(record.reason == .workerLost)
            #expect(record.detail?.hasPrefix("abandoned after 2 losses; the last: ") == true)
            #expect(record.losses == 2)
            #expect(try await run.output(ids[0]) == ["found 0.1", "found 0.2"])
            #expect(callback.state == .succeeded)
            let line = try #require(try await run.output(ids[1]).first)
            #expect(line.contains(#""outcome":"dead""#))
            #expect(line.contains(#""output":["found 0.1","found 0.2"]"#))
        }
    }

    @Test("C21 a cap of 0 never runs a lost job again") func noRetryAfterLoss() async throws {
        let (record, _) = try await JobRun.result(of: .shell("kill -KILL $$")) { $0.lossesMax = 0 }
        #expect(record.state == .dead)
        #expect(record.detail?.hasPrefix("abandoned after 1 loss; the last: ") == true)
        #expect(record.epoch == 1)
    }

    // MARK: the environment

    @Test("a program is told its job, its fencing token and its checkpoint file, beside its own variables")
    func environment() async throws {
        var command = Command.shell("echo $LASTCALL_JOB_ID $LASTCALL_EPOCH $OWN; echo saved > \"$LASTCALL_CHECKPOINT\"")
        command.environment = .updating(["OWN": "mine"])
        let run = try JobRun([.shell("job", command)])
        try await run.run { run in
            let id = try await run.enqueue("job")
            _ = try await run.client.wait(for: id)
            #expect(try await run.output(id) == ["\(id) 0.1 mine"])
        }
    }

    @Test("the folder of a run is gone when the run is over") func folder() async throws {
        let (_, lines) = try await JobRun.result(
            of: .shell("echo x > \"$LASTCALL_CHECKPOINT\"; echo $LASTCALL_CHECKPOINT"))
        let path = try #require(lines.first?.text)
        #expect(path.hasSuffix("/checkpoint"))
        #expect(access(path, F_OK) != 0)
    }

    // MARK: members

    @Test("C7 a callback reads the members on standard input, one JSON object a line, in the workflow's order")
    func members() async throws {
        let run = try JobRun([
            .shell("good", .shell("printf 'a\\n\\377b\\n'")), .shell("bad", .shell("exit 9")),
            .shell("end", Command("cat")),
        ])
        try await run.run { run in
            var good = RecordDraft(kind: "good", payload: Array(#"{"arguments":{"path":"x"}}"#.utf8))
            good.key = UniqueKey("k")
            let ids = try await run.client.submit(
                .group(
                    [Workflow.record(good), Workflow.record(RecordDraft(kind: "bad"))],
                    then: Workflow.record(RecordDraft(kind: "end"))))
            #expect(try await run.client.wait(for: ids[2]).state == .succeeded)
            #expect(
                try await run.output(ids[2]) == [
                    #"{"arguments":{"path":"x"},"id":\#(ids[0]),"member":0,"outcome":"succeeded","output":["a","�b"],"path":"0","task":"good"}"#,
                    #"{"detail":"exit code 9","id":\#(ids[1]),"member":1,"outcome":"failed","output":[],"path":"1","reason":"error","task":"bad"}"#,
                ])
        }
    }

    @Test("C25 one id from submit to end: redelivery updates the same record") func identity() async throws {
        let run = try JobRun([
            .shell("job", .shell("echo $LASTCALL_JOB_ID; [ $LASTCALL_EPOCH = 0.3 ] || kill -KILL $$"))
        ])
        let id = try await run.enqueue("job") { $0.lossesMax = nil }
        #expect(try await run.client.record(id).state == .ready)
        try await run.run { run in _ = try await run.client.wait(for: id) }
        #expect(try await run.store.records(WorkQuery()).map(\.id) == [id])
        let page = try await run.store.output(of: id, from: .start, linesMax: 100)
        #expect(page.lines.filter { $0.source == .output }.map(\.text) == ["\(id)", "\(id)", "\(id)"])
    }

    @Test(
        "a checkpoint that is no regular file, or too large, is not stored, and the program runs as ever",
        arguments: [
            "mkfifo \"$LASTCALL_CHECKPOINT\"", "ln -s /etc/hostname \"$LASTCALL_CHECKPOINT\"",
            "mkdir \"$LASTCALL_CHECKPOINT\"", "head -c 1100000 /dev/zero >\"$LASTCALL_CHECKPOINT\"",
        ])
    func oddCheckpoint(make: String) async throws {
        let run = try JobRun([
            .shell(
                "job",
                .shell(
                    "[ -e \"$LASTCALL_CHECKPOINT\" ] && echo stored; [ $LASTCALL_EPOCH = 0.2 ] || { \(make); exit 1; }"),
                retryPolicy: RetryPolicy(base: .milliseconds(1), jitter: 0))
        ])
        try await run.run { run in
            let id = try await run.enqueue("job") { $0.attemptsMax = 2 }
            let record = try await run.client.wait(for: id)
            #expect(record.state == .succeeded)
            #expect(record.attempt == 2)
            #expect(try await run.output(id).isEmpty)
        }
    }
}
