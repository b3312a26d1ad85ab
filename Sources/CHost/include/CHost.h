/// The few calls that Swift cannot make: variadic functions, macros, and headers that the Glibc module leaves
/// out.
#pragma once
// _GNU_SOURCE is not defined here: other modules see the C library's headers without it, and types must look
// alike in all of them. Calls that need it are functions of CHost.c.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

/// Makes all threads allocate from one pool of malloc(3).
static inline void chost_share_one_pool(void) { mallopt(M_ARENA_MAX, 1); }

/// Names an anonymous mapping in /proc/PID/smaps. Some kernels are built without this and refuse; nothing
/// depends on it.
static inline int chost_name_mapping(void *_Nonnull start, size_t byteCount, const char *_Nonnull name) {
    return prctl(0x53564d41 /* PR_SET_VMA */, 0 /* PR_SET_VMA_ANON_NAME */, start, byteCount, name);
}

static inline int chost_window_size(int fd, uint16_t *_Nonnull columns, uint16_t *_Nonnull rows) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) return -errno;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return 0;
}

/// Calls ioctl(2) with a pointer, for block devices. Returns the result or -errno.
static inline int chost_ioctl_pointer(int fd, unsigned long request, void *_Nonnull pointer) {
    int result = ioctl(fd, request, pointer);
    return result < 0 ? -errno : result;
}

/// Returns errno, a macro over a thread-local variable. Swift's own accessor is not inlinable into other
/// modules.
static inline int chost_errno(void) { return errno; }

/// Calls open(2), which is variadic, with O_CLOEXEC. Returns the descriptor or -errno.
static inline int chost_open(const char *_Nonnull path, int flags, mode_t mode) {
    int fd = open(path, flags | O_CLOEXEC, mode);
    return fd < 0 ? -errno : fd;
}

/// Opens `path` below `directory`, close-on-exec; no link may lead out of the directory (openat2(2),
/// RESOLVE_BENEATH). Returns the descriptor or -errno, which is -EXDEV for such a link.
int chost_open_beneath(int directory, const char *_Nonnull path, int flags);

/// Calls mmap(2). Returns NULL for MAP_FAILED, a cast that the importer leaves out, and leaves errno.
static inline void *_Nullable chost_mmap(
    void *_Nullable address, size_t byteCount, int protection, int flags, int fd, off_t offset) {
    void *mapped = mmap(address, byteCount, protection, flags, fd, offset);
    return mapped == MAP_FAILED ? NULL : mapped;
}

/// Makes the terminal raw and saves its settings, which a signal that ends or stops the process restores
/// first. Returns 0 or -errno.
int chost_terminal_raw(int fd);

/// Restores the terminal and stops the process, as SIGTSTP does by default. Returns when the process
/// continues.
void chost_stop_process(void);

/// Returns whether the terminal was restored for a stop and is not raw again yet.
bool chost_terminal_is_suspended(void);

/// Makes the terminal raw again after a stop, unless the process is in the background. Returns whether it
/// did.
bool chost_terminal_resume(void);

/// Records output that is written while the terminal is raw, in case the terminal may answer it.
void chost_terminal_note_output(const void *_Nonnull bytes, size_t byteCount);

/// Returns whether the terminal is raw and has received output that it may answer.
bool chost_terminal_may_answer(void);

/// The size of a signal stack in bytes: more than the largest signal frame of an x86 processor (12 KiB with
/// AMX).
#define CHOST_SIGNAL_STACK_SIZE (32 << 10)

/// Calls `body` on the calling thread, with a stack for signal handlers.
void chost_call_with_signal_stack(void (*_Nonnull body)(void *_Nullable), void *_Nullable argument);

/// Makes the kernel close the file of `fd` after the end of this process. A ring of io_uring(7) holds the
/// file too, and a worker of the kernel tears a ring down once no process can use it any more. The ring stays
/// open until then, and `guard` stays locked (flock(2)). Returns false if `guard` is locked already or there
/// is no io_uring; the file is then closed normally.
bool chost_close_after_process(int fd, int guard);

/// Restores the terminal, once, and drops unread input; async-signal-safe.
void chost_terminal_restore(void);

/// Returns the descriptor of the terminal that was made raw.
int chost_terminal_descriptor(void);

/// Returns whether the terminal is raw now.
bool chost_terminal_is_raw(void);

/// Starts a limit of the end of the process: unless `chost_end_limit_over` is called within `seconds`, the
/// process writes `message` to standard error and ends with `status`. `message` must stay valid. From this
/// call on SIGHUP, SIGINT, SIGQUIT and SIGTERM end the process too, `leastSeconds` after the call at the
/// earliest. The calling thread takes these signals; all others must block them.
void chost_limit_end(int seconds, int leastSeconds, int status, const char *_Nonnull message);

/// Lifts the limit: nothing is left that could delay the end.
void chost_end_limit_over(void);

/// Makes `signal` interrupt system calls and do nothing else.
void chost_install_kick(int signal);

/// Ignores `signal`.
void chost_ignore(int signal);

/// Gives `signal` its default action.
void chost_default(int signal);

/// Returns the time at which the kernel started this process, in clock ticks since the kernel booted
/// (proc(5), starttime); -1 without /proc.
int64_t chost_process_start_ticks(void);

/// Makes a pipe whose ends are both close-on-exec (pipe2(2)).
int chost_pipe(int *_Nonnull readEnd, int *_Nonnull writeEnd);

/// Starts a program. `words` holds `count` strings one after another: its name and its arguments. Standard
/// input is /dev/null, standard output and error are `output`, and descriptor 3 is `kept` unless that is
/// negative. Returns the process number or -errno.
pid_t chost_spawn(const uint8_t *_Nonnull words, size_t count, int output, int kept);

// GNU calls. Each returns the result of the call and leaves errno.
void chost_set_thread_name(const char *_Nonnull name);
int chost_fallocate(int fd, int mode, off_t offset, off_t byteCount);
ssize_t chost_preadv2(int fd, const struct iovec *_Nonnull vectors, int count, off_t offset, int flags);
ssize_t chost_pwritev2(int fd, const struct iovec *_Nonnull vectors, int count, off_t offset, int flags);
/// Returns whether the bytes contain `pattern`, which has at least one byte.
bool chost_contains(
    const void *_Nonnull bytes, size_t byteCount, const void *_Nonnull pattern, size_t patternByteCount);

/// Takes an open-file-description lock on the whole file (F_OFD_SETLK), shared or exclusive, without waiting.
int chost_lock_file(int fd, bool isExclusive);
/// Takes such a lock on one byte of the file. One file can hold many locks that way, and none of them needs
/// the byte to exist.
int chost_lock_byte(int fd, off_t offset, bool isExclusive);
/// Takes a lock on one byte for this process (F_SETLK), without waiting. Returns 0 or -errno: -EAGAIN if
/// another process has the lock. `holder` then is the number of that process, or 0 if it is in a PID
/// namespace that is not visible from here.
int chost_claim_byte(int fd, off_t offset, pid_t *_Nonnull holder);
/// Reads the size of a block device in bytes (BLKGETSIZE64).
int chost_block_device_size(int fd, uint64_t *_Nonnull byteCount);
/// Reads the sizes of a block device's sectors in bytes (BLKSSZGET and BLKPBSZGET).
int chost_block_device_sectors(int fd, uint32_t *_Nonnull logical, uint32_t *_Nonnull physical);
/// Returns 1 for a block device that refuses writes, and 0 for one that accepts them (BLKROGET).
int chost_block_device_is_read_only(int fd);

/// Returns the highest microarchitecture level of x86-64 (System V ABI, AMD64 supplement, 3.1.1) that this
/// CPU has and its kernel lets programs use: 1 to 4.
int chost_x86_64_level(void);

/// Opens /dev/null for each of the descriptors 0 to 2 that is closed. Returns 0 or -errno.
int chost_open_standard_descriptors(void);

/// Reads `byteCount` (1, 2, 4 or 8) bytes of memory that the guest may be writing, exactly once: a compiler
/// is free to read ordinary memory again after a check.
static inline uint64_t chost_load_once(const void *_Nonnull source, size_t byteCount) {
    struct __attribute__((packed)) word16 { uint16_t value; };
    struct __attribute__((packed)) word32 { uint32_t value; };
    struct __attribute__((packed)) word64 { uint64_t value; };
    switch (byteCount) {
    case 1: return *(const volatile uint8_t *)source;
    case 2: return ((const volatile struct word16 *)source)->value;
    case 4: return ((const volatile struct word32 *)source)->value;
    default: return ((const volatile struct word64 *)source)->value;
    }
}
