import FoundationEssentials
import LastCallHTTP
import LastCallWork

/// What `/health` says of the bot; destinations are counted and not named.
enum Health {
    /// The entries.
    static func providers(outbox: Outbox, scheduler: Scheduler, archive: Archive) -> [HealthProvider] {
        [
            HealthProvider("outbox") { report(try await outbox.status()) },
            HealthProvider("poll") {
                let known = try await archive.known()
                return report(scheduler.status.first { $0.name == Scout.pollName }, known)
            },
        ]
    }

    /// The queue.
    static func report(_ status: Outbox.Status) -> [String: HealthValue] {
        let isOpen = status.openBreakers.contains(Alert.transport)
        return [
            "depth": .integer(status.waiting), "inFlight": .integer(status.inFlight),
            "utilisation": .number(status.utilisation), "breaker": .text(isOpen ? "open" : "closed"),
            "openLanes": .integer(status.openBreakers.count { $0 != Alert.transport }),
            "delivered": .integer(status.delivered), "deadLettered": .integer(status.deadLettered),
            "lastError": status.lastFailure.map { .text($0) } ?? .none,
        ]
    }

    /// The poll.
    static func report(_ status: Scheduler.Status?, _ known: Known) -> [String: HealthValue] {
        [
            "last": time(status?.lastRun), "next": time(status?.nextAt), "papers": .integer(known.papers),
            "trouble": known.trouble.map { .text($0) } ?? .none,
            "lastError": status?.lastFailure.map { .text($0) } ?? .none,
        ]
    }

    /// An instant as RFC 3339 writes it.
    private static func time(_ instant: WorkInstant?) -> HealthValue {
        guard let instant else { return .none }
        return .text(Date(timeIntervalSince1970: Double(instant.rawValue) / 1000).formatted(.iso8601))
    }
}
