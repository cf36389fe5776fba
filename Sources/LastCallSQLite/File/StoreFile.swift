import CSQLite

/// A SQLite file that is known to be a store of this program's version.
package struct StoreFile: Sendable {
    /// The number in a store's header that says whose it is: "LCLL" (sqlite.org/pragma.html, application_id).
    package static let applicationID: Int32 = 0x4C43_4C4C

    /// The file, from the root and without links.
    package let path: String
    /// What it lies on.
    package let medium: StorageMedium
    /// How long a lock of another program is waited for.
    private let patience: Duration

    /// Where the workers of this file have their locks and sockets.
    package var workersDirectory: String { path + "-workers" }

    /// Opens a store: makes what is missing, refuses what is not ours, brings the schema up to date.
    ///
    /// Several processes may do this at the same time. What is refused is left as it was.
    ///
    /// - Parameters:
    ///   - path: The file; its directory is made if it is missing.
    ///   - migrations: All steps of the schema, by ascending number.
    ///   - patience: How long a lock of another program is waited for, also later.
    /// - Throws: ``StoreFileError``.
    package static func open(
        _ path: String, migrations: [Migration], patience: Duration = SQLiteConnection.patienceDefault
    ) throws -> StoreFile {
        precondition(
            zip(migrations, migrations.dropFirst()).allSatisfy { $0.number < $1.number }
                && migrations.allSatisfy { $0.number > 0 }, "migrations are numbered upwards from 1")
        let (found, medium) = try StorePath.prepare(path)
        do {
            try migrate(found, asked: path, migrations, patience)
        } catch let error as SQLiteError {
            throw StoreFileError.about(path, error)
        }
        return StoreFile(path: found, medium: medium, patience: patience)
    }

    /// A connection that writes.
    package func connectForWriting() throws -> SQLiteConnection {
        let connection = try SQLiteConnection(path: path, access: .readWrite, patience: patience)
        try connection.useWriterSettings()
        return connection
    }

    /// A connection that reads.
    package func connectForReading() throws -> SQLiteConnection {
        let connection = try SQLiteConnection(path: path, access: .readOnly, patience: patience)
        try connection.useReaderSettings()
        return connection
    }

    private static func migrate(_ path: String, asked: String, _ migrations: [Migration], _ patience: Duration) throws {
        // A log that is there already is left there, should the file turn out to be somebody else's.
        let hasLog = fileStatus(path + "-wal") != nil
        let connection = try SQLiteConnection(path: path, access: .readWrite, patience: patience)
        defer { connection.close() }
        if hasLog { lastcall_sqlite_leave_log_on_close(connection.handle) }
        try connection.useStoreSettings()
        let newest = migrations.last?.number ?? 0
        try connection.beginReading()
        let seen = try Header(connection)
        connection.rollBack()
        try seen.check(path: asked, newest: newest)
        try connection.useWriteAheadLog()
        guard !seen.isOurs || seen.version < newest else { return }
        try connection.set(.full)
        try connection.transaction {
            // Another process may have been quicker.
            let now = try Header(connection)
            try now.check(path: asked, newest: newest)
            for migration in migrations where migration.number > now.version { try connection.execute(migration.sql) }
            try connection.execute("PRAGMA application_id = \(applicationID); PRAGMA user_version = \(newest);")
        }
    }

    /// What a file says of itself.
    private struct Header {
        /// Whose it is.
        let applicationID: Int64
        /// The version of its schema.
        let version: Int
        /// Whether it has no tables.
        let isEmpty: Bool

        init(_ connection: SQLiteConnection) throws {
            // The schema first: it is what finds out that a file is no database.
            isEmpty =
                try connection.first(text: "SELECT EXISTS (SELECT 1 FROM sqlite_schema)") { $0.integer(0) == 0 } ?? true
            applicationID = try connection.first(text: "PRAGMA application_id") { $0.integer(0) } ?? 0
            version = try connection.first(text: "PRAGMA user_version") { Int($0.integer(0)) } ?? 0
        }

        /// Whether the file is a store.
        var isOurs: Bool { applicationID == Int64(StoreFile.applicationID) }

        /// Refuses what is not ours, and what is of a later version.
        func check(path: String, newest: Int) throws {
            guard isOurs || (applicationID == 0 && version == 0 && isEmpty) else {
                throw StoreFileError(
                    .foreign, path: path,
                    "It is a database of another program (application_id \(applicationID)). Name another file: a store has its own."
                )
            }
            guard version <= newest else {
                throw StoreFileError(
                    .newer, path: path,
                    "Its schema has version \(version), and this program knows versions up to \(newest). Use a newer lastcall, or another file."
                )
            }
        }
    }
}
