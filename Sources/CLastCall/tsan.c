#include "lastcall_tsan.h"

void lastcall_tsan_acquire(const void *address) {
#ifdef LASTCALL_TSAN
    __tsan_acquire((void *)address);
#else
    (void)address;
#endif
}

void lastcall_tsan_release(const void *address) {
#ifdef LASTCALL_TSAN
    __tsan_release((void *)address);
#else
    (void)address;
#endif
}
