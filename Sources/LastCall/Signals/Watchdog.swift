import LastCallConcurrency
import CLastCall

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The thread that reads signals and keeps time, so that neither depends on the concurrency pool.
///
/// There is one in a process. What it calls must return at once.
package final class Watchdog: Sendable {
    /// Names an alarm.
    package struct AlarmID: Sendable, Hashable {
        /// A number that no other alarm has.
        fileprivate let number: Int
    }

    /// One alarm.
    private struct Alarm {
        /// When it is due.
        var at: ContinuousClock.Instant
        /// What it does.
        var fire: @Sendable () -> Void
    }

    /// What the thread shares with those who set alarms.
    private struct State {
        /// The alarms that are set.
        var alarms: [AlarmID: Alarm] = [:]
        /// The next alarm's number.
        var nextNumber = 0
        /// The end of the signals' pipe, once signals are read.
        var signalEnd: Int32?
        /// Who is told of signals.
        var onSignal: (@Sendable (ReceivedSignal) -> Void)?
        /// Whether the thread runs.
        var isStarted = false
    }

    /// The process's watchdog.
    package static let shared = Watchdog()

    private let state = Mutex(State())
    /// The pipe that interrupts the thread's wait: its end to read from, and its end to write to.
    private let wakeEnds: (read: Int32, write: Int32)

    private init() {
        var ends: [Int32] = [-1, -1]
        precondition(
            pipe(&ends) == 0, "no pipe for the watchdog: the process is at its limit of open files (ulimit -n)")
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        wakeEnds = (ends[0], ends[1])
    }

    /// Makes a name for an alarm.
    package func makeAlarm() -> AlarmID {
        state.withLock { state in
            state.nextNumber += 1
            return AlarmID(number: state.nextNumber)
        }
    }

    /// Sets an alarm, in place of the one with the same name; `nil` removes it.
    ///
    /// It fires once, on the watchdog's thread.
    package func set(_ alarm: AlarmID, at instant: ContinuousClock.Instant?, fire: @escaping @Sendable () -> Void) {
        state.withLock { $0.alarms[alarm] = instant.map { Alarm(at: $0, fire: fire) } }
        wake()
    }

    /// Reads signals from now on.
    package func readSignals(from end: Int32, _ onSignal: @escaping @Sendable (ReceivedSignal) -> Void) {
        state.withLock {
            $0.signalEnd = end
            $0.onSignal = onSignal
        }
        wake()
    }

    private func wake() {
        let isFirst = state.withLock { state in
            defer { state.isStarted = true }
            return !state.isStarted
        }
        if isFirst { DedicatedThread.start(name: "lastcall-watch") { [self] in runLoop() } }
        var byte: UInt8 = 0
        // A full pipe wakes as well as one more byte would.
        _ = write(wakeEnds.write, &byte, 1)
    }

    private func runLoop() {
        while true {
            let now = ContinuousClock.now
            let (due, next, signalEnd, onSignal) = state.withLock { state in
                let due = state.alarms.filter { $0.value.at <= now }
                for alarm in due.keys { state.alarms[alarm] = nil }
                return (
                    due.values.sorted { $0.at < $1.at }, state.alarms.values.map(\.at).min(), state.signalEnd,
                    state.onSignal
                )
            }
            for alarm in due { alarm.fire() }
            guard due.isEmpty else { continue }

            var watched = [pollfd(fd: wakeEnds.read, events: Int16(POLLIN), revents: 0)]
            if let signalEnd { watched.append(pollfd(fd: signalEnd, events: Int16(POLLIN), revents: 0)) }
            // Rounded up, so that an alarm is not polled for in its last millisecond; -1 waits for ever (poll(2)).
            let timeout = next.map { Int32(clamping: Int((now.duration(to: $0).inSeconds * 1000).rounded(.up))) } ?? -1
            guard poll(&watched, nfds_t(watched.count), timeout) > 0 else { continue }
            if watched[0].revents != 0 { drainWakes() }
            if let signalEnd, let onSignal, watched[1].revents != 0 {
                for signal in readSignals(signalEnd) { onSignal(signal) }
            }
        }
    }

    private func drainWakes() {
        var bytes = [UInt8](repeating: 0, count: 256)
        while read(wakeEnds.read, &bytes, bytes.count) > 0 {}
    }

    private func readSignals(_ end: Int32) -> [ReceivedSignal] {
        var signals: [ReceivedSignal] = []
        var record = lastcall_signal()
        while read(end, &record, MemoryLayout<lastcall_signal>.size) == MemoryLayout<lastcall_signal>.size {
            signals.append(ReceivedSignal(record))
        }
        return signals
    }
}
