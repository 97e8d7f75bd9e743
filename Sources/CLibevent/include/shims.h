// libevent 2.1 (event_core), and the Linux calls that Swift's Glibc module does not show.
#pragma once
// libevent's headers define _GNU_SOURCE, which would give these structures other member names than the Glibc module's.
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <event2/event.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern long syscall(long number, ...);

/// accept4(2)
static inline int shim_accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
    return (int)syscall(SYS_accept4, descriptor, address, length, flags);
}

/// sched_getaffinity(2) of the calling thread; the number of bytes filled, or -1.
static inline int shim_sched_getaffinity(unsigned long size, void *mask) {
    return (int)syscall(SYS_sched_getaffinity, 0, size, mask);
}

/// pthread_setname_np(3) of the calling thread; at most 15 bytes count.
static inline void shim_set_thread_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
