import LastCall
import LastCallWork

/// A job in the words that all verbs use for it.
struct RecordText: Sendable {
    /// The job.
    let record: WorkRecord
    /// The time on the store's clock.
    let now: WorkInstant

    /// Its state and why: `partial (eviction)`.
    var state: String { record.reason.map { "\(record.state) (\($0))" } ?? "\(record.state)" }

    /// How long it has been where it is: running for, ended before, waiting since.
    var age: String {
        switch record.state {
        case .running, .stopping: record.startedAt.map { "for \(AgeText.format(now - $0))" } ?? ""
        case .succeeded, .partial, .failed, .cancelled, .dead:
            record.finishedAt.map { "\(AgeText.format(now - $0)) ago" } ?? ""
        case .scheduled where record.dueAt.map({ $0 > now }) ?? false:
            record.dueAt.map { "in \(AgeText.format($0 - now))" } ?? ""
        case .blocked, .scheduled, .ready: "since \(AgeText.format(now - record.acceptedAt))"
        }
    }

    /// How far it is: `40% fetching`.
    var progress: String {
        guard let progress = record.progress, record.state.isHeld else { return "" }
        let share = progress.fraction.map { "\(Int($0 * 100))%" }
        return [share, progress.message].compactMap(\.self).joined(separator: " ")
    }

    /// A table of jobs.
    static func table(_ records: [WorkRecord], now: WorkInstant) -> TextTable {
        var table = TextTable([
            .figures("id"), .words("task"), .words("state"), .words("queue"), .words("when"), .words("worker"),
            .words("detail"),
        ])
        for record in records {
            let text = RecordText(record: record, now: now)
            let detail = record.state.isHeld ? text.progress : record.detail ?? ""
            table.rows.append([
                "\(record.id)", record.kind, text.state, record.queue, text.age,
                record.state.isHeld ? record.worker ?? "" : "", detail.count > 60 ? detail.prefix(59) + "…" : detail,
            ])
        }
        return table
    }
}
