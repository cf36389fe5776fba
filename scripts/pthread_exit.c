// Linked into `make dist` only, in the place of pthread_exit (the linker's --wrap).
//
// An async `main` ends in dispatch_main(), which ends the main thread with pthread_exit. glibc carries that out by
// unwinding, for which it loads libgcc_s.so.1 at run time, and aborts the process where the file is missing ("libgcc_s.so.1
// must be installed for pthread_exit to work"), as in an image with nothing but glibc. The main thread is parked instead:
// it costs a stack, and signal handlers may run on it as on any other thread.
#define _GNU_SOURCE
#include <unistd.h>

_Noreturn void __real_pthread_exit(void *result);

_Noreturn void __wrap_pthread_exit(void *result) {
    if (gettid() != getpid()) __real_pthread_exit(result);
    for (;;) pause();
}
