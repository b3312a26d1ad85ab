#define _GNU_SOURCE
#include "CMeasure.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/// Turns the child into the program. The child shares this process's memory until it executes: nothing here
/// may allocate or lock.
static _Noreturn void become(const struct cmeasure_launch *plan, volatile int *problem) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    int failed = setpgid(0, 0) < 0;
    for (int stream = 0; stream < 3; stream++) failed = failed || dup2(plan->streams[stream], stream) < 0;
    failed = failed || (plan->root && (chroot(plan->root) < 0 || chdir("/") < 0));
    failed = failed || (plan->directory && chdir(plan->directory) < 0);
    // These are raw system calls: the library's functions would change all threads, which after a vfork are
    // the parent's.
    if (plan->group >= 0) {
        failed = failed || syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setgid, plan->group) < 0;
    }
    if (plan->user >= 0) failed = failed || syscall(SYS_setuid, plan->user) < 0;
    if (!failed) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(plan->path, plan->arguments, plan->environment);
    }
    *problem = errno;
    _exit(127);
}

pid_t cmeasure_start(const struct cmeasure_launch *plan) {
    volatile int problem = 0;
    sigset_t all, before;
    sigfillset(&all);
    // A signal handler of this process must not run in the child.
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t child = vfork();
    if (child == 0) become(plan, &problem);
    int cause = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child < 0) return -cause;
    if (problem == 0) return child;
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    return -problem;
}

int cmeasure_pidfd_open(pid_t process) {
    int fd = (int)syscall(SYS_pidfd_open, process, 0);
    return fd < 0 ? -errno : fd;
}

int cmeasure_watched_pipe(int *ends) {
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}

int cmeasure_unshare_mounts(void) {
    if (unshare(CLONE_NEWNS) < 0) return -errno;
    return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? -errno : 0;
}

void cmeasure_null_call(void) { syscall(SYS_getppid); }

int cmeasure_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? -errno : 0; }

int cmeasure_kernel_log_size(void) {
    int size = (int)syscall(SYS_syslog, 9 /* SYSLOG_ACTION_SIZE_UNREAD */, NULL, 0);
    return size < 0 ? -errno : size;
}

int cmeasure_fork_many(int most) {
    int count = 0;
    for (; count < most; count++) {
        pid_t child = fork();
        if (child < 0) break;
        if (child == 0) {
            // The child ends with its parent, or after ten seconds.
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            sleep(10);
            _exit(0);
        }
    }
    return count;
}

int cmeasure_count_tracepoint(uint64_t identifier, int cpu) {
    struct perf_event_attr event = {
        .type = PERF_TYPE_TRACEPOINT, .size = sizeof event, .config = identifier, .sample_period = 0};
    int fd = (int)syscall(SYS_perf_event_open, &event, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/// Opens the file behind an O_PATH descriptor if it is a regular file: to open a device may already have
/// effects.
static int open_regular(int found) {
    struct stat status;
    if (fstat(found, &status) < 0) return -errno;
    if (!S_ISREG(status.st_mode)) return -EINVAL;
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", found);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int cmeasure_open_in_root(const char *root, const char *path) {
    int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return -errno;
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int found = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
    int result = found < 0 ? -errno : open_regular(found);
    if (found >= 0) close(found);
    close(directory);
    return result;
}

int cmeasure_make_node(const char *path, uint32_t mode, uint32_t major_number, uint32_t minor_number) {
    return mknod(path, mode, makedev(major_number, minor_number));
}

int cmeasure_set_attribute(const char *path, const char *name, const void *value, size_t byteCount) {
    return lsetxattr(path, name, value, byteCount, 0);
}
