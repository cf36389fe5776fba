/// When something is due again and again, in the five fields of crontab(5), on the clocks of a time zone.
///
/// ```swift
/// let cron = try Cron("*/15 9-17 * * MON-FRI", zone: Zone("Europe/Berlin"))
/// let next = cron.next(after: now)
/// ```
///
/// ## The fields
/// Minute (0–59), hour (0–23), day of month (1–31), month (1–12 or `JAN`–`DEC`) and day of week (0–7 or `SUN`–`SAT`, where 0
/// and 7 are Sunday), with spaces between. A field is `*`, a number or name, a range `a-b`, a step `*/n`, `a-b/n` or `a/n` (from
/// `a` to the field's end), or a list of these with commas. Case does not count. `@hourly`, `@daily`, `@midnight`, `@weekly`,
/// `@monthly`, `@yearly` and `@annually` are known too. Ranges do not go backwards; one of weekdays may end on Sunday.
///
/// A day has to match both day fields. Where neither begins with `*`, it is enough that it matches one of them:
/// `0 0 13 * FRI` is every 13th and every Friday.
///
/// ## When clocks are changed
/// Where the hour field holds **every hour**, the expression goes by what clocks show, each time that they show it: `0 * * * *`
/// comes twice in an hour that is repeated, and not at all in one that is skipped.
///
/// **Any other** expression comes once for each local time that it names:
/// - A local time that comes twice counts the first time only.
/// - Local times that a gap skips are due together, once, at the first instant after the gap; where that instant matches as
///   well, it is still once. `30 2 * * *` comes at 03:00 on the day on which clocks go from 02:00 to 03:00. The same is true
///   for a day that is skipped as a whole, as in `Pacific/Apia` on 2011-12-30.
///
/// It does not matter why an offset changes: daylight saving time and a new standard time are the same here.
public struct Cron: Sendable, Hashable, CustomStringConvertible {
    /// The expression as it was written.
    public let text: String
    /// The zone on whose clocks it is read.
    public let zone: Zone
    /// Which local times match.
    private let fields: CronFields

    /// How far ``next(after:)`` looks, in seconds: 50 years.
    private static let horizon = 50 * 366 * CivilDate.secondsPerDay

    /// Reads an expression.
    ///
    /// - Parameters:
    ///   - text: Five fields, or a word with an `@`.
    ///   - zone: The zone on whose clocks it is read.
    /// - Throws: ``WorkError/Code/invalidConfiguration`` where it is none, or never comes, such as on the 30th of February.
    public init(_ text: String, zone: Zone = .utc) throws(WorkError) {
        self.text = text
        self.zone = zone
        fields = try CronFields(text)
    }

    /// The first instant after another one at which it is due.
    ///
    /// - Returns: A whole second; `nil` only at the end of what a ``WorkInstant`` can say.
    public func next(after instant: WorkInstant) -> WorkInstant? {
        let seconds = instant.rawValue.dividedDown(by: 1000).quotient
        let next = fields.isEveryHour ? nextShown(after: seconds) : nextReached(after: seconds)
        guard let next else { return nil }
        let (milliseconds, overflows) = next.multipliedReportingOverflow(by: 1000)
        return overflows ? nil : WorkInstant(rawValue: milliseconds)
    }

    /// The first second after another one at which a local time that matches is reached for the first time, or skipped.
    private func nextReached(after seconds: Int64) -> Int64? {
        fields.first(from: zone.firstUnreached(at: seconds)).map(zone.firstSecond(reaching:))
    }

    /// The first second after another one at which clocks show a local time that matches.
    private func nextShown(after seconds: Int64) -> Int64? {
        var from = seconds + 1
        while from <= seconds + Self.horizon {
            let span = zone.span(at: from)
            guard let local = fields.first(from: span.local(at: from)) else { return nil }
            if local - span.offset < span.end { return local - span.offset }
            from = span.end
        }
        return nil
    }

    /// Whether two expressions name the same times on the same clocks; how they are written does not count.
    public static func == (lhs: Cron, rhs: Cron) -> Bool { lhs.fields == rhs.fields && lhs.zone == rhs.zone }

    /// Hashes what is compared.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(fields)
        hasher.combine(zone)
    }

    /// The expression as it was written.
    public var description: String { text }
}
