#define _GNU_SOURCE
#include "lastcall_sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#ifdef __linux__
#include <linux/filter.h>
#include <linux/sockios.h>
#endif

int lastcall_listener_family(int descriptor) {
    int listens = 0, type = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return -1;
    size = sizeof listens;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0) return -1;
    if (type != SOCK_STREAM || !listens) {
        errno = EINVAL;
        return -1;
    }
    struct sockaddr_storage address;
    memset(&address, 0, sizeof address);
    size = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0) return -1;
    return address.ss_family;
}

int lastcall_listener_refuse_new(int descriptor) {
#ifdef __linux__
    // The filter sees the TCP header; its 14th byte holds the flags (RFC 9293, section 3.1). SYN without ACK opens a connection.
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
#else
    (void)descriptor;
    errno = ENOTSUP;
    return -1;
#endif
}

int lastcall_listener_queue(int descriptor) {
#ifdef __linux__
    struct tcp_info info;
    memset(&info, 0, sizeof info);
    socklen_t size = sizeof info;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return -1;
    // For a listener this field is the length of its accept queue (tcp_get_info() in the kernel).
    return (int)info.tcpi_unacked;
#else
    (void)descriptor;
    errno = ENOTSUP;
    return -1;
#endif
}

int lastcall_unread_bytes(int descriptor) {
    int count = 0;
#ifdef __linux__
    return ioctl(descriptor, SIOCINQ, &count) == 0 ? count : -1;
#else
    return ioctl(descriptor, FIONREAD, &count) == 0 ? count : -1;
#endif
}

int lastcall_unsent_bytes(int descriptor) {
    int count = 0;
#ifdef __linux__
    return ioctl(descriptor, SIOCOUTQ, &count) == 0 ? count : -1;
#else
    socklen_t size = sizeof count;
    return getsockopt(descriptor, SOL_SOCKET, SO_NWRITE, &count, &size) == 0 ? count : -1;
#endif
}

int lastcall_share_port(int descriptor) {
    int on = 1;
    return setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}
