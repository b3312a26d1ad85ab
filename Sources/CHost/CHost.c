#define _GNU_SOURCE
#include "CHost.h"

#include <cpuid.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

int chost_open_beneath(int directory, const char *path, int flags) {
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
    return fd < 0 ? -errno : (int)fd;
}

static void do_nothing(int signal) { (void)signal; }

void chost_install_kick(int signal) {
    struct sigaction action = {.sa_handler = do_nothing};
    sigaction(signal, &action, NULL);
}

void chost_ignore(int number) { signal(number, SIG_IGN); }

void chost_default(int number) { signal(number, SIG_DFL); }

/// Reads field 22 of /proc/self/stat. The fields are counted from the end of the command's name, which may
/// itself hold spaces and brackets.
int64_t chost_process_start_ticks(void) {
    char text[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t count = read(fd, text, sizeof text - 1);
    close(fd);
    if (count <= 0) return -1;
    text[count] = 0;
    const char *field = strrchr(text, ')');
    // starttime is field 22 (proc(5)); the name is field 2.
    for (int index = 2; field && index < 22; index++) field = strchr(field + 1, ' ');
    if (!field) return -1;
    int64_t ticks = 0;
    for (field++; *field >= '0' && *field <= '9'; field++) ticks = ticks * 10 + (*field - '0');
    return ticks;
}

bool chost_close_after_process(int fd, int guard) {
    if (flock(guard, LOCK_EX | LOCK_NB) < 0) return false;
    struct io_uring_params parameters = {0};
    int ring = (int)syscall(SYS_io_uring_setup, 1, &parameters);
    if (ring < 0) return false;
    // The kernel closes the files from the last one to the first.
    int files[] = {guard, fd};
    return syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, files, 2) >= 0;
}

int chost_pipe(int *readEnd, int *writeEnd) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    *readEnd = ends[0];
    *writeEnd = ends[1];
    return 0;
}

pid_t chost_spawn(const uint8_t *words, size_t count, int output, int kept) {
    char *arguments[32] = {0};
    if (count == 0 || count >= sizeof arguments / sizeof *arguments) return -E2BIG;
    char *word = (char *)words;
    for (size_t index = 0; index < count; index++, word += strlen(word) + 1) arguments[index] = word;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_adddup2(&actions, output, 2);
    if (kept >= 0) posix_spawn_file_actions_adddup2(&actions, kept, 3);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t child;
    int result = posix_spawnp(&child, arguments[0], &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return result == 0 ? child : -result;
}

void chost_set_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }


int chost_fallocate(int fd, int mode, off_t offset, off_t byteCount) {
    return fallocate(fd, mode, offset, byteCount);
}

ssize_t chost_preadv2(int fd, const struct iovec *vectors, int count, off_t offset, int flags) {
    return preadv2(fd, vectors, count, offset, flags);
}

ssize_t chost_pwritev2(int fd, const struct iovec *vectors, int count, off_t offset, int flags) {
    return pwritev2(fd, vectors, count, offset, flags);
}

/// Returns the index of the pattern's byte that is rarest at the beginning of the bytes.
static size_t rarest(const uint8_t *bytes, size_t byteCount, const uint8_t *pattern, size_t patternByteCount) {
    uint16_t counts[256] = {0};
    size_t sampled = byteCount < 4096 ? byteCount : 4096, found = 0;
    for (size_t i = 0; i < sampled; i++) counts[bytes[i]]++;
    for (size_t i = 1; i < patternByteCount; i++) {
        if (counts[pattern[i]] < counts[pattern[found]]) found = i;
    }
    return found;
}

/// Searches by memchr(3) for one byte of the pattern, which is several times as fast on a kernel as
/// memmem(3).
bool chost_contains(const void *bytes, size_t byteCount, const void *pattern, size_t patternByteCount) {
    if (patternByteCount == 0 || byteCount < patternByteCount) return false;
    const uint8_t *start = bytes, *wanted = pattern;
    size_t anchor = rarest(start, byteCount, wanted, patternByteCount);
    const uint8_t *at = start + anchor, *end = start + (byteCount - patternByteCount) + anchor + 1;
    while (at < end && (at = memchr(at, wanted[anchor], (size_t)(end - at)))) {
        if (memcmp(at - anchor, wanted, patternByteCount) == 0) return true;
        at++;
    }
    return false;
}

int chost_lock_file(int fd, bool isExclusive) {
    struct flock lock = {.l_type = isExclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &lock);
}

int chost_lock_byte(int fd, off_t offset, bool isExclusive) {
    struct flock lock = {
        .l_type = isExclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock);
}

int chost_claim_byte(int fd, off_t offset, pid_t *holder) {
    struct flock lock;
    do {
        lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
        if (fcntl(fd, F_SETLK, &lock) == 0) return 0;
        if (errno != EAGAIN && errno != EACCES) return -errno;
        if (fcntl(fd, F_GETLK, &lock) < 0) return -errno;
    } while (lock.l_type == F_UNLCK); // The holder released the lock in between.
    *holder = lock.l_pid;
    return -EAGAIN;
}

int chost_block_device_size(int fd, uint64_t *byteCount) {
    return ioctl(fd, BLKGETSIZE64, byteCount);
}

/// Reads XCR0: the register states that the kernel saves and thereby lets programs use.
static uint64_t saved_states(void) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool has(uint32_t value, uint32_t bits) { return (value & bits) == bits; }

int chost_x86_64_level(void) {
    enum { SSE_AVX = 1 << 1 | 1 << 2, AVX512 = 7 << 5 };
    uint32_t eax, ebx, ecx, edx, basic = 0, features = 0, extended = 0;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) basic = ecx;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) features = ebx;
    if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx)) extended = ecx;
    if (!has(basic, bit_SSE3 | bit_SSSE3 | bit_CMPXCHG16B | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT)) return 1;
    if (!has(extended, bit_LAHF_LM)) return 1;
    uint64_t saved = has(basic, bit_OSXSAVE) ? saved_states() : 0;
    if (!has(basic, bit_FMA | bit_MOVBE | bit_AVX | bit_F16C) || !has(extended, bit_ABM)) return 2;
    if (!has(features, bit_BMI | bit_BMI2 | bit_AVX2) || (saved & SSE_AVX) != SSE_AVX) return 2;
    if (!has(features, bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL)) return 3;
    return (saved & AVX512) == AVX512 ? 4 : 3;
}

int chost_block_device_sectors(int fd, uint32_t *logical, uint32_t *physical) {
    int size;
    if (ioctl(fd, BLKSSZGET, &size) < 0) return -1;
    *logical = (uint32_t)size;
    return ioctl(fd, BLKPBSZGET, physical);
}

int chost_block_device_is_read_only(int fd) {
    int flag;
    return ioctl(fd, BLKROGET, &flag) < 0 ? -1 : flag != 0;
}

int chost_open_standard_descriptors(void) {
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        // open(2) returns the lowest free number, which is this one. It stays open in programs that are
        // started.
        if (open("/dev/null", O_RDWR) != fd) return -errno;
    }
    return 0;
}
