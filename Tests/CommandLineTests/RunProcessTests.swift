import Foundation
import LastCall
import LastCallTesting
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// `lastcall run` over real programs, with real signals.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RunProcessTests {
    /// One run of `lastcall run`, with a receipt file of its own.
    struct Run {
        /// The supervisor's process.
        let program: ProgramUnderTest
        /// Where its receipt is, and whatever else the test writes.
        let folder: ScratchDirectory

        init(_ options: [String] = [], _ command: [String], environment: [String: String] = [:]) throws {
            folder = try ScratchDirectory()
            var variables = ["PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": folder.path]
            // The last words are not a matter of how busy the machine is.
            if !options.contains("--grace") { variables["LASTCALL_RESERVE"] = "4s" }
            variables.merge(environment) { $1 }
            program = try ProgramUnderTest(
                BuiltProgram.path("lastcall"),
                ["run", "--receipt", folder.path + "/receipt.json"] + options + ["--"] + command, environment: variables
            )
        }

        /// The receipt as it is in the file.
        func receipt() throws -> Receipt {
            try Receipt(json: try String(contentsOfFile: folder.path + "/receipt.json", encoding: .utf8).utf8)
        }
    }

    /// What a shell does until a file is in the test's folder.
    static func waits(for file: String) -> String { "until [ -e \"$HOME/\(file)\" ]; do sleep 0.02; done" }

    /// A shell script that says when it is ready and then waits for signals.
    static func script(_ traps: String) -> [String] {
        ["sh", "-c", "\(traps); echo ready; while :; do sleep 0.05; done"]
    }

    @Test("B13 the program's own exit code is passed on", arguments: [0, 1, 7, 255])
    func exitCode(code: Int) async throws {
        let run = try Run([], ["sh", "-c", "exit \(code)"])
        #expect(try await run.program.exit() == Int32(code))
        #expect(try run.receipt().exitCode == Int32(code))
    }

    @Test("B13 a program that dies of a signal gives 128 + its number")
    func deathBySignal() async throws {
        let run = try Run([], ["sh", "-c", "kill -ABRT $$"])
        #expect(try await run.program.exit() == 128 + SIGABRT)
    }

    @Test("B13 a command that does not exist gives 127, one that may not be executed 126")
    func notThere() async throws {
        #expect(try await Run([], ["no-such-program-anywhere"]).program.exit() == 127)
        #expect(try await Run([], ["/etc/passwd"]).program.exit() == 126)
        #expect(try await Run([], ["/"]).program.exit() == 126)
    }

    @Test("B13 P35 SIGTERM is forwarded, the program finishes, and the receipt says so")
    func forward() async throws {
        let run = try Run(["--grace", "20s"], Self.script("trap 'echo finishing; exit 3' TERM"))
        try await run.program.line("ready")
        run.program.signal(SIGTERM)
        try await run.program.line("finishing")
        #expect(try await run.program.exit() == 3)
        let receipt = try run.receipt()
        #expect(receipt.cause.detail == "SIGTERM")
        #expect(receipt.cause.pid == getpid())
        #expect(receipt.totals.heldAtStop == 1)
        #expect(receipt.totals.done == 1)
        #expect(receipt.totals.unaccounted == 0)
        #expect(receipt.outcome == .clean)
    }

    @Test("B9 B13 Ctrl-C reaches the program as SIGINT; a second one kills it")
    func interrupt() async throws {
        let once = try Run([], Self.script("trap 'exit 4' INT"))
        try await once.program.line("ready")
        once.program.signal(SIGINT)
        #expect(try await once.program.exit() == 4)

        let twice = try Run(["--grace", "60s"], Self.script("trap 'echo caught' INT; trap '' TERM"))
        try await twice.program.line("ready")
        twice.program.signal(SIGINT)
        try await twice.program.line("caught")
        twice.program.signal(SIGINT)
        #expect(try await twice.program.exit() == ExitCode.forced)
        #expect(try twice.receipt().laterCauses.map(\.detail) == ["SIGINT"])
    }

    @Test("C4 C10 a program that ignores SIGTERM is killed before the deadline, and that is 124")
    func stubborn() async throws {
        let run = try Run(["--grace", "25s"], Self.script("trap '' TERM"))
        try await run.program.line("ready")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == ExitCode.forced)
        let receipt = try run.receipt()
        #expect(receipt.totals.cut == 1)
        // Killed and reaped while there was time to say so.
        #expect(receipt.stages[0].members[0].outcome != .abandoned)
        #expect(receipt.stages[0].members[0].cutItems.first?.label.contains("were killed") == true)
    }

    @Test("C4 B13 a grandchild in a session of its own that ignores SIGTERM does not survive")
    func escapedGrandchild() async throws {
        let run = try Run(
            ["--kill-after", "200ms"],
            ["sh", "-c", "setsid sh -c 'trap \"\" TERM; echo grandchild $$; while :; do sleep 0.05; done' & wait"])
        let line = try await run.program.line("grandchild")
        let pid = try #require(line.split(separator: " ").last.flatMap { pid_t($0) })
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == ExitCode.forced)
        #expect(!ProcessProbe.isAlive(pid))
    }

    @Test("B13 what a program leaves behind when it exits is ended too, and its code stands")
    func forksAndExits() async throws {
        let run = try Run([], ["sh", "-c", "sleep 1000 & echo left $!; exit 5"])
        let line = try await run.program.line("left")
        let pid = try #require(line.split(separator: " ").last.flatMap { pid_t($0) })
        #expect(try await run.program.exit() == 5)
        #expect(!ProcessProbe.isAlive(pid))
    }

    @Test("B13 --forward sends another signal in place of one")
    func rewrite() async throws {
        let run = try Run(["--forward", "TERM=USR1"], Self.script("trap 'exit 6' USR1; trap 'exit 7' TERM"))
        try await run.program.line("ready")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == 6)
    }

    @Test("B13 signals that do not stop are passed on", arguments: [SIGHUP, SIGUSR1, SIGUSR2])
    func passedOn(signal: Int32) async throws {
        let name = ReceivedSignal.name(of: signal).dropFirst(3)
        let run = try Run([], Self.script("trap 'exit 8' \(name)"))
        try await run.program.line("ready")
        run.program.signal(signal)
        #expect(try await run.program.exit() == 8)
    }

    @Test("B13 --ok-exit turns an expected code into 0")
    func okExit() async throws {
        let run = try Run(["--ok-exit", "3,143"], Self.script("true"))
        try await run.program.line("ready")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == 0)
    }

    @Test("S15 SIGTERM to the whole group and again is harmless")
    func repeatedTerminate() async throws {
        let run = try Run(["--grace", "20s"], Self.script("trap 'echo once; sleep 0.3; exit 0' TERM"))
        try await run.program.line("ready")
        run.program.signalGroup(SIGTERM)
        try await run.program.line("once")
        run.program.signalGroup(SIGTERM)
        #expect(try await run.program.exit() == 0)
        #expect(try run.receipt().outcome == .clean)
    }

    @Test("C18 a timeout stops the program and says so")
    func timeout() async throws {
        let run = try Run(["--timeout", "300ms"], ["sleep", "1000"])
        #expect(try await run.program.exit() == ExitCode.forced)
        #expect(try run.receipt().stages[0].members[0].error?.contains("timeout") == true)
    }

    @Test("C19 a memory limit counts the whole tree, stops the program and says so")
    func memory() async throws {
        let hungry = "x = b'x' * (120 << 20); print('fed', flush=True); import time; time.sleep(1000)"
        let run = try Run(["--memory", "100MiB"], ["sh", "-c", "python3 -c \"\(hungry)\" & wait"])
        #expect(try await run.program.exit() == ExitCode.forced)
        #expect(try run.receipt().stages[0].members[0].error?.contains("memory") == true)
    }

    @Test("C20 a SIGKILL that nobody here sent is named as such")
    func outOfMemory() async throws {
        let run = try Run([], ["sh", "-c", "kill -KILL $$"])
        #expect(try await run.program.exit() == 128 + SIGKILL)
        #expect(try run.receipt().stages[0].members[0].error?.contains("did not send") == true)
    }

    @Test("B13 python3 -m http.server is stopped by Ctrl-C as by hand")
    func pythonServer() async throws {
        let run = try Run([], ["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"])
        // `Serving HTTP on 127.0.0.1 port 40123 (http…`, said before it serves; Ctrl-C in between ends it with a traceback.
        let words = try await run.program.line("Serving HTTP").split(separator: " ")
        let port = try #require(words.firstIndex(of: "port").map { words[$0 + 1] })
        let request = "import urllib.request as r; r.urlopen('http://127.0.0.1:\(port)/')"
        let client = try ProgramUnderTest(
            "/usr/bin/env", ["python3", "-c", request], environment: ["PATH": "/usr/bin:/bin"])
        #expect(try await client.exit() == 0)
        run.program.signal(SIGINT)
        try await run.program.line("Keyboard interrupt")
        #expect(try await run.program.exit() == 0)
    }

    @Test("B13 nginx, which forks workers, is stopped gracefully by TERM=QUIT")
    func nginx() async throws {
        guard access("/usr/sbin/nginx", X_OK) == 0 else {
            print("skipped: nginx is not installed")
            return
        }
        let folder = try ScratchDirectory()
        let configuration = try folder.write(
            "daemon off; error_log stderr notice; pid \(folder.path)/pid; events {}\n"
                + "http { access_log off; server { listen unix:\(folder.path)/socket; } }\n", to: "nginx.conf")
        let run = try Run(["--forward", "TERM=QUIT"], ["/usr/sbin/nginx", "-c", configuration, "-p", folder.path])
        try await run.program.line("start worker process")
        run.program.signal(SIGTERM)
        try await run.program.line("gracefully shutting down")
        #expect(try await run.program.exit() == 0)
        #expect(try run.receipt().outcome == .clean)
    }

    @Test("B13 what left the program's session is ended as well when the program exits by itself")
    func escapesAndExits()
        async throws
    {
        let script =
            "setsid sh -c 'echo left $$; : > \"$HOME/left\"; exec sleep 1000' & \(Self.waits(for: "left")); exit 5"
        let run = try Run([], ["sh", "-c", script])
        let line = try await run.program.line("left")
        let pid = try #require(line.split(separator: " ").last.flatMap { pid_t($0) })
        #expect(try await run.program.exit() == 5)
        #expect(!ProcessProbe.isAlive(pid))
        #expect(try run.receipt().totals.cut == 0)
    }

    @Test("B1 a program that crashes while it is being stopped is cut, and its code stands") func crashesInDrain()
        async throws
    {
        let run = try Run([], Self.script("trap 'kill -SEGV $$' TERM"))
        try await run.program.line("ready")
        run.program.signal(SIGTERM)
        #expect(try await run.program.exit() == 139)
        let receipt = try run.receipt()
        #expect(receipt.totals.cut == 1)
        #expect(receipt.outcome == .partial)
        #expect(
            receipt.stages[0].members[0].cutItems.first?.label.contains("died of SIGSEGV while it was being stopped")
                == true)
    }
}
