// The calls of Linux that the container agent uses and Swift cannot import: macros with arguments, variadic
// functions, and system calls for which musl has no function.

#ifndef CLINUX_CONTAINER_H
#define CLINUX_CONTAINER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static inline int createFile(const char *path, int flags, mode_t mode) {
    return open(path, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
}

static inline int createFileIn(int directory, const char *name, int flags, mode_t mode) {
    return openat(directory, name, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);
}

// Opens a name in a directory with O_PATH. A symbolic link is opened itself.
static inline int openName(int directory, const char *name) {
    return openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static inline int openFileIn(int directory, const char *name, int flags) {
    return openat(directory, name, flags | O_CLOEXEC);
}

// Opens a path below `root`. Neither `..` nor an absolute link leads out of the root, and the links of /proc
// to open files are not followed: openat2(2).
static inline int openInRoot(int root, const char *path, int flags) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    return syscall(SYS_openat2, root, path, &how, sizeof how);
}

static inline bool isCharacterDevice(const struct stat *status, unsigned major, unsigned minor) {
    return S_ISCHR(status->st_mode) && status->st_rdev == makedev(major, minor);
}

static inline int setNonblocking(int descriptor) { return fcntl(descriptor, F_SETFL, O_NONBLOCK); }

static inline int duplicate(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, 0); }

static inline bool isOpen(int descriptor) { return fcntl(descriptor, F_GETFD) >= 0; }

// Forks a process of one thread and also returns a descriptor of the child: clone(2), CLONE_PIDFD. The kernel
// closes the descriptor at exec. musl's fork does more, for programs of several threads.
static inline pid_t forkWithDescriptor(int *descriptor) {
    return syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, descriptor, 0, 0);
}

// Puts the next children into a process namespace of their own, whose process 1 is the first of them:
// unshare(2).
static inline int separateProcesses(void) { return syscall(SYS_unshare, CLONE_NEWPID); }

// Gives the calling process a mount namespace of its own, a copy of its present one: unshare(2).
static inline int separateMounts(void) { return syscall(SYS_unshare, CLONE_NEWNS); }

// Moves the calling process to the mount namespace of another process, and to its root: setns(2).
static inline int enterMounts(int process) { return syscall(SYS_setns, process, CLONE_NEWNS); }

// Executes the program behind the descriptor: execveat(2).
static inline int executeDescriptor(int descriptor, char *const *arguments, char *const *environment) {
    return syscall(SYS_execveat, descriptor, "", arguments, environment, AT_EMPTY_PATH);
}

static inline int setProcessName(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

static inline char **environment(void) { return environ; }

// Ignores SIGCHLD, so that the kernel collects children by itself.
static inline void ignoreChildren(void) { signal(SIGCHLD, SIG_IGN); }

static inline int closeAll(void) { return syscall(SYS_close_range, 0u, ~0u, 0u); }

// Makes the mount at `path` read-only and keeps its other properties: mount_setattr(2).
static inline int makeReadOnly(const char *path, bool withMountsBelow) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    int flags = withMountsBelow ? AT_RECURSIVE : 0;
    return syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &attributes, sizeof attributes);
}

// Makes the mount at `path` writable and keeps its other properties.
static inline int makeWritable(const char *path) {
    struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_RDONLY};
    return syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &attributes, sizeof attributes);
}

// Adds 64 random bytes to the kernel's generator, which counts all their bits as entropy, and has it make new
// keys from them before it returns: random(4), RNDADDENTROPY and RNDRESEEDCRNG.
static inline int reseedGenerator(int device, const unsigned char *seed) {
    struct {
        struct rand_pool_info header;
        unsigned char bytes[64];
    } pool = {.header = {.entropy_count = 8 * sizeof pool.bytes, .buf_size = sizeof pool.bytes}};
    memcpy(pool.header.buf, seed, sizeof pool.bytes);
    int result = ioctl(device, RNDADDENTROPY, &pool);
    explicit_bzero(&pool, sizeof pool);
    return result < 0 ? result : ioctl(device, RNDRESEEDCRNG);
}

static inline int setClock(int64_t seconds, uint32_t nanoseconds) {
    struct timespec time = {.tv_sec = seconds, .tv_nsec = nanoseconds};
    return clock_settime(CLOCK_REALTIME, &time);
}

// Overwrites the part of the stack in which the calls made so far by the caller had their variables.
__attribute__((noinline)) static void eraseStack(void) {
    unsigned char bytes[4096];
    explicit_bzero(bytes, sizeof bytes);
}

// The guest's free memory and all its memory, in bytes: sysinfo(2).
static inline uint64_t freeMemory(void) {
    struct sysinfo facts;
    return sysinfo(&facts) < 0 ? 0 : (uint64_t)facts.freeram * facts.mem_unit;
}
static inline uint64_t totalMemory(void) {
    struct sysinfo facts;
    return sysinfo(&facts) < 0 ? 0 : (uint64_t)facts.totalram * facts.mem_unit;
}

// openTree makes a new mount of a directory that is not attached yet: open_tree(2). placeTree attaches it in
// the mount namespace of the caller: move_mount(2). setMountFlags takes the flags of mount(2), the first four
// of which have the same bits in mount_setattr(2).
static inline int openTree(int directory, const char *name) {
    return syscall(SYS_open_tree, directory, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}
static inline int placeTree(int tree, const char *path) {
    return syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
}
static inline int setMountFlags(int tree, unsigned flags) {
    struct mount_attr attributes = {.attr_set = flags & 15};
    if (flags & MS_NOATIME) attributes.attr_set |= MOUNT_ATTR_NOATIME;
    if (flags & MS_STRICTATIME) attributes.attr_set |= MOUNT_ATTR_STRICTATIME;
    if (attributes.attr_set & MOUNT_ATTR__ATIME) attributes.attr_clr = MOUNT_ATTR__ATIME;
    if (flags & MS_NODIRATIME) attributes.attr_set |= MOUNT_ATTR_NODIRATIME;
    return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
}

static inline int makeCharacterDevice(const char *path, mode_t mode, unsigned major, unsigned minor) {
    return mknod(path, S_IFCHR | mode, makedev(major, minor));
}

// Returns the name of the next entry; NULL at the end.
static inline const char *nextName(DIR *directory) {
    struct dirent *entry = readdir(directory);
    return entry ? entry->d_name : NULL;
}

// Opens a pseudoterminal's other side, whatever path leads to it: ioctl_tty(2).
static inline int openTerminal(int master) { return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC); }
static inline int unlockTerminal(int master) {
    int locked = 0;
    return ioctl(master, TIOCSPTLCK, &locked);
}
static inline int terminalNumber(int master) {
    int number = 0;
    return ioctl(master, TIOCGPTN, &number) < 0 ? -1 : number;
}
static inline int resizeTerminal(int terminal, unsigned short columns, unsigned short rows) {
    struct winsize size = {.ws_col = columns, .ws_row = rows};
    return ioctl(terminal, TIOCSWINSZ, &size);
}

// Returns the number of bytes that can be read without waiting.
static inline int readableByteCount(int descriptor) {
    int count = 0;
    return ioctl(descriptor, FIONREAD, &count) < 0 ? 0 : count;
}

// Calls of prctl(2), which is variadic.
static inline int hideFromDebuggers(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
static inline int keepCapabilities(void) { return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0); }
static inline int dropFromBoundingSet(unsigned capability) { return prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); }
static inline int raiseAmbient(unsigned capability) {
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
}
static inline int forbidNewPrivileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

// Sets the capabilities by capset(2), version 3: two 32-bit words for each set.
static inline int setCapabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = effective, .permitted = permitted, .inheritable = inheritable},
        {.effective = effective >> 32, .permitted = permitted >> 32, .inheritable = inheritable >> 32},
    };
    return syscall(SYS_capset, &header, data);
}

static inline int setLimit(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit(resource, &limit);
}

#endif
