// Starting and watching processes: what Swift cannot do between fork and exec, and Linux calls that glibc 2.36 has under
// names that musl lacks.
#ifndef LASTCALL_SPAWN_H
#define LASTCALL_SPAWN_H

#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Where a start failed. The numbers travel through the report pipe.
enum lastcall_spawn_stage {
    LASTCALL_SPAWN_FORK = 0,
    LASTCALL_SPAWN_GROUP = 1,
    LASTCALL_SPAWN_TERMINAL = 2,
    LASTCALL_SPAWN_STDIO = 3,
    LASTCALL_SPAWN_DIRECTORY = 4,
    LASTCALL_SPAWN_EXEC = 5,
};

// What a child that could not start its program writes into the report pipe: one write, below PIPE_BUF.
struct lastcall_spawn_failure {
    int32_t stage;
    int32_t error;
};

// What to start. All pointers stay the caller's.
struct lastcall_spawn_request {
    // Paths to try in this order, ended by NULL.
    char *const *candidates;
    char *const *arguments;
    char *const *environment;
    // NULL: the caller's own.
    const char *directory;
    // Descriptors (all >= 3) that become 0, 1 and 2; -1: leave the caller's own there.
    int stdio[3];
    // true: setsid(). false: a process group of its own in the caller's session.
    bool new_session;
    // A terminal whose foreground group the child becomes, or -1.
    int terminal;
};

// Forks and execs; returns the child's pid, or -1 with errno.
//
// `pidfd` receives a close-on-exec descriptor of the child. `report` receives the read end of a pipe, close-on-exec and
// not blocking: end of file says that the program runs, a `lastcall_spawn_failure` that it does not.
pid_t lastcall_spawn(const struct lastcall_spawn_request *request, int *pidfd, int *report);

// Has posix_spawn(3) leave the new process nothing but its standard streams, whatever other threads open meanwhile. Swift's Glibc
// module does not show posix_spawn_file_actions_addclosefrom_np(3), and where the C library lacks it (musl) this does nothing.
void lastcall_spawn_closes_rest(posix_spawn_file_actions_t *actions);

// A close-on-exec pipe whose ends are both >= 3, so that they can never collide with 0, 1 and 2 in the child.
// The read end does not block. 0, or -1 with errno.
int lastcall_pipe(int *read_end, int *write_end);

// Opens a path close-on-exec on a descriptor >= 3; -1 with errno.
int lastcall_open(const char *path, bool writing);

int lastcall_pidfd_open(pid_t pid);
int lastcall_pidfd_send_signal(int pidfd, int signal);

// What waitid says of a child.
struct lastcall_exit {
    // true once the child has exited.
    bool exited;
    // true: `value` is a signal. false: an exit code.
    bool by_signal;
    int32_t value;
    // Peak resident set of the largest process among the child and those it waited for, in bytes; only when reaped.
    int64_t peak_memory;
};

// Looks at a child, and with `reap` also takes its status for good. Never blocks. 0, or -1 with errno.
int lastcall_wait(pid_t pid, bool reap, struct lastcall_exit *result);

// Waits until a child is stopped by a signal, and returns the signal; -1 with errno once the child has ended.
int lastcall_wait_stopped(pid_t pid);

// Makes the calling terminal's foreground group `group`, without being stopped by SIGTTOU. 0, or -1 with errno.
int lastcall_terminal_foreground(int terminal, pid_t group);

// Gives SIGCHLD its default disposition if it is ignored: children of a process that ignores it leave no status.
void lastcall_keep_exit_statuses(void);

// Installs a SIGCHLD handler that adds 1 to an eventfd. 0, or -1 with errno.
int lastcall_watch_children(int eventfd);

// PR_SET_CHILD_SUBREAPER for the whole process. 0, or -1 with errno.
int lastcall_become_subreaper(void);

// epoll(7) and eventfd(2), which Swift's Glibc module does not show. All return -1 with errno on failure.
int lastcall_poll_create(void);
// Reports `mark` whenever the descriptor is readable, until it is removed.
int lastcall_poll_add(int poll, int descriptor, uint64_t mark);
int lastcall_poll_remove(int poll, int descriptor);
// Fills `marks` with what is ready and returns how many; waits `milliseconds`, or for ever at -1.
int lastcall_poll_wait(int poll, uint64_t *marks, int marks_max, int milliseconds);
// An eventfd that does not block and closes on exec.
int lastcall_event_create(void);
int lastcall_event_signal(int event);
void lastcall_event_clear(int event);

// Starts a detached thread with every signal blocked, so that no handler ever runs on it. 0, or an errno.
int lastcall_thread(void *(*body)(void *), void *argument, const char *name);

#endif
