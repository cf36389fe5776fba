import CLastCall
import LastCall
import LastCallConcurrency

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The one thread that starts, watches and stops all commands of this process.
///
/// A thread and not a task: its promise is that a stop holds its deadline also while all tasks of the pool are blocked.
/// It runs no code of its users; what they are told goes through ``CommandOutlet``, what they say through the inbox.
final class CommandLoop: Sendable {
    /// What the loop is asked to do.
    enum Message: Sendable {
        /// Start a command.
        case start(UInt64, Command, SpawnPlan, CommandOutlet, Shutdown?)
        /// The process is told to stop.
        case evicted(UInt64, isUrgent: Bool)
        /// Stop it for another reason.
        case stop(UInt64, StopReason)
        /// Send SIGKILL now.
        case kill(UInt64, StopReason)
        /// Its owner sent it a signal.
        case signalled(UInt64, Int32)
        /// Its lines were taken: read on.
        case readOn(UInt64)
    }

    /// The process's loop, once it was needed.
    private static let instance = Mutex<CommandLoop?>(nil)

    /// What the loop waits for.
    let poller: Poller
    /// Wakes the loop for its inbox.
    private let inboxEvent: Int32
    /// Wakes the loop for SIGCHLD.
    private let childrenEvent: Int32
    /// What lies there, and the next command's number.
    private let inbox = Mutex<(messages: [Message], nextNumber: UInt64)>(([], 1))

    /// The process's loop; its thread is started at the first call and never ends.
    ///
    /// - Throws: ``CommandError`` when the system has no descriptor or thread left; a later call tries again.
    static func shared() throws -> CommandLoop {
        try instance.withLock { instance in
            if let instance { return instance }
            let loop = try CommandLoop()
            instance = loop
            return loop
        }
    }

    private init() throws {
        guard let poller = Poller() else { throw Self.refused("an epoll instance", errno) }
        let inboxEvent = lastcall_event_create()
        let childrenEvent = lastcall_event_create()
        self.poller = poller
        self.inboxEvent = inboxEvent
        self.childrenEvent = childrenEvent
        guard inboxEvent >= 0, childrenEvent >= 0, poller.add(inboxEvent, owner: 0, kind: .inbox),
            poller.add(childrenEvent, owner: 0, kind: .children)
        else {
            let number = errno
            close()
            throw Self.refused("an eventfd", number)
        }
        let this = Unmanaged.passRetained(self)
        let number = lastcall_thread(
            { argument in
                guard let argument else { return nil }
                let table = CommandTable(loop: Unmanaged<CommandLoop>.fromOpaque(argument).takeRetainedValue())
                while true { table.turn() }
            }, this.toOpaque(), "lastcall-cmd")
        guard number == 0 else {
            this.release()
            close()
            throw Self.refused("a thread", number)
        }
    }

    private func close() {
        poller.close()
        for event in [inboxEvent, childrenEvent] where event >= 0 { _ = systemClose(event) }
    }

    private static func refused(_ what: String, _ number: Int32) -> CommandError {
        CommandError(
            .systemRefused, "Could not make \(what): \(String(cString: strerror(number))). Check the process's limits.",
            errno: number)
    }

    /// A number for a command.
    func nextNumber() -> UInt64 {
        inbox.withLock { inbox in
            defer { inbox.nextNumber += 1 }
            return inbox.nextNumber
        }
    }

    /// Leaves a message; never blocks, may be called from anywhere.
    func post(_ message: Message) {
        let isFirst = inbox.withLock { inbox in
            inbox.messages.append(message)
            return inbox.messages.count == 1
        }
        if isFirst { _ = lastcall_event_signal(inboxEvent) }
    }

    /// Takes all messages; for the loop's thread.
    func takeMessages() -> [Message] {
        lastcall_event_clear(inboxEvent)
        return inbox.withLock { inbox in
            defer { inbox.messages = [] }
            return inbox.messages
        }
    }

    /// Has SIGCHLD wake the loop, which then reaps orphans.
    func watchChildren() throws {
        guard lastcall_watch_children(childrenEvent) == 0 else { throw Self.refused("a SIGCHLD handler", errno) }
        // What ended before.
        _ = lastcall_event_signal(childrenEvent)
    }

    /// Reaps the orphans that ended; for the loop's thread.
    func reapOrphans() {
        lastcall_event_clear(childrenEvent)
        OrphanReaper.reapOrphans()
    }
}

/// The loop's clock: CLOCK_MONOTONIC, which epoll waits by too.
enum MonotonicTime {
    /// The time since some fixed instant.
    static var now: Duration {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
