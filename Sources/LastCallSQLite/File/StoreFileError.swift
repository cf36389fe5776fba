/// Why a file cannot be a store, and what to do about it; the file is as it was.
public struct StoreFileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure.
    ///
    /// Compare with the static members; new ones may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name, as it appears in logs.
        public let description: String

        /// The path is empty, leads through something that is no directory, or is a link to nothing.
        public static let badPath = Code(description: "badPath")
        /// The path is a directory or a device.
        public static let notAFile = Code(description: "notAFile")
        /// This user may not write to the file or to its directory, or the disk is mounted read-only.
        public static let notWritable = Code(description: "notWritable")
        /// The file is no SQLite database.
        public static let notADatabase = Code(description: "notADatabase")
        /// The file is a damaged SQLite database.
        public static let damaged = Code(description: "damaged")
        /// The file is a database of another program.
        public static let foreign = Code(description: "foreign")
        /// The file was written by a newer version.
        public static let newer = Code(description: "newer")
        /// Another program holds the file.
        public static let locked = Code(description: "locked")
        /// The file system does not hold what a store needs.
        public static let fileSystem = Code(description: "fileSystem")
        /// The file was deleted, moved or replaced while it was open.
        public static let gone = Code(description: "gone")
        /// The disk is full or has failed.
        public static let disk = Code(description: "disk")
    }

    /// The kind of failure.
    public let code: Code
    /// The file.
    public let path: String
    /// One sentence on what happened and what to do about it.
    public let message: String
    /// What SQLite said, if it was asked.
    public let underlying: SQLiteError?

    /// Creates an error.
    public init(_ code: Code, path: String, _ message: String, underlying: SQLiteError? = nil) {
        self.code = code
        self.path = path
        self.message = message
        self.underlying = underlying
    }

    /// The file and the message.
    public var description: String {
        "store \(path): \(message)" + (underlying.map { " (\($0.message), code \($0.extendedCode))" } ?? "")
    }

    /// What SQLite said, as something about a file.
    package static func about(_ path: String, _ error: SQLiteError) -> StoreFileError {
        let (code, message): (Code, String) =
            switch error.code {
            case 26: (.notADatabase, "The file is no SQLite database. Name another file, or move this one away.")
            case 11:
                (
                    .damaged,
                    "The file is damaged. Stop its users, keep a copy, and restore a backup or use `sqlite3 FILE .recover`."
                )
            case 5, 6:
                (.locked, "The file is locked by another program. End its transaction, or that program, and try again.")
            case 8, 14, 3, 23:
                (
                    .notWritable,
                    "The file or its directory may not be written. Check owner and mode, and whether the disk is mounted read-only."
                )
            case 13: (.disk, "The disk is full. Make room and try again.")
            default: (.disk, "SQLite failed. Look at the kernel's log and at the disk.")
            }
        return StoreFileError(code, path: path, message, underlying: error)
    }
}
