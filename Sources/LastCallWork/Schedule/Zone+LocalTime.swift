// Local times are seconds since 1970-01-01T00:00 on the zone's own clocks, read as if these showed UTC.
extension Zone {
    /// How far clocks can be set back at most, in seconds.
    private static let overlapMax = ZoneSpan.offsets.upperBound - ZoneSpan.offsets.lowerBound

    /// The first second, since 1970 in UTC, at which a local time was reached: its clocks show it or were set beyond it.
    ///
    /// Of a local time that comes twice it is the first; of one that a gap skips it is the first second after the gap.
    func firstSecond(reaching local: Int64) -> Int64 {
        // No clock reaches it before.
        var span = span(at: local - ZoneSpan.offsets.upperBound)
        while local - span.offset >= span.end { span = self.span(at: span.end) }
        return max(span.start, local - span.offset)
    }

    /// The first local time that was not reached at a second, or before it.
    ///
    /// It is the local time plus one second, except where clocks were set back: then it is where they were set back.
    func firstUnreached(at seconds: Int64) -> Int64 {
        let span = span(at: seconds)
        var unreached = span.local(at: seconds) + 1
        var start = span.start
        while start > seconds - Self.overlapMax {
            let before = self.span(at: start - 1)
            unreached = max(unreached, before.local(at: start))
            start = before.start
        }
        return unreached
    }
}
