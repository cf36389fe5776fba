import LastCallConcurrency

/// A lifecycle's time: what it is now, and one alarm.
package protocol AlarmSource: Sendable {
    /// The time since the source was made.
    var now: Duration { get }

    /// Sets the alarm in place of the one before; `nil` removes it. It may fire late and on any thread, never early.
    func wake(at instant: Duration?, _ fire: @escaping @Sendable () -> Void)
}

/// Real time, kept by the watchdog's thread.
package final class WatchdogAlarm: AlarmSource {
    private let origin = ContinuousClock.now
    private let alarm = Watchdog.shared.makeAlarm()

    package init() {}

    package var now: Duration { origin.duration(to: .now) }

    package func wake(at instant: Duration?, _ fire: @escaping @Sendable () -> Void) {
        Watchdog.shared.set(alarm, at: instant.map { origin + $0 }, fire: fire)
    }
}

/// Any other clock's time, such as a manual clock's, kept by a task that sleeps.
package final class TaskAlarm<C: Clock>: AlarmSource where C.Duration == Duration {
    private let clock: C
    private let origin: C.Instant
    private let sleeper = Mutex<Task<Void, Never>?>(nil)

    package init(clock: C) {
        self.clock = clock
        self.origin = clock.now
    }

    package var now: Duration { origin.duration(to: clock.now) }

    package func wake(at instant: Duration?, _ fire: @escaping @Sendable () -> Void) {
        let next = instant.map { instant in
            let (clock, due) = (clock, origin.advanced(by: instant))
            return UnstructuredTask.start {
                do {
                    try await clock.sleep(until: due, tolerance: nil)
                    fire()
                } catch {
                    // Cancelled: another alarm took this one's place.
                    return
                }
            }
        }
        sleeper.withLock { sleeper in
            sleeper?.cancel()
            sleeper = next
        }
    }
}

/// Makes the alarm that belongs to a clock.
package func makeAlarmSource(_ clock: any Clock<Duration>) -> any AlarmSource {
    func open<C: Clock>(_ clock: C) -> any AlarmSource where C.Duration == Duration { TaskAlarm(clock: clock) }
    return clock is ContinuousClock ? WatchdogAlarm() : open(clock)
}
