/// Work that survives: a value that is stored when it is enqueued, and run by whichever worker claims it.
///
/// ```swift
/// struct Hash: Job {
///     static let name = "hash"
///     var path: String
///     func run(_ context: JobContext) async throws -> Digest { … }
/// }
/// ```
///
/// A job may run more than once: after a failure, an eviction or the death of its worker. ``JobContext``'s `step` remembers what must
/// not happen twice, and ``JobContext/token`` tells late writers apart.
public protocol Job: Codable, Sendable, WorkflowElement {
    /// What it comes to; `NoResult` where it comes to nothing.
    associatedtype Output: Codable & Sendable = NoResult

    /// The name under which it is stored.
    ///
    /// Choose it once: a worker that does not know the name leaves the job waiting.
    static var name: String { get }

    /// What holds for every job of this type unless it is enqueued otherwise.
    static var defaults: EnqueueOptions { get }

    /// What being told to stop means to it; ``EvictionPolicy/finish`` by default.
    static var evictionPolicy: EvictionPolicy { get }

    /// How often it is tried again, and after how long; five attempts by default.
    static var retryPolicy: RetryPolicy { get }

    /// How long one run may take; `nil` (the default) is for ever.
    static var timeout: Duration? { get }

    /// Which version of its encoding a job is stored in; 1 by default.
    static var payloadVersion: Int { get }

    /// Reads a job that was stored by an older version of the program.
    ///
    /// - Parameters:
    ///   - payload: The JSON that was stored.
    ///   - version: Its ``payloadVersion``, which is not today's.
    /// - Throws: Where it cannot be read; the job fails then, and its payload stays.
    static func upgrade(_ payload: [UInt8], from version: Int) throws -> Self

    /// Does the work.
    ///
    /// - Returns: What it came to. It is stored before the job counts as done.
    /// - Throws: Any error; the job is tried again by its ``retryPolicy``. ``JobFailure`` says it more exactly.
    func run(_ context: JobContext) async throws -> Output
}

/// What a job comes to that comes to nothing.
public struct NoResult: Codable, Sendable, Hashable {
    /// Nothing.
    public init() {}
}

extension Job {
    /// The defaults of ``EnqueueOptions``.
    public static var defaults: EnqueueOptions { EnqueueOptions() }
    /// It may finish.
    public static var evictionPolicy: EvictionPolicy { .finish }
    /// Five attempts.
    public static var retryPolicy: RetryPolicy { RetryPolicy() }
    /// No limit.
    public static var timeout: Duration? { nil }
    /// The first version.
    public static var payloadVersion: Int { 1 }
    /// A job of one.
    public var workflow: Workflow { .job(self) }

    /// Reads it as if it were today's, which is right where fields were only added as optionals.
    public static func upgrade(_ payload: [UInt8], from version: Int) throws -> Self {
        try PayloadCoding.decode(Self.self, from: payload)
    }
}

/// What can be said of one job when it is enqueued; what is `nil` is as the job's type says.
public struct EnqueueOptions: Sendable, Hashable {
    /// The queue it waits in; `default` by default.
    public var queue: String?
    /// Lower numbers run first, as with nice(1): −100 to 100, 0 by default.
    public var priority: Int?
    /// How long it waits before it may run.
    public var delay: Duration?
    /// What there may be only one of: while a job of the type with this key is there, enqueueing returns that one.
    public var key: UniqueKey?
    /// How often it may run; ``RetryPolicy/attemptsMax`` by default.
    public var attemptsMax: Int?
    /// After how many losses of its worker it is given up; 3 by default, `.max` is never.
    public var lossesMax: Int?
    /// What the death of its worker means; ``LossPolicy/requeue`` by default.
    public var onLost: LossPolicy?
    /// How long one run may take.
    public var timeout: Duration?
    /// The destination whose jobs run one after the other.
    public var lane: String?
    /// The record that has to end first.
    public var after: WorkID?
    /// Whether it runs however that record ends; otherwise it is cancelled where that one did not end well.
    public var runsAfterFailure: Bool?

    /// Creates options.
    public init(
        queue: String? = nil, priority: Int? = nil, delay: Duration? = nil, key: UniqueKey? = nil,
        attemptsMax: Int? = nil, lossesMax: Int? = nil, onLost: LossPolicy? = nil, timeout: Duration? = nil,
        lane: String? = nil, after: WorkID? = nil, runsAfterFailure: Bool? = nil
    ) {
        self.queue = queue
        self.priority = priority
        self.delay = delay
        self.key = key
        self.attemptsMax = attemptsMax
        self.lossesMax = lossesMax
        self.onLost = onLost
        self.timeout = timeout
        self.lane = lane
        self.after = after
        self.runsAfterFailure = runsAfterFailure
    }

    /// These options, and others where these say nothing.
    public func orElse(_ other: EnqueueOptions) -> EnqueueOptions {
        EnqueueOptions(
            queue: queue ?? other.queue, priority: priority ?? other.priority, delay: delay ?? other.delay,
            key: key ?? other.key, attemptsMax: attemptsMax ?? other.attemptsMax,
            lossesMax: lossesMax ?? other.lossesMax, onLost: onLost ?? other.onLost, timeout: timeout ?? other.timeout,
            lane: lane ?? other.lane, after: after ?? other.after,
            runsAfterFailure: runsAfterFailure ?? other.runsAfterFailure)
    }

    /// Writes them into a draft.
    public func apply(to draft: inout RecordDraft) {
        draft.queue = queue ?? draft.queue
        draft.priority = priority ?? draft.priority
        draft.delay = delay ?? draft.delay
        draft.key = key ?? draft.key
        draft.attemptsMax = attemptsMax ?? draft.attemptsMax
        if let lossesMax { draft.lossesMax = lossesMax == .max ? nil : lossesMax }
        draft.onLost = onLost ?? draft.onLost
        draft.timeout = timeout ?? draft.timeout
        draft.lane = lane ?? draft.lane
        draft.waitsForRecord = after ?? draft.waitsForRecord
        draft.runsAfterFailure = runsAfterFailure ?? draft.runsAfterFailure
    }
}

/// A failure that says more than an error: whether to try again, and when.
public struct JobFailure: Error, Sendable, CustomStringConvertible {
    /// What went wrong.
    public var message: String
    /// Whether another attempt could succeed.
    public var isRetryable: Bool
    /// How long to wait before it; by the retry policy where it is `nil`.
    public var retryAfter: Duration?

    /// Creates a failure.
    public init(_ message: String, isRetryable: Bool = true, retryAfter: Duration? = nil) {
        self.message = message
        self.isRetryable = isRetryable
        self.retryAfter = retryAfter
    }

    /// What went wrong.
    public var description: String { message }
}
