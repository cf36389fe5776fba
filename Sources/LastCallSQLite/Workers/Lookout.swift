import CLastCall
import LastCall
import LastCallConcurrency

#if canImport(Musl)
    import Musl
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The thread of a process that watches the others: what they change, and whether they live.
///
/// It hears their bells, and looks by itself every 20 to 50 ms: at the file's version, which also tells of programs without a bell,
/// and at the locks of its peers.
package final class Lookout: Sendable {
    /// The shortest and the longest time between two looks, in milliseconds.
    static let lookMilliseconds: ClosedRange<Int32> = 20...50
    /// The time between two looks at whether the file is still there.
    private static let fileLookEvery = Duration.seconds(1)

    /// Whom it watches.
    private struct State {
        /// Who is watched and not yet known to be dead.
        var peers: Set<String> = []
        /// Who was told to be dead, and is not told again.
        var dead: Set<String> = []
    }

    private let locks: WorkerLocks
    private let bell: Bell?
    private let isThere: @Sendable () -> Bool
    private let onChange: @Sendable (BellHints) -> Void
    private let onDeath: @Sendable (String) -> Void
    private let state = Mutex(State())
    /// Ends the thread; closed by it.
    private let stopEvent: Mutex<Int32?>
    /// Opens when the thread has ended.
    private let ended = Latch<Void>()

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - locks: The workers' directory.
    ///   - bell: This process's bell, which outlives the lookout; `nil` where there is none.
    ///   - isThere: Says whether the file is still there. One that was deleted changes no more; whoever waits for a change is woken then, and
    ///     finds out.
    ///   - makeConnection: Opens a connection that reads, on the lookout's thread.
    ///   - onChange: Is told that others have changed something; it must return at once.
    ///   - onDeath: Is told once of each peer whose lock nobody holds; it must return at once.
    package static func start(
        locks: WorkerLocks, bell: Bell?, isThere: @escaping @Sendable () -> Bool = { true },
        _ makeConnection: @escaping @Sendable () throws -> SQLiteConnection,
        onChange: @escaping @Sendable (BellHints) -> Void, onDeath: @escaping @Sendable (String) -> Void
    ) async throws -> Lookout {
        let event = lastcall_event_create()
        guard event >= 0 else {
            let number = errno
            throw WorkerLockError(
                .systemRefused, name: "", systemCode: number,
                "No eventfd for the lookout (\(systemMessage(number))). Raise the limit of open files (ulimit -n).")
        }
        let lookout = Lookout(
            locks: locks, bell: bell, event: event, isThere: isThere, onChange: onChange, onDeath: onDeath)
        try await withCheckedThrowingContinuation { (started: CheckedContinuation<Void, any Error>) in
            DedicatedThread.start(name: "lastcall-look") {
                lookout.run(makeConnection, started, event)
            }
        }
        return lookout
    }

    private init(
        locks: WorkerLocks, bell: Bell?, event: Int32, isThere: @escaping @Sendable () -> Bool,
        onChange: @escaping @Sendable (BellHints) -> Void,
        onDeath: @escaping @Sendable (String) -> Void
    ) {
        self.locks = locks
        self.bell = bell
        self.isThere = isThere
        self.onChange = onChange
        self.onDeath = onDeath
        stopEvent = Mutex(event)
    }

    /// Says whom to watch from now on; who was told to be dead and is named again is watched again once its lock is held again.
    package func setPeers(_ names: [String]) {
        state.withLock { state in
            state.dead.formIntersection(names)
            state.peers = Set(names).subtracting(state.dead)
        }
    }

    /// Ends the thread and closes what it had open.
    package func close() async {
        stopEvent.withLock { event in
            if let event { _ = lastcall_event_signal(event) }
        }
        await ended.waitThroughCancellation()
    }

    private func run(
        _ makeConnection: () throws -> SQLiteConnection, _ started: CheckedContinuation<Void, any Error>, _ event: Int32
    ) {
        defer {
            stopEvent.withLock { $0 = nil }
            systemClose(event)
            ended.open()
        }
        let connection: SQLiteConnection
        do {
            connection = try makeConnection()
        } catch {
            started.resume(throwing: error)
            return
        }
        defer { connection.close() }
        // A file that somebody locks for long must not keep the deaths of peers from being seen.
        connection.patience = .zero
        var version = Self.version(connection)
        started.resume()
        var lookAt = ContinuousClock.now
        var fileLookAt = lookAt + Self.fileLookEvery
        while true {
            let now = ContinuousClock.now
            if now >= fileLookAt {
                fileLookAt = now + Self.fileLookEvery
                if !isThere() { onChange(.anything) }
            }
            if now >= lookAt {
                lookAt = now + .milliseconds(Int32.random(in: Self.lookMilliseconds))
                let found = Self.version(connection)
                if found != version { onChange(.anything) }
                version = found
                lookAtPeers()
            }
            var watched = [pollfd(fd: event, events: Int16(POLLIN), revents: 0)]
            if let socket = bell?.descriptor { watched.append(pollfd(fd: socket, events: Int16(POLLIN), revents: 0)) }
            // Rounded up, so that the last millisecond is not spent in turning round.
            let pause = Int32((ContinuousClock.now.duration(to: lookAt).inSeconds * 1000).rounded(.up))
            guard poll(&watched, nfds_t(watched.count), max(0, pause)) > 0 else { continue }
            if watched[0].revents != 0 { return }
            if let bell, watched.count > 1, watched[1].revents != 0 {
                let hints = bell.take()
                if !hints.isEmpty { onChange(hints) }
            }
        }
    }

    private static let versionQuery = SQLiteQuery("PRAGMA data_version")

    /// A number that another one follows with every commit of others (sqlite.org/pragma.html, data_version); `nil` where it cannot be read.
    private static func version(_ connection: SQLiteConnection) -> Int64? {
        do {
            return try connection.first(versionQuery) { $0.integer(0) }
        } catch {
            // Whoever reads or writes next gets the same error, and tells somebody.
            return nil
        }
    }

    private func lookAtPeers() {
        // Whose lock's file was removed is told of like the dead, and may make it again.
        for name in state.withLock({ $0.dead }) where locks.isAlive(name) {
            state.withLock { state in
                if state.dead.remove(name) != nil { state.peers.insert(name) }
            }
        }
        for peer in state.withLock({ $0.peers }) where !locks.isAlive(peer) {
            let isNews = state.withLock { state in
                guard state.peers.remove(peer) != nil else { return false }
                state.dead.insert(peer)
                return true
            }
            if isNews { onDeath(peer) }
        }
    }
}
