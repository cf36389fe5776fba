#ifndef LASTCALL_TSAN_H
#define LASTCALL_TSAN_H

// Swift's own Mutex waits on a futex inside a library that is not instrumented, so the thread sanitizer does not see that it
// orders anything and reports races that are none. These tell it. In every other build they are nothing.

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LASTCALL_TSAN 1
#endif
#endif

#ifdef LASTCALL_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#endif

void lastcall_tsan_acquire(const void *address);
void lastcall_tsan_release(const void *address);

#endif
