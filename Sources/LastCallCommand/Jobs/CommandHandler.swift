import LastCall
public import LastCallWork

extension JobHandler {
    /// Runs a program for each job, so that it survives its worker: the lines that it writes are stored as they come, and an eviction, a
    /// limit or a loss becomes what the job's policies say.
    ///
    /// The program finds `LASTCALL_JOB_ID`, `LASTCALL_EPOCH` (its fencing token) and `LASTCALL_CHECKPOINT` in its environment: the last is a
    /// file that is stored with the job when it changes, and there again when the job goes on elsewhere; replace it whole
    /// (rename(2)), because it is read while the program runs. Where the job waited for a
    /// group, the group's members are on its standard input, one JSON object a line; see ``MemberLine``.
    ///
    /// | the program | the job |
    /// |---|---|
    /// | ends with one of its ``Command/okExitCodes`` | succeeded |
    /// | ends otherwise by itself | a failed attempt |
    /// | is stopped because its worker is | what its eviction policy says |
    /// | reaches a limit on time, memory or output | partial |
    /// | dies of a SIGKILL that was not ours | a loss; what its loss policy says |
    ///
    /// - Parameters:
    ///   - name: The name of the jobs.
    ///   - evictionPolicy: What being told to stop means; `finalize` by default.
    ///   - retryPolicy: How long to wait before another attempt.
    ///   - command: Makes the command of a job. An error that it throws fails the job for good.
    public static func command(
        _ name: String, evictionPolicy: EvictionPolicy = .finalize, retryPolicy: RetryPolicy = RetryPolicy(),
        _ command: @escaping @Sendable (JobContext) throws -> Command
    ) -> JobHandler {
        var handler = JobHandler(name, evictionPolicy: evictionPolicy, retryPolicy: retryPolicy) { context in
            try await CommandJob(context).run(command)
            return nil
        }
        handler.keepsTime = true
        return handler
    }
}

/// One run of a job's program.
struct CommandJob {
    /// The job.
    private let context: JobContext

    init(_ context: JobContext) { self.context = context }

    /// Runs the program to its end, and says what that means for the job.
    func run(_ make: @Sendable (JobContext) throws -> Command) async throws {
        var command: Command
        do {
            command = try make(context)
        } catch {
            throw JobFailure("\(error)", isRetryable: false)
        }
        let folder = try RunFolder(checkpoint: context.checkpoint, checkpointBytesMax: context.payloadBytesMax)
        defer { folder.remove() }
        command.id = Self.marker(store: context.storeName, id: context.id, epoch: context.record.epoch)
        command.evictionPolicy = context.evictionPolicy
        command.environment = command.environment.adding([
            "LASTCALL_JOB_ID": "\(context.id)", "LASTCALL_EPOCH": "\(context.token)",
            "LASTCALL_CHECKPOINT": folder.checkpointPath,
        ])
        command.limits.time = context.record.timeout ?? command.limits.time
        if context.record.waitsForNode != nil {
            command.standardInput = .file(try await folder.writeMembers(of: context))
        }
        // Reading the members may take a while; what has not begun when the stop comes begins elsewhere.
        if context.isEvicted { throw JobNotStarted("the stop came before the program was started") }
        try await finish(try await watch(command, folder), command, folder)
    }

    /// Runs it, stores its lines as they come, and its checkpoint as it changes.
    private func watch(_ command: Command, _ folder: RunFolder) async throws -> CommandResult {
        do {
            return try await command.withProcess { process in
                let identity = ProcessIdentity(
                    bootID: ProcessIdentity.bootID, pid: process.pid,
                    startTime: ProcessIdentity.startTime(of: process.pid) ?? 0)
                context.runs(in: identity)
                return await withTaskGroup(of: Void.self) { group in
                    group.addTask { await folder.storeCheckpoints(context) }
                    while let lines = await process.lines.queue.next() { await context.emit(OutputChunk(lines)) }
                    group.cancelAll()
                    return await process.result
                }
            }
        } catch let error as CommandError {
            // Another worker, or another time, may have what this machine lacks; what cannot be run never can.
            guard error.code != .systemRefused else { throw JobNotStarted(error.message) }
            throw JobFailure(error.message, isRetryable: false)
        }
    }

    /// What the program's end means for its job.
    private func finish(_ result: CommandResult, _ command: Command, _ folder: RunFolder) async throws {
        folder.storeCheckpoint(context)
        for warning in result.warnings { await context.emit(warning, source: .notice) }
        switch result.outcome {
        case .succeeded: return
        case .failed:
            switch result.exitStatus {
            case .exited(let code): throw JobFailure("exit code \(code)")
            case .signalled(let signal): throw JobFailure("died of \(ReceivedSignal.name(of: signal))")
            case .unknown: throw JobFailure("its end could not be seen")
            }
        case .lost:
            context.cutShort(
                .workerLost,
                detail: "killed by a SIGKILL that nobody here sent; the kernel does that when memory runs out")
        case .stopped(.eviction):
            context.evict(result.cause ?? .unknown)
            context.cutShort(.eviction)
        case .stopped(let reason): stopped(reason, command)
        }
    }

    private func stopped(_ reason: StopReason, _ command: Command) {
        switch reason {
        case .timeout:
            let limit = command.limits.time.map { DurationText.format($0) } ?? "its timeout"
            context.cutShort(.timeout, detail: "stopped after \(limit), its timeout")
        case .memory:
            context.cutShort(.memory, detail: "stopped at its memory limit of \(command.limits.memoryBytes ?? 0) bytes")
        case .outputLimit:
            context.cutShort(
                .outputLimit, detail: "stopped at its output limit of \(command.limits.outputBytes ?? 0) bytes")
        default:
            // Our own stop reaches the program in several ways; which came first says nothing about why.
            let isEviction = context.isEvicted && !context.isCancelRequested
            context.cutShort(isEviction ? .eviction : .requested, detail: isEviction ? "" : "cancelled on request")
        }
    }

    /// The id by which the processes of one run are found, on this host and from every process.
    static func marker(store: String, id: WorkID, epoch: Int64) -> String {
        // FNV-1a: short, and the same in every process.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in store.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return "job.\(String(hash, radix: 36)).\(id).\(epoch)"
    }
}

extension OutputChunk {
    /// What a program wrote.
    init(_ lines: [OutputLine]) {
        self.init(lines.map { WorkLine($0.bytes, source: $0.stream == .standardOutput ? .output : .error) })
    }
}

extension CommandEnvironment {
    /// This environment with more variables.
    func adding(_ variables: [String: String]) -> CommandEnvironment {
        switch self {
        case .inherited: .updating(variables)
        case .updating(let changes): .updating(changes.merging(variables) { $1 })
        case .custom(let own): .custom(own.merging(variables) { $1 })
        }
    }
}
