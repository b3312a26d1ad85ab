/// Starting a process as cheaply as Linux allows, for measurements: a vfork, so the size of this process does not count.
#pragma once
#include <dirent.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <sys/wait.h>

/// What is to be started, all of it made ready before.
struct chost_launch {
    /// The program, seen from `root`.
    const char *_Nonnull path;
    char *_Nullable const *_Nonnull arguments;
    char *_Nullable const *_Nonnull environment;
    /// Becomes standard input, output and error.
    int streams[3];
    /// The root and then the directory of the process; NULL to stay.
    const char *_Nullable root;
    const char *_Nullable directory;
    /// Its user and group, without supplementary ones; -1 to keep those of this process.
    int64_t user, group;
};

/// Starts a process in a process group of its own, with all signals at their defaults and none blocked. Its number, or
/// -errno of the step that failed. The caller's thread waits until the program runs.
pid_t chost_start(const struct chost_launch *_Nonnull plan);

/// pidfd_open(2): a close-on-exec descriptor that is readable once the process has ended, or -errno.
int chost_pidfd_open(pid_t process);

/// A pipe, close-on-exec, whose end for reading does not block: 0 or -errno.
int chost_watched_pipe(int *_Nonnull ends);

/// Gives this thread a mount namespace of its own, from which nothing spreads: 0 or -errno.
int chost_unshare_mounts(void);

/// A system call that does as good as nothing, and goes to the kernel each time.
void chost_null_call(void);

/// The bytes of the kernel's log, where it may be read, or -errno.
int chost_kernel_log_size(void);

/// Forks up to `most` children, which end after ten seconds or with their parent; how many there were.
int chost_fork_many(int most);

/// A counter of a tracepoint (perf_event_open(2)) on one CPU, for all processes: a descriptor to read 8 bytes from, or -errno.
int chost_count_tracepoint(uint64_t identifier, int cpu);

/// Opens the regular file `path` for reading as a process would find it whose root is the directory `root` (openat2(2),
/// RESOLVE_IN_ROOT): a descriptor, close-on-exec, or -errno; -EINVAL where it is something else, which is not opened.
int chost_open_in_root(const char *_Nonnull root, const char *_Nonnull path);

/// mknod(2) and lsetxattr(2), as they are.
int chost_make_node(const char *_Nonnull path, uint32_t mode, uint32_t major_number, uint32_t minor_number);
int chost_set_attribute(
    const char *_Nonnull path, const char *_Nonnull name, const void *_Nullable value, size_t byteCount);
