import LastCall
import LastCallConcurrency
import Logging
import ServiceLifecycle
import Tracing

// The jobs: how one starts, and the one way in which it ends.
extension WorkerEngine {
    /// Starts a claimed job.
    func start(_ record: ClaimedRecord) {
        guard let handler = handlers[record.kind] else {
            // The store was asked for the kinds that are handled.
            preconditionFailure("start: claimed a job named \"\(record.kind)\", which nobody handles")
        }
        let timeout = record.timeout ?? handler.timeout
        let context = JobContext(
            record: record, store: store, evictionPolicy: handler.evictionPolicy,
            deadline: timeout.map { ContinuousClock.now + $0 }, logger: logger
        ) { [weak self] update in self?.wrote(update) }
        let job = RunningJob(context: context, handler: handler)
        let (isHeld, isCancelled, isStopping) = state.withLock { state in
            let isHeld = state.machine.isHeld(record.claim)
            if isHeld { state.running[record.claim] = job }
            let isCancelled = state.cancelledEarly.remove(record.claim) != nil
            return (isHeld, isCancelled, !state.machine.startsJobs)
        }
        // A beat may have found it to be somebody else's between its claim and this moment.
        guard isHeld else { return }
        // So may the stop have come, which told only what ran, and a cancellation.
        guard !isStopping else { return end(job, .unstarted, nil) }
        guard !isCancelled else { return end(job, .cancelled(detail: "cancelled on request"), nil) }
        // A job that never returns must not keep the worker from ending, so nothing waits for its task.
        job.attach(UnstructuredTask.start { [self] in await run(job, timeout: timeout) })
        guard let timeout, !handler.keepsTime else { return }
        job.attach(timer: UnstructuredTask.start { [self] in await watch(job, timeout: timeout) })
    }

    /// Runs a job's handler and settles what became of it.
    private func run(_ job: RunningJob, timeout: Duration?) async {
        let record = job.context.record
        metrics.started(record)
        let ending: JobEnding
        var result: [UInt8]?
        do {
            result = try await traced(record) { try await job.handler.run(job.context) }
            ending = job.context.endingAfterReturn
            let most = store.traits.payloadBytesMax
            if let size = result?.count, size > most {
                throw JobFailure(
                    "its result has \(size) bytes, at most \(most) are stored; store the data elsewhere",
                    isRetryable: false)
            }
        } catch {
            result = nil
            end(job, job.context.endingAfterError(error, retryPolicy: job.handler.retryPolicy, timeout: timeout), nil)
            return
        }
        end(job, ending, result)
    }

    /// A job that heard of the stop before its worker did is not to be claimed by this worker again.
    private func drainWith(_ job: RunningJob, _ ending: JobEnding) {
        guard case .evicted = ending, state.withLock({ $0.machine.phase == .working }) else { return }
        drain(job.context.state.withLock { $0.eviction } ?? .unknown)
    }

    /// Runs the body in a span that continues the trace of whoever submitted the job.
    private func traced(_ record: ClaimedRecord, _ body: () async throws -> [UInt8]?) async throws -> [UInt8]? {
        guard !record.trace.isEmpty else { return try await body() }
        var context = ServiceContext.topLevel
        InstrumentationSystem.instrument.extract(record.trace, into: &context, using: TraceFields())
        return try await withSpan("job \(record.kind)", context: context, ofKind: .consumer) { span in
            span.attributes["lastcall.job.id"] = record.id.description
            span.attributes["lastcall.job.attempt"] = record.facts.attempt
            return try await body()
        }
    }

    /// A job ended, or is ended: whoever comes first decides.
    func end(_ job: RunningJob, _ ending: JobEnding, _ result: [UInt8]?) {
        drainWith(job, ending)
        let record = job.context.record
        var facts = record.facts
        facts.hasCheckpoint = job.context.checkpoint != nil
        facts.cancelRequested = facts.cancelRequested || job.context.isCancelRequested
        var machine = RecordStateMachine(facts)
        guard let change = machine.ended(ending) else { preconditionFailure("end: a claimed job is held") }
        let settlement = Settlement(
            claim: record.claim, change: change, result: change.state.isTerminal ? result : nil,
            checkpoint: job.context.checkpoint, news: job.context.news(of: ending))
        guard state.withLock({ $0.machine.ended(settlement) }) else { return }
        job.end()
        metrics.ended(record, change, after: job.startedAt.duration(to: .now))
        if case .postponed(let detail, _) = ending {
            // It is the machine that somebody has to look at.
            logger.warning("job could not begin here", metadata: ["job": "\(record.id)", "reason": "\(detail)"])
        }
        if job.handler.logsEnds { log(record, change) }
        exchangeWake.raise(.ended)
    }

    /// One line for each end that somebody may want to know of; never a payload, never an error's own words.
    private func log(_ record: ClaimedRecord, _ change: RecordChange) {
        let level: Logger.Level =
            switch change.state {
            case .succeeded: .debug
            case .dead: .error
            case .failed: .warning
            case .scheduled, .partial, .cancelled, .ready, .blocked, .running, .stopping: .info
            }
        logger.log(
            level: level, "job \(change.state)",
            metadata: [
                "job": "\(record.id)", "name": "\(record.kind)", "attempt": "\(record.facts.attempt)",
                "reason": "\(change.reason?.rawValue ?? "none")",
            ])
    }

    /// Ends a job whose time is over; one that does not end then loses its place.
    private func watch(_ job: RunningJob, timeout: Duration) async {
        do { try await ContinuousClock().sleep(for: timeout) } catch { return }  // It ended.
        job.context.state.withLock { $0.isTimedOut = true }
        job.cancel()
        await leaveBehind(job, ignoring: "its timeout") { patience in
            let retryAfter = job.handler.retryPolicy.delay(
                afterFailures: job.context.record.facts.attempt, random: .random(in: 0...1))
            return .failed(detail: "timed out, and did not end within \(patience)", retryAfter: retryAfter)
        }
    }

    /// Ends a job that somebody cancelled; one that does not end then loses its place.
    func cancelOnRequest(_ job: RunningJob) {
        job.context.state.withLock { $0.isCancelRequested = true }
        job.cancel()
        // A program is killed after its own patience.
        guard !job.handler.keepsTime else { return }
        job.attach(
            timer: UnstructuredTask.start { [self] in
                await leaveBehind(job, ignoring: "that it was cancelled") { patience in
                    .cancelled(detail: "cancelled on request, and did not end within \(patience)")
                }
            })
    }

    /// Waits for a job that was told to end; one that does not loses its place, and what it says later is dropped.
    private func leaveBehind(
        _ job: RunningJob, ignoring what: String, as ending: (_ patience: String) -> JobEnding
    ) async {
        do { try await ContinuousClock().sleep(for: settings.abandonsAfter) } catch { return }  // It ended.
        job.context.logger.error("job ignores \(what) and is left behind; it still uses what it holds")
        end(job, ending(DurationText.format(settings.abandonsAfter)), nil)
        job.context.overtake()
    }

    /// A job wrote something.
    private func wrote(_ update: JobUpdate) {
        state.withLock { $0.machine.wrote(update) }
        beatWake.raise(.output)
    }
}

/// Reads and writes a trace context in a record.
struct TraceFields: Extractor, Injector {
    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }

    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
}
