import LastCall
import LastCallTesting
import Testing

@testable import LastCallSQLite

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A store in a directory of its own.
struct ScratchStore {
    /// The schema, the same as the fixture's.
    static let migrations = [
        Migration(1, StoreClock.schema), Migration(2, "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT) STRICT"),
    ]

    /// Where it is; removed with the value.
    let scratch: ScratchDirectory
    /// The store.
    let file: StoreFile

    init(patience: Duration = SQLiteConnection.patienceDefault) throws {
        scratch = try ScratchDirectory()
        file = try StoreFile.open("\(scratch.path)/store.db", migrations: Self.migrations, patience: patience)
    }

    /// Another process on a store.
    static func fixture(_ arguments: String...) throws -> ProgramUnderTest {
        try ProgramUnderTest(BuiltProgram.path("StoreFixture"), arguments, hasInput: true)
    }

    /// Another program.
    static func python(_ script: String, _ arguments: String...) throws -> ProgramUnderTest {
        try ProgramUnderTest(
            "/usr/bin/env", ["python3", "-u", "-c", script] + arguments, environment: ["PATH": path], hasInput: true)
    }

    /// Runs a script of another program to its end.
    static func run(python script: String, _ arguments: String...) async throws {
        let program = try ProgramUnderTest(
            "/usr/bin/env", ["python3", "-u", "-c", script] + arguments, environment: ["PATH": path])
        let code = try await program.exit()
        try #require(code == 0, "\(program.output)")
    }

    private static let path = "/usr/local/bin:/usr/bin:/bin"
}

/// The permission bits of a file; nil where there is none.
func mode(_ path: String) -> mode_t? { fileStatus(path).map { $0.st_mode & 0o777 } }

/// What tells whether a file was touched: its bytes, and what lies beside it.
struct Fingerprint: Equatable {
    /// The bytes.
    let bytes: [UInt8]
    /// The names in its directory.
    let neighbours: [String]

    init(_ path: String) throws {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        self.bytes = Array(bytes[..<count])
        neighbours = try #require(directoryNames(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))).sorted()
    }
}
