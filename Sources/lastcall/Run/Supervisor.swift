import LastCall
import LastCallConcurrency
import LastCallCommand
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The supervised program as a member of a plan: it holds one thing, the program.
final class Supervisor: Service, ReadinessReporting, LedgerReporting, Sendable {
    /// Why the program's end is a failure.
    struct Failure: Error, CustomStringConvertible {
        /// The whole sentence.
        let description: String
    }

    /// What is known of the program.
    private struct State {
        /// The running program.
        var process: CommandProcess?
        /// Its end.
        var result: CommandResult?
        /// Why it could not be started.
        var startError: CommandError?
        /// How long it may take to stop.
        var killAfter = Duration.seconds(10)
        /// Signals to pass on that came before the program was there.
        var pending: [Int32] = []
        /// Whether `run` ended without a program.
        var isUnstarted = false
        /// Whether the lifecycle's stop has begun.
        var isStopping = false
        /// Whether `run` was entered and has not ended: from then on the program is in our hands.
        var isHeld = false
    }

    private let settings: RunSettings
    private let state = Mutex(State())
    private let jobControl = JobControl()
    /// Opens when the program runs.
    private let isStarted = Latch<Void>()
    /// Opens when the lifecycle knows that it runs.
    private let isReadySeen = Latch<Void>()

    /// Tells people in one line why the program is not there, or no longer.
    private let complain: @Sendable (String) -> Void

    init(_ settings: RunSettings, complain: @escaping @Sendable (String) -> Void) {
        self.settings = settings
        self.complain = complain
    }

    /// Takes the place of PID 1: orphans are ours, and so are the signals that are passed on.
    func prepare(killAfter: Duration, signals: ProcessSignals) {
        state.withLock { $0.killAfter = killAfter }
        OrphanReaper.becomeSubreaper()
        do {
            try OrphanReaper.reapContinuously()
        } catch {
            complain("orphans will not be reaped: \(error)")
        }
        // A terminal that goes away sends SIGHUP and wants a stop; elsewhere it is the custom of daemons to reread their
        // configuration.
        let hasTerminal = isatty(STDIN_FILENO) == 1
        // Whatever a process may be sent, but for what stops this one, is its own fault, or cannot be taken (signal(7)). What
        // no handler takes would end this process and leave the program alone.
        let passedOn =
            [
                SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSTKFLT, SIGURG, SIGXCPU,
                SIGXFSZ,
                SIGTTIN,
            ] + Array(ReceivedSignal.realtimeFirst...64) + (hasTerminal ? [] : [SIGHUP, SIGTTOU])
        signals.take(passedOn) { [self] signal in
            passOn(rewritten(signal.number))
        }
        jobControl.prepare()
        signals.take([SIGTSTP, SIGCONT]) { [self] signal in
            let isRewritten = settings.rewrites[signal.number] != nil
            if isRewritten {
                passOn(rewritten(signal.number))
            } else if signal.number == SIGTSTP {
                jobControl.suspend(signal)
            } else {
                jobControl.resume()
            }
        }
    }

    /// Sends the program a signal, as soon as there is a program.
    private func passOn(_ signal: Int32) {
        let process = state.withLock { state in
            if state.process == nil && state.result == nil && state.pending.count < 16 { state.pending.append(signal) }
            return state.process
        }
        process?.signal(signal)
    }

    /// Makes the running program known, and gives it what came before.
    private func began(_ process: CommandProcess) {
        let pending = state.withLock { state in
            state.process = process
            defer { state.pending = [] }
            return state.pending
        }
        for signal in pending { process.signal(signal) }
        jobControl.began(process)
        isStarted.open()
    }

    /// Returns once the program runs, so that nobody is told READY for one that is not there.
    func waitUntilReady() async throws { try await isStarted.wait() }

    private func rewritten(_ signal: Int32) -> Int32 { settings.rewrites[signal] ?? signal }

    /// Runs the program until it and all that it started have ended.
    func run() async throws {
        let command = Command(
            settings.command[0], Array(settings.command.dropFirst()),
            // Taken by this process: two receipts would overwrite each other.
            environment: settings.takesReceiptVariable ? .updating(["LASTCALL_RECEIPT": nil]) : .inherited,
            standardInput: .inherit, standardOutput: .inherit,
            standardError: .inherit,
            stopPolicy: StopPolicy(
                signal: rewritten(SIGTERM), killAfter: state.withLock { $0.killAfter },
                signalsByCause: Dictionary(
                    uniqueKeysWithValues: ProcessSignals.stopSignals.map { ($0, rewritten($0)) })),
            limits: CommandLimits(time: settings.timeout, memoryBytes: settings.memoryBytes),
            okExitCodes: settings.okExitCodes.union([0]), adoptsOrphans: true)
        state.withLock { $0.isHeld = true }
        let result: CommandResult
        do {
            result = try await command.withProcess { process in
                began(process)
                return await process.result
            }
        } catch {
            state.withLock { state in
                state.startError = error as? CommandError
                state.isUnstarted = true
                state.isHeld = false
            }
            complain("\(error)")
            throw error
        }
        // A program that ends at once is told as one that ended, not as one that never started.
        await isReadySeen.waitThroughCancellation()
        jobControl.ended()
        state.withLock { state in
            state.process = nil
            state.result = result
            state.isHeld = false
        }
        if let loss = Self.loss(result) { complain("\(settings.name) \(loss)") }
        guard let failure = Self.failure(result) else { return }
        // A program that exits by itself has said why.
        let isSaid = if case .failed = result.outcome, case .exited = result.exitStatus { true } else { false }
        if !isSaid { complain("\(settings.name) \(failure)") }
        throw Failure(description: failure)
    }

    /// What comes after the signal that began the stop is passed on as it comes.
    func heard(_ event: LifecycleEvent) {
        switch event.kind {
        case .stopBegan:
            state.withLock { $0.isStopping = true }
            jobControl.stopBegan()
        // Nobody waits for the program any more: this process is about to exit, and leaves nothing behind.
        case .memberAbandoned: OrphanReaper.killDescendants()
        case .memberReady: isReadySeen.open()
        default: break
        }
        guard case .causeNoted(let cause) = event.kind, let signal = Self.signal(cause) else { return }
        passOn(rewritten(signal))
    }

    private static func signal(_ cause: ShutdownCause) -> Int32? {
        cause.kind == .signal ? ReceivedSignal.number(named: cause.detail) : nil
    }

    /// Says how the program failed, where nobody had asked it to stop.
    private static func failure(_ result: CommandResult) -> String? {
        switch result.outcome {
        case .succeeded: return nil
        case .stopped(let reason):
            return isStoppedByLimit(result) ? "was stopped by its limit: \(reason)" : nil
        case .failed, .lost:
            switch result.exitStatus {
            case .exited(let code): return "exited with \(code)"
            case .signalled(SIGKILL): return "was killed by a SIGKILL that lastcall did not send; out of memory?"
            case .signalled(let signal): return "died of \(ReceivedSignal.name(of: signal))"
            case .unknown: return "ended, and nobody knows how"
            }
        }
    }

    private static func isStoppedByLimit(_ result: CommandResult) -> Bool {
        guard case .stopped(let reason) = result.outcome else { return false }
        return [.timeout, .memory, .outputLimit].contains(reason)
    }

    /// Says how the program came to lose what it had in hand while it was being stopped, where it did.
    private static func loss(_ result: CommandResult) -> String? {
        if result.wasKilled { return "had processes that did not end in time and were killed" }
        guard case .stopped(let reason) = result.outcome, reason != .signalled,
            case .signalled(let signal) = result.exitStatus, crashSignals.contains(signal)
        else { return nil }
        return "died of \(ReceivedSignal.name(of: signal)) while it was being stopped"
    }

    /// Signals that nobody sends to have a program end in order: its own faults, and the kernel's SIGKILL when memory runs out.
    private static let crashSignals: Set<Int32> = [
        SIGKILL, SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGXCPU, SIGXFSZ,
    ]

    /// The exit code of the whole: the program's own unless something had to be forced.
    func exitCode(for receipt: Receipt) -> Int32 {
        if receipt.exitCode == ExitCode.unaccounted || receipt.outcome == .forced { return receipt.exitCode }
        let (result, startError) = state.withLock { ($0.result, $0.startError) }
        if let startError { return startError.shellCode }
        guard let result else { return receipt.exitCode }
        switch result.outcome {
        case .stopped(.timeout), .stopped(.memory), .stopped(.outputLimit): return ExitCode.forced
        case .stopped, .succeeded, .failed, .lost:
            if result.wasKilled { return ExitCode.forced }
            let code = result.exitStatus.shellCode
            return settings.okExitCodes.contains(code) ? ExitCode.clean : code
        }
    }

    /// Whether a stop was asked for, or cost something; a program that ends by itself was not stopped.
    func isWorthShowing(_ receipt: Receipt) -> Bool {
        let isItsOwn = [.memberEnded, .memberFailed, .startFailure].contains(receipt.cause.kind)
        return !isItsOwn || receipt.totals.cut > 0 || receipt.outcome == .forced
    }

    // MARK: Ledger

    /// One program, held or done; cut where something of it had to be killed.
    var ledger: Ledger {
        state.withLock { state in
            if let result = state.result {
                // What a limit ended, or SIGKILL, is a loss of the stop that follows, which counts from its beginning.
                guard state.isStopping || !Self.isStoppedByLimit(result) && Self.loss(result) == nil else {
                    return Ledger(held: 1, accepted: 1)
                }
                let isLost = Self.loss(result) != nil
                return Ledger(accepted: 1, done: isLost ? 0 : 1, cut: isLost ? 1 : 0)
            }
            // A program that could not be started is done with: its error says so.
            if state.isUnstarted { return Ledger(accepted: 1, done: 1) }
            return state.isHeld ? Ledger(held: 1, accepted: 1) : Ledger()
        }
    }

    /// The running program.
    func heldItems(itemsMax: Int) -> [LedgerItem] {
        state.withLock { state in
            guard state.isHeld else { return [] }
            return [LedgerItem(state.process.map { "\(settings.name), pid \($0.pid)" } ?? settings.name)]
        }
    }

    /// The program that had to be killed.
    func cutItems(itemsMax: Int) -> [LedgerItem] {
        guard let result = state.withLock({ $0.result }), let loss = Self.loss(result) else { return [] }
        return [LedgerItem("\(settings.name) \(loss)", age: result.duration)]
    }
}
