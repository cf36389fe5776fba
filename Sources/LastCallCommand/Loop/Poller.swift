import CLastCall

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The descriptors that the loop waits for: epoll(7), level-triggered.
struct Poller: Sendable {
    /// What became ready.
    struct Event {
        /// Whose it is: a command's number, or 0 for the loop's own.
        var owner: UInt64
        /// What it is.
        var kind: Kind
    }

    /// What a descriptor means to its owner.
    enum Kind: UInt64 {
        /// A message lies in the loop's inbox.
        case inbox
        /// SIGCHLD came in.
        case children
        /// The leader ended.
        case leader
        /// The start succeeded or failed.
        case report
        /// Standard output can be read.
        case standardOutput
        /// Standard error can be read.
        case standardError

        /// The kind of a stream's pipe.
        init(_ stream: OutputStream) {
            self =
                switch stream {
                case .standardOutput: .standardOutput
                case .standardError: .standardError
                }
        }
    }

    /// How many events are taken at once.
    private static let eventsMax = 64

    private let descriptor: Int32

    /// Opens an epoll instance, or returns `nil` where the system has no descriptor left.
    init?() {
        descriptor = lastcall_poll_create()
        guard descriptor >= 0 else { return nil }
    }

    /// Gives the instance back.
    func close() { _ = systemClose(descriptor) }

    /// Waits for a descriptor to become readable, until ``remove(_:)``.
    ///
    /// - Returns: Whether the system had room for it.
    @discardableResult
    func add(_ watched: Int32, owner: UInt64, kind: Kind) -> Bool {
        lastcall_poll_add(descriptor, watched, owner << 3 | kind.rawValue) == 0
    }

    /// Waits for it no more.
    ///
    /// Not the same as watching for no events: a pipe's end would still be reported, over and over.
    func remove(_ watched: Int32) { _ = lastcall_poll_remove(descriptor, watched) }

    /// Waits for events; returns none when the time is up.
    func wait(for timeout: Duration?) -> [Event] {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.eventsMax) { marks in
            let count = lastcall_poll_wait(
                descriptor, marks.baseAddress, Int32(Self.eventsMax), Self.milliseconds(timeout))
            // EINTR cannot happen, as the loop's thread blocks all signals; if it did, the loop would come back here.
            guard count > 0 else { return [] }
            return marks[..<Int(count)].map { mark in
                guard let kind = Kind(rawValue: mark & 7) else { preconditionFailure("event of no kind") }
                return Event(owner: mark >> 3, kind: kind)
            }
        }
    }

    /// Rounded up, so that a timer is never found early again and again; -1 waits for ever.
    private static func milliseconds(_ timeout: Duration?) -> Int32 {
        guard let timeout else { return -1 }
        let (seconds, attoseconds) = max(.zero, timeout).components
        let milliseconds = min(seconds, 3600) * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(milliseconds)
    }
}

/// `close(2)` under a name that a method called `close` does not hide.
func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
