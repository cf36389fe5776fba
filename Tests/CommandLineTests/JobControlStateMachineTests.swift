import Testing

@testable import lastcall

#if canImport(Glibc)
    import Glibc
#endif

/// Who stops, who goes on and who has the terminal, without processes.
struct JobControlStateMachineTests {
    private func running(isInit: Bool = false, hasTerminal: Bool = true) -> JobControlStateMachine {
        var machine = JobControlStateMachine(isInit: isInit, hasTerminal: hasTerminal)
        #expect(machine.began() == .none)
        return machine
    }

    @Test("B13 Ctrl-Z is passed on, and the supervisor stops once its program does") func suspend() {
        var machine = running()
        #expect(machine.suspendRequested(isFromTerminal: true) == .signal(SIGTSTP))
        #expect(machine.programStopped(by: SIGTSTP, .ours) == .follow(SIGTSTP))
        // The shell's own SIGCONT, read by another thread, must not overtake.
        #expect(machine.continued() == .none)
        #expect(machine.resumed(.ours) == .signal(SIGCONT))
        #expect(machine.continued() == .signal(SIGCONT))
    }

    @Test("B13 a program that reads in the foreground is lent the terminal, and gets it again after Ctrl-Z and fg")
    func lend() {
        var machine = running()
        #expect(machine.programStopped(by: SIGTTIN, .ours) == .lend)
        #expect(machine.programStopped(by: SIGTSTP, .program) == .follow(SIGTSTP))
        #expect(machine.resumed(.ours) == .lend)
        #expect(machine.ended(.program) == .takeBack)
    }

    @Test("B13 a program that goes on in the background is not given the terminal, and takes none back")
    func background() {
        var machine = running()
        #expect(machine.programStopped(by: SIGTTOU, .ours) == .lend)
        #expect(machine.programStopped(by: SIGTSTP, .program) == .follow(SIGTSTP))
        #expect(machine.resumed(.other) == .signal(SIGCONT))
        #expect(machine.ended(.other) == .none)
    }

    @Test(
        "B13 a program that reads in the background stops the job as it would alone, and once where no shell continues it"
    )
    func readsInBackground() {
        var machine = running()
        #expect(machine.programStopped(by: SIGTTIN, .other) == .follow(SIGTTIN))
        #expect(machine.resumed(.other) == .signal(SIGCONT))
        #expect(machine.programStopped(by: SIGTTIN, .other) == .none)
        #expect(machine.continued() == .signal(SIGCONT))
        #expect(machine.programStopped(by: SIGTTIN, .other) == .follow(SIGTTIN))
    }

    @Test("B13 without a terminal on standard input the program's session is another, which SIGSTOP reaches")
    func noTerminal() {
        var machine = running(hasTerminal: false)
        #expect(machine.programStopped(by: SIGSTOP, .other) == .none, "a stranger's SIGSTOP is not ours to follow")
        #expect(machine.suspendRequested(isFromTerminal: true) == .signal(SIGSTOP))
        #expect(machine.programStopped(by: SIGSTOP, .other) == .follow(SIGTSTP))
        #expect(machine.resumed(.other) == .signal(SIGCONT))
        #expect(machine.programStopped(by: SIGSTOP, .other) == .none)
    }

    @Test("B13 as PID 1 SIGTSTP is passed on and nothing else; the terminal's is ignored, as the kernel does for PID 1")
    func initProcess() {
        var machine = running(isInit: true)
        #expect(machine.suspendRequested(isFromTerminal: true) == .none)
        #expect(machine.suspendRequested(isFromTerminal: false) == .signal(SIGTSTP))
        #expect(machine.programStopped(by: SIGTSTP, .ours) == .none)
        #expect(machine.programStopped(by: SIGTTIN, .other) == .none)
        // Nobody could ever continue a program that Ctrl-Z stopped.
        #expect(machine.programStopped(by: SIGTTIN, .ours) == .lend)
        #expect(machine.programStopped(by: SIGTSTP, .program) == .signal(SIGCONT))
    }

    @Test("B13 from the stop on nobody stands still: the deadline counts") func ending() {
        var machine = running()
        machine.stopBegan()
        #expect(machine.suspendRequested(isFromTerminal: true) == .none)
        #expect(machine.programStopped(by: SIGTSTP, .ours) == .signal(SIGCONT))
        #expect(machine.programStopped(by: SIGTTIN, .other) == .none)
        #expect(machine.programStopped(by: SIGTTIN, .ours) == .lend)
    }

    @Test("B13 Ctrl-Z before the program runs is passed on once it does, and after its end stops nobody")
    func beforeAndAfter() {
        var machine = JobControlStateMachine(isInit: false, hasTerminal: true)
        #expect(machine.suspendRequested(isFromTerminal: true) == .none)
        #expect(machine.began() == .signal(SIGTSTP))
        #expect(machine.programStopped(by: SIGTSTP, .ours) == .follow(SIGTSTP))
        #expect(machine.resumed(.ours) == .signal(SIGCONT))
        #expect(machine.ended(.ours) == .none)
        #expect(machine.suspendRequested(isFromTerminal: true) == .none)
        #expect(machine.programStopped(by: SIGTSTP, .ours) == .none)
    }
}
