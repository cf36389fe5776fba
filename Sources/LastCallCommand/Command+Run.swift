import LastCall
import ServiceLifecycle

extension Command {
    /// How many bytes ``collect()`` keeps where the command has no output limit: 64 MiB.
    public static let collectBytesDefault = 64 << 20

    /// Starts the command, hands on each line that it writes, and returns when it and its group have ended.
    ///
    /// What left the group is ended with it where the command is stopped, and always with ``adoptsOrphans``; a daemon that a
    /// command starts and then ends by itself otherwise lives on.
    ///
    /// The next line waits until the handler has returned, and so, a pipe later, does the program. After a stop the lines
    /// written before it still come, also into a cancelled task. When the handler throws, the command is stopped, what is
    /// left of its output is dropped, and the error is passed on once everything has ended.
    ///
    /// - Returns: What became of it. A failure, a stop and a loss are results, not errors.
    /// - Throws: ``CommandError`` where it could not be started; what the handler throws.
    public func run(
        isolation: isolated (any Actor)? = #isolation, _ onLine: (OutputLine) async throws -> Void
    ) async throws -> CommandResult {
        try await withProcess { process in
            var lines = process.lines.makeAsyncIterator()
            while let line = await lines.next(isolation: isolation) { try await onLine(line) }
            return await process.result
        }
    }

    /// Starts the command and returns what it wrote and what became of it.
    ///
    /// Without an output limit it is given one of ``collectBytesDefault`` bytes, so that memory stays bounded.
    ///
    /// - Throws: ``CommandError`` where it could not be started.
    public func collect() async throws -> (lines: [OutputLine], result: CommandResult) {
        var command = self
        command.limits.outputBytes = limits.outputBytes ?? Self.collectBytesDefault
        var lines: [OutputLine] = []
        let result = try await command.run { lines.append($0) }
        return (lines, result)
    }

    /// Starts the command and lends it to a supervisor; nothing of its group is left when this returns.
    ///
    /// The command hears of a stop as long as this runs: of graceful shutdown, of a lifecycle's stop, of the task's
    /// cancellation. When `body` returns or throws while the command runs, it is stopped as ``StopReason/requested``.
    ///
    /// - Throws: ``CommandError`` where it could not be started; `CancellationError` where the task was cancelled before,
    ///   so that nothing was started; what `body` throws.
    public func withProcess<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: (CommandProcess) async throws -> Value
    ) async throws -> Value {
        try Task.checkCancellation()
        let shutdown = Shutdown.current
        let plan = try SpawnPlan(self)
        let order = CommandOrder(loop: try CommandLoop.shared())
        order.start(self, plan: plan, shutdown: shutdown)
        return try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await withThrowingTaskGroup(of: Void.self) { watchers in
                    if let shutdown { Self.watch(shutdown, order, &watchers) }
                    defer { watchers.cancelAll() }
                    let pid = try await order.outlet.started.wait().get()
                    return try await Self.lend(CommandProcess(pid: pid, order: order), to: body)
                }
            } onGracefulShutdown: {
                order.evict(isUrgent: false)
            }
        } onCancel: {
            // Members of a stopping lifecycle are cancelled too, in the end: that is still the eviction.
            if shutdown?.cause != nil { order.evict(isUrgent: true) } else { order.stop(.cancelled) }
        }
    }

    /// Waits for the lifecycle's orders.
    ///
    /// A scope that the ecosystem's handler does not reach is reached by this.
    private static func watch(
        _ shutdown: Shutdown, _ order: CommandOrder, _ watchers: inout ThrowingTaskGroup<Void, any Error>
    ) {
        watchers.addTask {
            try await shutdown.stopRequested()
            order.evict(isUrgent: false)
        }
        watchers.addTask {
            try await shutdown.handOverRequested()
            order.evict(isUrgent: true)
        }
    }

    /// Runs the body, and then sees to it that nothing is left.
    private static func lend<Value>(
        isolation: isolated (any Actor)? = #isolation, _ process: CommandProcess,
        to body: (CommandProcess) async throws -> Value
    ) async throws -> Value {
        let outcome: Result<Value, any Error>
        do { outcome = .success(try await body(process)) } catch { outcome = .failure(error) }
        if process.resultIfEnded == nil {
            process.stop(.requested)
            process.lines.queue.discard()
            _ = await process.result
        }
        return try outcome.get()
    }
}
