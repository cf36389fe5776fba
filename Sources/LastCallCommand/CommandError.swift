/// Why a command could not be started, and what to do about it.
public struct CommandError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure.
    ///
    /// Compare with the static members; new ones may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name, as it appears in logs.
        public let description: String

        /// There is no such program.
        public static let notFound = Code(description: "notFound")
        /// The file is there and cannot be run: no permission, not a program, a directory.
        public static let notExecutable = Code(description: "notExecutable")
        /// The working directory is missing, is not a directory, or may not be entered.
        public static let badWorkingDirectory = Code(description: "badWorkingDirectory")
        /// An argument, variable or path holds a NUL byte, which no program can be given, or a limit is not positive.
        public static let invalidCommand = Code(description: "invalidCommand")
        /// The system had no process, descriptor or memory left, or refused a step before the program was run.
        public static let systemRefused = Code(description: "systemRefused")
    }

    /// The kind of failure.
    public let code: Code
    /// One sentence on what happened and what to do about it.
    public let message: String
    /// The system's error number, or 0 where the system was not asked.
    public let errno: Int32

    /// Creates an error.
    public init(_ code: Code, _ message: String, errno: Int32 = 0) {
        self.code = code
        self.message = message
        self.errno = errno
    }

    /// The exit code that a shell would give: 127 where there is no such program, otherwise 126.
    public var shellCode: Int32 { code == .notFound ? 127 : 126 }

    /// The message.
    public var description: String { message }
}
