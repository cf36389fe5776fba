import LastCall
import LastCallConcurrency

#if canImport(Musl)
    import Musl
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The directory beside a store in which each worker holds a lock that the kernel drops when its process dies.
///
/// A lock is flock(2) on `NAME.lock`. Process numbers are written into it for people; across PID namespaces the lock alone decides.
package struct WorkerLocks: Sendable {
    /// How often a lock is tried for that is held by those who only look, which takes them some microseconds.
    private static let triesMax = 50
    /// How often one that somebody has for himself: a worker, or somebody who is just removing a dead one's.
    private static let exclusiveTriesMax = 4

    /// The directory.
    package let directory: String

    /// Makes the directory, for this user alone, if it is missing.
    package init(directory: String) throws {
        self.directory = directory
        try makeDirectory()
    }

    private func makeDirectory() throws {
        guard mkdir(directory, 0o700) != 0 else { return }
        let number = errno
        guard number == EEXIST, let status = fileStatus(directory), status.kind == S_IFDIR else {
            throw WorkerLockError(
                .systemRefused, name: "", systemCode: number,
                "The directory \(directory) cannot be made (\(systemMessage(number))). Check what stands there and who may write beside it."
            )
        }
    }

    /// Whether a worker can have this name: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    package static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// Takes a worker's lock, for as long as the returned value lives.
    ///
    /// - Throws: ``WorkerLockError``.
    package func acquire(_ name: String) throws -> WorkerLock { try acquire(name, afterOpening: {}) }

    /// The same, with a place for a test to act as another process between the opening of the file and its locking.
    func acquire(_ name: String, afterOpening: () -> Void) throws -> WorkerLock {
        WorkerLock(name: name, locks: self, descriptor: try descriptor(of: name, afterOpening: afterOpening))
    }

    /// Opens and locks a worker's file.
    fileprivate func descriptor(of name: String, afterOpening: () -> Void = {}) throws -> Int32 {
        guard Self.isName(name) else {
            throw WorkerLockError(
                .badName, name: name, "A worker's name has 1 to 64 letters, digits, dots, underscores or dashes.")
        }
        // Somebody may have removed it since the store was opened.
        try makeDirectory()
        let path = lockPath(name)
        var exclusiveTries = 0
        for attempt in 1... {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else { throw refused(name, "opened") }
            afterOpening()
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let number = errno
                if flock(descriptor, LOCK_SH | LOCK_NB) != 0 { exclusiveTries += 1 }
                let holder = smallFile(descriptor).flatMap { Int32($0.prefix { $0.isNumber }) }
                unlock(descriptor)
                guard number == EWOULDBLOCK || number == EINTR else { throw refused(name, "locked", number) }
                guard attempt < Self.triesMax, exclusiveTries < Self.exclusiveTriesMax else {
                    throw WorkerLockError(
                        .taken, name: name, holder: holder,
                        "Another process is this worker\(holder.map { " (pid \($0), as it wrote)" } ?? ""). Give each worker a name of its own, or end the other."
                    )
                }
                var pause = timespec(tv_sec: 0, tv_nsec: 1_000_000)
                nanosleep(&pause, nil)
                continue
            }
            // Somebody may have removed the file between its opening and its locking: a lock that nobody can find holds nothing.
            guard isSameFile(descriptor, path) else {
                unlock(descriptor)
                guard attempt < Self.triesMax else {
                    throw refused(name, "kept: it is removed again and again", ESTALE)
                }
                continue
            }
            let text = "\(getpid())\n"
            // Without the number the lock holds as well.
            if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.utf8.count, 0) }
            return descriptor
        }
        preconditionFailure("a loop without an end has ended")
    }

    /// What a worker's lock says of it.
    package enum Presence: Sendable {
        /// Somebody holds it.
        case held
        /// Its file is there, and nobody holds it: the worker is dead.
        case free
        /// It has no file. A worker that dies leaves its file, and one that ends in order is forgotten before its file goes, so where one is still
        /// known somebody has cleaned up, and it may live.
        case missing
    }

    /// What a worker's lock says of it.
    ///
    /// Where that cannot be found out it is taken for held: a job that runs twice is worse than one that waits for its lease.
    package func presence(_ name: String) -> Presence {
        let descriptor = open(lockPath(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return errno == ENOENT ? .missing : .held }
        defer { unlock(descriptor) }
        // Shared, so that two who look at the same time do not take each other for the worker.
        return flock(descriptor, LOCK_SH | LOCK_NB) == 0 ? .free : .held
    }

    /// Whether somebody holds a worker's lock.
    package func isAlive(_ name: String) -> Bool { presence(name) == .held }

    /// Removes what a dead worker left behind; returns whether it is gone.
    ///
    /// Only who holds the lock removes its file, so that nobody loses one that was just taken.
    @discardableResult
    package func remove(_ name: String) -> Bool {
        let descriptor = open(lockPath(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return errno == ENOENT }
        defer { unlock(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, isSameFile(descriptor, lockPath(name)) else { return false }
        unlinkFiles(name)
        return true
    }

    /// The names of all that have a lock file, dead or alive.
    package func names() -> [String] {
        (directoryNames(directory) ?? []).filter { $0.hasSuffix(".lock") }.map { String($0.dropLast(5)) }
    }

    /// Removes a worker's files, while its lock is held.
    fileprivate func unlinkFiles(_ name: String) {
        unlink(Bell.socketPath(of: name, in: directory))
        unlink(lockPath(name))
    }

    private func lockPath(_ name: String) -> String { "\(directory)/\(name).lock" }

    fileprivate func isHeld(_ descriptor: Int32, by name: String) -> Bool { isSameFile(descriptor, lockPath(name)) }

    private func isSameFile(_ descriptor: Int32, _ path: String) -> Bool {
        var held = stat()
        guard fstat(descriptor, &held) == 0, let found = fileStatus(path, followsLinks: false) else { return false }
        return held.st_dev == found.st_dev && held.st_ino == found.st_ino
    }

    private func refused(_ name: String, _ step: String, _ number: Int32 = errno) -> WorkerLockError {
        WorkerLockError(
            .systemRefused, name: name, systemCode: number,
            "Its lock in \(directory) cannot be \(step) (\(systemMessage(number))). Check the directory's owner and mode, and the process's limits."
        )
    }
}

/// A worker's lock, held until it is released or the process ends.
package final class WorkerLock: Sendable {
    /// The worker.
    package let name: String
    private let locks: WorkerLocks
    /// The open file that the lock is on; `nil` once it is released.
    private let descriptor: Mutex<Int32?>

    fileprivate init(name: String, locks: WorkerLocks, descriptor: Int32) {
        self.name = name
        self.locks = locks
        self.descriptor = Mutex(descriptor)
    }

    deinit { release(removing: false) }

    /// Makes the lock's file again where somebody has removed it, as those do who clean up old files.
    ///
    /// - Throws: ``WorkerLockError``; the old lock is held all the same.
    package func restore() throws {
        try descriptor.withLock { descriptor in
            guard let held = descriptor, !locks.isHeld(held, by: name) else { return }
            descriptor = try locks.descriptor(of: name)
            unlock(held)
        }
    }

    /// Releases the lock; a second call does nothing.
    ///
    /// - Parameter removing: Whether its files go with it, as for a worker that leaves in order.
    package func release(removing: Bool) {
        let held = descriptor.withLock { descriptor in
            defer { descriptor = nil }
            return descriptor
        }
        guard let held else { return }
        // A file that is somebody else's by now is left to him.
        if removing, locks.isHeld(held, by: name) { locks.unlinkFiles(name) }
        unlock(held)
    }
}

/// Lets go of a lock at once.
///
/// Closing alone would leave it with a child that was just forked and has the descriptor until it executes its program (flock(2)).
private func unlock(_ descriptor: Int32) {
    _ = flock(descriptor, LOCK_UN)
    systemClose(descriptor)
}
