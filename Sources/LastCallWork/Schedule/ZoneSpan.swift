/// A stretch of time in which a zone's offset does not change.
///
/// Neighbours may have the same offset: a change of the abbreviation alone also ends a span.
struct ZoneSpan: Sendable, Hashable {
    /// Its first second, since 1970 in UTC; `Int64.min` where it has no beginning.
    var start: Int64
    /// The first second that is no longer in it; `Int64.max` where it has no end.
    var end: Int64
    /// The offset in seconds; east of UTC is positive.
    var offset: Int64

    /// The offsets that a file or a rule may have: more than -25 and less than 26 hours (RFC 8536, section 3.2).
    static let offsets: ClosedRange<Int64> = -89_999...93_599

    /// The time on local clocks at an instant of it, in seconds, read as if it were UTC.
    func local(at seconds: Int64) -> Int64 { seconds + offset }
}
