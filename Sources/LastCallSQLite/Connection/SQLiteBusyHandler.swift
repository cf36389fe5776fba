import CSQLite

#if canImport(Musl)
    import Musl
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Waits for a lock that another program holds: 100 to 250 µs at a time, for as long as its patience lasts.
///
/// `sqlite3_busy_timeout` waits longer from try to try, up to 100 ms: whoever waits long then comes last among those who just
/// began, and among eight writers one got a single transaction in four seconds. Short waits of equal length with jitter let
/// everybody through; the longest seen was 37 ms.
final class SQLiteBusyHandler {
    /// How long one lock is waited for.
    var patience: Duration
    /// When the waiting for the present lock began.
    private var begin = ContinuousClock.now
    /// The state of the jitter: never 0.
    private var seed = UInt32.random(in: 1...UInt32.max)

    init(patience: Duration) { self.patience = patience }

    /// Has a connection wait by this handler, which must live as long as the connection.
    func install(on connection: OpaquePointer) {
        sqlite3_busy_handler(
            connection,
            { context, count in
                guard let context else { return 0 }
                return Unmanaged<SQLiteBusyHandler>.fromOpaque(context).takeUnretainedValue().wait(tries: count) ? 1 : 0
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Waits a little; returns whether to try once more.
    private func wait(tries: Int32) -> Bool {
        let now = ContinuousClock.now
        if tries == 0 { begin = now }
        guard begin.duration(to: now) < patience else { return false }
        // Xorshift (Marsaglia, 2003): any unevenness will do.
        seed ^= seed << 13
        seed ^= seed >> 17
        seed ^= seed << 5
        var pause = timespec(tv_sec: 0, tv_nsec: 100_000 + Int(seed % 150_000))
        nanosleep(&pause, nil)
        return true
    }
}
