#ifndef LASTCALL_SIGNALS_H
#define LASTCALL_SIGNALS_H

#include <stdint.h>

// One received signal as the handler writes it into the pipe. A write of 16 bytes is atomic (PIPE_BUF, pipe(7)).
struct lastcall_signal {
    int32_t number;
    int32_t code; // si_code: at or below 0 a process sent it, and pid and uid are known (sigaction(2))
    int32_t pid;
    uint32_t uid;
};

// Makes the pipe between the handler and its reader. Returns the end to read from, or a negative errno. Later calls return
// the same end.
int lastcall_signals_open(void);

// Installs the handler for one signal. Returns 0, or a negative errno.
int lastcall_signals_take(int number);

// Whether the handler for this signal is still ours: 1 or 0, or a negative errno.
int lastcall_signals_is_ours(int number);

// Whether the signal is ignored, as nohup leaves SIGHUP: 1 or 0, or a negative errno.
int lastcall_signals_is_ignored(int number);

// The first real-time signal that no library keeps for itself.
int lastcall_signal_realtime_first(void);

// Ignores a signal. Returns 0, or a negative errno.
int lastcall_signals_ignore(int number);

// Stops this process by a signal's default action. Returns 0 once it is continued, or at once where the kernel discards the
// signal: for PID 1 and in an orphaned process group (setpgid(2)). A negative errno where it cannot be raised.
int lastcall_signals_stop_self(int number);

#endif
