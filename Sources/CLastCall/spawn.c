#define _GNU_SOURCE
#include "CLastCall.h"

#if defined(__linux__)

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

// The kernel's signal set is 64 bits wide whatever libc makes of it; see rt_sigprocmask(2), "C library/kernel differences".
#define KERNEL_SIGSET_BYTES 8

// ---------------------------------------------------------------------------------------------------------------------
// The child, between fork and exec.
//
// Other threads may have held any lock at the moment of the fork, so the child calls nothing but the kernel: each call
// below is the bare system call. (That also keeps the thread sanitizer's interceptors out of a half-copied process.)
//
// PR_SET_PDEATHSIG is not used: it fires when the *thread* that forked ends, not its process (prctl(2)), so a thread that
// returns to its pool or ends would kill a healthy program. Ending what a dead worker left behind is the business of the
// one who takes its work over.

// The sanitizer's own code is kept out as well: it takes locks that another thread may have held at the fork, and the child would wait for
// them for ever. So whatever the child runs, from the fork on, is not instrumented.
#if defined(__has_attribute) && __has_attribute(disable_sanitizer_instrumentation)
#define RUNS_IN_CHILD __attribute__((disable_sanitizer_instrumentation))
#else
#define RUNS_IN_CHILD
#endif

RUNS_IN_CHILD static void child_fail(int report, enum lastcall_spawn_stage stage, int error) {
    struct lastcall_spawn_failure failure = {.stage = stage, .error = error};
    // Nobody to tell if this fails; the exit code then says the same.
    (void)!syscall(SYS_write, report, &failure, sizeof failure);
    // The codes a shell uses: 127 not found, 126 found but not runnable.
    syscall(SYS_exit_group, error == ENOENT ? 127 : 126);
    __builtin_unreachable();
}

// Ignored signals stay ignored across exec, handled ones do not (execve(2)). Both become the default here, and before the
// mask is opened: a signal that came in meanwhile would otherwise run the parent's handler, which writes to the parent's pipe.
RUNS_IN_CHILD static void child_reset_signals(void) {
    // All zero is SIG_DFL with no flags in every architecture's kernel_sigaction.
    unsigned long action[8];
    for (unsigned i = 0; i < sizeof action / sizeof *action; i++) action[i] = 0;
    for (int number = 1; number <= 64; number++) {
        if (number == SIGKILL || number == SIGSTOP) continue;
        syscall(SYS_rt_sigaction, number, action, 0, KERNEL_SIGSET_BYTES);
    }
}

RUNS_IN_CHILD static void child_open_mask(void) {
    uint64_t none = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, KERNEL_SIGSET_BYTES);
}

// Everything above 2 closes at exec, also what other libraries opened without O_CLOEXEC: no lock, listener or database
// file of ours reaches a program.
RUNS_IN_CHILD static void child_close_on_exec(void) {
    if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
    // Linux before 5.11, or a sandbox without the call: one by one up to the limit.
    struct rlimit limit = {0, 0};
    uint64_t highest = 65536;
    if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit) == 0 && limit.rlim_cur < (1U << 20)) highest = limit.rlim_cur;
    for (uint64_t descriptor = 3; descriptor < highest; descriptor++) {
        syscall(SYS_fcntl, descriptor, F_SETFD, FD_CLOEXEC);
    }
}

RUNS_IN_CHILD static void child_run(const struct lastcall_spawn_request *request, int niceness, int report) {
    child_reset_signals();
    // Threads have a niceness of their own, and libdispatch gives some of its threads a better one where it may; the program
    // gets the process's. Refused is as before (setpriority(2)).
    syscall(SYS_setpriority, PRIO_PROCESS, 0, niceness);

    // The parent also makes the group (see there); whoever comes first wins, the other's call changes nothing.
    if (request->new_session) {
        if (syscall(SYS_setsid) < 0) child_fail(report, LASTCALL_SPAWN_GROUP, errno);
    } else if (syscall(SYS_setpgid, 0, 0) < 0) {
        child_fail(report, LASTCALL_SPAWN_GROUP, errno);
    }
    if (request->terminal >= 0) {
        // All signals are still blocked, so SIGTTOU cannot stop us here (tcsetpgrp(3)).
        int group = (int)syscall(SYS_getpid);
        if (syscall(SYS_ioctl, request->terminal, TIOCSPGRP, &group) < 0) child_fail(report, LASTCALL_SPAWN_TERMINAL, errno);
    }
    for (int target = 0; target < 3; target++) {
        if (request->stdio[target] < 0) continue;
        if (syscall(SYS_dup3, request->stdio[target], target, 0) < 0) child_fail(report, LASTCALL_SPAWN_STDIO, errno);
    }
    if (request->directory && syscall(SYS_chdir, request->directory) < 0) {
        child_fail(report, LASTCALL_SPAWN_DIRECTORY, errno);
    }
    child_close_on_exec();
    child_open_mask();

    // As execvp(3) searches: go on where nothing is found, remember that something was not permitted.
    int remembered = ENOENT;
    for (char *const *candidate = request->candidates; *candidate; candidate++) {
        syscall(SYS_execve, *candidate, request->arguments, request->environment);
        if (errno == EACCES) {
            remembered = EACCES;
        } else if (errno != ENOENT && errno != ENOTDIR) {
            child_fail(report, LASTCALL_SPAWN_EXEC, errno);
        }
    }
    child_fail(report, LASTCALL_SPAWN_EXEC, remembered);
}

// ---------------------------------------------------------------------------------------------------------------------
// The parent.

// Moves a descriptor to 3 or above: where 0, 1 or 2 is closed, a descriptor of ours would pass for the program's own.
// -1 stays -1, with its errno.
static int above_stdio(int descriptor) {
    if (descriptor < 0 || descriptor > 2) return descriptor;
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    int error = errno;
    close(descriptor);
    errno = error;
    return moved;
}

// fork with a pidfd, and without libc's fork handlers: the child runs none of libc.
RUNS_IN_CHILD static pid_t fork_with_pidfd(int *pidfd) {
    struct clone_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = CLONE_PIDFD;
    arguments.pidfd = (uint64_t)(uintptr_t)pidfd;
    arguments.exit_signal = SIGCHLD;
    pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    // Sandboxes that do not know clone3 say ENOSYS, some say EPERM.
    if (pid >= 0 || (errno != ENOSYS && errno != EPERM)) return pid;

    pid = fork();
    if (pid <= 0) return pid;
    // Nobody but us reaps our child, so the number is still its own.
    *pidfd = lastcall_pidfd_open(pid);
    if (*pidfd < 0) {
        int error = errno;
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
        errno = error;
        return -1;
    }
    return pid;
}

RUNS_IN_CHILD pid_t lastcall_spawn(const struct lastcall_spawn_request *request, int *pidfd, int *report) {
    int write_end;
    if (lastcall_pipe(report, &write_end) < 0) return -1;

    // No handler of ours may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // That of the main thread, whose number is the process's.
    int niceness = getpriority(PRIO_PROCESS, getpid());
    pid_t pid = fork_with_pidfd(pidfd);
    if (pid == 0) child_run(request, niceness, write_end);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    close(write_end);
    if (pid > 0) *pidfd = above_stdio(*pidfd);
    if (pid < 0) {
        close(*report);
        errno = error;
        return -1;
    }
    // In both processes (glibc manual, "Launching Jobs"): a signal to the group must reach the child from now on. EACCES
    // says that it has already called exec; then its own call has worked. Not for a session: setsid(2) fails in a process
    // that leads a group, so whoever signals before the report's end must be ready for ESRCH.
    if (!request->new_session) setpgid(pid, pid);
    return pid;
}

void lastcall_spawn_closes_rest(posix_spawn_file_actions_t *actions) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    posix_spawn_file_actions_addclosefrom_np(actions, 3);
#else
    (void)actions;
#endif
}

int lastcall_pipe(int *read_end, int *write_end) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    *read_end = above_stdio(ends[0]);
    *write_end = above_stdio(ends[1]);
    if (*read_end >= 0 && *write_end >= 0 && fcntl(*read_end, F_SETFL, O_NONBLOCK) == 0) return 0;
    int error = errno;
    if (*read_end >= 0) close(*read_end);
    if (*write_end >= 0) close(*write_end);
    errno = error;
    return -1;
}

int lastcall_open(const char *path, bool writing) {
    return above_stdio(open(path, (writing ? O_WRONLY : O_RDONLY) | O_CLOEXEC | O_NOCTTY));
}

int lastcall_pidfd_open(pid_t pid) { return above_stdio((int)syscall(SYS_pidfd_open, pid, 0)); }

int lastcall_pidfd_send_signal(int pidfd, int number) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

int lastcall_wait(pid_t pid, bool reap, struct lastcall_exit *result) {
    siginfo_t info;
    struct rusage usage;
    memset(&info, 0, sizeof info);
    memset(&usage, 0, sizeof usage);
    memset(result, 0, sizeof *result);
    // The system call itself also tells the resource usage (waitid(2), "C library/kernel differences").
    int options = WEXITED | WNOHANG | (reap ? 0 : WNOWAIT);
    long code;
    do {
        code = syscall(SYS_waitid, P_PID, pid, &info, options, &usage);
    } while (code < 0 && errno == EINTR);
    if (code < 0) return -1;
    if (info.si_pid == 0) return 0;
    result->exited = true;
    result->by_signal = info.si_code != CLD_EXITED;
    result->value = info.si_status;
    result->peak_memory = (int64_t)usage.ru_maxrss * 1024;
    return 0;
}

int lastcall_wait_stopped(pid_t pid) {
    siginfo_t info;
    int code;
    do {
        memset(&info, 0, sizeof info);
        // Without WEXITED: its end is left to those who wait for it, and ends this wait with ECHILD (waitid(2)).
        code = waitid(P_PID, (id_t)pid, &info, WSTOPPED);
    } while (code < 0 && errno == EINTR);
    return code < 0 ? -1 : info.si_status;
}

int lastcall_terminal_foreground(int terminal, pid_t group) {
    sigset_t stop_output, before;
    sigemptyset(&stop_output);
    sigaddset(&stop_output, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &stop_output, &before);
    int code = tcsetpgrp(terminal, group);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return code;
}

void lastcall_keep_exit_statuses(void) {
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) < 0) return;
    bool discards = action.sa_flags & SA_NOCLDWAIT;
    if (!(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_IGN) {
        action.sa_handler = SIG_DFL;
        discards = true;
    }
    if (!discards) return;
    action.sa_flags &= ~SA_NOCLDWAIT;
    sigaction(SIGCHLD, &action, NULL);
}

static volatile int children_eventfd = -1;

static void child_changed(int number) {
    (void)number;
    int error = errno;
    uint64_t one = 1;
    (void)!write(children_eventfd, &one, sizeof one);
    errno = error;
}

int lastcall_watch_children(int eventfd) {
    children_eventfd = eventfd;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = child_changed;
    action.sa_flags = SA_RESTART | SA_NOCLDSTOP;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGCHLD, &action, NULL);
}

int lastcall_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int lastcall_poll_create(void) { return above_stdio(epoll_create1(EPOLL_CLOEXEC)); }

int lastcall_poll_add(int poll, int descriptor, uint64_t mark) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = mark};
    return epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event);
}

int lastcall_poll_remove(int poll, int descriptor) { return epoll_ctl(poll, EPOLL_CTL_DEL, descriptor, NULL); }

int lastcall_poll_wait(int poll, uint64_t *marks, int marks_max, int milliseconds) {
    struct epoll_event events[64];
    int count = epoll_wait(poll, events, marks_max < 64 ? marks_max : 64, milliseconds);
    for (int i = 0; i < count; i++) marks[i] = events[i].data.u64;
    return count;
}

int lastcall_event_create(void) { return above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int lastcall_event_signal(int event) { return eventfd_write(event, 1); }

void lastcall_event_clear(int event) {
    eventfd_t count;
    // EAGAIN says that it was clear.
    (void)!eventfd_read(event, &count);
}

int lastcall_thread(void *(*body)(void *), void *argument, const char *name) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, body, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) return error;
    pthread_setname_np(thread, name);
    pthread_detach(thread);
    return 0;
}

#endif
