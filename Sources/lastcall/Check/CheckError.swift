/// Why a file or a plan could not be read or understood: where, what is wrong, and what to write instead.
struct CheckError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure.
    enum Code: String, Sendable, Codable {
        /// The file could not be opened or read.
        case unreadable
        /// The file's contents are not what its format allows.
        case malformed
        /// The file is well formed, but there is nothing in it to check.
        case nothingToCheck
        /// A value is not one that its key allows.
        case invalidValue
    }

    /// The kind of failure.
    var code: Code
    /// The file as it was named on the command line.
    var file: String
    /// The line, counted from 1, where it is known.
    var line: Int?
    /// The key whose value is wrong, where it is about one.
    var key: String?
    /// The value as it is written, where it is about one.
    var value: String?
    /// What is wrong, and what to do about it.
    var message: String
    /// The names under which `--service` could have asked for what this is about; empty where it concerns the whole file.
    var serviceNames: [String] = []

    /// `compose.yml:7: services.web.stop_grace_period: "5x" is not a duration; write 30s`.
    var description: String {
        var text = file
        if let line { text += ":\(line)" }
        text += ": "
        if let key { text += "\(key): " }
        if let value { text += "\"\(value)\" " }
        return text + message
    }
}
