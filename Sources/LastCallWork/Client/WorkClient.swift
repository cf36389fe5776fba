import LastCall
import Tracing

/// Enqueues jobs, and looks after them: what a program needs that does not run them itself.
///
/// ```swift
/// let work = WorkClient(store)
/// try await work.enqueue(Hash(path: "a.iso"), key: "a.iso", delay: .seconds(5))
/// try await work.submit(.group([Hash(path: "a"), Hash(path: "b")], then: Summarise()))
/// ```
///
/// What was accepted is as durable as the store when the call returns.
public struct WorkClient: Sendable {
    /// Where the jobs are.
    public let store: any WorkStore

    /// Creates a client.
    public init(_ store: any WorkStore) { self.store = store }

    /// What became of a job that was enqueued.
    public struct Enqueued: Sendable, Hashable {
        /// Its identity.
        public let id: WorkID
        /// Whether it was there already, under the same key.
        public let isDuplicate: Bool
    }

    /// The trace context of the calling task, for the records that it enqueues.
    private var encoder: JobEncoder {
        guard let context = ServiceContext.current else { return JobEncoder() }
        var trace: [String: String] = [:]
        InstrumentationSystem.instrument.inject(context, into: &trace, using: TraceFields())
        return JobEncoder(trace: trace)
    }

    // MARK: enqueueing

    /// Enqueues a job.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - key: What there may be only one of: where an unfinished job of this type has the key, that one is returned.
    ///   - delay: How long it waits before it may run.
    ///   - options: What else differs from the job's own defaults.
    /// - Throws: ``WorkError``; what encoding the job throws.
    @discardableResult
    public func enqueue(
        _ job: some Job, key: String? = nil, delay: Duration? = nil, options: EnqueueOptions = EnqueueOptions()
    ) async throws -> Enqueued {
        var options = options
        if let key { options.key = UniqueKey(key) }
        options.delay = delay ?? options.delay
        return try await accept([Submission(try encoder.draft(job, options))])[0]
    }

    /// Enqueues many jobs in one transaction: all of them are accepted, or none.
    @discardableResult
    public func enqueue(
        _ jobs: [any Job], options: EnqueueOptions = EnqueueOptions()
    ) async throws -> [Enqueued] {
        let encoder = encoder
        func draft(_ job: some Job) throws -> Submission { Submission(try encoder.draft(job, options)) }
        return try await accept(try jobs.map { try draft($0) })
    }

    /// Enqueues a job by its name, for programs that do not have its type.
    @discardableResult
    public func enqueue(_ draft: RecordDraft) async throws -> Enqueued {
        var draft = draft
        if draft.trace.isEmpty { draft.trace = encoder.trace }
        return try await accept([Submission(draft)])[0]
    }

    /// Enqueues many jobs by their names in one transaction: all of them are accepted, or none.
    @discardableResult
    public func enqueue(_ drafts: [RecordDraft]) async throws -> [Enqueued] {
        let trace = encoder.trace
        return try await accept(
            drafts.map { draft in
                var draft = draft
                if draft.trace.isEmpty { draft.trace = trace }
                return Submission(draft)
            })
    }

    private func accept(_ submissions: [Submission]) async throws -> [Enqueued] {
        guard !submissions.isEmpty else { return [] }
        return try await store.accept(submissions).map { Enqueued(id: $0.ids[0], isDuplicate: $0.isDuplicate) }
    }

    /// Submits a workflow: all of it is accepted, or nothing.
    ///
    /// - Returns: The ids of its jobs, in the order in which they are written in the workflow; the first names the workflow.
    @discardableResult
    public func submit(_ workflow: Workflow) async throws -> [WorkID] {
        let submission = try WorkflowFlattening.flatten(workflow, with: encoder)
        return try await store.accept([submission])[0].ids
    }

    // MARK: acting

    /// Cancels jobs: what waits is cancelled at once, what runs is told.
    @discardableResult
    public func cancel(_ ids: [WorkID]) async throws -> WorkActionResult { try await store.perform(.cancel(ids)) }

    /// Cancels all jobs of a workflow that are not over.
    @discardableResult
    public func cancelWorkflow(_ id: WorkID) async throws -> WorkActionResult {
        try await store.perform(.cancelWorkflow(id))
    }

    /// Lets jobs that are over run again, with all their attempts.
    ///
    /// A group that counted them is not told again.
    @discardableResult
    public func retry(_ ids: [WorkID]) async throws -> WorkActionResult { try await store.perform(.retry(ids)) }

    /// Lets jobs that were given up run again: dead ones, and failed ones where asked.
    ///
    /// - Parameters:
    ///   - kinds: Only jobs of these names; `nil` is all.
    ///   - includesFailed: Whether jobs that failed for good are replayed too.
    ///   - limit: The most to replay.
    @discardableResult
    public func replay(
        kinds: Set<String>? = nil, includesFailed: Bool = false, limit: Int = 1000
    ) async throws -> WorkActionResult {
        let states: Set<WorkState> = includesFailed ? [.dead, .failed] : [.dead]
        let records = try await store.records(WorkQuery(states: states, kinds: kinds, limit: limit))
        return try await retry(records.map(\.id))
    }

    /// Claims nothing from a queue until it is resumed; what runs goes on.
    public func pause(queue: String) async throws { _ = try await store.perform(.pause(queue: queue)) }

    /// Claims from a queue again.
    public func resume(queue: String) async throws { _ = try await store.perform(.resume(queue: queue)) }

    // MARK: looking

    /// A job.
    ///
    /// - Throws: ``WorkError/Code/notFound``.
    public func record(_ id: WorkID) async throws -> WorkRecord {
        guard let record = try await store.records(WorkQuery(ids: [id])).first else {
            throw WorkError(
                .notFound, "there is no job \(id) in \(store.traits.name); what was over for long enough is forgotten")
        }
        return record
    }

    /// Waits until a job is over.
    ///
    /// - Parameters:
    ///   - id: The job.
    ///   - onChange: Called with the job whenever something was seen to change.
    /// - Returns: The job as it ended.
    /// - Throws: ``WorkError/Code/notFound``; `CancellationError` when the task is cancelled first; ``WorkError/Code/closed``.
    @discardableResult
    public func wait(
        for id: WorkID, onChange: (@Sendable (WorkRecord) async -> Void)? = nil
    ) async throws -> WorkRecord {
        let changes = store.changes()
        while true {
            let record = try await record(id)
            await onChange?(record)
            if record.state.isTerminal { return record }
            guard await changes.next() != nil else {
                try Task.checkCancellation()
                throw WorkError(.closed, "the store was closed while job \(id) was waited for")
            }
        }
    }

    /// Waits for a job and returns what it came to; `nil` where it came to nothing.
    ///
    /// - Throws: ``WorkError/Code/wrongState`` where it ended neither well nor partial; what ``wait(for:onChange:)`` throws.
    public func result<Work: Job>(of id: WorkID, as type: Work.Type) async throws -> Work.Output? {
        let record = try await wait(for: id)
        guard record.state.countsAsDone else {
            throw WorkError(
                .wrongState, "job \(id) ended as \(record.state): \(record.detail ?? "no reason was given")")
        }
        return try record.result(of: type)
    }

    /// Everything that a job wrote and that belongs to its result, at most so many lines.
    public func resultLines(of id: WorkID, linesMax: Int = 100_000) async throws -> [WorkLine] {
        var position = OutputPosition(
            epoch: try await store.output(of: id, from: .start, linesMax: 0).resultFrom, line: 0)
        var lines: [WorkLine] = []
        while lines.count < linesMax {
            let page = try await store.output(of: id, from: position, linesMax: min(10_000, linesMax - lines.count))
            lines += page.lines
            position = page.next
            guard page.hasMore else { break }
        }
        return lines
    }
}
