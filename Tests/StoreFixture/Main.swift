import LastCall
import LastCallSQLite

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A second process on a store's file: it migrates, writes, holds locks, listens, and counts its descriptors.
@main
struct Fixture {
    static let migrations = [
        Migration(1, StoreClock.schema), Migration(2, "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT) STRICT"),
    ]

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "migrate": try migrate(arguments[1])
        case "write": try write(arguments[1], count: Int(arguments[2]) ?? 0)
        case "lock": try lock(arguments[1], name: arguments[2])
        case "listen": try await listen(arguments[1], name: arguments[2])
        case "descriptors": try await descriptors(arguments[1])
        default: exit(64)
        }
    }

    private static func say(_ text: String) {
        print(text)
        fflush(nil)
    }

    /// Migrates once it is told to go.
    private static func migrate(_ path: String) throws {
        say("ready")
        _ = readLine()
        let file = try StoreFile.open(path, migrations: migrations)
        let connection = try file.connectForWriting()
        let count = try connection.first(text: "SELECT count(*) FROM sqlite_schema WHERE type = 'table'") {
            $0.integer(0)
        }
        connection.close()
        say("tables \(count ?? -1)")
    }

    /// One row a transaction, as fast as the others let it.
    private static func write(_ path: String, count: Int) throws {
        let connection = try StoreFile.open(path, migrations: migrations).connectForWriting()
        let insert = SQLiteQuery("INSERT INTO note (text) VALUES (?)")
        say("ready")
        _ = readLine()
        for number in 1...count {
            try connection.transaction { try connection.run(insert, .text("\(getpid()) \(number)")) }
        }
        connection.close()
        say("wrote \(count)")
    }

    /// Holds a worker's lock until it is killed.
    private static func lock(_ directory: String, name: String) throws {
        let lock = try WorkerLocks(directory: directory).acquire(name)
        say("held")
        _ = readLine()
        lock.release(removing: true)
    }

    /// Says what it hears, until its input ends.
    private static func listen(_ path: String, name: String) async throws {
        let file = try StoreFile.open(path, migrations: migrations)
        let locks = try WorkerLocks(directory: file.workersDirectory)
        let lock = try locks.acquire(name)
        guard let bell = Bell(directory: file.workersDirectory, name: name) else { exit(1) }
        let lookout = try await Lookout.start(
            locks: locks, bell: bell, file.connectForReading, onChange: { say("heard \($0.rawValue)") },
            onDeath: { say("dead \($0)") })
        say("listening")
        while readLine() != nil {}
        await lookout.close()
        bell.close()
        lock.release(removing: true)
    }

    /// Everything opened and closed a few times: as many descriptors as before, and all of them close on exec in between.
    private static func descriptors(_ path: String) async throws {
        let before = openDescriptors()
        for _ in 0..<3 {
            let file = try StoreFile.open(path, migrations: migrations)
            let locks = try WorkerLocks(directory: file.workersDirectory)
            let lock = try locks.acquire("one")
            let bell = Bell(directory: file.workersDirectory, name: "one")
            let writer = try await SQLiteWriter.open(file.connectForWriting) { bell?.ring($0) }
            let readers = try await SQLiteReaders.open(file.connectForReading)
            let lookout = try await Lookout.start(
                locks: locks, bell: bell, file.connectForReading, onChange: { _ in }, onDeath: { _ in })
            try await writer.write(.full) { try $0.execute("INSERT INTO note (text) VALUES ('a')") }
            _ = try await readers.read { try $0.first(text: "SELECT count(*) FROM note") { $0.integer(0) } }
            for descriptor in openDescriptors().subtracting(before) where fcntl(descriptor, F_GETFD) & FD_CLOEXEC == 0 {
                say("inherited \(descriptor)")
            }
            await lookout.close()
            await readers.close()
            await writer.close()
            bell?.close()
            lock.release(removing: true)
        }
        let left = openDescriptors().subtracting(before)
        for descriptor in left { say("\(descriptor) is \(target(descriptor))") }
        say("left \(left.count)")
    }

    /// The open descriptors, but for those that the runtime makes for its own timers when it first needs them.
    private static func openDescriptors() -> Set<Int32> {
        Set((0..<256).filter { fcntl($0, F_GETFD) >= 0 && target($0) != "anon_inode:[timerfd]" })
    }

    private static func target(_ descriptor: Int32) -> String {
        var target = [UInt8](repeating: 0, count: 256)
        let count = readlink("/proc/self/fd/\(descriptor)", &target, target.count)
        return String(decoding: target.prefix(max(0, count)), as: UTF8.self)
    }
}
