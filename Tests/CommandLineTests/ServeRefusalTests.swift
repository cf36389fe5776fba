import LastCall
import LastCallTesting
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// What `lastcall serve` and the verbs refuse, and the words and exit codes that say so.
@Suite(.serialized) struct ServeRefusalTests {
    @Test("a configuration with mistakes is refused with all of them and 78")
    func badConfiguration() async throws {
        let folder = try ServeFolder("hash: {comand: [sha256sum]}\nother: {command: [ls], timeout: 5x}")
        let serve = try await folder.run(["serve"])
        #expect(serve.code == ExitCode.configuration)
        #expect(serve.errors.contains("tasks.hash.comand: is no key of a task; write command"))
        #expect(serve.errors.contains("tasks.other.timeout: \"5x\""))
        #expect(try await folder.run(["submit", "hash"]).code == ExitCode.configuration)
    }

    @Test("two workers of one name: the second is told why and exits with 78, the first goes on")
    func nameTaken() async throws {
        let folder = try ServeFolder("quick: {command: [echo, quick]}")
        let worker = try await folder.serve(["--name", "w1"])
        let second = try await folder.run(["serve", "--name", "w1"])
        #expect(second.code == ExitCode.configuration)
        #expect(second.errors.contains("a worker named \"w1\" runs already (pid \(worker.pid))"))
        #expect(!second.errors.contains("stop began"))
        #expect(try await folder.run(["submit", "quick", "--wait"]).code == 0)
        worker.signal(SIGKILL)
        _ = try await worker.exit()
        let third = try await folder.serve(["--name", "w1"])
        third.signal(SIGTERM)
        #expect(try await third.exit() == ExitCode.clean)
    }

    @Test("a store that is a directory, no database or another program's is refused: 78 from serve and from a verb")
    func badStores() async throws {
        let folder = try ServeFolder("quick: {command: [echo, quick]}")
        try folder.folder.write("not a database at all, and long enough to be none", to: "bad.sqlite")
        for (store, words) in [
            ("sqlite:\(folder.folder.path)", "is a directory"), ("sqlite:bad.sqlite", "no SQLite database"),
        ] {
            let serve = try await folder.run(["serve", "--store", store])
            #expect(serve.code == ExitCode.configuration)
            #expect(serve.errors.contains(words))
            #expect(try await folder.run(["status", "--store", store]).code == ExitCode.configuration)
        }
    }

    @Test("verbs that look never make a store; submit does")
    func noStore() async throws {
        let folder = try ServeFolder("quick: {command: [echo, quick]}")
        for verb in [
            ["status"], ["list"], ["show", "1"], ["output", "1"], ["cancel", "1"], ["replay"], ["pause", "a"],
        ] {
            let run = try await folder.run(verb)
            #expect(run.code == ExitCode.configuration)
            #expect(run.errors.contains("there is no such store"))
        }
        #expect(access(folder.path("state"), F_OK) != 0)
        #expect(try await folder.submit(["quick"]) == ["1"])
        let status = try await folder.run(["status"])
        #expect(status.output.contains("no worker is alive, so nothing runs; start one with: lastcall serve"))
    }

    @Test("a worker that makes its store says so, since a mistyped path makes an empty one; the next start does not")
    func newStore() async throws {
        let folder = try ServeFolder("quick: {command: [echo, quick]}")
        for isNew in [true, false] {
            let worker = try await folder.serve()
            #expect(worker.output.contains("queue.sqlite, which is new") == isNew)
            worker.signal(SIGTERM)
            #expect(try await worker.exit() == ExitCode.clean)
        }
    }

    @Test("a program that is not there and a missing directory are warned about, and what else there is runs")
    func missingProgram() async throws {
        let folder = try ServeFolder(
            "gone: {command: [no-such-program-anywhere]}\nlost: {command: [ls], cwd: nowhere}\nquick: {command: [echo, ok]}"
        )
        let worker = try await folder.serve()
        #expect(
            worker.output.contains("warning: task gone: program \"no-such-program-anywhere\" was not found on PATH"))
        #expect(worker.output.contains("warning: task lost: cwd \(folder.folder.path)/nowhere does not exist"))
        #expect(try await folder.run(["submit", "gone", "--wait"]).code == 1)
        #expect(try await folder.run(["submit", "quick", "--wait"]).code == 0)
        worker.signal(SIGTERM)
        #expect(try await worker.exit() == ExitCode.clean)
    }

    @Test("a store in memory says that work dies with the process, and verbs refuse to look into it")
    func memory() async throws {
        let folder = try ServeFolder("quick: {command: [echo, ok]}")
        let worker = try folder.start(["serve", folder.path("lastcall.yml"), "--store", "memory:"])
        try await worker.line("all work dies with the process")
        worker.signal(SIGTERM)
        #expect(try await worker.exit() == ExitCode.clean)
        let status = try await folder.run(["status", "--store", "memory:"])
        #expect(status.code == ExitCode.configuration)
        #expect(status.errors.contains("write sqlite:PATH"))
    }

    @Test("a job that nobody handles waits, and status, show and submit --wait say so")
    func unhandled() async throws {
        let folder = try ServeFolder("quick: {command: [echo, ok]}")
        let worker = try await folder.serve()
        // Submitted by somebody whose configuration has the task.
        let other = try ServeFolder("elsewhere: {command: [echo, there]}")
        let store = "sqlite:\(folder.path("state/queue.sqlite"))"
        let id = try await other.submit(["elsewhere", "--store", store])[0]
        let status = try await folder.run(["status"])
        #expect(status.output.contains("1 elsewhere in queue default waits and no worker that is alive handles it"))
        #expect(
            (try await folder.json(["status"])["unhandled"] as? [[String: Any]])?.first?["task"] as? String
                == "elsewhere")
        #expect(
            try await folder.run(["show", id]).output.contains("none that is alive handles elsewhere in queue default"))
        let waiting = try folder.start(["submit", "--store", store, "elsewhere", "--wait"])
        try await waiting.line("no worker that is alive handles elsewhere in queue default; it waits for one")
        waiting.signal(SIGTERM)
        #expect(try await waiting.exit() == 128 + SIGTERM)
        worker.signal(SIGTERM)
        _ = try await worker.exit()
    }

    @Test(
        "a verb that is none, ids that are none and states that are none are told with the nearest",
        arguments: [
            (["lst"], "did you mean list?", ExitCode.usage),
            (["output", "seven"], "\"seven\" is no job's id", ExitCode.usage),
            (["list", "--state", "runing"], "write running", ExitCode.usage),
            (["submit", "quik"], "write quick", ExitCode.usage),
            (["submit", "quick", "n=1"], "argument n: is not one that the task has", ExitCode.usage),
            (["submit", "quick", "--", "ls"], "stands before --", ExitCode.usage),
            (["submit", "--"], "what is to be submitted?", ExitCode.usage),
            (["submit", "quick", "--after", "99"], "there is no job 99", ExitCode.failure),
            (["receipt", "lastcall.yml"], "is no receipt", ExitCode.configuration),
            (["watch"], "use lastcall status", ExitCode.usage),
        ])
    func nonsense(arguments: [String], words: String, code: Int32) async throws {
        let folder = try ServeFolder("quick: {command: [echo, ok]}")
        let run = try await folder.run(arguments)
        #expect(run.errors.contains(words))
        #expect(run.code == code)
    }
}
