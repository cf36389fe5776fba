import Glibc
import LastCall
import LastCallCommand
import LastCallTesting
import LastCallWork
import Testing

/// Programs as jobs whose worker is told to stop.
@Suite(.timeLimit(.minutes(1))) struct CommandJobEvictionTests {
    @Test(
        "C1 C2 C3 C5 C6 C8 C24 an evicted program is stopped, its lines are kept, and it has not failed, whatever its exit code"
    )
    func finalize() async throws {
        let script = "trap 'echo saved; exit 7' TERM; echo found; echo ready; while :; do sleep 0.01; done"
        let run = try JobRun([.shell("job", .shell(script))])
        let id = try await run.enqueue("job")
        let line = try await run.run { run in try await run.line("ready", of: id) }
        let record = try await run.client.record(id)
        #expect(record.state == .partial)
        #expect(record.reason == .eviction)
        #expect(record.detail == "cut short by eviction: the test is over")
        #expect(record.evictions == 1)
        #expect(record.losses == 0)
        #expect(try await run.output(id) == ["found", "ready", "saved"])
        #expect(try await run.notices(id) == ["cut short by eviction: the test is over"])
        #expect(line.done == 1)
        #expect(line.unaccounted == 0)
        #expect(line.outcome == .drained)
    }

    @Test("C4 C10 a tree that ignores SIGTERM is killed before the member's time ends, and what it wrote is kept")
    func ignoresTerm() async throws {
        let script =
            "trap '' TERM; (trap '' TERM; echo child $BASHPID; while :; do sleep 0.01; done) & echo ready $$; while :; do sleep 0.01; done"
        let run = try JobRun([
            .shell("job", Command("bash", ["-c", script], stopPolicy: StopPolicy(killAfter: .milliseconds(200))))
        ])
        let id = try await run.enqueue("job")
        let child = Latch<pid_t>()
        let line = try await run.run { run in
            child.open(try await run.pid("child", of: id))
            try await run.line("ready", of: id)
        }
        #expect(ProcessProbe.waitUntilDead(try await child.wait()))
        let record = try await run.client.record(id)
        #expect(record.state == .partial)
        #expect(record.detail == "cut short by eviction: the test is over")
        #expect(try await run.output(id).count == 2)
        #expect(line.outcome == .drained)
    }

    @Test("C6 C10 a hand-over stops a program that might have finished, and nothing that it wrote is lost")
    func handOver() async throws {
        let script = "trap 'echo saved; exit 1' TERM; echo ready; while :; do sleep 0.01; done"
        let run = try JobRun([.shell("job", .shell(script), evictionPolicy: .finish)])
        let id = try await run.enqueue("job")
        async let receipt = run.lifecycle.runUntilStopped()
        try await run.worker.waitUntilReady()
        try await run.line("ready", of: id)
        run.lifecycle.handOver("now")
        let line = await receipt.stages[0].members[0]
        #expect(line.unaccounted == 0)
        let record = try await run.client.record(id)
        #expect(record.state == .ready)
        #expect(record.reason == .eviction)
        #expect(record.detail == "cut short by eviction: now")
        // Its run is over and what it wrote is stored with that run.
        let page = try await run.store.output(of: id, from: .start, linesMax: 100)
        #expect(page.lines.filter { $0.source == .output }.map(\.text) == ["ready", "saved"])
    }

    @Test("B5 finish lets a program go on to its end") func finish() async throws {
        let fifo = try ScratchDirectory()
        let path = "\(fifo.path)/go"
        #expect(mkfifo(path, 0o600) == 0)
        let command = Command("sh", ["-c", "echo ready; cat '\(path)'; echo whole"])
        let run = try JobRun([.shell("job", command, evictionPolicy: .finish)])
        let id = try await run.enqueue("job")
        async let receipt = run.lifecycle.runUntilStopped()
        try await run.worker.waitUntilReady()
        try await run.line("ready", of: id)
        run.lifecycle.stop()
        while !run.worker.isStopping { await Task.yield() }
        // Opening the other end lets the program go on.
        close(open(path, O_WRONLY))
        #expect(await receipt.stages[0].members[0].done == 1)
        #expect(try await run.client.record(id).state == .succeeded)
        #expect(try await run.output(id) == ["ready", "whole"])
    }

    @Test(
        "B5 a checkpoint comes back after an eviction, and the lines add up",
        arguments: [EvictionPolicy.requeue, .continue])
    func checkpoint(policy: EvictionPolicy) async throws {
        let store = JobRun.makeStore()
        let script = """
            if [ -e "$LASTCALL_CHECKPOINT" ]; then echo "went on from $(cat "$LASTCALL_CHECKPOINT")"; exit 0; fi
            trap 'printf half > "$LASTCALL_CHECKPOINT"; exit 1' TERM
            echo begun; while :; do sleep 0.01; done
            """
        let handler = JobHandler.shell("job", .shell(script), evictionPolicy: policy)
        let first = try JobRun([handler], in: store)
        let id = try await first.enqueue("job")
        try await first.run { run in try await run.line("begun", of: id) }
        let between = try await first.client.record(id)
        #expect(between.state == .ready)
        #expect(between.attempt == 0)
        #expect(between.evictions == 1)
        let second = try JobRun([handler], in: store)
        try await second.run { run in _ = try await run.client.wait(for: id) }
        #expect(try await second.client.record(id).state == .succeeded)
        #expect(try await second.output(id) == ["begun", "went on from half"])
    }

    @Test("C7 C8 three members, one evicted: the callback gets three entries, one of them partial with its reason")
    func chord() async throws {
        let store = JobRun.makeStore()
        let quick = JobHandler.shell("quick", .shell("echo done"))
        let slow = JobHandler.shell("slow", .shell("echo found; sleep 1000"))
        let first = try JobRun([quick, slow], in: store)
        let ids = try await first.client.submit(
            .group(
                ["quick", "slow", "quick"].map { Workflow.record(RecordDraft(kind: $0)) },
                then: Workflow.record(RecordDraft(kind: "report"))))
        try await first.run { run in
            try await run.line("found", of: ids[1])
            _ = try await run.client.wait(for: ids[0])
            _ = try await run.client.wait(for: ids[2])
        }
        let second = try JobRun([.shell("report", Command("cat"))], in: store)
        try await second.run { run in _ = try await run.client.wait(for: ids[3]) }
        let lines = try await second.output(ids[3])
        #expect(lines.count == 3)
        #expect(
            lines.count(where: { $0.contains(#""outcome":"partial""#) && $0.contains(#""reason":"eviction""#) }) == 1)
        #expect(lines[1].contains(#""output":["found"]"#))
        #expect(lines[1].contains(#""detail":"cut short by eviction: the test is over""#))
    }

    @Test("C8 a program that somebody cancels is cancelled, not evicted and not failed, and its tree is gone")
    func cancelled() async throws {
        let run = try JobRun([.shell("job", .shell("echo pid $$; sleep 1000"))])
        try await run.run { run in
            let id = try await run.enqueue("job")
            let pid = try await run.pid("pid", of: id)
            #expect(try await run.client.cancel([id]).asked == [id])
            let record = try await run.client.wait(for: id)
            #expect(record.state == .cancelled)
            #expect(record.reason == .requested)
            #expect(record.detail == "cancelled on request")
            #expect(record.evictions == 0)
            #expect(ProcessProbe.waitUntilDead(pid))
        }
    }
}
