import LastCall
import LastCallConcurrency

#if canImport(Musl)
    import Musl
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The time as a store sees it: milliseconds since 1970, the same for all processes of one boot, never going back.
///
/// It is the boot clock plus an offset that is kept in the file. Somebody who sets the wall clock forward moves the store's time
/// forward; somebody who sets it back does not move it, so that no lease becomes longer and no job waits an hour twice. A new boot
/// starts from the wall clock again, and counts one up in the file's incarnation: a claim that was not yet on the disk when the power failed may be
/// forgotten, and what was done under it is told apart by that number.
package final class StoreClock: Sendable {
    /// The table that keeps the offset; part of the schema's first migration.
    package static let schema = """
        CREATE TABLE clock (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            boot_id TEXT NOT NULL,
            offset_ms INTEGER NOT NULL,
            incarnation INTEGER NOT NULL
        ) STRICT;
        """

    private static let readQuery = SQLiteQuery("SELECT boot_id, offset_ms, incarnation FROM clock WHERE id = 1")
    private static let writeQuery = SQLiteQuery(
        """
        INSERT INTO clock (id, boot_id, offset_ms, incarnation) VALUES (1, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET boot_id = excluded.boot_id, offset_ms = excluded.offset_ms, incarnation = excluded.incarnation
        """)

    private let read: @Sendable () -> StoreClockReading
    /// What was read from the file, or written to it, last.
    private let held = Mutex<StoreClockState?>(nil)

    /// Creates a clock; ``begin(in:)`` comes before everything else.
    ///
    /// - Parameter read: Reads the machine's clocks.
    package init(reading read: @escaping @Sendable () -> StoreClockReading = StoreClockReading.machine) {
        self.read = read
    }

    /// Agrees with the file on time and incarnation; in a transaction at full durability, before anything is claimed.
    package func begin(in connection: SQLiteConnection) throws { _ = try now(in: connection) }

    /// The time, for use in a transaction that writes; it takes over what other processes have noticed.
    package func now(in connection: SQLiteConnection) throws -> Int64 {
        let stored = try connection.first(Self.readQuery) {
            StoreClockState(bootID: $0.text(0), offset: $0.integer(1), incarnation: $0.integer(2))
        }
        let reading = read()
        let next = StoreClockState.next(
            stored: stored, held: held.withLock { $0 }, reading: reading,
            newBase: Int64.random(in: StoreClockState.baseRange) << StoreClockState.bootBits)
        if next != stored {
            try connection.run(
                Self.writeQuery, .text(next.bootID), .integer(next.offset), .integer(next.incarnation))
        }
        // Should the transaction be taken back, this process is ahead of the file, and says so again at its next look.
        held.withLock { $0 = next }
        return reading.boot + next.offset
    }

    /// The time, outside of transactions: what another process has noticed since the last one may be missing.
    package var now: Int64 { read().boot + state.offset }

    /// The file's incarnation: another one after each boot, and below 2^53.
    package var incarnation: Int64 { state.incarnation }

    private var state: StoreClockState {
        guard let state = held.withLock({ $0 }) else { preconditionFailure("a store's clock before its beginning") }
        return state
    }
}

/// What the machine's clocks say.
package struct StoreClockReading: Sendable, Equatable {
    /// The wall clock, in milliseconds since 1970.
    package var wall: Int64
    /// The boot clock, in milliseconds: it also counts while the machine is suspended (clock_gettime(2)).
    package var boot: Int64
    /// Names this boot of the machine (proc_sys_kernel_random(5)).
    package var bootID: String

    package init(wall: Int64, boot: Int64, bootID: String) {
        self.wall = wall
        self.boot = boot
        self.bootID = bootID
    }

    /// Reads both clocks of this machine.
    package static let machine: @Sendable () -> StoreClockReading = {
        var boot = milliseconds(bootClock)
        // A pause between the two readings would look like a step of the wall clock.
        for _ in 0..<10 {
            let wall = milliseconds(CLOCK_REALTIME)
            let after = milliseconds(bootClock)
            if after - boot <= 1 { return StoreClockReading(wall: wall, boot: boot, bootID: machineBootID) }
            boot = after
        }
        return StoreClockReading(wall: milliseconds(CLOCK_REALTIME), boot: boot, bootID: machineBootID)
    }

    /// Where there is no such file, all boots have one name: the offset then only grows.
    private static let machineBootID =
        smallFile("/proc/sys/kernel/random/boot_id").map { String($0.prefix { $0 != "\n" }) } ?? "unknown"

    #if canImport(Darwin)
        private static let bootClock = CLOCK_MONOTONIC
    #else
        private static let bootClock = CLOCK_BOOTTIME
    #endif

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// What a store's file keeps of its clock.
struct StoreClockState: Sendable, Equatable {
    /// The boot that it is about.
    var bootID: String
    /// What is added to the boot clock, in milliseconds.
    var offset: Int64
    /// Tells apart what was claimed in different boots, and in another file that once had this one's name: a random base whose low
    /// bits are 0, and the number of boots.
    var incarnation: Int64

    /// How many bits count boots.
    static let bootBits = 20
    /// The base above them: with it the whole stays below 2^53, which every reader of JSON can hold.
    static let baseRange: Range<Int64> = 1..<(1 << 32)
    /// A smaller step of the wall clock is none: two clocks cannot be read at the same instant.
    static let stepMin: Int64 = 10

    /// What holds from now on.
    ///
    /// - Parameters:
    ///   - stored: What the file says.
    ///   - held: What this process went by until now.
    ///   - reading: What the clocks say.
    ///   - newBase: The base of a new file's incarnation.
    static func next(stored: StoreClockState?, held: StoreClockState?, reading: StoreClockReading, newBase: Int64)
        -> StoreClockState
    {
        let wallOffset = reading.wall - reading.boot
        guard var next = stored else {
            return StoreClockState(bootID: reading.bootID, offset: wallOffset, incarnation: newBase + 1)
        }
        guard next.bootID == reading.bootID else {
            return StoreClockState(bootID: reading.bootID, offset: wallOffset, incarnation: next.incarnation + 1)
        }
        if let held, held.bootID == reading.bootID { next.offset = max(next.offset, held.offset) }
        if wallOffset - next.offset >= stepMin { next.offset = wallOffset }
        return next
    }
}
