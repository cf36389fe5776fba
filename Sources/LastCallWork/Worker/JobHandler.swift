import LastCall

/// Runs the jobs of one name.
///
/// Most handlers are a ``Job`` type: `.job(Hash.self)`. One that is only known at run time is made from a closure.
public struct JobHandler: Sendable {
    /// The name of the jobs that it runs.
    public let name: String
    /// What being told to stop means to them.
    public var evictionPolicy: EvictionPolicy
    /// How often they are tried again, and after how long; how often is stored with the job when it is enqueued.
    public var retryPolicy: RetryPolicy
    /// How long one run may take, where the job's submitter did not say; `nil` is for ever.
    public var timeout: Duration?
    /// Whether it keeps to a job's timeout itself, as one that stops a program does.
    package var keepsTime = false
    /// Whether its worker writes a line for each end that somebody may want to know of; one that writes its own says no.
    package var logsEnds = true
    /// Runs one of them; returns its result in its own encoding.
    let run: @Sendable (JobContext) async throws -> [UInt8]?

    /// Creates a handler from a closure.
    ///
    /// - Parameters:
    ///   - name: The name of the jobs that it runs.
    ///   - evictionPolicy: What being told to stop means to them.
    ///   - retryPolicy: How often they are tried again, and after how long.
    ///   - timeout: How long one run may take; `nil` is for ever.
    ///   - run: Runs one of them. The payload is in ``JobContext/record``; it returns the result in its own encoding.
    public init(
        _ name: String, evictionPolicy: EvictionPolicy = .finish, retryPolicy: RetryPolicy = RetryPolicy(),
        timeout: Duration? = nil, run: @escaping @Sendable (JobContext) async throws -> [UInt8]?
    ) {
        self.name = name
        self.evictionPolicy = evictionPolicy
        self.retryPolicy = retryPolicy
        self.timeout = timeout
        self.run = run
    }

    /// The handler of a job type.
    public static func job<Work: Job>(_ type: Work.Type) -> JobHandler {
        JobHandler(
            Work.name, evictionPolicy: Work.evictionPolicy, retryPolicy: Work.retryPolicy, timeout: Work.timeout
        ) { context in
            let output = try await decode(type, context.record).run(context)
            return output is NoResult ? nil : try PayloadCoding.encode(output)
        }
    }

    /// The job that a record holds.
    private static func decode<Work: Job>(_ type: Work.Type, _ record: ClaimedRecord) throws -> Work {
        do {
            guard record.payloadVersion == Work.payloadVersion else {
                return try Work.upgrade(record.payload, from: record.payloadVersion)
            }
            return try PayloadCoding.decode(type, from: record.payload)
        } catch {
            // Another attempt reads the same bytes. What was wrong with them may quote them, so only the error's type is told.
            throw JobFailure(
                "the payload (version \(record.payloadVersion)) is not a \(Work.name) of version \(Work.payloadVersion): \(Swift.type(of: error)); teach \(Work.self).upgrade to read it and retry the job",
                isRetryable: false)
        }
    }
}
