import Foundation
import LastCall
import LastCallTesting
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Signals that `lastcall run` is sent, beyond SIGTERM and Ctrl-C.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RunSignalTests {
    @Test(
        "B13 what would end lastcall and leave the program alone is passed on",
        arguments: [
            SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGURG, SIGXCPU, SIGXFSZ, SIGTTIN, SIGTTOU,
            ReceivedSignal.realtimeFirst,
            64,
        ])
    func passedOn(signal: Int32) async throws {
        // Python, because dash(1) has no traps for real-time signals; it sleeps in short turns, because a signal just before pause(2)
        // would wait for the next.
        let script =
            "import signal, sys, time\nsignal.signal(\(signal), lambda *_: sys.exit(8))\nprint('ready', flush=True)\n"
        let run = try RunProcessTests.Run([], ["python3", "-c", script + "while True: time.sleep(0.05)"])
        try await run.program.line("ready")
        run.program.signal(signal)
        #expect(try await run.program.exit() == 8)
    }

    @Test("B9 SIGQUIT from a platform is a stop like SIGTERM: the program has its time") func quitDrains() async throws
    {
        let run = try RunProcessTests.Run(
            ["--grace", "20s"], RunProcessTests.script("trap 'sleep 1.2; echo drained; exit 0' QUIT"))
        try await run.program.line("ready")
        run.program.signal(SIGQUIT)
        try await run.program.line("drained")
        #expect(try await run.program.exit() == 0)
        #expect(try run.receipt().outcome == .clean)
    }

    @Test("B9 C4 the third Ctrl-C gives up waiting and leaves nothing of the program behind") func thirdInterrupt()
        async throws
    {
        // The program itself sends the third, when it hears of the second: it has a second for that, and a test that shares its
        // threads with hundreds of others may not have it.
        let leader =
            "n=0; trap 'n=$((n+1)); echo told; [ $n = 1 ] || kill -INT $PPID' INT; "
            + "setsid sh -c 'trap \"\" INT TERM; echo escaped $$; while :; do sleep 0.05; done' & while :; do wait; done"
        let run = try RunProcessTests.Run(["--grace", "60s"], ["sh", "-c", leader])
        let line = try await run.program.line("escaped")
        let pid = try #require(line.split(separator: " ").last.flatMap { pid_t($0) })
        run.program.signal(SIGINT)
        // One after the other: a signal that is pending is not counted twice (signal(7)).
        try await run.program.line("told")
        run.program.signal(SIGINT)
        #expect(try await run.program.exit() == ExitCode.forced)
        // It was killed; how soon it is dead is the kernel's affair.
        while ProcessProbe.isAlive(pid) { await Task.yield() }
        #expect(try run.receipt().outcome == .forced)
    }

    @Test("a program has the niceness that lastcall was started with", arguments: [0, 7]) func niceness(value: Int)
        async throws
    {
        let run = try await BuiltProduct.run(
            ["run", "--quiet", "nice", "-n", "\(value)", "sh", "-c", "nice"], in: ScratchDirectory())
        #expect(run.output == "\(value)\n")
    }

    @Test("C18 C19 B1 what a limit ended is in the receipt: cut where it had to be killed, done where it obeyed")
    func limitReceipts() async throws {
        let cases: [([String], Int, Int, Receipt.Outcome)] = [
            (RunProcessTests.script("trap '' TERM"), 1, 0, .partial), (["sleep", "1000"], 0, 1, .partial),
        ]
        for (command, cut, done, outcome) in cases {
            let run = try RunProcessTests.Run(["--timeout", "2s", "--kill-after", "2s"], command)
            #expect(try await run.program.exit() == ExitCode.forced)
            let receipt = try run.receipt()
            #expect(receipt.totals.heldAtStop == 1)
            #expect(receipt.totals.cut == cut)
            #expect(receipt.totals.done == done)
            #expect(receipt.outcome == outcome)
        }
    }

    @Test("P33 a --kill-after beyond a stated grace is refused with the sum; beyond an assumed one it is said")
    func killAfter()
        async throws
    {
        let refused = try await BuiltProduct.run(
            ["run", "--grace", "2s", "--kill-after", "10s", "--", "true"], in: ScratchDirectory())
        #expect(refused.code == 78)
        #expect(
            refused.errors.contains("--kill-after 10s is longer than the 1.8s that the stop has: grace 2s (stated)"))
        let assumed = try RunProcessTests.Run(["--kill-after", "1000s"], ["true"])
        try await assumed.program.line("SIGKILL comes at its end")
        #expect(try await assumed.program.exit() == 0)
    }

    @Test("what a program leaves behind when it exits is told to end and has its time") func leftoversAreTold()
        async throws
    {
        let left =
            "trap 'sleep 0.3; echo finished; exit 0' TERM; echo left; : > \"$HOME/left\"; while :; do sleep 0.05; done"
        let script = "sh -c \"$0\" & \(RunProcessTests.waits(for: "left")); exit 5"
        let run = try RunProcessTests.Run([], ["sh", "-c", script, left])
        try await run.program.line("left")
        try await run.program.line("finished")
        #expect(try await run.program.exit() == 5)
    }

    @Test("the program does not see a LASTCALL_RECEIPT that this process takes") func receiptVariable() async throws {
        let folder = try ScratchDirectory()
        let script = "echo ${LASTCALL_RECEIPT-unset}"
        let run = try await BuiltProduct.run(
            ["run", "--quiet", "env", "LASTCALL_RECEIPT=\(folder.path)/r", "sh", "-c", script], in: folder)
        #expect(run.output == "\(folder.path)/r\n")
        let taken = try ProgramUnderTest(
            BuiltProgram.path("lastcall"), ["run", "--quiet", "sh", "-c", script],
            environment: ["PATH": "/usr/bin:/bin", "LASTCALL_RECEIPT": folder.path + "/r"])
        try await taken.line("unset")
        #expect(try await taken.exit() == 0)
    }

    @Test("B1 what a program leaves behind and had to be killed is cut, and said") func leftoversAreKilled()
        async throws
    {
        let left = "trap '' TERM; echo left; : > \"$HOME/left\"; while :; do sleep 0.05; done"
        let script = "sh -c \"$0\" & \(RunProcessTests.waits(for: "left")); exit 0"
        let run = try RunProcessTests.Run(["--kill-after", "300ms"], ["sh", "-c", script, left])
        try await run.program.line("left")
        try await run.program.line("sh had processes that did not end in time and were killed")
        #expect(try await run.program.exit() == ExitCode.forced)
        #expect(try run.receipt().totals.cut == 1)
    }

    @Test("a program that ends at once is one that ended, not one that failed to start") func endsAtOnce() async throws
    {
        for _ in 0..<20 {
            let run = try RunProcessTests.Run([], ["sh", "-c", "exit 7"])
            #expect(try await run.program.exit() == 7)
            #expect(try run.receipt().cause.kind == .memberFailed)
        }
    }
}
