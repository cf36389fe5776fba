import LastCallWork

/// What came of a submission.
struct Submitted: Sendable {
    /// The jobs, in the order in which they are written.
    let ids: [WorkID]
    /// The jobs whose end is the end of it all: a callback, the last ones of a chain, or all.
    let last: [WorkID]
    /// Whether a job was there already, under the same key.
    let hasDuplicate: Bool
    /// The first job of the workflow, where it is one.
    let workflow: WorkID?

    /// Submits what was asked for: all of it is accepted, or nothing.
    init(_ request: SubmitRequest, _ drafting: JobDrafting, _ work: WorkClient) async throws {
        var drafts = request.elements.compactMap(drafting.draft)
        let notification = request.notify.map { Notification.draft($0, of: request.elements.first?.title ?? "work") }
        if drafts.count == request.elements.count {
            if let notification, !drafts.isEmpty { drafts[0].followers.append(notification) }
            let enqueued = try await work.enqueue(drafts)
            ids = enqueued.map(\.id)
            last = ids
            hasDuplicate = enqueued.contains(where: \.isDuplicate)
            workflow = nil
            return
        }
        guard let element = request.elements.first, request.elements.count == 1 else {
            preconditionFailure("a request is single jobs or one workflow")
        }
        let flow = drafting.workflow(element)
        guard let notification else {
            ids = try await work.submit(flow)
            last = element.lastJobs.map { [ids] in ids[$0] }
            hasDuplicate = false
            workflow = ids.first
            return
        }
        // What tells of the end waits for all of it, whatever becomes of it, and is none of its jobs.
        let all = try await work.submit(.group([flow], then: Workflow.record(notification), policy: .always))
        ids = all.dropLast()
        last = element.lastJobs.map { [ids] in ids[$0] }
        hasDuplicate = false
        workflow = ids.first
    }

    /// What `--json` prints; keys may be added, never changed.
    struct JSON: Encodable {
        let version = 1
        let ids: [Int64]
        let last: [Int64]
        let workflow: Int64?
        let duplicate: Bool
        /// With `--wait`: how it ended.
        let outcome: String?
        /// With `--wait`: the last jobs as they ended.
        let jobs: [RecordJSON]?
        /// With `--wait`: what the last job wrote.
        let output: [String]?

        private enum CodingKeys: CodingKey {
            case version, ids, last, workflow, duplicate, outcome, jobs, output
        }
    }

    /// The submission for programs.
    func json(outcome: String? = nil, jobs: [WorkRecord]? = nil, output: [WorkLine]? = nil) -> JSON {
        JSON(
            ids: ids.map(\.rawValue), last: last.map(\.rawValue), workflow: workflow?.rawValue, duplicate: hasDuplicate,
            outcome: outcome, jobs: jobs?.map(RecordJSON.init),
            output: output?.filter { $0.source == .output }.map(\.text))
    }
}
