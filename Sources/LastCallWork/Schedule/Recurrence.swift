import LastCall

/// When something is due again and again.
public enum Recurrence: Sendable, Hashable, CustomStringConvertible {
    /// Every so often, at whole multiples of that time since 1970-01-01T00:00:00Z, so that all processes mean the same instants; at least 1 s.
    case every(Duration)
    /// As a cron expression says.
    case cron(Cron)

    /// The shortest time between two ticks.
    static let shortest = Duration.seconds(1)

    /// The first instant after another one at which it is due.
    public func next(after instant: WorkInstant) -> WorkInstant? {
        switch self {
        case .every(let interval):
            let step = interval.wholeMilliseconds
            guard step > 0 else { return nil }
            let last = instant.rawValue.dividedDown(by: step).quotient * step
            let (next, overflows) = last.addingReportingOverflow(step)
            return overflows ? nil : WorkInstant(rawValue: next)
        case .cron(let cron): return cron.next(after: instant)
        }
    }

    /// The last instants in a span at which it is due, the latest last.
    ///
    /// - Parameters:
    ///   - start: Later than this.
    ///   - end: This one at the latest.
    ///   - countMax: The most to return.
    func last(after start: WorkInstant, upTo end: WorkInstant, countMax: Int) -> [WorkInstant] {
        guard start < end, countMax > 0 else { return [] }
        // A span may hold millions; it is looked through from its end, in growing pieces.
        var span = Duration.seconds(3600)
        while true {
            let from = max(start, end - span)
            var found: [WorkInstant] = []
            var next = next(after: from)
            while let instant = next, instant <= end {
                found.append(instant)
                if found.count > 2 * countMax { found.removeFirst(countMax) }
                next = self.next(after: instant)
            }
            if found.count >= countMax || from == start { return found.suffix(countMax) }
            span *= 24
        }
    }

    /// The recurrence as it would be written.
    public var description: String {
        switch self {
        case .every(let interval): "every \(DurationText.format(interval))"
        case .cron(let cron): cron.zone == .utc ? cron.text : "\(cron.text) (\(cron.zone))"
        }
    }
}

extension WorkInstant {
    /// The instant that is `duration` earlier; never before what can be written.
    static func - (lhs: WorkInstant, rhs: Duration) -> WorkInstant {
        let (difference, overflows) = lhs.rawValue.subtractingReportingOverflow(rhs.wholeMilliseconds)
        return WorkInstant(rawValue: overflows ? .min : difference)
    }
}
