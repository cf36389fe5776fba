#include <sqlite3.h>

// sqlite3_db_config is variadic, which Swift cannot call: closing leaves the write-ahead log as it is.
static inline int lastcall_sqlite_leave_log_on_close(sqlite3 *connection) {
    return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}
