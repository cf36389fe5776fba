import LastCall
import LastCallWork

/// A message about the end of a job or of a workflow, which waits for that end in the outbox.
enum Notification {
    /// What the record holds.
    struct Payload: Codable {
        /// Who is told, and of which ends.
        let notify: NotifyDefinition
        /// What the message calls it.
        let title: String
    }

    /// What is sent to an endpoint of one's own; `text` alone to Slack.
    struct Body: Encodable {
        /// One sentence for people.
        let text: String
        /// The job, or the first one of the workflow.
        let job: Int64
        /// What it is called.
        let title: String
        /// How it ended.
        let outcome: String
        /// The jobs of a workflow by their ends, or the one job's end.
        let counts: [String: Int]
    }

    /// How much of an error is told.
    private static let detailLengthMax = 300

    /// The record: a message in its destination's lane, which takes its place there when what it tells of is over.
    static func draft(_ notify: NotifyDefinition, of title: String) -> RecordDraft {
        do {
            return try Outbox.draft(
                following: notify.through, to: notify.to,
                request: PayloadJSON.encode(Payload(notify: notify, title: title)))
        } catch {
            preconditionFailure("texts can be encoded: \(error)")
        }
    }

    /// What makes the message's body when it is sent: looks at how it ended; `nil` where nobody wants to know of that.
    static func composer(
        _ store: any WorkStore, _ transports: [String: TransportDefinition]
    ) -> @Sendable (JobContext, [UInt8]) async throws -> [UInt8]? {
        { context, request in
            let payload: Payload
            do { payload = try PayloadJSON.decode(Payload.self, from: request) } catch {
                throw JobFailure("the notification cannot be read; submit the job again", isRetryable: false)
            }
            let jobs = try await subjects(of: context, in: store)
            // What is over for so long that it was forgotten is told by nobody any more.
            guard let first = jobs.first else { return nil }
            let outcome = outcome(of: jobs.map(\.state))
            guard payload.notify.on.contains(outcome) else { return nil }
            let body = body(of: jobs, first, payload.title, outcome)
            let isSlack = transports[payload.notify.through]?.kind == .slack
            return isSlack ? PayloadJSON.encode(["text": body.text]) : PayloadJSON.encode(body)
        }
    }

    /// The job that it waited for, or the jobs of the workflow.
    private static func subjects(of context: JobContext, in store: any WorkStore) async throws -> [WorkRecord] {
        if let node = context.record.waitsForNode {
            // The last steps are what it waited for; how it went, all of them say.
            guard let last = try await store.members(of: node).first?.record else { return [] }
            return try await store.records(WorkQuery(workflow: last.workflow, limit: WorkflowFile.jobsMax))
        }
        let own = try await store.records(WorkQuery(ids: [context.id])).first
        guard let job = own?.waitsForRecord else { return [] }
        return try await store.records(WorkQuery(ids: [job]))
    }

    /// How several jobs ended together: failed where one failed, partial where one is partial.
    ///
    /// All were over. Whoever runs again did not end as somebody wanted.
    static func outcome(of states: [WorkState]) -> NotifyDefinition.Outcome {
        if states.contains(where: { !$0.countsAsDone }) { return .failed }
        return states.contains(.partial) ? .partial : .complete
    }

    /// The message's words.
    static func body(
        of jobs: [WorkRecord], _ first: WorkRecord, _ title: String, _ outcome: NotifyDefinition.Outcome
    ) -> Body {
        let counts = jobs.reduce(into: [String: Int]()) { $0["\($1.state)", default: 0] += 1 }
        var text: String
        if jobs.count == 1 {
            text =
                "\(title) \(words(for: first)) (job \(first.id)\(first.attempt > 1 ? ", \(first.attempt) attempts" : ""))"
        } else {
            let ends = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            text =
                "\(title) ended \(outcome.rawValue): \(ends) of \(jobs.count) jobs (the first is job \(first.workflow))"
        }
        let worst = jobs.first { $0.state.isTerminal && !$0.state.countsAsDone } ?? jobs.first { $0.state == .partial }
        if let worst, let detail = worst.detail, !detail.isEmpty {
            let line = detail.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
            text += jobs.count == 1 ? ": " : "; job \(worst.id) \(worst.kind): "
            text += line.count > detailLengthMax ? line.prefix(detailLengthMax) + "…" : line
        }
        return Body(text: text, job: first.id.rawValue, title: title, outcome: outcome.rawValue, counts: counts)
    }

    private static func words(for job: WorkRecord) -> String {
        switch job.state {
        case .succeeded: "is complete"
        case .partial: "ended partial"
        case .failed: "failed"
        case .dead: "was given up"
        case .cancelled: "was cancelled"
        case .blocked, .scheduled, .ready, .running, .stopping: "was over, and somebody lets it run again"
        }
    }
}
