/// What is wrong with a configuration, a workflow file or the arguments of a task: where, what, and what to write instead.
struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure.
    enum Code: String, Sendable, Codable {
        /// No file was found, or it could not be opened or read.
        case unreadable
        /// The file is not YAML that we read, or a value has another shape than its key asks for.
        case malformed
        /// A key that nobody reads.
        case unknownKey
        /// A key or an argument without which it does not work.
        case missing
        /// A value is not one that its key allows.
        case invalidValue
        /// A name that stands for nothing: a task, or an argument that the task does not take.
        case unknownName
    }

    /// The kind of failure.
    var code: Code
    /// The file as it was named, where it is about one.
    var file: String?
    /// The line, counted from 1, where it is known.
    var line: Int?
    /// The path of the key, such as `tasks.hash.timeout`.
    var key: String?
    /// The value as it is written.
    var value: String?
    /// What is wrong, what is allowed and what to do about it, to be read after ``value``.
    var message: String

    /// The most characters of a value that are shown.
    static let valueLengthMax = 80

    /// `lastcall.yml:7: tasks.hash.timeout: "5x" is not a duration; write one above 0s, such as 30s`.
    var description: String {
        var text = ""
        if let file { text += line.map { "\(file):\($0): " } ?? "\(file): " }
        if let key { text += "\(key): " }
        if let value {
            text += value.count > Self.valueLengthMax ? "\"\(value.prefix(Self.valueLengthMax))…\" " : "\"\(value)\" "
        }
        return text + message
    }
}

extension ConfigurationError {
    /// A file that could not be read, as the reader of files says it.
    init(_ error: CheckError) {
        self.init(
            code: error.code == .unreadable ? .unreadable : .malformed, file: error.file, line: error.line,
            key: error.key, value: error.value, message: error.message)
    }
}

/// Everything that is wrong with one file or one set of arguments, in the order of the lines.
struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// The errors; at least one.
    let errors: [ConfigurationError]
    /// How many more there are; see ``ConfigurationProblems/errorsMax``.
    var omitted = 0

    /// One line an error.
    var description: String {
        let lines = errors.map(\.description)
        return (omitted == 0 ? lines : lines + ["and \(omitted) more"]).joined(separator: "\n")
    }
}
