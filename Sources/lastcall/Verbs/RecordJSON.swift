import FoundationEssentials
import LastCall
import LastCallWork

/// A job for programs; keys may be added, never changed.
struct RecordJSON: Encodable {
    /// How far a job says it is.
    struct Progress: Encodable {
        let fraction: Double?
        let message: String?
    }

    let id: Int64
    let task: String
    let queue: String
    let priority: Int
    let state: String
    let reason: String?
    let detail: String?
    let attempt: Int
    let attemptsMax: Int
    let losses: Int
    let evictions: Int
    let epoch: Int64
    let key: String?
    let lane: String?
    let workflow: Int64
    let group: Int64?
    let member: Int?
    let after: Int64?
    let worker: String?
    let cancelRequested: Bool
    let progress: Progress?
    let lines: Int
    let acceptedAt: String
    let dueAt: String?
    let startedAt: String?
    let finishedAt: String?

    init(_ record: WorkRecord) {
        id = record.id.rawValue
        task = record.kind
        queue = record.queue
        priority = record.priority
        state = "\(record.state)"
        reason = record.reason?.rawValue
        detail = record.detail
        attempt = record.attempt
        attemptsMax = record.attemptsMax
        losses = record.losses
        evictions = record.evictions
        epoch = record.epoch
        key = record.key
        lane = record.lane
        workflow = record.workflow.rawValue
        group = record.node?.rawValue
        member = record.node == nil ? nil : record.member
        after = record.waitsForRecord?.rawValue
        worker = record.worker
        cancelRequested = record.cancelRequested
        progress = record.progress.map { Progress(fraction: $0.fraction, message: $0.message) }
        lines = record.lineCount
        acceptedAt = record.acceptedAt.rfc3339
        dueAt = record.dueAt?.rfc3339
        startedAt = record.startedAt?.rfc3339
        finishedAt = record.finishedAt?.rfc3339
    }
}

/// What verbs print for programs: one object, with sorted keys.
enum JSONText {
    /// The object's text.
    static func encode(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            preconditionFailure("texts and finite numbers can be encoded: \(error)")
        }
    }
}
