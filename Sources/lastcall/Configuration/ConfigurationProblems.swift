/// Gathers what is wrong with a file while it is read, so that one look shows all of it.
///
/// A reader that finds a mistake adds it here and goes on with the default; the file's reading ends with ``check()``.
final class ConfigurationProblems {
    /// The file that errors name; `nil` for arguments from the command line.
    let file: String?
    /// What was found, in the order of reading.
    private var errors: [ConfigurationError] = []
    /// How many errors were found beyond the most that are kept.
    private var omitted = 0

    /// The most errors of a file that are kept; the others are counted.
    static let errorsMax = 100

    /// Begins without a problem.
    init(file: String?) { self.file = file }

    /// Adds an error; the file is put in where it names none.
    func add(_ error: ConfigurationError) {
        guard errors.count < Self.errorsMax else { return omitted += 1 }
        var error = error
        error.file = error.file ?? file
        errors.append(error)
    }

    /// Throws what was found, in the order of the lines.
    func check() throws(ConfigurationErrors) {
        guard !errors.isEmpty else { return }
        let sorted = errors.enumerated().sorted {
            ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset)
        }
        throw ConfigurationErrors(errors: sorted.map(\.element), omitted: omitted)
    }
}
