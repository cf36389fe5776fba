import LastCall
import LastCallConcurrency
public import Logging

public import struct LastCall.ShutdownCause

/// What a running job knows of itself, and what it can say.
public final class JobContext: Sendable {
    /// What is kept under the lock.
    struct State {
        /// Why its worker stops, once it was told.
        var eviction: ShutdownCause?
        /// Whether somebody cancelled it.
        var isCancelRequested = false
        /// Whether its time is over.
        var isTimedOut = false
        /// Whether it belongs to somebody else now, or was given up: what it says is dropped.
        var isOvertaken = false
        /// Why its result is partial, where it said so.
        var cut: (reason: WorkReason, detail: String)?
        /// How many bytes of lines wait to be written.
        var unwrittenBytes = 0
        /// Who waits for them to be written.
        var writers: [CheckedContinuation<Void, Never>] = []
        /// The steps that earlier runs journaled, once they were read.
        var journal: [String: [UInt8]]?
        /// What a later run goes on from.
        var checkpoint: [UInt8]?
        /// What its end will say of its lane and kind.
        var news: LaneNews?
    }

    /// How many bytes of lines may wait to be written before ``emit(_:source:)`` waits: 256 KiB.
    public static let unwrittenBytesMax = 256 << 10

    /// The record that is run.
    public let record: ClaimedRecord
    /// Logs with the job's id and name; never log a payload.
    public var logger: Logger {
        // Made when it is asked for: most jobs say nothing.
        var logger = baseLogger
        logger[metadataKey: "job"] = "\(record.id)"
        logger[metadataKey: "name"] = "\(record.kind)"
        return logger
    }
    /// What being told to stop means to this job.
    public let evictionPolicy: EvictionPolicy
    /// The instant at which the run times out; `nil` is never.
    public let deadline: ContinuousClock.Instant?

    private let baseLogger: Logger
    let store: any WorkStore
    let state: Mutex<State>
    private let told = Latch<ShutdownCause>()
    private let write: @Sendable (JobUpdate) -> Void

    init(
        record: ClaimedRecord, store: any WorkStore, evictionPolicy: EvictionPolicy, deadline: ContinuousClock.Instant?,
        logger: Logger, write: @escaping @Sendable (JobUpdate) -> Void
    ) {
        self.record = record
        self.store = store
        self.evictionPolicy = evictionPolicy
        self.deadline = deadline
        self.write = write
        baseLogger = logger
        state = Mutex(State(checkpoint: record.checkpoint))
    }

    /// The job's identity, the same in every run.
    public var id: WorkID { record.id }
    /// How often it runs, losses and evictions not counted; 1 the first time.
    public var attempt: Int { record.facts.attempt }
    /// The number that grows with every claim: systems that remember the highest one can refuse a late writer.
    public var token: FencingToken {
        FencingToken(incarnation: store.traits.incarnation, epoch: record.epoch)
    }

    // MARK: being stopped

    /// Whether the job's worker was told to stop.
    public var isEvicted: Bool { state.withLock { $0.eviction != nil } }
    /// Whether somebody cancelled the job.
    public var isCancelRequested: Bool { state.withLock { $0.isCancelRequested } }
    /// Whether the job's time is over.
    public var isTimedOut: Bool { state.withLock { $0.isTimedOut } }
    /// Whether the job is somebody else's now: whatever it still writes is void.
    public var isOvertaken: Bool { state.withLock { $0.isOvertaken } }

    /// Waits until the job's worker is told to stop; pushed, not polled.
    ///
    /// - Returns: Why.
    /// - Throws: `CancellationError` when the waiting task is cancelled first.
    @discardableResult
    public func evicted() async throws -> ShutdownCause { try await told.wait() }

    /// Says that what the job returns is not whole.
    ///
    /// After an eviction the job's ``EvictionPolicy`` decides what that means; otherwise the job ends as ``WorkState/partial``.
    public func cutShort(_ reason: WorkReason = .eviction, detail: String = "") {
        state.withLock { $0.cut = $0.cut ?? (reason, detail) }
    }

    /// Says what the job's end, should it come now, means to its lane and kind.
    package func note(_ news: LaneNews) { state.withLock { $0.news = news } }

    // MARK: saying something

    /// Writes a line of output, so that it is kept whatever happens.
    ///
    /// Returns at once; where ``unwrittenBytesMax`` bytes wait to be written, it waits for the store. A line that holds LFs becomes
    /// several.
    public func emit(_ line: String, source: WorkLine.Source = .output) async {
        await emit(OutputChunk([WorkLine(line, source: source)]))
    }

    /// Writes lines of output; see ``emit(_:source:)``.
    public func emit(_ lines: OutputChunk) async {
        guard !lines.isEmpty else { return }
        let size = lines.bytes.count
        let isFull = state.withLock { state in
            if !state.isOvertaken { state.unwrittenBytes += size }
            return state.unwrittenBytes > Self.unwrittenBytesMax
        }
        write(JobUpdate(claim: record.claim, output: lines))
        guard isFull else { return }
        await withCheckedContinuation { continuation in
            let waits = state.withLock { state in
                guard state.unwrittenBytes > Self.unwrittenBytesMax, !state.isOvertaken else { return false }
                state.writers.append(continuation)
                return true
            }
            if !waits { continuation.resume() }
        }
    }

    /// Says how far the job is.
    ///
    /// - Parameters:
    ///   - fraction: The share that is done, from 0 to 1, where it is known.
    ///   - message: What it is doing; people see it.
    public func progress(_ fraction: Double?, _ message: String? = nil) {
        let fraction = fraction.map { $0.isFinite ? min(max($0, 0), 1) : 0 }
        write(JobUpdate(claim: record.claim, progress: JobProgress(fraction: fraction, message: message)))
    }

    /// What an earlier run left to go on from, or this one.
    public var checkpoint: [UInt8]? { state.withLock { $0.checkpoint } }

    /// Remembers where a later run is to go on from.
    ///
    /// It is written with the next beat, and in any case with what becomes of the job.
    ///
    /// - Throws: ``WorkError/Code/tooLarge``.
    public func saveCheckpoint(_ bytes: [UInt8]) throws {
        let most = store.traits.payloadBytesMax
        guard bytes.count <= most else {
            throw WorkError(
                .tooLarge, "a checkpoint of \(bytes.count) bytes, at most \(most) are stored; store the data elsewhere")
        }
        state.withLock { $0.checkpoint = bytes }
        write(JobUpdate(claim: record.claim, checkpoint: bytes))
    }

    /// Names the process that does the work, so that whoever rescues the job can end it.
    public func runs(in process: ProcessIdentity) { write(JobUpdate(claim: record.claim, process: process)) }

    // MARK: what happens to it

    /// Its worker is told to stop, or a program of the job heard of that first.
    package func evict(_ cause: ShutdownCause) {
        state.withLock { $0.eviction = $0.eviction ?? cause }
        told.open(cause)
    }

    /// It is somebody else's now, or was given up.
    func overtake() {
        let writers = state.withLock { state in
            state.isOvertaken = true
            state.unwrittenBytes = 0
            defer { state.writers = [] }
            return state.writers
        }
        for writer in writers { writer.resume() }
    }

    /// So many bytes of its lines were written.
    func wrote(bytes: Int) {
        let writers = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.unwrittenBytes = max(0, state.unwrittenBytes - bytes)
            guard state.unwrittenBytes <= Self.unwrittenBytesMax else { return [] }
            defer { state.writers = [] }
            return state.writers
        }
        for writer in writers { writer.resume() }
    }
}
