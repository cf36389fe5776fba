#ifndef LASTCALL_FILES_H
#define LASTCALL_FILES_H

#include <stdint.h>

// The magic number of the file system that holds a path (statfs(2)); 0 where the system has none, -1 with errno. Swift's Glibc
// module does not show statfs.
int64_t lastcall_file_system(const char *path);

// An unconnected unix datagram socket, close-on-exec, that never blocks; -1 with errno. SOCK_CLOEXEC is an enumeration in
// glibc and a number in musl, which Swift sees as two types.
int lastcall_datagram_socket(void);

#endif
