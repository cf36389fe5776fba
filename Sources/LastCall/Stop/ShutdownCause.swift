/// Why a stop began.
public struct ShutdownCause: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The kind of event that began the stop.
    public struct Kind: Sendable, Hashable, Codable, RawRepresentable {
        /// The kind's name, as the receipt writes it.
        public let rawValue: String

        /// Creates a kind from its name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// A signal, such as SIGTERM.
        ///
        /// The sender is known where the kernel tells.
        public static let signal = Kind(rawValue: "signal")
        /// The program called ``Lifecycle/stop(_:)``.
        public static let call = Kind(rawValue: "call")
        /// A member returned from `run` while nobody had asked it to.
        public static let memberEnded = Kind(rawValue: "memberEnded")
        /// A member threw an error.
        public static let memberFailed = Kind(rawValue: "memberFailed")
        /// A member threw, or was not ready in time, while the plan started.
        public static let startFailure = Kind(rawValue: "startFailure")
        /// The lifecycle around this one began to stop.
        public static let parent = Kind(rawValue: "parent")
        /// The task that runs the lifecycle was cancelled, which is a stop without grace.
        public static let cancelled = Kind(rawValue: "cancelled")
        /// Nobody knows.
        public static let unknown = Kind(rawValue: "unknown")
    }

    /// The kind of event.
    public let kind: Kind
    /// The signal's, caller's or member's own words: `SIGTERM`, `member "web" ended`.
    public let detail: String
    /// The process that sent the signal, where the kernel tells.
    ///
    /// 0 means a process outside this PID namespace, or the kernel.
    public let pid: Int32?
    /// The user that sent the signal, where the kernel tells.
    public let uid: UInt32?

    /// Creates a cause; one without words says `unknown`.
    public init(kind: Kind, detail: String, pid: Int32? = nil, uid: UInt32? = nil) {
        self.kind = kind
        self.detail = detail.isEmpty ? "unknown" : detail
        self.pid = pid
        self.uid = uid
    }

    /// A stop whose reason nobody gave.
    public static let unknown = ShutdownCause(kind: .unknown, detail: "unknown")

    /// The cause in words: `SIGTERM from pid 1 (uid 0)`.
    public var description: String {
        guard let pid else { return detail }
        let sender = pid == 0 ? "the kernel or another PID namespace" : "pid \(pid)"
        return uid.map { "\(detail) from \(sender) (uid \($0))" } ?? "\(detail) from \(sender)"
    }
}
