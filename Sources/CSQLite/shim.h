#include <sqlite3.h>

// sqlite3_db_config is variadic, which Swift cannot call: closing leaves the write-ahead log as it is.
static inline int lastcall_sqlite_leave_log_on_close(sqlite3 *connection) {
    return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

// sqlite3_config is variadic too: no statistics on memory, and no lock around every allocation for them.
static inline int lastcall_sqlite_count_no_memory(void) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}
