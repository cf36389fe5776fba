import LastCall
import LastCallConcurrency
import Testing

@testable import LastCallSQLite

@Suite struct StoreClockTests {
    /// Clocks that a test sets.
    private final class Clocks: Sendable {
        let reading: Mutex<StoreClockReading>

        init(wall: Int64, boot: Int64, bootID: String = "one") {
            reading = Mutex(StoreClockReading(wall: wall, boot: boot, bootID: bootID))
        }

        func makeClock() -> StoreClock { StoreClock { [self] in reading.withLock { $0 } } }
    }

    private let store: ScratchStore
    private let connection: SQLiteConnection

    init() throws {
        store = try ScratchStore()
        connection = try store.file.connectForWriting()
    }

    private func now(_ clock: StoreClock) throws -> Int64 {
        try connection.transaction { try clock.now(in: connection) }
    }

    @Test("A new file begins with the wall clock and its first incarnation")
    func newFile() throws {
        let clock = Clocks(wall: 1_000_000, boot: 400).makeClock()
        #expect(try now(clock) == 1_000_000)
        #expect(clock.now == 1_000_000)
        #expect(clock.incarnation & 0xF_FFFF == 1)
        #expect(clock.incarnation < 1 << 53)
    }

    @Test("A wall clock set forward is followed, one set back is not, and all processes agree")
    func steps() throws {
        let clocks = Clocks(wall: 1_000_000, boot: 400)
        let (mine, other) = (clocks.makeClock(), clocks.makeClock())
        #expect(try now(mine) == 1_000_000)
        #expect(try now(other) == 1_000_000)
        clocks.reading.withLock {
            $0.boot += 50; $0.wall += 50 - 3_600_000
        }
        #expect(try now(mine) == 1_000_050)
        clocks.reading.withLock {
            $0.boot += 50; $0.wall += 50 + 7_200_000
        }
        #expect(try now(mine) == 1_000_100 + 3_600_000)
        clocks.reading.withLock {
            $0.boot += 50; $0.wall += 50 - 7_200_000
        }
        #expect(try now(other) == 1_000_150 + 3_600_000)
        #expect(other.now == mine.now)
    }

    @Test("Readings a moment apart are no step, and write nothing")
    func jitter() throws {
        let clocks = Clocks(wall: 1_000_000, boot: 400)
        let clock = clocks.makeClock()
        _ = try now(clock)
        clocks.reading.withLock { $0.wall += 9 }
        let before = connection.changes
        #expect(try now(clock) == 1_000_000)
        #expect(connection.changes == before)
    }

    @Test("A new boot takes the wall clock as it is and counts one up")
    func newBoot() throws {
        let clocks = Clocks(wall: 1_000_000, boot: 400)
        let clock = clocks.makeClock()
        _ = try now(clock)
        let first = clock.incarnation
        clocks.reading.withLock { $0 = StoreClockReading(wall: 500_000, boot: 7, bootID: "two") }
        let next = clocks.makeClock()
        #expect(try now(next) == 500_000)
        #expect(next.incarnation == first + 1)
        let third = clocks.makeClock()
        _ = try now(third)
        #expect(third.incarnation == first + 1)
    }

    @Test("A step that was taken back with its transaction is not forgotten by who saw it")
    func rolledBack() throws {
        struct Refusal: Error {}
        let clocks = Clocks(wall: 1_000_000, boot: 400)
        let clock = clocks.makeClock()
        _ = try now(clock)
        clocks.reading.withLock { $0.wall += 60_000 }
        #expect(throws: Refusal.self) {
            try connection.transaction {
                _ = try clock.now(in: connection)
                throw Refusal()
            }
        }
        clocks.reading.withLock { $0.wall -= 60_000 }
        #expect(try now(clock) == 1_060_000)
        #expect(try now(clocks.makeClock()) == 1_060_000)
    }

    @Test("The machine's clocks are read with this boot's name")
    func machine() {
        let reading = StoreClockReading.machine()
        #expect(reading.wall > 1_600_000_000_000)
        #expect(reading.boot > 0)
        #expect(!reading.bootID.isEmpty)
        #expect(reading.bootID == StoreClockReading.machine().bootID)
    }
}
