import LastCall

/// What can be wrong with an index, so that somebody should look at it.
enum IndexTrouble: Error, Sendable, Hashable, CustomStringConvertible {
    /// It cannot be read.
    case notJSON
    /// It is larger than the limit in bytes.
    case tooLarge(Int)
    /// It lists no papers.
    case empty
    /// It lists much less than before.
    case shrunk(from: Int, to: Int)
    /// Nothing of it came for so long; why, the last time.
    case silent(Duration, why: String)

    /// The kind, by which it is told only once.
    var kind: String {
        switch self {
        case .notJSON: "not JSON"
        case .tooLarge: "too large"
        case .empty: "empty"
        case .shrunk: "shrunk"
        case .silent: "silent"
        }
    }

    /// One sentence for people.
    var description: String {
        switch self {
        case .notJSON: "the index is not a JSON object of papers"
        case .tooLarge(let most): "the index is larger than \(most) bytes (INDEX_BYTES_MAX)"
        case .empty: "the index lists no papers"
        case .shrunk(let from, let to):
            "the index lists \(to) papers, and listed \(from) before (INDEX_SHRINK_MAX)"
        case .silent(let time, let why):
            "the index could not be had for \(DurationText.format(.seconds(time.components.seconds))): \(why)"
        }
    }
}
