/// The time that the platform grants between SIGTERM and SIGKILL, and how we know it.
public struct GracePeriod: Sendable, Hashable {
    /// Where the figure comes from, which decides what happens when a plan does not fit it.
    public enum Source: String, Sendable, Hashable, Codable {
        /// Somebody told us: code, flag, file or `LASTCALL_GRACE`. A plan that does not fit is refused.
        case stated
        /// The platform fixes it for everybody (Heroku 30 s, Cloud Run 10 s). Budgets are scaled to fit.
        case fixed
        /// The platform's default; it does not tell a process the real value. Budgets are scaled to fit.
        case assumed
    }

    /// The length of the grace period.
    ///
    /// Always positive.
    public let duration: Duration
    /// How we know.
    public let source: Source

    /// Creates a grace period.
    ///
    /// - Throws: ``LastCallError/Code/invalidConfiguration`` where `duration` is not positive.
    public init(_ duration: Duration, source: Source = .stated) throws(LastCallError) {
        guard duration > .zero else {
            throw LastCallError(
                .invalidConfiguration,
                "grace: \(DurationText.format(duration)) is not a grace period; write a positive duration such as 30s"
            )
        }
        self.duration = duration
        self.source = source
    }

    /// A grace period that is known to be positive.
    package init(unchecked duration: Duration, source: Source) {
        precondition(duration > .zero, "a grace period is positive")
        self.duration = duration
        self.source = source
    }
}
