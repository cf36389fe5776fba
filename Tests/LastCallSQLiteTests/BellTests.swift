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

@Suite(.timeLimit(.minutes(2))) struct BellTests {
    private static func store(under directory: String = "") throws -> (ScratchDirectory, StoreFile, WorkerLocks) {
        let scratch = try ScratchDirectory()
        let file = try StoreFile.open("\(scratch.path)/\(directory)store.db", migrations: ScratchStore.migrations)
        return (scratch, file, try WorkerLocks(directory: file.workersDirectory))
    }

    @Test("Everybody hears a bell but who rings it")
    func ring() throws {
        let (scratch, _, locks) = try Self.store()
        let one = try #require(Bell(directory: locks.directory, name: "one"))
        let two = try #require(Bell(directory: locks.directory, name: "two"))
        let guest = try #require(Bell(directory: locks.directory, name: nil))
        one.ring(.work)
        one.ring(.outcome)
        #expect(two.take() == [.work, .outcome])
        #expect(two.take() == [])
        #expect(one.take() == [])
        guest.ring(.control)
        #expect(one.take() == .control)
        #expect(two.take() == .control)
        for bell in [one, two, guest] { bell.close() }
        #expect(directoryNames(locks.directory)?.isEmpty == true)
        withExtendedLifetime(scratch) {}
    }

    @Test("A bell that nobody listens to, or that is full, disturbs nobody")
    func deaf() throws {
        let (scratch, _, locks) = try Self.store()
        let one = try #require(Bell(directory: locks.directory, name: "one"))
        let two = try #require(Bell(directory: locks.directory, name: "two"))
        for _ in 0..<5_000 { one.ring(.work) }
        try scratch.write("", to: "store.db-workers/gone.sock")
        one.ring(.outcome)
        #expect(two.take().contains(.work))
        one.ring(.outcome)
        #expect(two.take() == .outcome)
        two.close()
        one.ring(.work)
        one.close()
        one.ring(.work)
    }

    @Test("A worker that starts again takes the socket that it left behind")
    func again() throws {
        let (scratch, _, locks) = try Self.store()
        try scratch.write("", to: "store.db-workers/one.sock")
        let one = try #require(Bell(directory: locks.directory, name: "one"))
        let two = try #require(Bell(directory: locks.directory, name: "two"))
        two.ring(.work)
        #expect(one.take() == .work)
    }

    @Test("A bell is heard in another process, however long the path", arguments: [0, 200])
    func otherProcess(count: Int) async throws {
        let (scratch, file, locks) = try Self.store(
            under: count == 0 ? "" : String(repeating: "d", count: count) + "/")
        let name = String(repeating: "n", count: 64)
        let program = try ScratchStore.fixture("listen", file.path, name)
        try await program.line("listening")
        let bell = try #require(Bell(directory: locks.directory, name: "me"))
        bell.ring(.outcome)
        try await program.line("heard 2")
        bell.close()
        #expect(locks.isAlive(name))
        program.signal(SIGKILL)
        _ = try await program.exit()
        #expect(locks.remove(name))
        #expect(directoryNames(locks.directory)?.isEmpty == true)
        withExtendedLifetime(scratch) {}
    }
}

@Suite(.timeLimit(.minutes(2))) struct LookoutTests {
    @Test("What a program without a bell commits is seen, and a peer's death is told once")
    func changesAndDeaths() async throws {
        let store = try ScratchStore()
        let locks = try WorkerLocks(directory: store.file.workersDirectory)
        let peer = try ScratchStore.fixture("lock", locks.directory, "peer")
        try await peer.line("held")
        let changed = Latch<BellHints>()
        let died = Latch<String>()
        let deaths = Mutex<[String]>([])
        let lookout = try await Lookout.start(locks: locks, bell: nil, store.file.connectForReading) { hints in
            changed.open(hints)
        } onDeath: { name in
            deaths.withLock { $0.append(name) }
            died.open(name)
        }
        lookout.setPeers(["peer"])
        try await ScratchStore.run(
            python: """
                import sqlite3, sys
                c = sqlite3.connect(sys.argv[1]); c.execute("INSERT INTO note (text) VALUES ('a')"); c.commit(); c.close()
                """, store.file.path)
        #expect(try await changed.wait() == .anything)
        #expect(deaths.withLock { $0 } == [])
        peer.signal(SIGKILL)
        #expect(try await died.wait() == "peer")
        lookout.setPeers(["peer"])
        let second = Latch<Void>()
        let other = try await Lookout.start(locks: locks, bell: nil, store.file.connectForReading) { _ in
        } onDeath: { _ in
            second.open()
        }
        other.setPeers(["peer", "nobody"])
        try await second.wait()
        await other.close()
        await lookout.close()
        #expect(deaths.withLock { $0 } == ["peer"])
    }

    @Test("A file that is gone is told of although nobody changes anything", .timeLimit(.minutes(1)))
    func fileIsGone() async throws {
        let store = try ScratchStore()
        let locks = try WorkerLocks(directory: store.file.workersDirectory)
        let files = try OpenFiles(store.file.path)
        let told = Latch<BellHints>()
        let lookout = try await Lookout.start(
            locks: locks, bell: nil, isThere: { files.areThere }, store.file.connectForReading
        ) { hints in
            told.open(hints)
        } onDeath: { _ in
        }
        #expect(files.areThere)
        try #require(unlink(store.file.path) == 0)
        #expect(try await told.wait() == .anything)
        await lookout.close()
    }

    @Test("A lookout whose file cannot be read says so at its start")
    func noFile() async throws {
        let scratch = try ScratchDirectory()
        let locks = try WorkerLocks(directory: "\(scratch.path)/workers")
        await #expect(throws: SQLiteError.self) {
            _ = try await Lookout.start(locks: locks, bell: nil) {
                try SQLiteConnection(path: "\(scratch.path)/none.db", access: .readOnly)
            } onChange: { _ in
            } onDeath: { _ in
            }
        }
    }

    @Test("Everything that is opened is closed again, and no program inherits it")
    func descriptors() async throws {
        let scratch = try ScratchDirectory()
        let program = try ScratchStore.fixture("descriptors", "\(scratch.path)/store.db")
        try await program.line("left 0")
        #expect(try await program.exit() == 0)
        #expect(!program.output.contains("inherited"))
    }
}
