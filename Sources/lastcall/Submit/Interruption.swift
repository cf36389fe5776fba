import LastCall

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Ctrl-C, SIGTERM and the like while a verb waits: they end the wait, and the verb says what goes on without it.
final class Interruption: Sendable {
    private let came = Latch<ReceivedSignal>()

    /// Takes the process's stop signals.
    init() {
        ProcessSignals.take().take([SIGINT, SIGTERM, SIGHUP, SIGQUIT]) { [came] signal in
            // Whoever asks twice does not want to wait for an answer.
            guard came.open(signal) else { ProcessExit.now(128 + signal.number) }
        }
    }

    /// Does something until it is done or a signal comes.
    ///
    /// - Returns: What it came to, or `nil` after a signal.
    func race<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value? {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask { [came] in
                do {
                    _ = try await came.wait()
                } catch {
                    // The body was first.
                }
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    /// The exit code that a shell would give for the signal.
    var exitCode: Int32 { 128 + (came.value?.number ?? SIGINT) }
}
