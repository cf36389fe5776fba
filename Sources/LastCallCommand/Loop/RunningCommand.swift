import CLastCall
import LastCall

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The owner of one command's machine: carries out what it decides.
///
/// It lives on the loop's thread and nowhere else.
final class RunningCommand {
    /// Its number in the loop.
    let number: UInt64
    /// What runs.
    let command: Command
    /// The task's side.
    let outlet: CommandOutlet
    /// The stop as the member that runs the command sees it.
    let shutdown: Shutdown?
    /// What the loop waits for.
    let poller: Poller
    /// Where pipes are read into.
    let buffer: UnsafeMutableRawBufferPointer
    /// The child and its descriptors.
    var process: SpawnedProcess
    /// What decides.
    var machine: CommandStateMachine
    /// Cuts each stream into lines.
    var splitters: [OutputStream: LineSplitter]
    /// Whether the pipes are left alone because their reader is slow.
    var isPaused = false
    /// What was counted on the way.
    var tally = CommandTally()
    /// A leader that not even SIGKILL ended in time, for the table to reap later.
    private(set) var leftBehind: SpawnedProcess?

    /// Who belongs to it.
    private var tree: ProcessTree
    /// What it wants of the next snapshot, in this order.
    private var wanted: [CommandStateMachine.Action] = []
    /// Why the program could not be run.
    private var startError: CommandError?
    /// When it was started.
    private let startedAt: Duration

    init(
        number: UInt64, command: Command, process: SpawnedProcess, id: String, outlet: CommandOutlet,
        shutdown: Shutdown?,
        poller: Poller, buffer: UnsafeMutableRawBufferPointer
    ) {
        self.number = number
        self.command = command
        self.process = process
        self.outlet = outlet
        self.shutdown = shutdown
        self.poller = poller
        self.buffer = buffer
        startedAt = MonotonicTime.now
        tree = ProcessTree(leader: process.pid, id: id, adoptsOrphans: command.adoptsOrphans)
        splitters = Dictionary(
            uniqueKeysWithValues: process.pipes.keys.map {
                ($0, LineSplitter(stream: $0, lineBytesMax: command.limits.lineBytes))
            })
        let settings = CommandSettings(
            killAfter: command.stopPolicy.killAfter, evictionPolicy: command.evictionPolicy,
            timeLimit: command.limits.time, memoryLimit: command.limits.memoryBytes,
            outputLimit: command.limits.outputBytes, endsWhatIsLeft: command.adoptsOrphans)
        machine = CommandStateMachine(
            settings: settings,
            openPipes: Set(process.pipes.keys), startedAt: startedAt)
        if !poller.add(process.pidfd, owner: number, kind: .leader)
            || !poller.add(process.report, owner: number, kind: .report)
        {
            // Nobody would hear of its end (epoll_ctl(2): max_user_watches).
            startError = CommandError(
                .systemRefused, "\(command.executable): could not be watched (\(String(cString: strerror(errno))))",
                errno: errno)
            perform(machine.killRequested(.requested, at: startedAt))
        }
        watchPipes()
    }

    /// When its timers are due.
    var timerAt: Duration? { machine.timerAt }
    /// Whether it is over and told.
    var isFinished: Bool { machine.isFinished }
    /// Whether it waits for a snapshot.
    var wantsSurvey: Bool { !wanted.isEmpty }
}

// MARK: - Events

extension RunningCommand {
    /// The process is told to stop.
    ///
    /// What time is left is asked now, not when the order was posted.
    func evicted(isUrgent: Bool) {
        let now = MonotonicTime.now
        let notice = EvictionNotice(
            isUrgent: isUrgent || shutdown?.urgency == .handOver, cancelAt: shutdown?.remaining.map { now + $0 },
            memberEndsAt: shutdown?.remainingUntilAbandoned.map { now + $0 })
        perform(machine.evicted(notice, at: now))
    }

    func stop(_ reason: StopReason) { perform(machine.stopRequested(reason, at: MonotonicTime.now)) }

    func kill(_ reason: StopReason) { perform(machine.killRequested(reason, at: MonotonicTime.now)) }

    func signalled(_ signal: Int32) { machine.signalSent(signal) }

    /// The pidfd says that the leader ended.
    func leaderEnded() {
        guard process.pidfd >= 0 else { return }
        let status = LeaderStatus.of(process.pid)
        guard let status else { return }
        reportReady(isLast: true)
        poller.remove(process.pidfd)
        perform(
            machine.leaderExited(status, isProcessStopping: shutdown?.cause != nil, at: MonotonicTime.now))
    }

    /// The report pipe says whether the program runs.
    ///
    /// - Parameter isLast: Whether the leader has ended, so that an open pipe can only be somebody's copy of it.
    func reportReady(isLast: Bool = false) {
        guard process.report >= 0 else { return }
        switch SpawnFailure.read(process.report) {
        case .failed(let failure): startError = failure.error(for: command)
        case .pending where !isLast: return
        case .pending, .closed: if startError == nil { outlet.started.set(.success(process.pid)) }
        }
        poller.remove(process.report)
        close(process.report)
        process.report = -1
    }

    func fireTimers(at now: Duration) {
        while let timerAt, now >= timerAt {
            let action = machine.timerFired(at: now)
            guard action != .none else { return }
            perform(action)
        }
    }

    /// Carries out what waited for a snapshot.
    func survey(_ survey: ProcessSurvey) {
        let actions = wanted
        wanted = []
        let members = survey.members(of: &tree)
        for action in actions where !isFinished { carryOut(action, members) }
    }

    private func carryOut(_ action: CommandStateMachine.Action, _ members: [ProcessRecord]) {
        let now = MonotonicTime.now
        switch action {
        case .terminate:
            signalAll(members, stopSignal)
            // A stopped process acts on no other signal but SIGKILL.
            signalAll(members, SIGCONT)
        case .survey: perform(machine.surveyed(alive: members.count, at: now))
        case .kill:
            signalAll(members, SIGKILL)
            perform(machine.surveyed(alive: members.count, at: now))
        case .sample:
            let bytes = ProcessTree.memory(of: members, limit: command.limits.memoryBytes ?? .max)
            tally.peakMemoryBytes = max(tally.peakMemoryBytes, bytes)
            perform(machine.memorySampled(bytes: bytes, at: now))
        case .none, .drain, .finish: preconditionFailure("no survey for \(action)")
        }
    }
}

// MARK: - Actions

extension RunningCommand {
    /// Carries out what the machine decided.
    func perform(_ action: CommandStateMachine.Action) {
        switch action {
        case .none: return
        // All of one turn together: a leader that dies just when its group is to be told takes nobody's signal away.
        case .terminate, .survey, .sample: wanted.append(action)
        case .kill: wanted = [.kill]
        case .drain:
            drainPipes()
            perform(machine.drained(at: MonotonicTime.now))
        case .finish(let ending): finish(ending)
        }
    }

    /// The signal that a stop begins with: the one that stands for the lifecycle's own signal, where that is why it stops.
    private var stopSignal: Int32 {
        guard let cause = shutdown?.cause, cause.kind == .signal,
            let number = ReceivedSignal.number(named: cause.detail)
        else { return command.stopPolicy.signal }
        return command.stopPolicy.signalsByCause[number] ?? command.stopPolicy.signal
    }

    /// Signals the group in one call, and those who left it one by one.
    private func signalAll(_ members: [ProcessRecord], _ signal: Int32) {
        ChildRegistry.shared.signalGroup(process.pid, signal)
        for member in members where member.group != process.pid { ProcessTree.signal(member, signal) }
    }

    /// The end: SIGKILL to the group, then reap, so that the group's number was ours to the last.
    private func finish(_ ending: CommandEnding) {
        wanted = []
        var status = ending.status
        switch ChildRegistry.shared.killGroupAndReap(process.pid) {
        case .reaped(let exit):
            status = LeaderStatus.read(exit)
            tally.peakMemoryBytes = max(tally.peakMemoryBytes, Int(exit.peak_memory))
        case .stolen: break
        case .alive: leftBehind = process
        }
        reportReady(isLast: true)
        flushSplitters()
        closePipes()
        if leftBehind == nil {
            poller.remove(process.pidfd)
            close(process.pidfd)
        }
        process.pidfd = -1
        if let terminal = process.terminal { _ = lastcall_terminal_foreground(terminal, getpgrp()) }
        if let startError {
            outlet.failedToStart(startError)
            return
        }
        let result = makeResult(ending, status: status, duration: MonotonicTime.now - startedAt)
        outlet.lines.end()
        outlet.result.set(result)
    }
}
