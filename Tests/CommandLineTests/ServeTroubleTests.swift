import Foundation
import LastCall
import LastCallTesting
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// What `lastcall serve` and the verbs do where the store, the arguments or the surroundings are not what they should be.
@Suite(.serialized) struct ServeTroubleTests {
    /// The store's file of a folder.
    private func store(_ folder: ServeFolder) -> String { folder.path("state/queue.sqlite") }

    /// Runs a line of shell in the folder, with the program as `$L`.
    private func shell(_ folder: ServeFolder, _ line: String) async throws -> ProgramUnderTest {
        let program = try ProgramUnderTest(
            "/bin/sh", ["-c", "cd '\(folder.folder.path)'; \(line)"],
            environment: ["PATH": "/usr/bin:/bin", "L": BuiltProgram.path("lastcall"), "HOME": folder.folder.path])
        _ = try await program.exit()
        return program
    }

    @Test(
        "a store that is cut short, overwritten or of a newer version: serve, submit and status say what to do, and none traps",
        arguments: [
            ("cut", "restore a backup"), ("overwritten", "restore a backup"), ("newer", "Use a newer lastcall"),
        ])
    func damagedStore(how: String, words: String) async throws {
        let folder = try ServeFolder("quick: {command: [echo, quick]}")
        _ = try await folder.submit(["quick", "--stdin"], input: String(repeating: "{}\n", count: 300))
        // Its log goes back into it, so that the file alone says what it is.
        let version = how == "newer" ? 99 : 1
        let script =
            "import sqlite3; c = sqlite3.connect('state/queue.sqlite', isolation_level=None); c.execute('PRAGMA user_version = \(version)'); c.execute('PRAGMA wal_checkpoint(TRUNCATE)'); c.close()"
        #expect(try await shell(folder, "exec python3 -c \"\(script)\"").exit() == 0)
        let url = URL(fileURLWithPath: store(folder))
        var bytes = try Data(contentsOf: url)
        switch how {
        case "cut": bytes = bytes.prefix(bytes.count / 2)
        case "overwritten":
            bytes.replaceSubrange(4096..., with: Data(repeating: 0xA5, count: bytes.count - 4096))
        default: break
        }
        try bytes.write(to: url)
        for verb in [["submit", "quick"], ["status"]] {
            let run = try await folder.run(verb)
            #expect(run.code == EX_UNAVAILABLE)
            #expect(run.errors.contains(words))
        }
        let serve = try folder.start(["serve", folder.path("lastcall.yml")])
        #expect(try await serve.exit() == ExitCode.configuration)
        #expect(serve.output.contains(words))
        #expect(try Data(contentsOf: url) == bytes)
    }

    @Test(
        "a store that is deleted under a worker ends it, its programs too, with 1 and the reason; the next start makes a new one"
    )
    func deletedStore() async throws {
        let folder = try ServeFolder("chatty: {command: [sh, -c, 'echo $$; exec tail -f /dev/null']}")
        let worker = try await folder.serve()
        let id = try await folder.submit(["chatty"])[0]
        let follower = try folder.follow(id)
        let pid = try #require(pid_t(try await follower.line("")))
        for name in ["", "-wal", "-shm"] { unlink(store(folder) + name) }
        #expect(try await worker.exit() == ExitCode.failure)
        #expect(worker.output.contains("The file was deleted, moved or replaced while it was open"))
        #expect(!ProcessProbe.isAlive(pid))
        #expect(try await follower.exit() == EX_UNAVAILABLE)
        let next = try await folder.serve()
        next.signal(SIGTERM)
        #expect(try await next.exit() == ExitCode.clean)
    }

    @Test("B6 a worker whose lock's file a cleaner removed keeps its jobs, and no other runs them a second time")
    func cleanedLock() async throws {
        let folder = try ServeFolder("once: {command: [sh, -c, 'mkfifo go; echo ran; read word < go']}")
        let first = try await folder.serve(["--name", "w1"])
        let id = try await folder.submit(["once"])[0]
        let follower = try folder.follow(id)
        try await follower.line("ran")
        #expect(unlink(store(folder) + "-workers/w1.lock") == 0)
        // Whoever starts looks for the dead at once.
        let second = try await folder.serve(["--name", "w2"])
        let namesake = try await folder.run(["serve", "--name", "w1"])
        #expect(namesake.code == ExitCode.configuration)
        #expect(namesake.errors.contains("a worker named \"w1\""))
        _ = try await shell(folder, "echo word > go")
        #expect(try await follower.exit() == 0)
        #expect(try await folder.run(["output", id]).output == "ran\n")
        #expect(try await folder.job(id)["state"] as? String == "succeeded")
        #expect(!second.output.contains("worker died"))
        for worker in [first, second] {
            worker.signal(SIGTERM)
            #expect(try await worker.exit() == ExitCode.clean)
        }
    }

    @Test("a workers' directory that cannot be made is refused with what to do")
    func workersDirectory() async throws {
        let folder = try ServeFolder("quick: {command: [echo, quick]}")
        try FileManager.default.createDirectory(atPath: folder.path("state"), withIntermediateDirectories: true)
        try folder.folder.write("", to: "state/queue.sqlite-workers")
        for verb in [["submit", "quick"], ["status"], ["serve"]] {
            // What only looks finds no store yet.
            let run = try await folder.run(verb)
            #expect(run.code == (verb == ["serve"] ? ExitCode.configuration : EX_UNAVAILABLE))
            #expect(run.errors.contains("Check what stands there and who may write beside it"))
        }
    }

    @Test(
        "arguments that are not UTF-8 are refused, since another text would reach the program; long ones and line feeds are kept"
    )
    func oddArguments() async throws {
        let folder = try ServeFolder("echo: {command: [echo, '{x}']}")
        for line in [#""$L" submit echo x="$(printf '\377')""#, #""$L" submit -- ls "$(printf '\377')""#] {
            let refused = try await shell(folder, line)
            #expect(try await refused.exit() == ExitCode.usage)
            #expect(refused.output.contains("is not UTF-8"))
        }
        let text = "two\nlines " + String(repeating: "x", count: 100_000)
        let id = try await folder.submit(["echo", "x=\(text)"])[0]
        let worker = try await folder.serve()
        let follower = try folder.follow(id)
        #expect(try await follower.exit() == 0)
        #expect(try await folder.run(["output", id]).output == text + "\n")
        worker.signal(SIGTERM)
        _ = try await worker.exit()
        let tooLarge = try await folder.run(
            ["submit", "echo", "--stdin"], input: #"{"x": ""# + String(repeating: "x", count: 1 << 20) + "\"}\n")
        #expect(tooLarge.code == ExitCode.failure)
        #expect(tooLarge.errors.contains("at most 1048576 are stored; store the data elsewhere"))
    }

    @Test(
        "lines of standard input that are no JSON object, or hold a NUL, submit nothing and name their line",
        arguments: [
            ("nope\n", "standard input:1: is no JSON object"), ("{\"x\":1}\n{\"x\":\n", "standard input:2: is no JSON"),
            ("[1]\n", "standard input:1"), ("{\"x\":\"a\\u0000b\"}\n", "holds a NUL byte"),
            ("{\"x\":{\"y\":1}}\n", "write a text, a number"),
            ("{\"x\":18446744073709551615}\n", "write it as a text, in quotes"),
            (String(repeating: "[", count: 100_000), "is no JSON object"),
        ])
    func oddLines(input: String, words: String) async throws {
        let folder = try ServeFolder("echo: {command: [echo, '{x}']}")
        let run = try await folder.run(["submit", "echo", "--stdin"], input: input)
        #expect(run.code == ExitCode.configuration)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains(words))
        #expect(try await folder.run(["status"]).output.contains(": empty"))
    }

    @Test("a worker without room for its jobs' folders postpones them, says why, and runs them once there is room")
    func noTemporaryFolder() async throws {
        let folder = try ServeFolder("quick: {command: [echo, quick]}")
        let id = try await folder.submit(["quick"])[0]
        let missing = folder.path("tmp")
        let worker = try await folder.serve([], ["TMPDIR": missing])
        try await worker.line("job could not begin here")
        var job = try await folder.job(id)
        // What is said may be ahead of what the store was told.
        while job["detail"] == nil || job["detail"] is NSNull { job = try await folder.job(id) }
        #expect(job["attempt"] as? Int == 0)
        #expect((job["detail"] as? String)?.contains("free space there or set TMPDIR") == true)
        try FileManager.default.createDirectory(atPath: missing, withIntermediateDirectories: false)
        let follower = try folder.follow(id)
        #expect(try await follower.exit() == 0)
        #expect(try await folder.run(["output", id]).output == "quick\n")
        worker.signal(SIGTERM)
        #expect(try await worker.exit() == 0)
    }

    @Test("no lines on standard input submit nothing, print nothing, and are told of")
    func noLines() async throws {
        let folder = try ServeFolder("echo: {command: [echo, '{x}']}")
        let run = try await folder.run(["submit", "echo", "--stdin"], input: "\n\n")
        #expect(run.code == ExitCode.clean)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("note: standard input held no lines, so nothing was submitted"))
    }

    @Test(
        "ids that are zero, negative, too large or no number are told apart from ids that are not there",
        arguments: ["0", "-1", "1.5", "0x1", "", " 1", "99999999999999999999", "9223372036854775807"])
    func oddIDs(id: String) async throws {
        let folder = try ServeFolder("quick: {command: [echo, quick]}")
        _ = try await folder.submit(["quick"])
        let isNumber = id == "9223372036854775807"
        for verb in ["show", "output", "cancel", "retry"] {
            let run = try await folder.run([verb, "--", id])
            #expect(run.code == (isNumber ? ExitCode.failure : ExitCode.usage))
            #expect(run.errors.contains(isNumber ? "there is no job \(id)" : "is no job's id"))
        }
    }

    @Test("a grace period that is nonsense in the environment is refused with the variable, the value and an example")
    func oddEnvironment() async throws {
        let folder = try ServeFolder("quick: {command: [echo, quick]}", root: "")
        for value in ["soon", "-5s", "0"] {
            let serve = try await shell(folder, "LASTCALL_GRACE=\(value) exec \"$L\" serve")
            #expect(try await serve.exit() == ExitCode.configuration)
            #expect(serve.output.contains("LASTCALL_GRACE=\(value): write a duration above 0s, such as 30s"))
        }
        let status = try await shell(folder, "LASTCALL_CONFIG=/no/such exec \"$L\" status")
        #expect(try await status.exit() == ExitCode.configuration)
        #expect(status.output.contains("$LASTCALL_CONFIG: \"/no/such\" does not exist"))
    }

    @Test("a reader that goes away ends a verb without a word, and an answer that cannot be written is told with 74")
    func closedOutput() async throws {
        let folder = try ServeFolder("quick: {command: [echo, quick]}")
        _ = try await folder.submit(["quick", "--stdin"], input: String(repeating: "{}\n", count: 2000))
        let list = try await shell(folder, "\"$L\" list --limit 2000 | head -1")
        #expect(try await list.exit() == 0)
        #expect(list.output.split(separator: "\n").count == 1)
        let full = try await shell(folder, "\"$L\" status > /dev/full")
        #expect(try await full.exit() == EX_IOERR)
        #expect(full.output.contains("standard output could not be written"))
        // Whoever sees only the exit code must not submit it a second time.
        let unsaid = try await shell(folder, "\"$L\" submit quick > /dev/full")
        #expect(try await unsaid.exit() == EX_IOERR)
        #expect(unsaid.output.contains("submitted all the same, do not submit again: 2001"))
    }

    @Test("a second SIGTERM changes nothing: the drain goes on, and what the task finishes is finished")
    func twoSignals() async throws {
        let folder = try ServeFolder(
            "patient: {command: [sh, -c, 'mkfifo go; echo begun; read word < go'], onEviction: finish}")
        let worker = try await folder.serve()
        let id = try await folder.submit(["patient"])[0]
        try await folder.follow(id).line("begun")
        worker.signal(SIGTERM)
        try await worker.line("stop began")
        worker.signal(SIGTERM)
        _ = try await shell(folder, "echo word > go")
        #expect(try await worker.exit() == ExitCode.clean)
        #expect(try await folder.job(id)["state"] as? String == "succeeded")
    }
}
