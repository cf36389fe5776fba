/// A command that can be submitted by name: what is run, and how it is treated.
struct TaskDefinition: Sendable, Hashable {
    /// What happens to a running job when its worker is told to stop.
    enum EvictionPolicy: String, CaseIterable, Sendable {
        /// It runs to its end where the time allows, else as ``finalize``.
        case finish
        /// It is stopped, and what it wrote is its partial result.
        case finalize
        /// It is stopped and runs again elsewhere from the beginning.
        case requeue
        /// It is stopped and goes on elsewhere from its checkpoint.
        case `continue`
    }

    /// What happens to a job whose worker died.
    enum LossPolicy: String, CaseIterable, Sendable {
        /// It runs again.
        case requeue
        /// What it had written is its partial result.
        case finalize
        /// It has failed.
        case fail
    }

    /// How long a retry waits.
    struct Backoff: Sendable, Hashable {
        /// The wait before the first retry.
        var base: Duration = .seconds(1)
        /// The longest wait; never below ``base``.
        var longest: Duration = .seconds(3600)
        /// How many times longer each wait is than the one before; at least 1.
        var factor: Double = 2
        /// The share, 0 to 1, by which a wait is made shorter at random, at most.
        var jitter: Double = 0.2
    }

    /// The name it is submitted by.
    let name: String
    /// The program and its arguments; at least the program.
    var command: [ArgumentTemplate] = []
    /// What it is for.
    var description: String?
    /// Values of arguments that may be left out.
    var defaults: [String: ArgumentValue] = [:]
    /// Variables beside the worker's own; `nil` removes one.
    var environment: [String: ArgumentTemplate?] = [:]
    /// The directory in which the program starts; absolute.
    var workingDirectory: String
    /// The queue its jobs wait in.
    var queue = "default"
    /// From -100 to 100; lower runs first.
    var priority = 0
    /// How long one run may take; `nil` is for ever.
    var timeout: Duration?
    /// How many bytes its process tree may hold; `nil` is no limit.
    var memoryBytes: Int?
    /// How many bytes it may write; `nil` is no limit.
    var outputBytes: Int?
    /// Exit codes that mean success; never empty.
    var okExitCodes: Set<Int32> = [0]
    /// How many retries follow the first attempt.
    var retries = 0
    /// How long they wait.
    var backoff = Backoff()
    /// What happens when its worker is told to stop.
    var onEviction = EvictionPolicy.finalize
    /// What happens when its worker died.
    var onLost = LossPolicy.requeue
    /// After how many lost workers it is given up; `nil` is no cap.
    var lossesMax: Int? = 3
    /// The time between SIGTERM and SIGKILL.
    var killAfter: Duration = .seconds(10)
    /// Who is told of the end of its jobs.
    var notify: NotifyDefinition?

    /// The task's name that `submit -- CMD` runs under.
    static let reservedName = "command"
    /// Variables that a worker sets for every job.
    static let reservedVariables: Set<String> = [
        "LASTCALL_JOB_ID", "LASTCALL_EPOCH", "LASTCALL_CHECKPOINT", "LASTCALL_COMMAND_ID",
    ]
    /// What a priority may be.
    static let priorityRange = -100...100
    /// What the number of retries may be.
    static let retriesRange = 0...1000
    /// The smallest memory limit: below it no program starts.
    static let memoryBytesMin = 1 << 20
}
