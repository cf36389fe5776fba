#ifndef LASTCALL_PROCESS_H
#define LASTCALL_PROCESS_H

// This process's environment, NULL after clearenv(3). `environ` is a global variable that Swift 6 cannot read without a claim
// about concurrency, and takes for never NULL.
char **lastcall_environment(void);

// Names the calling thread, for debuggers and /proc. Swift cannot see pthread_setname_np(3).
void lastcall_name_thread(const char *name);

#endif
