import LastCallTesting
import Testing

@testable import LastCallSQLite

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct StoreFileTests {
    private static func refusal(
        _ path: String, migrations: [Migration] = ScratchStore.migrations, patience: Duration = .zero
    )
        throws -> StoreFileError
    {
        try #require(throws: StoreFileError.self) {
            _ = try StoreFile.open(path, migrations: migrations, patience: patience)
        }
    }

    @Test("A new store and its directories are for this user alone")
    func modes() async throws {
        let scratch = try ScratchDirectory()
        let file = try StoreFile.open("\(scratch.path)/a/b/store.db", migrations: ScratchStore.migrations)
        let connection = try file.connectForWriting()
        try connection.execute("INSERT INTO note (text) VALUES ('a')")
        #expect(mode(file.path) == 0o600)
        #expect(mode(file.path + "-wal") == 0o600)
        #expect(mode(file.path + "-shm") == 0o600)
        #expect(mode("\(scratch.path)/a") == 0o700)
        #expect(mode("\(scratch.path)/a/b") == 0o700)
        connection.close()
    }

    @Test("A store is opened again, also through a link, which leads to the same workers")
    func again() throws {
        let store = try ScratchStore()
        let link = "\(store.scratch.path)/link.db"
        #expect(symlink(store.file.path, link) == 0)
        let again = try StoreFile.open(link, migrations: ScratchStore.migrations)
        #expect(again.path == store.file.path)
        #expect(again.workersDirectory == store.file.path + "-workers")
    }

    @Test("An empty file becomes a store")
    func emptyFile() throws {
        let scratch = try ScratchDirectory()
        let path = try scratch.write("", to: "store.db")
        let connection = try StoreFile.open(path, migrations: ScratchStore.migrations).connectForReading()
        #expect(try connection.first(text: "PRAGMA user_version") { $0.integer(0) } == 2)
        #expect(try connection.first(text: "PRAGMA application_id") { $0.integer(0) } == Int64(StoreFile.applicationID))
    }

    @Test("A directory, a device and a path through a file are refused")
    func wrongKinds() throws {
        let scratch = try ScratchDirectory()
        let plain = try scratch.write("text", to: "plain")
        #expect(try Self.refusal(scratch.path).code == .notAFile)
        #expect(try Self.refusal(scratch.path + "/").code == .notAFile)
        #expect(try Self.refusal("/dev/null").code == .notAFile)
        #expect(try Self.refusal(plain + "/store.db").code == .badPath)
        #expect(try Self.refusal("").code == .badPath)
        #expect(symlink("/nowhere/at/all", "\(scratch.path)/link") == 0)
        #expect(try Self.refusal("\(scratch.path)/link").code == .badPath)
    }

    @Test("A file that is no database is refused and left as it was", arguments: [10, 600, 5_000])
    func noDatabase(count: Int) throws {
        let scratch = try ScratchDirectory()
        let path = try scratch.write(String(repeating: "a", count: count), to: "store.db")
        let before = try Fingerprint(path)
        let error = try Self.refusal(path)
        #expect(error.code == .notADatabase)
        #expect(error.description.contains(path))
        #expect(try Fingerprint(path) == before)
    }

    @Test("Another program's database is refused and left as it was", arguments: ["delete", "wal"])
    func foreign(journal: String) async throws {
        let scratch = try ScratchDirectory()
        let path = "\(scratch.path)/other.db"
        try await ScratchStore.run(
            python: """
                import sqlite3, sys
                c = sqlite3.connect(sys.argv[1]); c.execute("PRAGMA journal_mode=" + sys.argv[2])
                c.execute("CREATE TABLE a (b)"); c.commit(); c.close()
                """, path, journal)
        let before = try Fingerprint(path)
        #expect(try Self.refusal(path).code == .foreign)
        #expect(try Fingerprint(path) == before)
    }

    @Test("Another program's database keeps the log that its crash left behind")
    func foreignLog() async throws {
        let scratch = try ScratchDirectory()
        let path = "\(scratch.path)/other.db"
        try await ScratchStore.run(
            python: """
                import os, sqlite3, sys
                c = sqlite3.connect(sys.argv[1]); c.execute("PRAGMA journal_mode=WAL")
                c.execute("CREATE TABLE a (b)"); c.commit(); os._exit(0)
                """, path)
        let before = try Fingerprint(path)
        let log = try Fingerprint(path + "-wal")
        #expect(try Self.refusal(path).code == .foreign)
        #expect(try Fingerprint(path) == before)
        #expect(try Fingerprint(path + "-wal") == log)
    }

    @Test("A damaged store is refused and left as it was")
    func damaged() throws {
        let store = try ScratchStore()
        let file = try #require(fopen(store.file.path, "r+"))
        fseek(file, 100, SEEK_SET)
        fwrite([UInt8](repeating: 0xAB, count: 3000), 1, 3000, file)
        fclose(file)
        let before = try Fingerprint(store.file.path)
        let error = try Self.refusal(store.file.path)
        #expect(error.code == .damaged)
        #expect(error.description.contains("backup"))
        #expect(try Fingerprint(store.file.path) == before)
    }

    @Test("A store of a later version is refused by both numbers and left as it was")
    func newer() throws {
        let store = try ScratchStore()
        let before = try Fingerprint(store.file.path)
        let error = try Self.refusal(store.file.path, migrations: [Migration(1, "SELECT 1")])
        #expect(error.code == .newer)
        #expect(error.message.contains("version 2"))
        #expect(error.message.contains("up to 1"))
        #expect(try Fingerprint(store.file.path) == before)
    }

    @Test("A store of an earlier version gets the steps that it lacks")
    func older() throws {
        let store = try ScratchStore()
        let more = ScratchStore.migrations + [Migration(7, "CREATE TABLE late (id INTEGER)")]
        let connection = try StoreFile.open(store.file.path, migrations: more).connectForReading()
        #expect(try connection.first(text: "PRAGMA user_version") { $0.integer(0) } == 7)
        #expect(try connection.first(text: "SELECT count(*) FROM late") { $0.integer(0) } == 0)
    }

    @Test("A step that fails leaves the version before it")
    func failingMigration() throws {
        let store = try ScratchStore()
        let more = ScratchStore.migrations + [Migration(3, "CREATE TABLE late (id INTEGER); NONSENSE;")]
        #expect(throws: StoreFileError.self) { try StoreFile.open(store.file.path, migrations: more) }
        let connection = try store.file.connectForReading()
        #expect(try connection.first(text: "PRAGMA user_version") { $0.integer(0) } == 2)
        #expect(
            try connection.first(text: "SELECT count(*) FROM sqlite_schema WHERE name = 'late'") { $0.integer(0) } == 0)
    }

    @Test("Processes that make and migrate the same file at once all find it whole")
    func migratingAtOnce() async throws {
        let scratch = try ScratchDirectory()
        let path = "\(scratch.path)/new/store.db"
        let programs = try (0..<4).map { _ in try ScratchStore.fixture("migrate", path) }
        for program in programs { try await program.line("ready") }
        for program in programs { program.write("go\n") }
        for program in programs {
            try await program.line("tables 2")
            #expect(try await program.exit() == 0)
        }
        #expect(mode(path) == 0o600)
    }

    @Test("A file that another program locks is an error that says so")
    func locked() async throws {
        let store = try ScratchStore()
        let other = try ScratchStore.python(
            """
            import sqlite3, sys
            c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute("PRAGMA locking_mode=EXCLUSIVE")
            c.execute("BEGIN EXCLUSIVE"); c.execute("INSERT INTO note (text) VALUES ('a')"); print("locked"); sys.stdin.readline()
            """, store.file.path)
        try await other.line("locked")
        let error = try Self.refusal(store.file.path, patience: .milliseconds(5))
        #expect(error.code == .locked)
        #expect(error.message.contains("locked by another program"))
        other.write("\n")
        _ = try await other.exit()
        _ = try StoreFile.open(store.file.path, migrations: ScratchStore.migrations)
    }

    @Test("A file and a directory that may not be written are refused", .enabled(if: Mounts.areAllowed))
    func readOnly() throws {
        let mount = try Mounts(options: "size=1m")
        let path = "\(mount.path)/store.db"
        let made = try StoreFile.open(path, migrations: ScratchStore.migrations)
        #expect(made.medium == .ephemeral(reason: "it lies in memory: kept until this machine or container is stopped"))
        try mount.remountReadOnly()
        let existing = try Self.refusal(path)
        #expect(existing.code == .notWritable)
        #expect(existing.message.contains("read-only"))
        let missing = try Self.refusal("\(mount.path)/other.db")
        #expect(missing.code == .notWritable)
    }

    @Test("A disk that is full is an error that says so", .enabled(if: Mounts.areAllowed))
    func fullDisk() async throws {
        let mount = try Mounts(options: "size=256k")
        let file = try StoreFile.open("\(mount.path)/store.db", migrations: ScratchStore.migrations)
        let writer = try await SQLiteWriter.open(file.connectForWriting) { _ in }
        let error = try await #require(throws: SQLiteError.self) {
            try await writer.write(.full) {
                try $0.run(text: "INSERT INTO note (text) VALUES (?)", [.text(String(repeating: "x", count: 500_000))])
            }
        }
        #expect(error.description.contains("make room"))
        try await writer.write(.full) { try $0.run(text: "INSERT INTO note (text) VALUES (?)", [.text("small")]) }
        await writer.close()
    }

    @Test("Network file systems are refused, memory and containers' layers are told apart from disks")
    func media() {
        for (magic, name) in [
            (0x6969, "NFS"), (0xFF53_4D42, "CIFS"), (0xFE53_4D42, "SMB2"), (0x6573_5546, "FUSE"), (0x0102_1997, "9p"),
        ] as [(Int64, String)] {
            #expect(StorageMedium.verdict(magic: magic) == .refused(name: name))
        }
        // The same number where the type is signed.
        #expect(StorageMedium.verdict(magic: Int64(Int32(bitPattern: 0xFF53_4D42))) == .refused(name: "CIFS"))
        for magic in [0x794C_7630, 0x0102_1994, 0x8584_58F6] as [Int64] {
            guard case .allowed(.ephemeral) = StorageMedium.verdict(magic: magic) else {
                Issue.record("\(magic)")
                continue
            }
        }
        #expect(StorageMedium.verdict(magic: 0xEF53) == .allowed(.durable))
    }
}

/// A file system in memory, mounted for one test.
final class Mounts {
    /// Where it is.
    let path: String
    private let scratch: ScratchDirectory

    /// Whether this user may mount; says so where not.
    static let areAllowed: Bool = {
        let allowed = (try? Mounts(options: "size=64k")) != nil  // the error's text is printed below
        if !allowed { print("skipped: this user may not mount a file system (mount(2), CAP_SYS_ADMIN)") }
        return allowed
    }()

    init(options: String) throws {
        scratch = try ScratchDirectory()
        path = "\(scratch.path)/mount"
        try #require(mkdir(path, 0o700) == 0)
        guard mount("tmpfs", path, "tmpfs", 0, options) == 0 else {
            throw ProgramUnderTest.Failure(description: "no mount: \(systemMessage(errno))")
        }
    }

    deinit { umount2(path, 2) }

    func remountReadOnly() throws {
        let readOnlyAndRemount: UInt = 1 | 32
        try #require(mount("tmpfs", path, "tmpfs", readOnlyAndRemount, "") == 0)
    }
}
