/// What went wrong with work, what it was about, and what to do next.
public struct WorkError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    ///
    /// Compare with the static members; new ones may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name, as it appears in logs.
        public let description: String

        /// Creates a code for a store that has failures of its own.
        public init(description: String) { self.description = description }

        /// What was submitted cannot be accepted as it is.
        public static let invalidSubmission = Code(description: "invalidSubmission")
        /// A payload, a result, a checkpoint or a journal entry is larger than allowed.
        public static let tooLarge = Code(description: "tooLarge")
        /// A record in a workflow has the key of a record that is there already.
        public static let duplicateKey = Code(description: "duplicateKey")
        /// There is no such record.
        public static let notFound = Code(description: "notFound")
        /// The record is in a state in which this cannot be done.
        public static let wrongState = Code(description: "wrongState")
        /// A worker of this name is running already.
        public static let nameTaken = Code(description: "nameTaken")
        /// The writer no longer owns the record: somebody else claimed, cancelled or finished it.
        public static let overtaken = Code(description: "overtaken")
        /// The store was closed.
        public static let closed = Code(description: "closed")
        /// The store cannot be used: it is missing, locked, corrupt, read-only or newer than this program.
        public static let storeUnusable = Code(description: "storeUnusable")
        /// The store was deleted, moved or replaced while it was open; it does not come back.
        public static let storeGone = Code(description: "storeGone")
        /// The store has no room left.
        public static let storeFull = Code(description: "storeFull")
        /// A payload could not be read as the type that its handler takes.
        public static let unreadablePayload = Code(description: "unreadablePayload")
        /// As many messages wait for the destination as may; try again later, or let the policy drop the oldest.
        public static let laneFull = Code(description: "laneFull")
        /// The destination keeps failing and is left alone for a while; nothing new is taken for it until then.
        public static let breakerOpen = Code(description: "breakerOpen")
        /// Whoever was asked is stopping and takes nothing new.
        public static let stopping = Code(description: "stopping")
        /// A worker or a handler was set up in a way that cannot work.
        public static let invalidConfiguration = Code(description: "invalidConfiguration")
    }

    /// The kind of failure.
    public let code: Code
    /// One sentence on what happened and what to do about it.
    public let message: String
    /// The error that caused this one, where there is one.
    public let underlying: (any Error)?

    /// Creates an error.
    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// The message, followed by the underlying error.
    public var description: String {
        guard let underlying else { return message }
        return "\(message): \(underlying)"
    }
}
