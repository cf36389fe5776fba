import LastCall
import LastCallConcurrency
import LastCallTesting
import Testing

@testable import LastCallSQLite

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct WorkerLocksTests {
    private let scratch: ScratchDirectory
    private let locks: WorkerLocks

    init() throws {
        scratch = try ScratchDirectory()
        locks = try WorkerLocks(directory: "\(scratch.path)/store.db-workers")
    }

    @Test("A lock is one process's, is for its user alone, and is free again once it is released")
    func oneHolder() throws {
        let lock = try locks.acquire("a")
        #expect(mode(locks.directory) == 0o700)
        #expect(mode("\(locks.directory)/a.lock") == 0o600)
        #expect(locks.isAlive("a"))
        #expect(locks.names() == ["a"])
        let error = try #require(throws: WorkerLockError.self) { try locks.acquire("a") }
        #expect(error.code == .taken)
        #expect(error.holder == getpid())
        #expect(error.description.contains("pid \(getpid())"))
        #expect(!locks.remove("a"))
        lock.release(removing: false)
        #expect(!locks.isAlive("a"))
        try locks.acquire("a").release(removing: true)
        #expect(locks.names().isEmpty)
    }

    @Test(
        "A name that could lead elsewhere is refused",
        arguments: ["", "a/b", "../a", "ä", "a b", String(repeating: "a", count: 65)])
    func badNames(name: String) throws {
        #expect(try #require(throws: WorkerLockError.self) { try locks.acquire(name) }.code == .badName)
    }

    @Test("The kernel drops the lock of a process that is killed")
    func killed() async throws {
        let program = try ScratchStore.fixture("lock", locks.directory, "a")
        try await program.line("held")
        #expect(locks.isAlive("a"))
        #expect(try #require(throws: WorkerLockError.self) { try locks.acquire("a") }.holder == program.pid)
        program.signal(SIGKILL)
        #expect(try await program.exit() == -SIGKILL)
        #expect(!locks.isAlive("a"))
        #expect(locks.remove("a"))
        #expect(locks.names().isEmpty)
    }

    @Test("A lock whose file was removed before it could be locked is not held")
    func unlinkedMeanwhile() throws {
        var openings = 0
        let lock = try locks.acquire("a") {
            openings += 1
            if openings <= 2 { #expect(locks.remove("a")) }
        }
        #expect(openings == 3)
        #expect(locks.isAlive("a"))
        #expect(mode("\(locks.directory)/a.lock") != nil)
        lock.release(removing: true)
        #expect(!locks.isAlive("a"))
    }

    @Test("Taking and removing by many at once never gives a lock to two")
    func race() async throws {
        let holders = Mutex((now: 0, most: 0, times: 0))
        await withTaskGroup { group in
            for number in 0..<8 {
                group.addTask { @Sendable [locks] in
                    for round in 0..<30 {
                        if (number + round) % 3 == 0 { locks.remove("a") }
                        do {
                            let lock = try locks.acquire("a")
                            holders.withLock {
                                $0.now += 1
                                $0.most = max($0.most, $0.now)
                                $0.times += 1
                            }
                            await Task.yield()
                            holders.withLock { $0.now -= 1 }
                            lock.release(removing: round % 2 == 0)
                        } catch {
                            // Somebody else has it for now.
                        }
                    }
                }
            }
        }
        #expect(holders.withLock { $0.most } == 1)
        #expect(holders.withLock { $0.times } > 0)
    }

    @Test("Looking at a worker never makes it fail to start")
    func lookingWhileTaking() async throws {
        let isOver = Mutex(false)
        try await withThrowingTaskGroup { group in
            group.addTask { @Sendable [locks] in
                while !isOver.withLock({ $0 }) {
                    _ = locks.isAlive("a")
                    await Task.yield()
                }
            }
            for _ in 0..<200 { try locks.acquire("a").release(removing: false) }
            isOver.withLock { $0 = true }
            try await group.waitForAll()
        }
    }

    @Test("A lock that cannot be looked at counts as held")
    func unknownIsAlive() throws {
        #expect(symlink("/dev/null", "\(locks.directory)/a.lock") == 0)
        #expect(locks.isAlive("a"))
        #expect(!locks.isAlive("b"))
    }
}
