/// The one place where a task is started that nothing waits for.
///
/// Structured concurrency cannot leave a child behind, and leaving one behind is what a bounded stop has to do: a member that
/// neither finishes nor reacts to cancellation is abandoned by name, and the stages after it still get their time. The other
/// uses need a task of their own for one step: a graceful-shutdown handler runs on its caller's thread under the ecosystem's
/// lock, a pull from a sequence must be cancellable from a synchronous handler, and a program may have to keep its main thread.
///
/// Task-locals are inherited, so that tracing and logging context reach the member.
package enum UnstructuredTask {
    /// Starts `operation` in a task of its own and returns its handle.
    @discardableResult
    package static func start<Success: Sendable>(
        _ operation: @escaping @Sendable () async -> Success
    ) -> Task<Success, Never> {
        Task { await operation() }
    }

    /// Starts a throwing `operation` in a task of its own and returns its handle.
    package static func startThrowing<Success: Sendable>(
        _ operation: @escaping @Sendable () async throws -> Success
    ) -> Task<Success, any Error> {
        Task { try await operation() }
    }
}
