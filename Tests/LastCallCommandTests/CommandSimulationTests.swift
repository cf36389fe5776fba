import LastCallWork
import LastCallTesting
import LastCallWork
import Testing

@testable import LastCallCommand

/// A made-up process tree under a machine: it reacts to signals as it likes, and events come in any order.
private struct SimulatedCommand {
    var machine: CommandStateMachine
    var random: SeededGenerator
    var now = Duration.zero
    var leader: CommandExitStatus?
    var members = 0
    var openPipes: Set<OutputStream>
    var isUnkillable: Bool
    var ignoresTerm: Bool
    var endsWhatIsLeft: Bool
    var actions: [CommandStateMachine.Action] = []
    var ending: CommandEnding?
    var stopWasAsked = false
    var finishCount = 0

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        var settings = CommandSettings()
        settings.killAfter = .milliseconds(Int.random(in: 0...2000, using: &random))
        settings.evictionPolicy = random.chance(50) ? .finalize : .finish
        endsWhatIsLeft = random.chance(30)
        settings.endsWhatIsLeft = endsWhatIsLeft
        if random.chance(30) { settings.timeLimit = .milliseconds(Int.random(in: 1...5000, using: &random)) }
        if random.chance(30) { settings.memoryLimit = 100 }
        if random.chance(30) { settings.outputLimit = 100 }
        openPipes = []
        for stream in OutputStream.allCases where random.chance(60) { openPipes.insert(stream) }
        members = Int.random(in: 0...3, using: &random)
        isUnkillable = random.chance(5)
        ignoresTerm = random.chance(40)
        machine = CommandStateMachine(settings: settings, openPipes: openPipes, startedAt: .zero)
    }

    mutating func perform(_ action: CommandStateMachine.Action) {
        guard action != .none else { return }
        actions.append(action)
        switch action {
        case .none: break
        case .terminate:
            guard !ignoresTerm else { return }
            if members > 0, random.chance(80) { members = Int.random(in: 0..<members, using: &random) }
            if leader == nil, random.chance(80) { end(random.chance(50) ? .signalled(15) : .exited(0)) }
        case .survey: perform(machine.surveyed(alive: alive, at: now))
        case .kill:
            let found = alive
            if !isUnkillable { members = 0 }
            perform(machine.surveyed(alive: found, at: now))
            if leader == nil, !isUnkillable { end(.signalled(9)) }
        case .sample: perform(machine.memorySampled(bytes: Int.random(in: 0...120, using: &random), at: now))
        case .drain:
            openPipes = []
            perform(machine.drained(at: now))
        case .finish(let ending):
            finishCount += 1
            self.ending = ending
        }
    }

    var alive: Int { members + (leader == nil ? 1 : 0) }

    mutating func end(_ status: CommandExitStatus) {
        guard leader == nil, !machine.isFinished else { return }
        leader = status
        perform(machine.leaderExited(status, isProcessStopping: random.chance(20), at: now))
    }

    mutating func step() {
        now += .milliseconds(Int.random(in: 0...50, using: &random))
        switch Int.random(in: 0..<12, using: &random) {
        case 0:
            stopWasAsked = true
            perform(machine.stopRequested(.requested, at: now))
        case 1:
            stopWasAsked = true
            let left = Duration.milliseconds(Int.random(in: 0...3000, using: &random))
            let notice = EvictionNotice(
                isUrgent: random.chance(50), cancelAt: random.chance(50) ? now + left : nil,
                memberEndsAt: random.chance(70) ? now + left : nil)
            perform(machine.evicted(notice, at: now))
        case 2 where random.chance(20):
            stopWasAsked = true
            perform(machine.killRequested(.requested, at: now))
        case 3 where random.chance(30):
            let ends: [CommandExitStatus] = [.exited(0), .exited(1), .signalled(9), .signalled(15), .unknown]
            end(ends[Int.random(in: 0..<ends.count, using: &random)])
        case 4:
            if let stream = OutputStream.allCases.first(where: openPipes.contains) {
                openPipes.remove(stream)
                perform(machine.pipeEnded(stream, at: now))
            }
        case 5: perform(machine.outputCounted(bytes: Int.random(in: 0...110, using: &random), at: now))
        case 6: if members > 0 { members -= 1 }
        case 7: if leader == nil { members += 1 }
        default: if let timerAt = machine.timerAt { now = max(now, timerAt) }
        }
        while let timerAt = machine.timerAt, now >= timerAt {
            let action = machine.timerFired(at: now)
            if action == .none { break }
            perform(action)
        }
    }
}

@Suite("Random lives of commands")
struct CommandSimulationTests {
    @Test("C17 whatever happens in whatever order, a command ends once, in time, and after KILL where it was stopped")
    func randomLives() async {
        for seed in UInt64(0)..<20_000 {
            if seed % 100 == 0 { await Task.yield() }
            var command = SimulatedCommand(seed: seed)
            var steps = 0
            while command.ending == nil, steps < 400 {
                command.step()
                steps += 1
            }
            if command.ending == nil {
                // Left alone for long enough, a stop always gets there.
                command.perform(command.machine.killRequested(.requested, at: command.now))
                for _ in 0..<400 where command.ending == nil {
                    command.now = max(command.now, command.machine.timerAt ?? command.now)
                    command.perform(command.machine.timerFired(at: command.now))
                }
            }
            guard let ending = command.ending else {
                Issue.record("seed \(seed): never ended: \(command.actions)")
                return
            }
            check(command, ending, seed: seed)
        }
    }

    private func check(_ command: SimulatedCommand, _ ending: CommandEnding, seed: UInt64) {
        #expect(command.finishCount == 1, "seed \(seed)")
        #expect(command.machine.timerAt == nil, "seed \(seed)")
        #expect(command.openPipes.isEmpty, "seed \(seed): a pipe was left unread")
        #expect(command.leader != nil || ending.isAbandoned, "seed \(seed): finished with the leader alive")
        #expect(ending.status == command.leader ?? .unknown, "seed \(seed)")
        #expect(!ending.isAbandoned || command.isUnkillable, "seed \(seed): gave up on what could be killed")
        if let index = command.actions.lastIndex(of: .terminate) {
            #expect(command.actions.firstIndex(of: .terminate) == index, "seed \(seed): TERM was decided twice")
            let rest = command.actions[index...]
            #expect(rest.contains(.kill) || rest.contains(.survey), "seed \(seed): nobody looked who was left")
            #expect(ending.reason != nil || command.endsWhatIsLeft, "seed \(seed): a stop without a reason")
        }
        // After the last look at a stopped command nobody was alive, or it was given up.
        if ending.stoppedFor != nil || command.endsWhatIsLeft {
            #expect(command.members == 0 || ending.isAbandoned, "seed \(seed): a member lives on")
        }
    }
}
