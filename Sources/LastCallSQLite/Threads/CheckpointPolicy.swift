/// When the write-ahead log goes back into the file.
///
/// A passing checkpoint disturbs nobody, and does not reach the end of the log while somebody reads an older state or other
/// processes keep writing; the log then grows without end ("checkpoint starvation", sqlite.org/wal.html). So reads are short, and beyond a
/// size the writers are held up for a moment, until the log can begin anew.
struct CheckpointPolicy: Equatable {
    /// How thorough a checkpoint is.
    enum Kind: Equatable {
        /// Brings back what it can.
        case passing
        /// Holds up writers and waits for readers, for a bounded time.
        case restarting
    }

    /// At this many pages the log is brought back: 8 MiB.
    static let passingPages = 2_000
    /// While the log has not begun anew, the next try is this many pages later.
    static let againPages = 1_000
    /// At this many pages writers are held up for it: 64 MiB.
    static let restartingPages = 16_000
    /// How long readers are waited for then.
    static let patience = Duration.milliseconds(100)

    /// The next try.
    private var nextAt = passingPages
    /// The log's length at the last look.
    private var lastPages = 0

    /// What is due now, if anything.
    ///
    /// - Parameter pages: The log's length; a shorter one than before is a new log.
    mutating func due(atPages pages: Int) -> Kind? {
        if pages < lastPages { nextAt = Self.passingPages }
        lastPages = pages
        guard pages >= nextAt else { return nil }
        nextAt = pages + Self.againPages
        return pages >= Self.restartingPages ? .restarting : .passing
    }
}
