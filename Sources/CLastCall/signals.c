#define _GNU_SOURCE
#include "lastcall_signals.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

// A handler written in Swift would inherit the isolation of the function around it and trap on another thread; here it is
// nothing but one write(2), which signal-safety(7) allows.

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static int read_end = -1;
static atomic_int write_end = -1;

static void handler(int number, siginfo_t *info, void *context) {
    (void)context;
    int saved = errno;
    struct lastcall_signal record = {
        .number = number,
        .code = info != NULL ? info->si_code : 0,
        .pid = info != NULL && info->si_code <= 0 ? (int32_t)info->si_pid : 0,
        .uid = info != NULL && info->si_code <= 0 ? (uint32_t)info->si_uid : 0,
    };
    // The pipe holds thousands of records. Where it is full, as many signals already wait to be read: one more says nothing new.
    ssize_t written = write(atomic_load(&write_end), &record, sizeof record);
    (void)written;
    errno = saved;
}

int lastcall_signals_open(void) {
    pthread_mutex_lock(&open_lock);
    if (read_end < 0) {
        int ends[2];
        if (pipe(ends) < 0) {
            int error = errno;
            pthread_mutex_unlock(&open_lock);
            return -error;
        }
        for (int i = 0; i < 2; i++) {
            fcntl(ends[i], F_SETFD, FD_CLOEXEC);
            fcntl(ends[i], F_SETFL, O_NONBLOCK);
        }
        read_end = ends[0];
        atomic_store(&write_end, ends[1]);
    }
    pthread_mutex_unlock(&open_lock);
    return read_end;
}

int lastcall_signals_take(int number) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    if (sigaction(number, &action, NULL) < 0) return -errno;
    // A parent may have left the signal blocked; exec(2) keeps the mask.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return 0;
}

int lastcall_signals_is_ours(int number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) < 0) return -errno;
    return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == handler;
}

int lastcall_signals_is_ignored(int number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) < 0) return -errno;
    return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
}

int lastcall_signal_realtime_first(void) { return SIGRTMIN; }

int lastcall_signals_ignore(int number) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_IGN;
    if (sigaction(number, &action, NULL) < 0) return -errno;
    return 0;
}

int lastcall_signals_stop_self(int number) {
    struct sigaction standard, before;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    sigemptyset(&standard.sa_mask);
    if (sigaction(number, &standard, &before) < 0) return -errno;
    sigset_t set, mask;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, &mask);
    // To this thread, so that it is delivered before the call returns; a stop is the whole process's all the same.
    int error = raise(number) == 0 ? 0 : errno;
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    sigaction(number, &before, NULL);
    return -error;
}
