import NIOCore

/// Wakes one handler on its event loop, at the earliest instant that it asked for.
struct CheckTimer {
    private var pending: (at: NIODeadline, task: Scheduled<Void>)?

    /// Asks for a look at an instant; one that is asked for earlier stays.
    ///
    /// - Parameter look: Has to call ``fired()`` first.
    mutating func schedule(at instant: NIODeadline, on eventLoop: any EventLoop, _ look: @escaping () -> Void) {
        guard pending.map({ instant < $0.at }) ?? true else { return }
        pending?.task.cancel()
        pending = (instant, eventLoop.assumeIsolated().scheduleTask(deadline: instant, look))
    }

    /// The instant has come.
    mutating func fired() { pending = nil }

    /// Nobody is to be woken any more.
    mutating func cancel() {
        pending?.task.cancel()
        pending = nil
    }
}
