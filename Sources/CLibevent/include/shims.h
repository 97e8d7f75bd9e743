// libevent 2.1 (event_core, and event_extra for DNS), and the Linux calls that Swift's Glibc module does not show.
#pragma once
// libevent's headers define _GNU_SOURCE, which would give these structures other member names than the Glibc module's.
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern long syscall(long number, ...);

/// accept4(2)
static inline int shim_accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
    return (int)syscall(SYS_accept4, descriptor, address, length, flags);
}

// recv(2) and send(2) of the C library are points where a thread may be cancelled, which costs each call in a program with several
// threads two atomic exchanges. No thread is ever cancelled here.

/// recv(2) without flags
static inline long shim_recv(int descriptor, void *bytes, size_t count) {
    return syscall(SYS_recvfrom, (long)descriptor, bytes, count, 0L, 0L, 0L);
}

/// send(2), and no SIGPIPE
static inline long shim_send(int descriptor, const void *bytes, size_t count) {
    return syscall(SYS_sendto, (long)descriptor, bytes, count, (long)MSG_NOSIGNAL, 0L, 0L);
}

/// sched_getaffinity(2) of the calling thread; the number of bytes filled, or -1.
static inline int shim_sched_getaffinity(unsigned long size, void *mask) {
    return (int)syscall(SYS_sched_getaffinity, 0, size, mask);
}

/// pthread_setname_np(3) of the calling thread; at most 15 bytes count.
static inline void shim_set_thread_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// Starts a program with `descriptors` as 3, 4, … and, besides 0 to 2, nothing else open; its id, or minus what failed.
///
/// `listen_pid` points at room for twelve bytes within a string of `environment`, which gets the new process's id: the
/// socket-activation convention wants it there, and nobody but the child knows it before the program runs. That is what
/// posix_spawn(3) cannot do. `descriptors` must all be above those that they become.
///
/// The child shares the caller's memory until the program runs, as vfork(2) has it, and calls nothing but system calls. No
/// handler of this program may run in it, hence the signals.
static inline int shim_spawn(
    const char *path, char *const arguments[], char *const environment[], char *listen_pid, const int *descriptors, int count
) {
    sigset_t all, before;
    volatile int failure = 0;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t child = vfork();
    if (child == 0) {
        char digits[12];
        int length = 0;
        for (int number = 1; number < NSIG; number++) {
            struct sigaction action;
            if (sigaction(number, 0, &action) == 0 && action.sa_handler != SIG_IGN && action.sa_handler != SIG_DFL) {
                action.sa_handler = SIG_DFL;
                action.sa_flags = 0;
                sigaction(number, &action, 0);
            }
        }
        for (long id = syscall(SYS_getpid); id > 0; id /= 10) digits[length++] = (char)('0' + id % 10);
        while (length > 0) *listen_pid++ = digits[--length];
        *listen_pid = 0;
        for (int index = 0; index < count; index++) {
            if (dup2(descriptors[index], 3 + index) < 0) failure = errno;
        }
        syscall(SYS_close_range, 3 + count, ~0U, 0);
        sigprocmask(SIG_SETMASK, &before, 0);
        if (failure == 0) {
            execve(path, arguments, environment);
            failure = errno;
        }
        _exit(127);
    }
    if (child < 0) failure = errno;
    sigprocmask(SIG_SETMASK, &before, 0);
    if (child > 0 && failure != 0) syscall(SYS_wait4, child, 0, 0, 0);
    return failure == 0 ? child : -failure;
}
