import LastCall
import LastCallWork

/// Bounds what waits for others.
enum TimeLimit {
    /// Runs a body, and cancels it when its time is over.
    ///
    /// - Parameters:
    ///   - limit: How long it may take.
    ///   - what: What it is that takes long, for the error.
    ///   - body: What is run; it ends soon once it is cancelled.
    /// - Throws: `JobFailure` when the time is over; what the body throws.
    static func within<Value: Sendable>(
        _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() ?? nil else {
                throw JobFailure("\(what) took longer than \(DurationText.format(limit))")
            }
            return value
        }
    }
}
