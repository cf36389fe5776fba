// Listening sockets: options and structures of the kernel that Swift's Glibc module does not show, or shows as macros.
#ifndef LASTCALL_SOCKETS_H
#define LASTCALL_SOCKETS_H

// The address family of a descriptor that is a listening stream socket. -1 with errno: ENOTSOCK where it is no socket, EINVAL
// where it is one that does not listen for streams.
int lastcall_listener_family(int descriptor);

// Has the kernel drop every connection attempt to a TCP listener, so that its queue can be emptied: handshakes that are under
// way finish, a new client's SYN is dropped and sent again by it a second later. Only for a socket that nobody else shares: the
// filter stays on it. 0, or -1 with errno.
int lastcall_listener_refuse_new(int descriptor);

// How many connections wait to be accepted from a TCP listener; -1 with errno where the kernel does not tell.
int lastcall_listener_queue(int descriptor);

// How many bytes a socket has received that nobody has read; -1 with errno.
int lastcall_unread_bytes(int descriptor);

// How many bytes were written that the other side has not confirmed (SIOCOUTQ, tcp(7)), our FIN included; -1 with errno.
int lastcall_unsent_bytes(int descriptor);

// Lets several processes listen on one port (SO_REUSEPORT, socket(7)). 0, or -1 with errno.
int lastcall_share_port(int descriptor);

#endif
