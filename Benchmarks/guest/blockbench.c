// Reads and writes a disk from within a guest, past its page cache, and says how long that took by the guest's clock.
//
//     blockbench DISK [MIB REQUESTS]
//
// Sequential: MIB (4) in requests of 128 KiB. Random: REQUESTS (200) of 4 KiB, all over the disk. Each for reads and
// writes, with 1 and with 32 requests in flight. A line of JSON for each:
//
//     {"name": "read-random-32", "bytes": 819200, "ns": 123456789}
//
// Linux's AIO by its bare system calls, so that a static program of one file does it.

#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 32
#define SEQUENTIAL_SIZE (128 << 10)
#define RANDOM_SIZE (4 << 10)

struct load {
    int disk, is_write, is_random, depth;
    long count;                       // requests
    size_t size;                      // bytes of one
    uint64_t places;                  // on the disk, for a request of this size
};

static uint8_t *buffers;
static aio_context_t context;
static uint64_t random_state;

// xorshift64: the same places in the same order in each run.
static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static void submit(const struct load *load, long index, struct iocb *block, int slot) {
    uint64_t place = (load->is_random ? next_random() : (uint64_t)index) % load->places;
    *block = (struct iocb){
        .aio_data = slot, .aio_lio_opcode = load->is_write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD, .aio_fildes = load->disk,
        .aio_buf = (uintptr_t)(buffers + (size_t)slot * SEQUENTIAL_SIZE), .aio_nbytes = load->size,
        .aio_offset = place * load->size,
    };
    struct iocb *list[] = {block};
    if (syscall(SYS_io_submit, context, 1, list) != 1) err(1, "io_submit");
}

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

// Keeps `depth` requests in flight until all are done.
static int64_t carry_out(const struct load *load) {
    struct iocb blocks[DEPTH_MAX];
    struct io_event events[DEPTH_MAX];
    long begun = 0, done = 0;
    int64_t start = nanoseconds();
    for (; begun < load->depth && begun < load->count; begun++) submit(load, begun, &blocks[begun], begun);
    while (done < load->count) {
        long count = syscall(SYS_io_getevents, context, 1, DEPTH_MAX, events, 0);
        if (count < 1) err(1, "io_getevents");
        for (long i = 0; i < count; i++, done++) {
            if (events[i].res != (int64_t)load->size) errx(1, "a request ended with %lld", (long long)events[i].res);
            int slot = events[i].data;
            if (begun < load->count) submit(load, begun++, &blocks[slot], slot);
        }
    }
    return nanoseconds() - start;
}

// Nothing is printed before the end: the monitor's work on the console would be in the next load's time.
static int measure(struct load load, char *line, size_t room) {
    random_state = 0x9E3779B97F4A7C15;
    int64_t time = carry_out(&load);
    return snprintf(line, room, "{\"name\": \"%s-%s-%d\", \"bytes\": %lld, \"ns\": %lld}\n", load.is_write ? "write" : "read",
           load.is_random ? "random" : "sequential", load.depth, (long long)load.count * load.size, (long long)time);
}

int main(int argc, char **argv) {
    if (argc != 2 && argc != 4) errx(2, "usage: blockbench DISK [MIB REQUESTS]");
    long mib = argc == 4 ? atol(argv[2]) : 4, requests = argc == 4 ? atol(argv[3]) : 200;
    int disk = open(argv[1], O_RDWR | O_DIRECT | O_CLOEXEC);
    if (disk < 0) err(1, "%s", argv[1]);
    off_t size = lseek(disk, 0, SEEK_END);
    if (size < SEQUENTIAL_SIZE || mib < 1 || requests < 1) errx(2, "the disk is too small, or there is nothing to do");
    if (posix_memalign((void **)&buffers, 4096, (size_t)DEPTH_MAX * SEQUENTIAL_SIZE)) errx(1, "out of memory");
    memset(buffers, 0x5A, (size_t)DEPTH_MAX * SEQUENTIAL_SIZE);
    if (syscall(SYS_io_setup, DEPTH_MAX, &context)) err(1, "io_setup");
    char report[1024];
    int length = 0;
    // The first round of each is the warm-up: the host's memory behind the buffers and the queue is there afterwards.
    for (int round = 0; round < 16; round++) {
        int kind = round / 2 % 4, depth = round % 2 ? DEPTH_MAX : 1;
        struct load load = {disk, kind & 1, kind >> 1, depth, mib << 3, SEQUENTIAL_SIZE, size / SEQUENTIAL_SIZE};
        if (load.is_random) load.count = requests, load.size = RANDOM_SIZE, load.places = size / RANDOM_SIZE;
        if (round >= 8) length += measure(load, report + length, sizeof report - length);
        else load.count = load.count / 8 + 1, random_state = 1, carry_out(&load);
    }
    fwrite(report, 1, length, stdout);
    return 0;
}
