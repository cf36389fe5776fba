import Foundation
import LastCall
import LastCallTesting
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// `lastcall serve` over real commands and a real store, with real signals.
@Suite(.serialized) struct ServeProcessTests {
    /// Tasks that know nothing of us.
    static let tasks = """
        quick: {command: [echo, "quick {n}"]}
        slow:
          command: [sh, -c, "echo one; echo two; while :; do sleep 0.05; done"]
        stubborn:
          command: [sh, -c, "trap '' TERM; echo one; echo $$; while :; do sleep 0.05; done"]
          killAfter: 200ms
        patient:
          command: [sh, -c, "trap '' TERM; echo one; while :; do sleep 0.05; done"]
          killAfter: 200ms
          onEviction: finish
        lonely:
          command: [sh, -c, "echo $$; while :; do sleep 0.05; done"]
          lossesMax: 1
        again:
          command: [sh, -c, "if [ -e second ]; then echo $$; echo whole; else touch second; echo $$; while :; do sleep 0.05; done; fi"]
        brief: {command: [sh, -c, "echo one; sleep 1000"], timeout: 2s}
        fails: {command: [sh, -c, "echo oops >&2; exit 3"], retries: 1, backoff: 0s}
        bytes: {command: [printf, "\\\\377a\\\\n"]}
        tally: {command: [cat]}
        """

    @Test("C1 C2 C3 C5 C6 C7 C28 a chord whose worker is told to stop goes on: one member partial, every line kept")
    func evictedChord() async throws {
        let folder = try ServeFolder(Self.tasks)
        let worker = try await folder.serve()
        let flow = try folder.folder.write(
            """
            group: [{task: quick, arguments: {n: 1}}, {task: quick, arguments: {n: 2}}, {task: slow}]
            then: {task: tally}
            """, to: "flow.yml")
        let ids = try await folder.submit([flow])
        #expect(try await folder.follow(ids[0]).exit() == 0)
        #expect(try await folder.follow(ids[1]).exit() == 0)
        try await folder.follow(ids[2]).line("two")
        worker.signal(SIGTERM)
        #expect(try await worker.exit() == ExitCode.clean)
        let receipt = try folder.receipt()
        #expect(receipt.cause.detail == "SIGTERM")
        #expect(receipt.totals.heldAtStop == 1)
        #expect(receipt.totals.done == 1)
        #expect(receipt.totals.unaccounted == 0)

        let next = try await folder.serve()
        #expect(try await folder.follow(ids[3]).exit() == 0)
        let members = try await folder.members(ids[3])
        #expect(members.map { $0["outcome"] as? String } == ["succeeded", "succeeded", "partial"])
        #expect(members.map { $0["output"] as? [String] } == [["quick 1"], ["quick 2"], ["one", "two"]])
        #expect(members[2]["reason"] as? String == "eviction")
        #expect((members[2]["detail"] as? String)?.contains("cut short by eviction: SIGTERM") == true)
        #expect(try await folder.job(ids[2])["evictions"] as? Int == 1)
        next.signal(SIGTERM)
        #expect(try await next.exit() == ExitCode.clean)
    }

    @Test("C4 C10 a member that ignores SIGTERM is killed well inside the grace, and what it wrote counts")
    func stubborn() async throws {
        let folder = try ServeFolder(Self.tasks)
        let worker = try await folder.serve()
        let id = try await folder.submit(["stubborn"])[0]
        let output = try folder.follow(id)
        try await output.line("one")
        let pid = try #require(pid_t(try await output.line("")))
        worker.signal(SIGTERM)
        #expect(try await worker.exit() == ExitCode.clean)
        #expect(!ProcessProbe.isAlive(pid))
        let job = try await folder.job(id)
        #expect(job["state"] as? String == "partial")
        #expect(job["reason"] as? String == "eviction")
    }

    @Test("B9 Ctrl-C twice gives back what would have been waited for, and the next start goes on with it")
    func interruptedTwice() async throws {
        let folder = try ServeFolder(Self.tasks)
        let worker = try await folder.serve()
        let id = try await folder.submit(["patient"])[0]
        try await folder.follow(id).line("one")
        worker.signal(SIGINT)
        try await worker.line("stop began")
        worker.signal(SIGINT)
        _ = try await worker.exit()
        let receipt = try folder.receipt()
        #expect(receipt.laterCauses.map(\.detail) == ["SIGINT"])
        #expect(receipt.totals.kept == 1)
        #expect(receipt.totals.unaccounted == 0)
        let job = try await folder.job(id)
        #expect(job["state"] as? String == "ready")
        #expect(job["reason"] as? String == "eviction")
        #expect(job["attempt"] as? Int == 0)
    }

    @Test("B3 B6 C25 C27 a killed worker's job runs again under its own id, after what it left running was ended")
    func killedWorker() async throws {
        let folder = try ServeFolder(Self.tasks)
        let worker = try await folder.serve()
        let id = try await folder.submit(["again"])[0]
        let pid = try #require(pid_t(try await folder.follow(id).line("")))
        let other = try await folder.serve(["--name", "other"])
        worker.signal(SIGKILL)
        let follower = try folder.follow(id)
        try await follower.line("whole")
        #expect(!ProcessProbe.isAlive(pid))
        #expect(try await follower.exit() == 0)
        let job = try await folder.job(id)
        #expect(job["state"] as? String == "succeeded")
        #expect(job["losses"] as? Int == 1)
        #expect(job["attempt"] as? Int == 1)
        other.signal(SIGTERM)
        #expect(try await other.exit() == ExitCode.clean)
    }

    @Test("C21 C22 a job that keeps losing its worker is given up with its output, and its chord proceeds")
    func abandoned() async throws {
        let folder = try ServeFolder(Self.tasks)
        let worker = try await folder.serve()
        let flow = try folder.folder.write("group: [{task: lonely}]\nthen: {task: tally}\n", to: "flow.yml")
        let ids = try await folder.submit([flow])
        let pid = try await folder.follow(ids[0]).line("")
        worker.signal(SIGKILL)
        _ = try await worker.exit()
        let next = try await folder.serve()
        #expect(try await folder.follow(ids[1]).exit() == 0)
        let member = try await folder.members(ids[1])[0]
        #expect(member["outcome"] as? String == "dead")
        #expect((member["detail"] as? String)?.hasPrefix("abandoned after 1 loss; the last: ") == true)
        #expect(member["output"] as? [String] == [pid])
        #expect(try await folder.run(["replay"]).output == "\(ids[0])\n")
        next.signal(SIGTERM)
        _ = try await next.exit()
    }

    @Test("C18 a timeout stops the command with partial results and says so, and submit --wait exits with 75")
    func timeout() async throws {
        let folder = try ServeFolder(Self.tasks)
        let worker = try await folder.serve()
        let run = try await folder.run(["submit", "brief", "--wait"])
        #expect(run.code == 75)
        #expect(run.output.split(separator: "\n").dropFirst() == ["one"])
        #expect(run.errors.contains("partial (timeout): stopped after 2s, its timeout"))
        worker.signal(SIGTERM)
        _ = try await worker.exit()
    }

    @Test("submit --wait prints what the callback wrote; a failure is told with its reason and exits with 1")
    func wait() async throws {
        let folder = try ServeFolder(Self.tasks)
        let worker = try await folder.serve()
        let chord = try await folder.run([
            "submit", "quick", "--each", "n", "1", "2", "--then", "tally", "--wait", "--json",
        ])
        #expect(chord.code == 0)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(chord.output.utf8)) as? [String: Any])
        #expect(object["outcome"] as? String == "succeeded")
        #expect((object["output"] as? [String])?.count == 2)
        #expect((object["ids"] as? [Int])?.count == 3)
        let failed = try await folder.run(["submit", "fails", "--wait"])
        #expect(failed.code == 1)
        #expect(failed.errors.contains("failed (error): exit code 3"))
        let command = try await folder.run(["submit", "--wait", "--", "printf", "%s|", "", "a b", "--wait"])
        #expect(command.output.split(separator: "\n").last == "|a b|--wait|")
        #expect(command.code == 0)
        worker.signal(SIGTERM)
        _ = try await worker.exit()
    }

    @Test("Ctrl-C while waiting leaves the work running and says so with the id")
    func leave() async throws {
        let folder = try ServeFolder(Self.tasks)
        let worker = try await folder.serve()
        let waiting = try folder.start(["submit", "slow", "--wait", "--config", folder.path("lastcall.yml")])
        let id = try await waiting.line("")
        try await folder.follow(id).line("two")
        waiting.signal(SIGINT)
        try await waiting.line("job \(id) goes on; look with: lastcall show \(id)")
        #expect(try await waiting.exit() == 130)
        #expect(try await folder.job(id)["state"] as? String == "running")
        #expect(try await folder.run(["cancel", id]).output.contains("job \(id): told to stop"))
        #expect(try await folder.follow(id).exit() == 0)
        #expect(try await folder.job(id)["state"] as? String == "cancelled")
        worker.signal(SIGTERM)
        _ = try await worker.exit()
    }

    @Test("a job's bytes that are no UTF-8 come out as they went in")
    func bytes() async throws {
        let folder = try ServeFolder(Self.tasks)
        let worker = try await folder.serve()
        let id = try await folder.submit(["bytes"])[0]
        #expect(try await folder.follow(id).exit() == 0)
        let output = try ProgramUnderTest(
            "/bin/sh",
            [
                "-c", "\"$0\" output \"$1\" --config \"$2\" | od -An -tx1", BuiltProgram.path("lastcall"), id,
                folder.path("lastcall.yml"),
            ], environment: ["PATH": "/usr/bin:/bin"])
        try await output.line("ff 61 0a")
        worker.signal(SIGTERM)
        _ = try await worker.exit()
    }

    @Test(
        "B8 C7 C9 when a worker is told to stop, its chord's callback starts at once in the other one, which was idle")
    func callbackElsewhere() async throws {
        let folder = try ServeFolder(
            """
            slow: {command: [sh, -c, "echo one; while :; do sleep 0.05; done"]}
            tally: {command: [sh, -c, "cat; echo begun; while :; do sleep 0.05; done"]}
            """)
        let told = try await folder.serve(["--name", "told"])
        let flow = try folder.folder.write("{group: [{task: slow}], then: {task: tally}}", to: "flow.yml")
        let ids = try await folder.submit([flow])
        try await folder.follow(ids[0]).line("one")
        let other = try await folder.serve(["--name", "other"])
        told.signal(SIGTERM)
        #expect(try await told.exit() == ExitCode.clean)
        try await folder.follow(ids[1]).line("begun")
        // It runs for the first time, where nobody restarted anything and no lease has ended.
        let callback = try await folder.job(ids[1])
        #expect(callback["worker"] as? String == "other")
        #expect(callback["epoch"] as? Int == 1)
        #expect(try await folder.job(ids[0])["state"] as? String == "partial")
        other.signal(SIGTERM)
        #expect(try await other.exit() == ExitCode.clean)
    }

    @Test(
        "B3 B7 B16 C26 workers come, are told to stop and are killed: every accepted job ends once, its callback runs once"
    )
    func team() async throws {
        let folder = try ServeFolder(
            """
            part: {command: [sh, -c, "sleep 0.1; [ $0 -le 12 ] || until [ -e go ]; do sleep 0.02; done; echo $0", "{n}"], onEviction: requeue, lossesMax: unlimited}
            tally: {command: [cat]}
            """)
        let numbers = (1...24).map(String.init)
        let lines = numbers.map { "{\"n\": \($0)}\n" }.joined()
        let ids = try await folder.submit(["part", "--stdin", "--then", "tally"], input: lines)
        let (first, second) = (try await folder.serve(["--name", "a"]), try await folder.serve(["--name", "b"]))
        #expect(try await folder.follow(ids[2]).exit() == 0)
        first.signal(SIGKILL)
        let third = try await folder.serve(["--name", "c"])
        second.signal(SIGTERM)
        #expect(try await second.exit() == ExitCode.clean)
        // Half of the work waited for this, so that the callback has one worker alone.
        try folder.folder.write("", to: "go")
        #expect(try await folder.follow(ids[24]).exit() == 0)
        let members = try await folder.members(ids[24])
        #expect(members.map { $0["outcome"] as? String } == numbers.map { _ in "succeeded" })
        #expect(members.map { $0["output"] as? [String] } == numbers.map { [$0] })
        let callbacks = try await folder.json(["list", "--task", "tally"])["jobs"] as? [[String: Any]]
        #expect(callbacks?.count == 1)
        #expect(callbacks?.first?["epoch"] as? Int == 1)
        third.signal(SIGTERM)
        #expect(try await third.exit() == ExitCode.clean)
    }
}
