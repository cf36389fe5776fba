import LastCallWork
import LastCallTesting
import LastCallWork
import Testing

@testable import LastCallCommand

@Suite("The command's machine, without subprocesses")
struct CommandStateMachineTests {
    private typealias Machine = CommandStateMachine

    private func machine(
        _ change: (inout CommandSettings) -> Void = { _ in }, pipes: Set<OutputStream> = [.standardOutput]
    ) -> CommandStateMachine {
        var settings = CommandSettings()
        change(&settings)
        return CommandStateMachine(settings: settings, openPipes: pipes, startedAt: .zero)
    }

    @Test("C17 a natural end waits for the leader and for every pipe, in whatever order")
    func naturalEnd() {
        var machine = machine()
        #expect(machine.leaderExited(.exited(0), isProcessStopping: false, at: .seconds(1)) == .none)
        #expect(machine.pipeEnded(.standardOutput, at: .seconds(2)) == .finish(CommandEnding(status: .exited(0))))
        #expect(machine.isFinished)

        machine = self.machine()
        #expect(machine.pipeEnded(.standardOutput, at: .seconds(1)) == .none)
        #expect(
            machine.leaderExited(.exited(3), isProcessStopping: false, at: .seconds(2))
                == .finish(CommandEnding(status: .exited(3))))
    }

    @Test("C4 C17 a stop is TERM, then KILL, then the pipes to the last byte, then the end")
    func stop() {
        var machine = machine()
        #expect(machine.stopRequested(.requested, at: .seconds(1)) == .terminate)
        #expect(machine.timerAt == .seconds(11))
        #expect(machine.timerFired(at: .seconds(10)) == .none)
        #expect(machine.timerFired(at: .seconds(11)) == .kill)
        #expect(machine.surveyed(alive: 2, at: .seconds(11)) == .none)
        #expect(machine.leaderExited(.signalled(9), isProcessStopping: false, at: .seconds(11)) == .none)
        #expect(machine.timerFired(at: .seconds(11) + .milliseconds(1)) == .kill)
        #expect(machine.surveyed(alive: 0, at: .seconds(12)) == .drain)
        let ending = CommandEnding(
            status: .signalled(9), reason: .requested, stoppedFor: .seconds(11), wasKilled: true)
        #expect(machine.drained(at: .seconds(12)) == .finish(ending))
    }

    @Test("C4 C17 after TERM the leader's end is not the end: who is alive is looked at until nobody is")
    func leaderLeavesFirst() {
        var machine = machine()
        _ = machine.stopRequested(.timeout, at: .zero)
        #expect(machine.leaderExited(.exited(0), isProcessStopping: false, at: .seconds(1)) == .survey)
        #expect(machine.surveyed(alive: 1, at: .seconds(1)) == .none)
        #expect(machine.timerFired(at: .seconds(2)) == .survey)
        #expect(machine.pipeEnded(.standardOutput, at: .seconds(2)) == .survey)
        let ending = CommandEnding(status: .exited(0), reason: .timeout, stoppedFor: .seconds(2))
        #expect(machine.surveyed(alive: 0, at: .seconds(2)) == .finish(ending))
    }

    @Test("C17 the first reason stands, whatever comes later")
    func firstReason() {
        var machine = machine()
        _ = machine.stopRequested(.cancelled, at: .zero)
        #expect(machine.stopRequested(.timeout, at: .seconds(1)) == .none)
        #expect(machine.evicted(EvictionNotice(), at: .seconds(1)) == .none)
        #expect(machine.killRequested(.requested, at: .seconds(1)) == .kill)
        #expect(machine.killRequested(.requested, at: .seconds(1)) == .none)
        _ = machine.pipeEnded(.standardOutput, at: .seconds(1))
        _ = machine.surveyed(alive: 0, at: .seconds(1))
        guard case .finish(let ending) = machine.leaderExited(.signalled(9), isProcessStopping: true, at: .seconds(2))
        else {
            Issue.record("not finished")
            return
        }
        #expect(ending.reason == .cancelled)
    }

    @Test("C10 C17 an eviction with little time kills a quarter of it early, and a reminder with less time moves it")
    func evictionDeadline() {
        var machine = machine()
        #expect(machine.evicted(EvictionNotice(memberEndsAt: .seconds(1)), at: .zero) == .terminate)
        #expect(machine.timerAt == .milliseconds(750))
        #expect(machine.evicted(EvictionNotice(isUrgent: true, memberEndsAt: .milliseconds(400)), at: .zero) == .none)
        #expect(machine.timerAt == .milliseconds(300))

        machine = self.machine()
        _ = machine.evicted(EvictionNotice(memberEndsAt: .seconds(60)), at: .zero)
        #expect(machine.timerAt == .seconds(10))
        machine = self.machine()
        #expect(machine.evicted(EvictionNotice(memberEndsAt: .zero), at: .zero) == .kill)
    }

    @Test("C10 C17 a command that may finish runs until the member is cancelled")
    func finishPolicy() {
        var machine = machine { $0.evictionPolicy = .finish }
        let notice = EvictionNotice(cancelAt: .seconds(5), memberEndsAt: .seconds(6))
        #expect(machine.evicted(notice, at: .zero) == .none)
        #expect(machine.timerAt == .seconds(5))
        #expect(machine.timerFired(at: .seconds(5)) == .terminate)
        #expect(machine.timerAt == .milliseconds(5750))

        machine = self.machine { $0.evictionPolicy = .finish }
        #expect(machine.evicted(EvictionNotice(), at: .zero) == .none)
        #expect(machine.evicted(EvictionNotice(isUrgent: true), at: .zero) == .terminate)
    }

    @Test(
        "C20 C17 a death by SIGTERM waits for our own order, and is what it was when none comes", arguments: [15, 2, 1])
    func doubt(_ signal: Int32) {
        for status in [CommandExitStatus.signalled(signal), .exited(128 + signal)] {
            var machine = machine(pipes: [])
            #expect(machine.leaderExited(status, isProcessStopping: false, at: .zero) == .none)
            #expect(machine.timerAt == .seconds(1))
            var evicted = machine
            let eviction = CommandEnding(status: status, reason: .eviction)
            #expect(evicted.evicted(EvictionNotice(), at: .milliseconds(900)) == .finish(eviction))
            #expect(machine.timerFired(at: .seconds(1)) == .finish(CommandEnding(status: status)))

            machine = self.machine(pipes: [])
            #expect(machine.leaderExited(status, isProcessStopping: true, at: .zero) == .finish(eviction))
        }
    }

    @Test("C20 C17 a leader that was lost takes what it left with it")
    func loss() {
        for status in [CommandExitStatus.signalled(9), .unknown] {
            var machine = machine()
            #expect(machine.leaderExited(status, isProcessStopping: true, at: .zero) == .kill)
            #expect(machine.surveyed(alive: 0, at: .zero) == .drain)
            #expect(machine.drained(at: .zero) == .finish(CommandEnding(status: status)))
        }
    }

    @Test("C17 a death by its owner's signal is of the owner's making")
    func ownSignal() {
        for signal in [Int32(15), 9, 10] {
            var machine = machine(pipes: [])
            machine.signalSent(signal)
            let ending = CommandEnding(status: .signalled(signal), reason: .signalled)
            #expect(machine.leaderExited(.signalled(signal), isProcessStopping: false, at: .zero) == .finish(ending))
        }
    }

    @Test("C20 C17 a signal that ends nobody, as a terminal's new size, does not make a later death its owner's")
    func harmlessSignal() {
        var machine = machine()
        machine.signalSent(28)
        machine.signalSent(20)
        #expect(machine.leaderExited(.signalled(9), isProcessStopping: false, at: .zero) == .kill)
    }

    @Test("C18 C19 C17 time, memory and output stop it at their limits and not before")
    func limits() {
        var machine = machine {
            $0.timeLimit = .seconds(5)
            $0.memoryLimit = 100
            $0.outputLimit = 10
        }
        #expect(machine.timerAt == .milliseconds(500))
        #expect(machine.timerFired(at: .milliseconds(500)) == .sample)
        #expect(machine.memorySampled(bytes: 100, at: .seconds(1)) == .none)
        #expect(machine.outputCounted(bytes: 10, at: .seconds(1)) == .none)
        var other = machine
        #expect(other.memorySampled(bytes: 101, at: .seconds(1)) == .terminate)
        other = machine
        #expect(other.outputCounted(bytes: 11, at: .seconds(1)) == .terminate)
        #expect(machine.timerFired(at: .seconds(5)) == .terminate)
    }

    @Test("C10 C17 what not even SIGKILL ends is left behind in the end")
    func unkillable() {
        var machine = machine()
        #expect(machine.killRequested(.requested, at: .zero) == .kill)
        #expect(machine.surveyed(alive: 1, at: .zero) == .none)
        #expect(machine.timerFired(at: .seconds(5)) == .kill)
        #expect(machine.surveyed(alive: 1, at: .seconds(5)) == .none)
        #expect(machine.timerFired(at: .seconds(5)) == .drain)
        let ending = CommandEnding(
            status: .unknown, reason: .requested, stoppedFor: .seconds(5), wasKilled: true, isAbandoned: true)
        #expect(machine.drained(at: .seconds(5)) == .finish(ending))
    }

    @Test("C4 a signal that the owner sent long ago explains no other death") func oldSignal() {
        var machine = machine()
        machine.signalSent(1)
        #expect(machine.leaderExited(.signalled(9), isProcessStopping: false, at: .seconds(1)) == .kill)

        machine = self.machine(pipes: [])
        machine.signalSent(10)
        #expect(machine.leaderExited(.signalled(15), isProcessStopping: false, at: .seconds(1)) == .none)
        #expect(machine.evicted(EvictionNotice(), at: .seconds(1)) != .none)
    }

    @Test(
        "C4 B13 where what is left is to end too, the leader's own end is followed by TERM, and KILL in the end, to the rest"
    )
    func endsWhatIsLeft() {
        var machine = machine({ $0.endsWhatIsLeft = true }, pipes: [])
        #expect(machine.leaderExited(.exited(5), isProcessStopping: false, at: .seconds(1)) == .survey)
        #expect(machine.surveyed(alive: 0, at: .seconds(1)) == .finish(CommandEnding(status: .exited(5))))

        machine = self.machine({ $0.endsWhatIsLeft = true }, pipes: [])
        _ = machine.leaderExited(.exited(5), isProcessStopping: false, at: .seconds(1))
        #expect(machine.surveyed(alive: 1, at: .seconds(1)) == .terminate)
        #expect(machine.timerFired(at: .seconds(1) + .milliseconds(1)) == .survey)
        #expect(machine.surveyed(alive: 1, at: .seconds(2)) == .none)
        #expect(machine.timerFired(at: .seconds(3)) == .survey)
        #expect(machine.surveyed(alive: 0, at: .seconds(3)) == .finish(CommandEnding(status: .exited(5))))

        machine = self.machine({ $0.endsWhatIsLeft = true }, pipes: [])
        _ = machine.leaderExited(.exited(5), isProcessStopping: false, at: .seconds(1))
        _ = machine.surveyed(alive: 1, at: .seconds(1))
        #expect(machine.timerFired(at: .seconds(11)) == .kill)
        #expect(machine.surveyed(alive: 1, at: .seconds(11)) == .none)
        #expect(machine.timerFired(at: .seconds(12)) == .kill)
        let ending = CommandEnding(status: .exited(5), wasKilled: true)
        #expect(machine.surveyed(alive: 0, at: .seconds(12)) == .finish(ending))
    }
}
