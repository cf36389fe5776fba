#ifndef LASTCALL_FILES_H
#define LASTCALL_FILES_H

#include <stdbool.h>
#include <stdint.h>

// The magic number of the file system that holds a path (statfs(2)); 0 where the system has none, -1 with errno. Swift's Glibc
// module does not show statfs.
int64_t lastcall_file_system(const char *path);

// An unconnected unix datagram socket, close-on-exec, that never blocks; -1 with errno. SOCK_CLOEXEC is an enumeration in
// glibc and a number in musl, which Swift sees as two types.
int lastcall_datagram_socket(void);

// What tells one file from another under the same path.
struct lastcall_file_identity {
    uint64_t device;
    uint64_t inode;
    bool is_socket;
};

// Looks at a path without following a link (lstat(2)); 0, or -1 with errno. Beside NIO, which of two modules owns `struct stat` in
// Swift changes from build to build.
int lastcall_file_identity(const char *path, struct lastcall_file_identity *identity);

#endif
