import LastCallConcurrency
import CLastCall

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The process's stop signals, taken once and for all.
///
/// Take them in the first line of `main`: from then on SIGTERM no longer kills the process, but waits for the lifecycle, also
/// while the program still connects to its database.
///
/// ```swift
/// static func main() async throws {
///     let signals = ProcessSignals.take()
///     …
///     await Lifecycle(plan, signals: signals).runAndExit()
/// }
/// ```
///
/// - SIGTERM and SIGHUP begin the drain and are harmless when they are repeated. A SIGHUP that is ignored, as under nohup(1),
///   stays ignored.
/// - SIGINT climbs: drain, then hand over now, then exit now.
/// - SIGQUIT hands over now.
/// - SIGPIPE is ignored from here on: a closed standard output must not end a service in the middle of its stop.
///
/// A signal that arrives before a lifecycle runs is kept for it. If none takes it within the assumed grace period, the process
/// exits with 124. A stop signal that arrives after the lifecycle ended exits with the receipt's code at once.
public struct ProcessSignals: Sendable {
    /// The signals that stop a process.
    package static let stopSignals: [Int32] = [SIGTERM, SIGINT, SIGQUIT, SIGHUP]

    private init() {}

    /// Takes the process's stop signals.
    ///
    /// Calling it again changes nothing.
    public static func take() -> ProcessSignals {
        SignalCenter.shared.take(stopSignals)
        return ProcessSignals()
    }

    /// Takes further signals beside the stop signals; they are handed on, never acted upon.
    ///
    /// - Parameter onSignal: Called on the watchdog's thread; it must return at once.
    package func take(_ numbers: [Int32], _ onSignal: @escaping @Sendable (ReceivedSignal) -> Void) {
        SignalCenter.shared.handOn(numbers, onSignal)
    }
}

/// The process-wide state behind ``ProcessSignals``: who is listening, and what came while nobody was.
package final class SignalCenter: Sendable {
    /// Who listens.
    private enum Listener {
        /// Nobody yet; what came is kept.
        case none(backlog: [ReceivedSignal])
        /// A lifecycle.
        case lifecycle(@Sendable (ReceivedSignal) -> Void)
        /// The lifecycle has ended with this exit code.
        case ended(exitCode: Int32)
    }

    /// What the center holds under its lock.
    private struct State {
        /// Who listens to stop signals.
        var listener = Listener.none(backlog: [])
        /// The stop signals that were taken.
        var taken: [Int32] = []
        /// Who else is told of which signal.
        var others: [Int32: @Sendable (ReceivedSignal) -> Void] = [:]
    }

    /// The process's center.
    package static let shared = SignalCenter()

    private let state = Mutex(State())
    private let deadline = Watchdog.shared.makeAlarm()

    private init() {}

    fileprivate func take(_ numbers: [Int32]) {
        let missing = state.withLock { state in numbers.filter { !state.taken.contains($0) } }
        guard !missing.isEmpty else { return }
        _ = lastcall_signals_ignore(SIGPIPE)
        install(missing.filter { $0 != SIGHUP || lastcall_signals_is_ignored($0) == 0 })
    }

    fileprivate func handOn(_ numbers: [Int32], _ onSignal: @escaping @Sendable (ReceivedSignal) -> Void) {
        let numbers = numbers.filter { isTaken($0) || lastcall_signals_is_ignored($0) == 0 }
        state.withLock { state in
            for number in numbers { state.others[number] = onSignal }
        }
        install(numbers)
    }

    private func isTaken(_ number: Int32) -> Bool { state.withLock { $0.taken.contains(number) } }

    private func install(_ numbers: [Int32]) {
        let end = lastcall_signals_open()
        precondition(end >= 0, "no pipe for signals: the process is at its limit of open files (ulimit -n)")
        Watchdog.shared.readSignals(from: end) { [self] signal in received(signal) }
        for number in numbers {
            guard lastcall_signals_take(number) == 0 else { continue }
            state.withLock { if !$0.taken.contains(number) { $0.taken.append(number) } }
        }
    }

    /// The signals whose handler somebody else replaced.
    ///
    /// They are taken back. A Dispatch source also reads its signal from a descriptor (signalfd(2)), and then whoever is first
    /// gets it: either way a stop begins, but its cause may be that the other side's member ended.
    package func reclaim() -> [Int32] {
        state.withLock { $0.taken }.filter { number in
            // The others are handed on only, and SIGTSTP is given back for a moment whenever the process is to stand still.
            guard ProcessSignals.stopSignals.contains(number) else { return false }
            guard lastcall_signals_is_ours(number) == 0 else { return false }
            return lastcall_signals_take(number) == 0
        }
    }

    /// Makes a lifecycle the listener.
    ///
    /// What came before is handed to it at once.
    package func listen(_ listener: @escaping @Sendable (ReceivedSignal) -> Void) {
        let backlog: [ReceivedSignal] = state.withLock { state in
            defer { state.listener = .lifecycle(listener) }
            guard case .none(let backlog) = state.listener else { return [] }
            return backlog
        }
        Watchdog.shared.set(deadline, at: nil) {}
        for signal in backlog { listener(signal) }
    }

    /// The lifecycle ended: the next stop signal ends the process.
    package func end(exitCode: Int32) {
        state.withLock { $0.listener = .ended(exitCode: exitCode) }
    }

    /// A signal arrived, on the watchdog's thread.
    private func received(_ signal: ReceivedSignal) {
        enum Step {
            case tell(@Sendable (ReceivedSignal) -> Void)
            case keep(isFirst: Bool, interrupts: Int)
            case exit(Int32)
        }
        let step: Step = state.withLock { state in
            if let other = state.others[signal.number] { return .tell(other) }
            switch state.listener {
            case .lifecycle(let listener): return .tell(listener)
            case .ended(let code): return .exit(code)
            case .none(var backlog):
                if backlog.count < 64 { backlog.append(signal) }
                state.listener = .none(backlog: backlog)
                return .keep(isFirst: backlog.count == 1, interrupts: backlog.count { $0.number == SIGINT })
            }
        }
        switch step {
        case .tell(let listener): listener(signal)
        case .exit(let code): ProcessExit.now(code)
        case .keep(let isFirst, let interrupts):
            if interrupts >= 3 { ProcessExit.now(ExitCode.forced, saying: "SIGINT three times before the service ran") }
            if isFirst { boundTheWait(after: signal) }
        }
    }

    /// Exits where no lifecycle takes the signal within the grace period.
    private func boundTheWait(after signal: ReceivedSignal) {
        let environment = ProcessEnvironment.current
        // An unreadable LASTCALL_GRACE is reported by the plan; here the platform's figure does.
        let stated = environment[EnvironmentKey.grace.rawValue].flatMap { DurationText.parse($0) }
        let grace = stated ?? Platform.detect(environment: environment).gracePeriod?.duration ?? .seconds(30)
        let wait = grace - PlanArithmetic.defaultReserve(for: grace)
        let name = signal.name
        Watchdog.shared.set(deadline, at: .now + max(wait, .zero)) {
            ProcessExit.now(
                ExitCode.forced, saying: "\(name) came before the service ran, and it did not run within \(grace)")
        }
    }
}

/// The way out of the process.
package enum ProcessExit {
    /// Flushes the standard streams, for a tenth of a second at most, and exits without running `atexit` handlers, which could
    /// wait for locks that the rest of the process holds.
    package static func now(_ code: Int32, saying message: String? = nil) -> Never {
        BoundedWork.run(within: .milliseconds(100)) {
            if let message {
                let line = Array("lastcall: \(message)\n".utf8)
                _ = write(STDERR_FILENO, line, line.count)
            }
            fflush(nil)
        }
        _exit(code)
    }
}
