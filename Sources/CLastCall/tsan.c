#include "lastcall_tsan.h"

void lastcall_tsan_acquire(void *address) {
#ifdef LASTCALL_TSAN
    __tsan_acquire(address);
#else
    (void)address;
#endif
}

void lastcall_tsan_release(void *address) {
#ifdef LASTCALL_TSAN
    __tsan_release(address);
#else
    (void)address;
#endif
}
