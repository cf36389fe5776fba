import Foundation
import LastCall
import LastCallTesting
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// `lastcall run` as a job of an interactive shell, on a real terminal.
@Suite(.serialized) struct JobControlProcessTests {
    /// What Ctrl-Z types.
    private static let suspendKey = "\u{1A}"
    /// Has the shell say when it knows of a stopped job.
    private static let untilStopped = "until [ -n \"$(jobs -s)\" ]; do sleep 0.02; done; jobs"

    /// An interactive shell on a terminal that script(1) makes.
    private struct Shell {
        let program: ProgramUnderTest
        let folder: ScratchDirectory

        init() throws {
            folder = try ScratchDirectory()
            program = try ProgramUnderTest(
                "/usr/bin/script", ["-qefc", "exec bash --norc --noprofile --noediting -i", "/dev/null"],
                environment: [
                    "PATH": "/usr/bin:/bin", "PS1": "", "TERM": "dumb", "SHELL": "/bin/bash", "HOME": folder.path,
                    "LC_ALL": "C",
                ], hasInput: true)
        }

        /// Has the shell run `lastcall run` with a script of its own.
        func run(_ script: String, options: String = "", suffix: String = "") throws {
            let file = try folder.write(script, to: "job")
            type(
                "\(BuiltProgram.path("lastcall")) run --receipt \(folder.path)/receipt.json \(options) -- sh \(file)\(suffix)"
            )
        }

        /// Types a line.
        func type(_ line: String) { program.write(line + "\n") }

        /// Waits for a line such as `program 123`, and returns the number.
        func pid(_ word: String) async throws -> pid_t {
            let line = try await program.line("\(word) ")
            return try #require(line.split(whereSeparator: \.isWhitespace).last.flatMap { pid_t($0) })
        }

        /// Presses Ctrl-Z, and waits until the shell says that the job stands still; the program then does.
        func suspend(_ pid: pid_t) async throws {
            program.write(JobControlProcessTests.suspendKey)
            try await program.line("Stopped")
            #expect(ProcessProbe.state(of: pid) == "T")
        }

        /// Ends the shell, and waits for its end.
        func exit() async throws {
            type("exit 0")
            #expect(try await program.exit() == 0)
        }
    }

    @Test("B13 Ctrl-Z stops the supervisor and its program, and fg continues both") func suspendAndForeground()
        async throws
    {
        let shell = try Shell()
        try shell.run("trap 'echo goes on; exit 5' CONT; sleep 60 & echo \"program $$\"; while :; do wait; done")
        let pid = try await shell.pid("program")
        try await shell.suspend(pid)
        shell.type("fg")
        try await shell.program.line("goes on")
        shell.type("echo \"code $?\"")
        try await shell.program.line("code 5")
        try await shell.exit()
    }

    @Test("B13 a program that reads the terminal has it, gives it up on Ctrl-Z, and has it again after fg")
    func reader()
        async throws
    {
        let shell = try Shell()
        try shell.run("echo \"program $$\"; read first; echo \"got $first\"; read second; echo \"got $second\"")
        let pid = try await shell.pid("program")
        shell.type("one")
        try await shell.program.line("got one")
        try await shell.suspend(pid)
        shell.type("fg")
        shell.type("two")
        try await shell.program.line("got two")
        shell.type("echo \"code $?\"")
        try await shell.program.line("code 0")
        try await shell.exit()
    }

    @Test("B13 a program that reads the terminal in the background stops the job, and reads after fg")
    func backgroundReader()
        async throws
    {
        let shell = try Shell()
        try shell.run("echo \"program $$\"; read word; echo \"got $word\"", suffix: " &")
        let pid = try await shell.pid("program")
        shell.type(Self.untilStopped)
        try await shell.program.line("Stopped")
        #expect(ProcessProbe.state(of: pid) == "T")
        shell.type("fg")
        shell.type("word")
        try await shell.program.line("got word")
        try await shell.exit()
    }

    @Test("B13 bg continues a stopped program, and kill %1 stops a stopped one in order and inside its deadline")
    func backgroundAndKill() async throws {
        let shell = try Shell()
        try shell.run(
            "trap 'echo goes on' CONT; trap 'echo finishing; exit 6' TERM; sleep 60 & echo \"program $$\"; while :; do wait; done",
            options: "--grace 30s")
        _ = try await shell.pid("program")
        shell.program.write(Self.suspendKey)
        try await shell.program.line("Stopped")
        shell.type("bg")
        try await shell.program.line("goes on")
        shell.type("kill -TSTP %1; " + Self.untilStopped)
        try await shell.program.line("Stopped")
        shell.type("kill %1; wait -f %1; echo \"code $?\"")
        try await shell.program.line("finishing")
        try await shell.program.line("code 6")
        let receipt = try Receipt(
            json: try String(contentsOfFile: shell.folder.path + "/receipt.json", encoding: .utf8).utf8)
        #expect(receipt.cause.detail == "SIGTERM")
        #expect(receipt.outcome == .clean)
        try await shell.exit()
    }

    @Test("B13 without the terminal on standard input Ctrl-Z stops both just the same") func otherInput() async throws {
        let shell = try Shell()
        try shell.run(
            "trap 'echo goes on; exit 7' CONT; sleep 60 & echo \"program $$\"; while :; do wait; done",
            suffix: " </dev/null")
        let pid = try await shell.pid("program")
        try await shell.suspend(pid)
        shell.type("fg")
        try await shell.program.line("goes on")
        shell.type("echo \"code $?\"")
        try await shell.program.line("code 7")
        try await shell.exit()
    }

    @Test("B13 where no shell could continue it, Ctrl-Z leaves nobody stopped") func noShell() async throws {
        let folder = try ScratchDirectory()
        let file = try folder.write(
            "trap 'echo goes on; exit 8' CONT; sleep 60 & echo ready; while :; do wait; done", to: "job")
        let program = try ProgramUnderTest(
            "/usr/bin/script", ["-qefc", "exec \(BuiltProgram.path("lastcall")) run -- sh \(file)", "/dev/null"],
            environment: ["PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"], hasInput: true)
        try await program.line("ready")
        program.write(Self.suspendKey)
        try await program.line("goes on")
        #expect(try await program.exit() == 8)
    }

    @Test("B13 without a shell and without a program that stops, --forward says what SIGTSTP means") func rewritten()
        async throws
    {
        let run = try RunProcessTests.Run(
            ["--forward", "TSTP=USR1"], RunProcessTests.script("trap 'exit 9' USR1"))
        try await run.program.line("ready")
        run.program.signal(SIGTSTP)
        #expect(try await run.program.exit() == 9)
    }
}
