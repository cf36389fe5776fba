import CSQLite

extension SQLiteConnection {
    /// What every connection to a store is set to (sqlite.org/pragma.html).
    ///
    /// - `mmap_size = 0`: a failing disk is then an error and not a SIGBUS.
    /// - `trusted_schema = OFF`, `cell_size_check = ON`: a file that somebody else made up does less.
    /// - `secure_delete = OFF`: Debian overwrites deleted rows by default, which every acknowledged job would pay for.
    /// - `foreign_keys = OFF`, `recursive_triggers = OFF`: the schema has neither.
    func useStoreSettings() throws {
        try execute(
            """
            PRAGMA mmap_size = 0;
            PRAGMA trusted_schema = OFF;
            PRAGMA cell_size_check = ON;
            PRAGMA secure_delete = OFF;
            PRAGMA foreign_keys = OFF;
            PRAGMA recursive_triggers = OFF;
            PRAGMA temp_store = MEMORY;
            """)
    }

    /// What the one connection that writes is set to beside it: 16 MiB of cache, and checkpoints when the writer says so.
    func useWriterSettings() throws {
        try useStoreSettings()
        try execute("PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;")
        try set(.full)
    }

    /// What a connection that reads is set to beside it.
    func useReaderSettings() throws {
        try useStoreSettings()
        try execute("PRAGMA cache_size = -4096; PRAGMA query_only = ON;")
    }

    /// Makes the write-ahead log the file's journal.
    ///
    /// The switch needs the file alone, and SQLite does not always ask the busy handler for that (a lock that is raised from shared
    /// is refused at once), so this tries again by itself, each millisecond, for as long as the patience lasts.
    func useWriteAheadLog() throws {
        let end = ContinuousClock.now + patience
        while true {
            do {
                let mode = try first(text: "PRAGMA journal_mode = WAL") { $0.text(0) }
                guard mode == "wal" else {
                    throw SQLiteError(
                        extendedCode: SQLITE_CANTOPEN,
                        message: "the file cannot have a write-ahead log (its journal is \(mode ?? "unknown"))")
                }
                return
            } catch let error as SQLiteError where error.isBusy && ContinuousClock.now < end {
                sqlite3_sleep(1)
            }
        }
    }
}
