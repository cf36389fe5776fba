/// What went wrong, what it was about, and what to do next.
///
/// Every error that this module throws of itself is one of these. Errors of your own members are passed on as they are,
/// in ``underlying`` where they were wrapped.
public struct LastCallError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    ///
    /// Compare with the static members; new ones may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name, as it appears in logs.
        public let description: String

        /// The plan cannot be built: names repeat, a stage is empty, a budget is not positive.
        public static let invalidPlan = Code(description: "invalidPlan")
        /// The budgets do not fit the stated grace period.
        ///
        /// The message holds the arithmetic.
        public static let planDoesNotFit = Code(description: "planDoesNotFit")
        /// A configuration value could not be read.
        ///
        /// The message names the key, the value and the allowed range.
        public static let invalidConfiguration = Code(description: "invalidConfiguration")
        /// A member did not become ready within the start timeout.
        public static let startTimedOut = Code(description: "startTimedOut")
        /// A lifecycle was run twice.
        public static let alreadyRun = Code(description: "alreadyRun")
        /// The stop was not clean.
        ///
        /// The message says what was cut, abandoned or failed.
        public static let stopNotClean = Code(description: "stopNotClean")
        /// The gate is closed: no new work is taken.
        public static let closed = Code(description: "closed")
        /// Background work was started before the ``BackgroundTasks`` member ran.
        public static let notRunning = Code(description: "notRunning")
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
