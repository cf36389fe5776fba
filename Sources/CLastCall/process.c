#define _GNU_SOURCE
#include "lastcall_process.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <unistd.h>

extern char **environ;

char **lastcall_environment(void) {
    return environ;
}

void lastcall_name_thread(const char *name) {
#ifdef __linux__
    prctl(PR_SET_NAME, name, 0, 0, 0);
#else
    (void)name;
#endif
}
