import LastCallConcurrency

/// Places at which a test may kill the process, to see what is left.
///
/// Outside tests nobody listens, and passing one costs a lock.
package enum CrashPoint {
    private static let handler = Mutex<(@Sendable (String) -> Void)?>(nil)

    /// Calls `body` at every crash point from now on.
    package static func listen(_ body: (@Sendable (String) -> Void)?) { handler.withLock { $0 = body } }

    /// The program passes a place.
    package static func reached(_ name: String) {
        let body = handler.withLock { $0 }
        body?(name)
    }
}
