/// The few calls that Swift cannot make: variadic ones, macros, and headers that the Glibc module leaves out.
#pragma once
// No _GNU_SOURCE here: other modules see the C library's headers without it, and types must look alike in all of them.
// What needs it is a function of CHost.c.
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
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

#include "CHostSpawn.h"

/// Has all threads allocate from one pool of malloc's.
static inline void chost_share_one_pool(void) { mallopt(M_ARENA_MAX, 1); }

/// Gives an anonymous mapping a name in /proc/PID/smaps. Kernels built without it refuse; nothing depends on it.
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

/// ioctl(2) with a pointer, for block devices; the result or -errno.
static inline int chost_ioctl_pointer(int fd, unsigned long request, void *_Nonnull pointer) {
    int result = ioctl(fd, request, pointer);
    return result < 0 ? -errno : result;
}

/// errno is a macro over a thread-local; Swift's own accessor is not inlinable into other modules.
static inline int chost_errno(void) { return errno; }

/// open(2) is variadic; every descriptor is close-on-exec. The descriptor or -errno.
static inline int chost_open(const char *_Nonnull path, int flags, mode_t mode) {
    int fd = open(path, flags | O_CLOEXEC, mode);
    return fd < 0 ? -errno : fd;
}

/// mmap(2) with NULL for MAP_FAILED, a cast that the importer leaves out; errno tells why.
static inline void *_Nullable chost_mmap(
    void *_Nullable address, size_t byteCount, int protection, int flags, int fd, off_t offset) {
    void *mapped = mmap(address, byteCount, protection, flags, fd, offset);
    return mapped == MAP_FAILED ? NULL : mapped;
}

/// Makes the terminal raw and remembers how it was. A signal that ends the process, or stops it, puts it back first.
/// 0 or -errno.
int chost_terminal_raw(int fd);

/// Stops the process as SIGTSTP does by default, with the terminal put back; returns when it goes on.
void chost_stop_process(void);

/// Whether the terminal was put back for a stop and is not raw again yet.
bool chost_terminal_is_suspended(void);

/// Makes the terminal raw again after a stop, unless the process is in the background. Whether it did.
bool chost_terminal_resume(void);

/// Notes whether these bytes, which are written to the terminal while it is raw, may make it send an answer.
void chost_terminal_note_output(const void *_Nonnull bytes, size_t byteCount);

/// Whether the terminal is raw and was sent something that it may answer.
bool chost_terminal_may_answer(void);

/// More than the largest frame that a signal of an x86 processor takes (12 KiB with AMX).
#define CHOST_SIGNAL_STACK_SIZE (32 << 10)

/// Has the calling thread's signal handlers run on `stack`, which has CHOST_SIGNAL_STACK_SIZE bytes: one for a stack that is
/// used up has none left on it.
void chost_use_signal_stack(char *_Nonnull stack);

/// Calls `body` with a stack for signal handlers, on the calling thread.
void chost_call_with_signal_stack(void (*_Nonnull body)(void *_Nullable), void *_Nullable argument);

/// Has the kernel close the file of `fd` after the end of this process. A ring of io_uring(7) holds it too, and a ring is
/// taken down by a worker of the kernel once nobody can use it any more. The ring stays open until then, and `guard` locked
/// (flock(2)). False where `guard` is locked already, or where there is no io_uring.
bool chost_close_after_process(int fd, int guard);

/// Puts the terminal back, once, and drops what nobody has read; async-signal-safe.
void chost_terminal_restore(void);

/// The descriptor of the terminal that was made raw.
int chost_terminal_descriptor(void);

/// Whether the terminal is raw now.
bool chost_terminal_is_raw(void);

/// Ends the process with `status` if `chost_end_limit_over` is not called within `seconds`; standard error then gets
/// `message`, which must stay where it is. From here on SIGHUP, SIGINT, SIGQUIT and SIGTERM end it too, `leastSeconds` after
/// this call at the earliest. The calling thread takes these signals; all others must block them.
void chost_limit_end(int seconds, int leastSeconds, int status, const char *_Nonnull message);

/// The end has come so far that nothing can hold it up any more.
void chost_end_limit_over(void);

/// Makes `signal` interrupt system calls and do nothing else.
void chost_install_kick(int signal);

/// Ignores `signal`.
void chost_ignore(int signal);

/// Lets `signal` do what it does by default.
void chost_default(int signal);

/// When the kernel started this process, in clock ticks since it booted (proc(5), starttime); -1 without /proc.
int64_t chost_process_start_ticks(void);

/// pipe2(2) with both ends close-on-exec.
int chost_pipe(int *_Nonnull readEnd, int *_Nonnull writeEnd);

/// Starts a program: `words` holds `count` strings one after another, its name and its arguments. Its standard input is
/// /dev/null, `output` its standard output and error, `kept` its descriptor 3 unless it is negative. The process's number,
/// or -errno.
pid_t chost_spawn(const uint8_t *_Nonnull words, size_t count, int output, int kept);

// GNU calls. Each returns what the call returns and leaves errno.
void chost_set_thread_name(const char *_Nonnull name);
int chost_memfd_create(const char *_Nonnull name, unsigned int flags);
int chost_fallocate(int fd, int mode, off_t offset, off_t byteCount);
ssize_t chost_preadv2(int fd, const struct iovec *_Nonnull vectors, int count, off_t offset, int flags);
ssize_t chost_pwritev2(int fd, const struct iovec *_Nonnull vectors, int count, off_t offset, int flags);
/// Whether `pattern`, of one byte at least, lies in the bytes.
bool chost_contains(
    const void *_Nonnull bytes, size_t byteCount, const void *_Nonnull pattern, size_t patternByteCount);

/// An open-file-description lock on the whole file (F_OFD_SETLK), shared or exclusive, without waiting.
int chost_lock_file(int fd, bool isExclusive);
/// The same on one byte of the file: many locks live in one file that way, and none of them needs the byte to exist.
int chost_lock_byte(int fd, off_t offset, bool isExclusive);
/// A lock on one byte that belongs to this process (F_SETLK), without waiting: 0, or -errno. It is -EAGAIN where another
/// process has it: `holder` is its number then, or 0 for one of a PID namespace that cannot be seen from here.
int chost_claim_byte(int fd, off_t offset, pid_t *_Nonnull holder);
/// BLKGETSIZE64: the size of a block device in bytes.
int chost_block_device_size(int fd, uint64_t *_Nonnull byteCount);
/// BLKSSZGET and BLKPBSZGET: the sizes of a block device's sectors in bytes.
int chost_block_device_sectors(int fd, uint32_t *_Nonnull logical, uint32_t *_Nonnull physical);
/// BLKROGET: 1 for a block device that refuses writes, 0 for one that takes them.
int chost_block_device_is_read_only(int fd);

/// The highest microarchitecture level of x86-64 (System V ABI, AMD64 supplement, 3.1.1) that this CPU has and its kernel lets
/// programs use: 1 to 4.
int chost_x86_64_level(void);

/// Opens /dev/null in the place of each of the descriptors 0 to 2 that is closed; 0 or -errno.
int chost_open_standard_descriptors(void);

/// Reads `byteCount` (1, 2, 4 or 8) bytes of memory that somebody else may be writing, exactly once: a compiler is free to
/// read ordinary memory again after it has been checked.
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
