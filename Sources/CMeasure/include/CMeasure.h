/// Calls for measurements that Swift cannot make. A process is started by vfork(2), so that the size of this
/// process does not count. No other program than those that measure may link this module: it also makes what
/// a hostile command would make.
#pragma once
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

/// A program to be started, with all arguments prepared.
struct cmeasure_launch {
    /// The path of the program below `root`.
    const char *_Nonnull path;
    char *_Nullable const *_Nonnull arguments;
    char *_Nullable const *_Nonnull environment;
    /// The descriptors that become standard input, output and error.
    int streams[3];
    /// The root of the process and its directory below that; NULL to keep those of this process.
    const char *_Nullable root;
    const char *_Nullable directory;
    /// The user and group of the process, without supplementary groups; -1 to keep those of this process.
    int64_t user, group;
};

/// Starts a process in a process group of its own, with the default action for all signals and none blocked.
/// Returns its number, or -errno of the step that failed. The caller's thread waits until the program runs.
pid_t cmeasure_start(const struct cmeasure_launch *_Nonnull plan);

/// Returns a close-on-exec descriptor that is readable once the process has ended (pidfd_open(2)), or -errno.
int cmeasure_pidfd_open(pid_t process);

/// Makes a close-on-exec pipe whose reading end does not block. Returns 0 or -errno.
int cmeasure_watched_pipe(int *_Nonnull ends);

/// Gives this thread a mount namespace of its own, whose mounts do not propagate to the others. Returns 0 or
/// -errno.
int cmeasure_unshare_mounts(void);

/// Makes this process the parent of all its descendants whose own parents end (PR_SET_CHILD_SUBREAPER).
/// Returns 0 or -errno.
int cmeasure_adopt_orphans(void);

/// Makes a system call that does almost nothing and enters the kernel each time.
void cmeasure_null_call(void);

/// Returns the number of bytes in the kernel's log, or -errno if it may not be read.
int cmeasure_kernel_log_size(void);

/// Forks up to `most` children, which end after ten seconds or with their parent. Returns their number.
int cmeasure_fork_many(int most);

/// Opens a counter of a tracepoint (perf_event_open(2)) on one CPU, for all processes. Returns a descriptor
/// to read 8 bytes from, or -errno.
int cmeasure_count_tracepoint(uint64_t identifier, int cpu);

/// Opens the regular file `path` for reading, resolved as for a process whose root is the directory `root`
/// (openat2(2), RESOLVE_IN_ROOT). Returns a close-on-exec descriptor or -errno: -EINVAL for a file that is
/// not regular, which is not opened.
int cmeasure_open_in_root(const char *_Nonnull root, const char *_Nonnull path);

/// mknod(2) and lsetxattr(2), unchanged.
int cmeasure_make_node(const char *_Nonnull path, uint32_t mode, uint32_t major_number, uint32_t minor_number);
int cmeasure_set_attribute(
    const char *_Nonnull path, const char *_Nonnull name, const void *_Nullable value, size_t byteCount);
