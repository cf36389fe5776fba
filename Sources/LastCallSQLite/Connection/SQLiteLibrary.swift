import CSQLite

/// What is said to SQLite once for a whole process.
package enum SQLiteLibrary {
    /// Lets SQLite keep no statistics on its memory, which costs a lock at every allocation (sqlite.org/c3ref/c_config_covering_index_scan.html).
    ///
    /// For programs that own their process, before the first file is opened; later it does nothing.
    package static func countNoMemory() { _ = lastcall_sqlite_count_no_memory() }
}
