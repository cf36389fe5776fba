/// What is wrong with a time zone file, as the second half of a sentence about it.
struct ZoneDefect: Error, Sendable, Hashable {
    /// The words, such as `it ends too early`.
    let what: String

    /// Creates a defect.
    init(_ what: String) { self.what = what }
}
