#define _GNU_SOURCE
#include "lastcall_files.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

int64_t lastcall_file_system(const char *path) {
#ifdef __linux__
    struct statfs found;
    if (statfs(path, &found) != 0) return -1;
    // The type is signed on some machines, and two of the numbers have their highest bit set.
    return (int64_t)(uint32_t)found.f_type;
#else
    (void)path;
    return 0;
#endif
}

int lastcall_datagram_socket(void) {
#ifdef __linux__
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
    int descriptor = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (descriptor < 0) return -1;
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    return descriptor;
#endif
}

int lastcall_file_identity(const char *path, struct lastcall_file_identity *identity) {
    struct stat status;
    if (lstat(path, &status) != 0) {
        return -1;
    }
    identity->device = (uint64_t)status.st_dev;
    identity->inode = (uint64_t)status.st_ino;
    identity->is_socket = S_ISSOCK(status.st_mode);
    return 0;
}
