/// Why a text is not YAML that we read, and where.
struct YAMLError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure.
    enum Code: String, Sendable {
        /// The text breaks YAML's grammar.
        case syntax
        /// A key occurs twice in one mapping, or is not text.
        case key
        /// An alias names nothing, or itself, or a merge key merges something that is not a mapping.
        case alias
        /// The document is too deep or, with its aliases written out, too large.
        case limit
    }

    /// The kind of failure.
    let code: Code
    /// The line it was found on, counted from 1.
    let line: Int
    /// What is wrong and what to do about it.
    let message: String

    var description: String { "line \(line): \(message)" }
}
