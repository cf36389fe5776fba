import LastCall

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A command that runs, as its supervisor sees it; see ``Command/withProcess(isolation:_:)``.
public struct CommandProcess: Sendable {
    /// The number of the first process, which leads the command's process group.
    ///
    /// Signal it through ``signal(_:)``: the number is a stranger's once the command has ended.
    public let pid: Int32
    /// What the program writes to the streams that are read as lines; for one reader.
    public let lines: CommandLines

    private let order: CommandOrder

    init(pid: Int32, order: CommandOrder) {
        self.pid = pid
        self.order = order
        lines = CommandLines(queue: order.outlet.lines)
    }

    /// The result, once the whole command has ended and its leader is reaped.
    ///
    /// Where streams are read as lines and nobody reads them, the program blocks when the pipe is full and this waits.
    /// It does not throw on cancellation: that stops the command, and the result follows.
    public var result: CommandResult {
        get async { await order.outlet.result.wait() }
    }

    /// The result, or `nil` while the command has not ended.
    public var resultIfEnded: CommandResult? { order.outlet.result.value }

    /// Sends a signal to the command's process group.
    ///
    /// SIGKILL reaches only the group; ``kill(_:)`` ends the whole tree. A death by the signal is not a failure: the outcome
    /// is `.stopped(.signalled)`.
    ///
    /// - Returns: Whether there was a group to signal; `false` once the command has ended.
    @discardableResult
    public func signal(_ signal: Int32) -> Bool {
        // Told first, so that the loop cannot see the death before it knows of the signal.
        order.signalled(signal)
        return ChildRegistry.shared.signalGroup(pid, signal)
    }

    /// Stops the whole command by its ``Command/stopPolicy``; returns at once.
    ///
    /// A second call changes nothing.
    public func stop(_ reason: StopReason = .requested) {
        if reason == .eviction { order.evict(isUrgent: true) } else { order.stop(reason) }
    }

    /// Sends SIGKILL to the whole command now; returns at once.
    ///
    /// The reason stands if it was not being stopped before.
    public func kill(_ reason: StopReason = .requested) { order.kill(reason) }
}

/// The lines of a running command, in the order in which they were read.
///
/// The order within a stream is exact; between two streams it is that of their arrival. Reading slowly slows the program
/// down: its pipe fills, and it blocks.
public struct CommandLines: AsyncSequence, Sendable {
    /// A line.
    public typealias Element = OutputLine
    /// It never throws.
    public typealias Failure = Never

    /// Where the lines lie.
    let queue: LineQueue

    /// Reads the lines one by one.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let queue: LineQueue
        /// What was taken and not yet handed on, last first.
        private var taken: [OutputLine] = []

        init(queue: LineQueue) { self.queue = queue }

        /// The next line, or `nil` after the last.
        ///
        /// It does not react to cancellation: that stops the command, and the lines end with it.
        public mutating func next() async -> OutputLine? {
            if taken.isEmpty { taken = await queue.next()?.reversed() ?? [] }
            return taken.popLast()
        }

        /// The next line, or `nil` after the last.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> OutputLine? {
            if taken.isEmpty { taken = await queue.next(isolation: actor)?.reversed() ?? [] }
            return taken.popLast()
        }
    }

    /// An iterator; the lines have one reader at a time.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue) }
}
