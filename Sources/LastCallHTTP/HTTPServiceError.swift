/// What went wrong with an HTTP service, and what to do next.
public struct HTTPServiceError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    ///
    /// Compare with the static members; new ones may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name, as it appears in logs.
        public let description: String

        /// Another process listens on the address.
        public static let addressInUse = Code(description: "addressInUse")
        /// The address cannot be listened on: an unknown host, a port that is not ours to take, a path that cannot be made.
        public static let cannotListen = Code(description: "cannotListen")
        /// No listening socket was passed to this process, or none that fits.
        public static let noInheritedSocket = Code(description: "noInheritedSocket")
        /// Certificate or key cannot be used.
        public static let invalidCertificate = Code(description: "invalidCertificate")
        /// The application is configured in a way that cannot be taken over.
        public static let invalidApplication = Code(description: "invalidApplication")
        /// A configuration value is out of its range.
        public static let invalidConfiguration = Code(description: "invalidConfiguration")
        /// A service ended before it accepted a connection.
        public static let notServing = Code(description: "notServing")
        /// A service was run twice.
        public static let alreadyRun = Code(description: "alreadyRun")
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
