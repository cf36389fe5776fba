#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The loop's own state: all commands of the process.
///
/// It lives on the loop's thread and nowhere else.
final class CommandTable {
    private let loop: CommandLoop
    /// The commands by number.
    private var commands: [UInt64: RunningCommand] = [:]
    /// Leaders that not even SIGKILL ended in time: pid and pidfd by number.
    ///
    /// Reaped when they end after all.
    private var leftBehind: [UInt64: SpawnedProcess] = [:]
    /// Where pipes are read into.
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    init(loop: CommandLoop) { self.loop = loop }

    deinit { buffer.deallocate() }

    /// Waits for something to happen and deals with all of it.
    func turn() {
        let timerAt = commands.values.compactMap(\.timerAt).min()
        let events = loop.poller.wait(for: timerAt.map { $0 - MonotonicTime.now })
        for event in events { dispatch(event) }
        let now = MonotonicTime.now
        for command in commands.values { command.fireTimers(at: now) }
        surveyTrees()
        removeFinished()
    }

    private func dispatch(_ event: Poller.Event) {
        switch event.kind {
        case .inbox: for message in loop.takeMessages() { handle(message) }
        case .children: loop.reapOrphans()
        case .leader:
            if let process = leftBehind.removeValue(forKey: event.owner) {
                _ = ChildRegistry.shared.killGroupAndReap(process.pid)
                close(process.pidfd)
            }
            commands[event.owner]?.leaderEnded()
        case .report: commands[event.owner]?.reportReady()
        case .standardOutput: commands[event.owner]?.pipeReady(.standardOutput)
        case .standardError: commands[event.owner]?.pipeReady(.standardError)
        }
    }

    private func handle(_ message: CommandLoop.Message) {
        switch message {
        case .start(let number, let command, let plan, let outlet, let shutdown):
            do {
                let process = try SpawnedProcess.start(command, plan: plan)
                commands[number] = RunningCommand(
                    number: number, command: command, process: process, id: plan.id, outlet: outlet, shutdown: shutdown,
                    poller: loop.poller, buffer: buffer)
            } catch {
                outlet.failedToStart(error)
            }
        case .evicted(let number, let isUrgent): commands[number]?.evicted(isUrgent: isUrgent)
        case .stop(let number, let reason): commands[number]?.stop(reason)
        case .kill(let number, let reason): commands[number]?.kill(reason)
        case .signalled(let number, let signal): commands[number]?.signalled(signal)
        case .stopSignal(let number, let signal): commands[number]?.stopSignal = signal
        case .readOn(let number): commands[number]?.readOn()
        }
    }

    /// Serves all commands that asked for a look at the processes from one snapshot, and those that ask again because
    /// of what was found from another.
    ///
    /// A machine asks for the same look again only after a pause, so this ends.
    private func surveyTrees() {
        while true {
            let asking = commands.values.filter(\.wantsSurvey)
            guard !asking.isEmpty else { return }
            let survey = ProcessSurvey()
            for command in asking { command.survey(survey) }
        }
    }

    private func removeFinished() {
        for (number, command) in commands where command.isFinished {
            commands[number] = nil
            if let process = command.leftBehind { leftBehind[number] = process }
        }
    }
}

/// One snapshot with what was learnt of it, shared by the commands that asked for it in the same turn.
final class ProcessSurvey {
    private let snapshot = ProcessSnapshot.take()
    private let own = getpid()
    private let registered = ChildRegistry.shared.all
    /// The markers that were read, so that each environment is read once.
    private var markers: [pid_t: String?] = [:]

    /// Who belongs to a tree and is alive.
    func members(of tree: inout ProcessTree) -> [ProcessRecord] {
        tree.members(in: snapshot, own: own, registered: registered) { pid in
            if let marker = markers[pid] { return marker }
            let marker = ProcessTree.marker(of: pid)
            markers[pid] = .some(marker)
            return marker
        }
    }
}
