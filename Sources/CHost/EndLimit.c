#define _GNU_SOURCE
#include "CHost.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>

/// The limit of the end of the process. Signal handlers use it, so it is plain static memory, written before
/// they are installed.
static struct {
    int status;
    const char *message;
    struct timespec earliest;
    struct timespec deadline;
    atomic_bool was_asked;
} ending;

static const int end_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM};

static struct timespec after(struct timespec time, int seconds) {
    time.tv_sec += seconds;
    return time;
}

/// Returns the microseconds until `time`; 0 if it has passed.
static int64_t microseconds_until(struct timespec time) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t left = (int64_t)(time.tv_sec - now.tv_sec) * 1000000 + (time.tv_nsec - now.tv_nsec) / 1000;
    return left > 0 ? left : 0;
}

static void arm(int64_t microseconds) {
    struct itimerval setting = {
        .it_value = {.tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000}};
    setitimer(ITIMER_REAL, &setting, NULL);
}

/// Writes the message to standard error if that does not block.
static void say(void) {
    struct pollfd error = {.fd = 2, .events = POLLOUT};
    if (poll(&error, 1, 0) <= 0 || !(error.revents & POLLOUT)) return;
    if (write(2, ending.message, strlen(ending.message)) < 0) return;
}

static void cut_short(int number) {
    int error = errno;
    bool is_timer = number == SIGALRM;
    if (!is_timer) atomic_store(&ending.was_asked, true);
    bool was_asked = atomic_load(&ending.was_asked);
    int64_t left = microseconds_until(was_asked ? ending.earliest : ending.deadline);
    if (left > 0) {
        arm(left);
        errno = error;
        return;
    }
    chost_terminal_restore();
    if (!was_asked) say();
    _exit(ending.status);
}

void chost_limit_end(int seconds, int leastSeconds, int status, const char *message) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    ending.status = status;
    ending.message = message;
    ending.earliest = after(now, leastSeconds);
    ending.deadline = after(now, seconds);
    struct sigaction action = {.sa_handler = cut_short, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigset_t all;
    sigemptyset(&all);
    for (size_t i = 0; i < sizeof end_signals / sizeof *end_signals; i++) {
        sigaddset(&all, end_signals[i]);
        struct sigaction before;
        bool is_ignored = sigaction(end_signals[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN;
        if (!is_ignored || end_signals[i] == SIGALRM) sigaction(end_signals[i], &action, NULL);
    }
    arm((int64_t)seconds * 1000000);
    pthread_sigmask(SIG_UNBLOCK, &all, NULL);
}

void chost_end_limit_over(void) { arm(0); }
