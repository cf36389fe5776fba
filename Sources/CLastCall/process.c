#define _GNU_SOURCE
#include "lastcall_process.h"

#include <unistd.h>

extern char **environ;

char **lastcall_environment(void) {
    return environ;
}
