import Foundation
import LastCall
import LastCallTesting
import Testing

@testable import lastcall

#if canImport(Glibc)
    import Glibc
#endif

/// `lastcall run` at its edges: bad input, closed streams, and the place of PID 1.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RunEdgeTests {
    @Test(
        "bad usage is 64 and says what to write",
        arguments: [
            (["run"], "no command"), (["run", "--"], "no command"),
            (["run", "--grace", "5x", "--", "true"], "--grace 5x"),
            (["run", "--grace", "0", "--", "true"], "--grace 0"), (["run", "--bogus", "--", "true"], "--bogus"),
            (["run", "--forward", "TERM", "--", "true"], "--forward TERM: write two signals"),
            (["run", "--forward", "FOO=BAR", "--", "true"], "--forward FOO=BAR"),
            (["run", "--memory", "lots", "--", "true"], "--memory lots: write a size"),
            (["run", "--forward", "KILL=TERM", "--", "true"], "nobody can take KILL"),
            (["run", "--receipt", "", "--", "true"], "--receipt: the path is empty"),
            (["run", "--ok-exit", "1000", "--", "true"], "--ok-exit 1000"),
            (["run", "--timeout", "-3s", "--", "true"], "--timeout"), (["nonsense"], "nonsense"),
        ])
    func usage(arguments: [String], words: String) async throws {
        let run = try await BuiltProduct.run(arguments, in: ScratchDirectory())
        #expect(run.code == 64)
        #expect(run.errors.contains(words), "\(run.errors)")
    }

    @Test("the command may follow the options without --, and keeps its own options") func withoutTerminator()
        async throws
    {
        let run = try await BuiltProduct.run(
            ["run", "--quiet", "echo", "--json", "--", "--grace"], in: ScratchDirectory())
        #expect(run.output == "--json -- --grace\n")
        #expect(run.code == 0)
    }

    @Test("help is help, also beside arguments", arguments: [["run", "-h"], ["run", "--help"], ["help", "run"]])
    func help(_ arguments: [String]) async throws {
        let run = try await BuiltProduct.run(arguments, in: ScratchDirectory())
        #expect(run.output.contains("lastcall run [<options>] [--] <command>"))
        #expect(run.code == 0)
    }

    @Test(
        "why a program is not there, or no longer, is one line, also with --quiet; with --json it is in the receipt",
        arguments: [
            (["no-such-command"], "no-such-command: command not found", 127),
            (["no\u{1B}[31msuch"], "no\\u{1B}[31msuch: command not found", 127),
            (["--timeout", "10ms", "sleep", "9"], "sleep was stopped by its limit: timeout", 124),
            (["sh", "-c", "kill -SEGV $$"], "sh died of SIGSEGV", 139),
        ] as [([String], String, Int32)])
    func failureLines(_ arguments: [String], _ line: String, _ code: Int32) async throws {
        let quiet = try await BuiltProduct.run(["run", "--quiet"] + arguments, in: ScratchDirectory())
        #expect(quiet.errors.hasPrefix("lastcall: " + line))
        #expect(quiet.errors.split(separator: "\n").count == 1)
        #expect(quiet.code == code)
        let json = try await BuiltProduct.run(["run", "--json"] + arguments, in: ScratchDirectory())
        #expect(try Receipt(json: json.errors.utf8).exitCode == code)
    }

    @Test("B15 a report that cannot be written is an error with a code of its own, not a verdict") func fullOutput()
        async throws
    {
        let folder = try ScratchDirectory()
        let file = try folder.write("services: {web: {stop_grace_period: 30s}}\n", to: "compose.yml")
        let program = try ProgramUnderTest(
            "/bin/sh", ["-c", "exec \"$0\" check \"$1\" >/dev/full", BuiltProgram.path("lastcall"), file],
            environment: ["PATH": "/usr/bin:/bin"])
        try await program.line("standard output could not be written")
        #expect(try await program.exit() == EX_IOERR)
    }

    @Test("that a program had to be killed is one line, also with --quiet") func killedLine() async throws {
        let run = try RunProcessTests.Run(
            ["--quiet", "--grace", "12s"], RunProcessTests.script("trap '' TERM"))
        try await run.program.line("ready")
        run.program.signal(SIGTERM)
        try await run.program.line("lastcall: sh had processes that did not end in time and were killed")
        #expect(try await run.program.exit() == 124)
    }

    @Test("an exit code is passed on without a word: the program has said why") func exitCodeIsSilent() async throws {
        let run = try await BuiltProduct.run(["run", "--quiet", "sh", "-c", "exit 3"], in: ScratchDirectory())
        #expect(run.errors.isEmpty)
        #expect(run.code == 3)
    }

    @Test("P33 a LASTCALL_GRACE that is none is 78 and named") func badEnvironment() async throws {
        let run = try RunProcessTests.Run([], ["true"], environment: ["LASTCALL_GRACE": "soon"])
        try await run.program.line("LASTCALL_GRACE=soon: write a duration above 0s")
        #expect(try await run.program.exit() == 78)
    }

    @Test("a closed standard output and error do not kill the supervisor") func closedStreams() async throws {
        let folder = try ScratchDirectory()
        let program = try ProgramUnderTest(
            BuiltProgram.path("lastcall"), ["run", "--", "sh", "-c", "sleep 0.1; exit 9"],
            environment: ["PATH": "/usr/bin:/bin", "LASTCALL_RECEIPT": folder.path + "/receipt.json"],
            readsOutput: false)
        #expect(try await program.exit() == 9)
        #expect(
            try Receipt(json: String(contentsOfFile: folder.path + "/receipt.json", encoding: .utf8).utf8).exitCode == 9
        )
    }

    @Test("a closed standard input is no obstacle") func closedInput() async throws {
        let program = try ProgramUnderTest(
            "/bin/sh", ["-c", "exec \"$0\" run -- sh -c 'cat; exit 9' <&-", BuiltProgram.path("lastcall")],
            environment: ["PATH": "/usr/bin:/bin"])
        #expect(try await program.exit() == 9)
    }

    @Test(
        "C13 C14 C15 a receipt's missing folder is made, an unwritable one is an error in the log, and the stop goes on"
    )
    func receiptFolders() async throws {
        let folder = try ScratchDirectory()
        let made = try ProgramUnderTest(
            BuiltProgram.path("lastcall"), ["run", "--receipt", folder.path + "/a/b/receipt.json", "--", "true"],
            environment: ["PATH": "/usr/bin:/bin"])
        #expect(try await made.exit() == 0)
        #expect(access(folder.path + "/a/b/receipt.json", R_OK) == 0)

        let refused = try ProgramUnderTest(
            BuiltProgram.path("lastcall"), ["run", "--receipt", "/proc/no/receipt.json", "--", "sh", "-c", "exit 5"],
            environment: ["PATH": "/usr/bin:/bin"])
        try await refused.line("/proc/no/receipt.json")
        #expect(try await refused.exit() == 5)
    }

    @Test("--json prints the receipt on standard error, --quiet nothing") func outputs() async throws {
        let json = try await BuiltProduct.run(["run", "--json", "--", "echo", "hello"], in: ScratchDirectory())
        #expect(json.output == "hello\n")
        #expect(try Receipt(json: json.errors.utf8).outcome == .clean)
        let quiet = try await BuiltProduct.run(["run", "--quiet", "--", "echo", "hello"], in: ScratchDirectory())
        #expect(quiet.output == "hello\n")
        #expect(quiet.errors.isEmpty, "\(quiet.errors)")
    }

    @Test("B13 as PID 1 it reaps every orphan, keeps its own child's status and passes the code on")
    func pidOne() async throws {
        guard try await canUnshare() else {
            print("skipped: this machine does not allow unshare --pid --fork --mount-proc")
            return
        }
        let orphans = "for i in 1 2 3 4 5 6 7 8; do sh -c 'sleep 0.02 & exit 0'; done"
        let count = "ps -eo stat= | grep -c '^Z'"
        let script = """
            echo "parent $PPID"; \(orphans)
            for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
              zombies=$(\(count)); [ "$zombies" = 0 ] && break; sleep 0.1
            done
            echo "zombies $zombies"; exit 11
            """
        let program = try ProgramUnderTest(
            "/usr/bin/unshare",
            ["--pid", "--fork", "--mount-proc", BuiltProgram.path("lastcall"), "run", "--", "sh", "-c", script],
            environment: ["PATH": "/usr/bin:/bin"])
        try await program.line("parent 1")
        try await program.line("zombies 0")
        #expect(try await program.exit() == 11)
    }

    @Test("B13 as PID 1 it is stopped by SIGTERM, and nothing of the tree outlives it") func pidOneStopped()
        async throws
    {
        guard try await canUnshare() else {
            print("skipped: this machine does not allow unshare --pid --fork --mount-proc")
            return
        }
        let script = "trap 'exit 0' TERM; setsid sh -c 'echo ready; exec sleep 1000' & while :; do sleep 0.05; done"
        let program = try ProgramUnderTest(
            "/usr/bin/unshare",
            [
                "--pid", "--fork", "--mount-proc", "--kill-child", BuiltProgram.path("lastcall"), "run", "--grace",
                "20s", "--",
                "sh", "-c", script,
            ],
            environment: ["PATH": "/usr/bin:/bin", "LASTCALL_RESERVE": "10s"])
        try await program.line("ready")
        // unshare itself waits; the supervisor is its only child.
        let children = try String(contentsOfFile: "/proc/\(program.pid)/task/\(program.pid)/children", encoding: .utf8)
        let pid = try #require(pid_t(children.split(separator: " ").first ?? ""))
        kill(pid, SIGTERM)
        let last = try await program.line("stopped")
        #expect(last.contains("outcome=clean"))
        #expect(last.contains("another PID namespace"))
        #expect(try await program.exit() == 0)
    }

    private func canUnshare() async throws -> Bool {
        guard access("/usr/bin/unshare", X_OK) == 0 else { return false }
        return try await ProgramUnderTest("/usr/bin/unshare", ["--pid", "--fork", "--mount-proc", "/bin/true"]).exit()
            == 0
    }
}
