import LastCall
import LastCallConcurrency
import LastCallTesting
import LastCallWork
import Testing

@testable import LastCallSQLite

/// What every store does, on SQLite with two handles on one file.
@Suite struct SQLiteStoreConformanceTests {
    /// The machine's clocks as a test sets them: standing still between its moves.
    private final class Clocks: Sendable {
        /// What they say.
        private let reading = Mutex(StoreClockReading(wall: 1_700_000_000_000, boot: 1_000_000, bootID: "boot"))

        /// What they say.
        var now: StoreClockReading { reading.withLock { $0 } }

        /// Moves them on.
        func advance(by duration: Duration) {
            reading.withLock {
                $0.wall += duration.wholeMilliseconds
                $0.boot += duration.wholeMilliseconds
            }
        }
    }

    private let conformance = StoreConformance {
        let scratch = try ScratchDirectory()
        let clocks = Clocks()
        var configuration = SQLiteStore.Configuration()
        configuration.reading = { clocks.now }
        let path = "\(scratch.path)/queue.sqlite"
        let store = try await SQLiteStore.open(path, configuration: configuration)
        let other = try await SQLiteStore.open(path, configuration: configuration)
        return StoreConformance.Subject(
            store: store, other: other, endsWithLease: false, advance: { clocks.advance(by: $0) },
            kill: { worker in
                for handle in [store, other] { handle.dropLock(of: worker) }
            },
            cleanUp: { withExtendedLifetime(scratch) {} })
    }

    @Test("B3 B7 C21 C24 SQLite does what every store does", arguments: StoreConformance.checks)
    func conforms(to check: StoreConformance.Check) async throws { try await conformance.run(check) }
}
