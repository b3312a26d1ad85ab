// The floor: what the kernel alone costs, with nothing made that is not needed. Every figure of the monitor is a ratio to
// one of these in the same run.
//
//     floor process      starts and ends
//     floor start        opens KVM, makes a machine of 256 MiB with interrupt controllers and one CPU in 64-bit mode,
//                        runs it to its first write to the mark port, says when that was (as vmm --timings does), ends
//     floor port N       N writes to a port, each one handled here; prints the nanoseconds of one
//     floor mmio N       N reads of a device's register, likewise
//
// Linked with firmware/halt.S, portloop.S and mmioloop.S: the guest's side is the same for the floor and the monitor.

#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../firmware/machine.h"

#define MEMORY_SIZE (256ull << 20)
#define TABLES 0x1000                 // PML4, PDPT, one page directory
#define ENTRY_OFFSET 24               // of e_entry in an ELF64 header

extern const char tiny_image_halt[], tiny_image_halt_end[];
extern const char tiny_image_portloop[], tiny_image_portloop_end[];
extern const char tiny_image_mmioloop[], tiny_image_mmioloop_end[];

struct machine {
    int vcpu;
    struct kvm_run *run;
};

static int call(int fd, unsigned long request, const void *argument, const char *what) {
    int result = ioctl(fd, request, argument);
    if (result < 0) err(1, "%s", what);
    return result;
}

static void *map(size_t size, int flags, int fd) {
    void *pages = mmap(0, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (pages == MAP_FAILED) err(1, "mmap");
    // Else it is chance whether a huge page of the host backs it; to clear one costs more than the rest of a start.
    madvise(pages, size, MADV_NOHUGEPAGE);
    return pages;
}

static struct kvm_segment flat(uint16_t selector, uint8_t type, uint8_t is_long) {
    return (struct kvm_segment){.limit = 0xFFFFFFFF, .selector = selector, .type = type, .present = 1,
                                .db = !is_long, .s = 1, .l = is_long, .g = 1};
}

// 64-bit mode with the first 2 MiB mapped one to one. No descriptor table: the guests load no segment.
static void enter_long_mode(int vcpu, uint8_t *memory) {
    struct kvm_sregs sregs;
    uint64_t entries[] = {TABLES + 0x1003, TABLES + 0x2003, 0x83};
    for (int i = 0; i < 3; i++) memcpy(memory + TABLES + 0x1000 * i, &entries[i], sizeof entries[i]);
    call(vcpu, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
    sregs.cs = flat(BOOT_CS, 11, 1);
    sregs.ds = sregs.es = sregs.ss = flat(BOOT_DS, 3, 0);
    sregs.cr3 = TABLES;
    sregs.cr4 = CR4_PAE;
    sregs.cr0 = CR0_PG | CR0_PE;
    sregs.efer = EFER_LMA | EFER_LME;
    call(vcpu, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");
}

static struct machine make(const char *image, const char *end, uint64_t count) {
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) err(1, "/dev/kvm");
    int vm = call(kvm, KVM_CREATE_VM, 0, "KVM_CREATE_VM");
    uint8_t *memory = map(MEMORY_SIZE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    struct kvm_userspace_memory_region slot = {.memory_size = MEMORY_SIZE, .userspace_addr = (uintptr_t)memory};
    call(vm, KVM_SET_USER_MEMORY_REGION, &slot, "KVM_SET_USER_MEMORY_REGION");
    call(vm, KVM_CREATE_IRQCHIP, 0, "KVM_CREATE_IRQCHIP");
    int vcpu = call(vm, KVM_CREATE_VCPU, 0, "KVM_CREATE_VCPU");
    int size = call(kvm, KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE");
    struct kvm_regs regs = {.rflags = 2, .rdi = count};
    memcpy(memory + IMAGE, image, end - image);
    memcpy(&regs.rip, image + ENTRY_OFFSET, sizeof regs.rip);
    enter_long_mode(vcpu, memory);
    call(vcpu, KVM_SET_REGS, &regs, "KVM_SET_REGS");
    return (struct machine){vcpu, map(size, MAP_SHARED, vcpu)};
}

// Runs until the guest writes to the mark port; returns what it wrote.
static uint8_t run_to_mark(struct machine machine) {
    struct kvm_run *run = machine.run;
    for (;;) {
        if (ioctl(machine.vcpu, KVM_RUN, 0) < 0) err(1, "KVM_RUN");
        if (run->exit_reason == KVM_EXIT_IO) {
            uint8_t *data = (uint8_t *)run + run->io.data_offset;
            if (run->io.direction == KVM_EXIT_IO_IN) *data = 0;
            else if (run->io.port == MARK) return *data;
        } else if (run->exit_reason == KVM_EXIT_MMIO) {
            if (!run->mmio.is_write) memset(run->mmio.data, 0, sizeof run->mmio.data);
        } else {
            errx(1, "KVM ended with exit reason %u", run->exit_reason);
        }
    }
}

static void expect(uint8_t mark, uint8_t expected) {
    if (mark != expected) errx(1, "the guest wrote mark 0x%02x, not 0x%02x", mark, expected);
}

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void start(void) {
    expect(run_to_mark(make(tiny_image_halt, tiny_image_halt_end, 0)), MARK_USERLAND);
    printf("{\"process_start\": 0, \"steps\": {\"userland\": %lld}}\n", (long long)nanoseconds());
}

// From the guest's first mark to its last: nothing of the start is in the figure.
static void loop(const char *image, const char *end, uint64_t count) {
    if (count == 0) errx(2, "N is a number, at least 1");
    struct machine machine = make(image, end, count);
    expect(run_to_mark(machine), MARK_USERLAND);
    int64_t start = nanoseconds();
    expect(run_to_mark(machine), MARK_PASSED);
    printf("%.1f\n", (double)(nanoseconds() - start) / count);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    uint64_t count = argc > 2 ? strtoull(argv[2], 0, 10) : 0;
    if (!strcmp(what, "process")) return 0;
    else if (!strcmp(what, "start")) start();
    else if (!strcmp(what, "port")) loop(tiny_image_portloop, tiny_image_portloop_end, count);
    else if (!strcmp(what, "mmio")) loop(tiny_image_mmioloop, tiny_image_mmioloop_end, count);
    else errx(2, "usage: floor process | start | port N | mmio N");
    return 0;
}
