/// Why a worker's lock could not be had, and what to do about it.
public struct WorkerLockError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure.
    ///
    /// Compare with the static members; new ones may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name, as it appears in logs.
        public let description: String

        /// Another process holds the lock.
        public static let taken = Code(description: "taken")
        /// The name cannot be that of a worker.
        public static let badName = Code(description: "badName")
        /// The system refused.
        public static let systemRefused = Code(description: "systemRefused")
    }

    /// The kind of failure.
    public let code: Code
    /// The worker.
    public let name: String
    /// Who wrote its number into the lock's file last: shown, never trusted.
    public let holder: Int32?
    /// What the system said (errno(3)), where it refused.
    public let systemCode: Int32?
    /// One sentence on what happened and what to do about it.
    public let message: String

    /// Creates an error.
    public init(_ code: Code, name: String, holder: Int32? = nil, systemCode: Int32? = nil, _ message: String) {
        self.code = code
        self.systemCode = systemCode
        self.name = name
        self.holder = holder
        self.message = message
    }

    /// The worker and the message.
    public var description: String { "worker \"\(name)\": \(message)" }
}
