// Runs one tiny guest, or the reset-vector stub and then a tiny guest, on /dev/kvm without the monitor: the second
// opinion when a guest fails under vmm. One file, one thread a CPU, no device but the ones a guest reports through.
//
//     try [--pvh | --reset] [--button] [--cpus N] [--count N] [--seconds N] [--input TEXT] [--rom FILE] IMAGE
//
// Prints what the guest wrote to COM1, its marks, and how it ended. Exit status: 0 poweroff, 3 reset, 4 shutdown
// (triple fault), 5 KVM internal error, 6 panic, 7 out of time, 1 the program's own failure.

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../machine.h"

enum ending { POWEROFF = 0, RESET = 3, SHUTDOWN = 4, INTERNAL_ERROR = 5, PANIC = 6, OUT_OF_TIME = 7 };

// Where this monitor puts what the boot protocols ask for.
#define GDT_ADDRESS 0x500
#define BOOT_PARAMS 0x9000
#define BOOT_TABLES 0xA000
#define DIRECTORY 0xF000
#define START_INFO 0xC000
#define MEMORY_MAP 0xC100
#define COMMAND_LINE 0xD000
#define RSDP 0xE0000
#define MEMORY_SIZE (256ull << 20)
#define ROM_SIZE 0x1000

static uint8_t *memory;
static int kvm, vm, run_size, gap, interrupt_enabled;
static const char *input = "";

static int call(int fd, unsigned long request, const void *argument, const char *what) {
    int result = ioctl(fd, request, argument);
    if (result < 0) err(1, "%s", what);
    return result;
}

static void put(uint64_t address, const void *bytes, size_t count) { memcpy(memory + address, bytes, count); }
static void put32(uint64_t address, uint32_t value) { put(address, &value, sizeof value); }
static void put64(uint64_t address, uint64_t value) { put(address, &value, sizeof value); }

static size_t read_file(const char *path, void *into, size_t capacity) {
    int file = open(path, O_RDONLY);
    ssize_t count = file < 0 ? -1 : read(file, into, capacity);
    if (count <= 0) err(1, "%s", path);
    close(file);
    return count;
}

static void add_memory(unsigned slot, uint64_t address, uint64_t size, void *host, unsigned flags) {
    struct kvm_userspace_memory_region region = {slot, flags, address, size, (uintptr_t)host};
    call(vm, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
}

static void *anonymous(size_t size) {
    void *pages = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) err(1, "mmap");
    return pages;
}

// The end of the program, whichever CPU reaches it first.
static void finish(enum ending ending, const char *what) {
    static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&once);
    printf(" end: %s\n", what);
    fflush(stdout);
    _exit(ending);
}

static void set_line(unsigned gsi, int level) {
    struct kvm_irq_level line = {{gsi}, level};
    call(vm, KVM_IRQ_LINE, &line, "KVM_IRQ_LINE");
}

// Each byte of input comes alone: after it the line status says "nothing more" once, and the next byte interrupts.
static uint8_t line_status(void) {
    if (*input && !gap) return 0x61;
    gap = 0;
    set_line(COM1_GSI, 0);
    set_line(COM1_GSI, interrupt_enabled && *input);
    return 0x60;
}

static uint8_t receive(void) {
    gap = 1;
    return *input ? *input++ : 0;
}

static uint8_t port_in(uint16_t port) {
    if (port == PVPANIC) return PVPANIC_PANICKED;
    if (port == COM1_LINE_STATUS) return line_status();
    if (port == COM1) return receive();
    return 0;
}

static void enable_interrupt(uint8_t value) {
    interrupt_enabled = value & 1;
    set_line(COM1_GSI, interrupt_enabled && *input);
}

static void port_out(uint16_t port, uint8_t value) {
    if (port == COM1) putchar(value);
    else if (port == MARK) printf(" [%02x]", value);
    else if (port == COM1_INTERRUPT_ENABLE) enable_interrupt(value);
    else if (port == SLEEP_CONTROL && value == SLEEP_CONTROL_S5) finish(POWEROFF, "poweroff");
    else if (port == RESET_REGISTER && value == RESET_VALUE) finish(RESET, "reset register");
    else if (port == I8042_COMMAND && value == I8042_RESET) finish(RESET, "8042 reset");
    else if (port == PVPANIC && value & PVPANIC_PANICKED) finish(PANIC, "panic");
}

static void port_exit(struct kvm_run *run) {
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    for (unsigned i = 0; i < run->io.count * run->io.size; i++)
        if (run->io.direction == KVM_EXIT_IO_OUT) port_out(run->io.port, data[i]);
        else data[i] = port_in(run->io.port);
}

static void internal_error(int vcpu, struct kvm_run *run) {
    struct kvm_regs regs;
    call(vcpu, KVM_GET_REGS, &regs, "KVM_GET_REGS");
    printf(" suberror %u rip %llx rax %llx bytes", run->internal.suberror, regs.rip, regs.rax);
    for (int i = 0; i < 8 && regs.rip < MEMORY_SIZE - 8; i++) printf(" %02x", memory[regs.rip + i]);
    finish(INTERNAL_ERROR, "KVM internal error");
}

static void *run_vcpu(void *argument) {
    int vcpu = (intptr_t)argument;
    struct kvm_run *run = mmap(0, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (run == MAP_FAILED) err(1, "mmap of kvm_run");
    for (;;) {
        // EAGAIN: a CPU that waited for its start-up interrupt has had it.
        if (ioctl(vcpu, KVM_RUN, 0) < 0) {
            if (errno == EAGAIN || errno == EINTR) continue;
            err(1, "KVM_RUN");
        }
        switch (run->exit_reason) {
        case KVM_EXIT_IO: port_exit(run); break;
        case KVM_EXIT_MMIO: memset(run->mmio.data, 0xFF, sizeof run->mmio.data); break;
        case KVM_EXIT_SHUTDOWN: finish(SHUTDOWN, "triple fault"); break;
        case KVM_EXIT_INTERNAL_ERROR: internal_error(vcpu, run); break;
        default: printf(" exit reason %u", run->exit_reason); finish(1, "not understood");
        }
    }
}

static void set_cpuid(int vcpu, unsigned index) {
    static _Alignas(8) char space[8 + 256 * sizeof(struct kvm_cpuid_entry2)];
    struct kvm_cpuid2 *cpuid = (void *)space;
    cpuid->nent = 256;
    call(kvm, KVM_GET_SUPPORTED_CPUID, cpuid, "KVM_GET_SUPPORTED_CPUID");
    for (unsigned i = 0; i < cpuid->nent; i++)
        if (cpuid->entries[i].function == 1)
            cpuid->entries[i].ebx = (cpuid->entries[i].ebx & 0xFFFFFF) | index << 24;
    call(vcpu, KVM_SET_CPUID2, cpuid, "KVM_SET_CPUID2");
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, int is_long) {
    return (struct kvm_segment){.limit = 0xFFFFFFFF, .selector = selector, .type = type, .present = 1,
                                .db = !is_long, .s = 1, .l = is_long, .g = 1};
}

// The flat descriptors that both protocols ask for, at selectors 0x10 and 0x18.
static void flat_segments(struct kvm_sregs *sregs, int is_long) {
    put64(GDT_ADDRESS + 0x10, is_long ? 0x00AF9B000000FFFF : 0x00CF9B000000FFFF);
    put64(GDT_ADDRESS + 0x18, 0x00CF93000000FFFF);
    sregs->gdt = (struct kvm_dtable){.base = GDT_ADDRESS, .limit = 0x1F};
    sregs->cs = segment(0x10, 11, is_long);
    sregs->ds = sregs->es = sregs->ss = sregs->fs = sregs->gs = segment(0x18, 3, 0);
}

// Linux x86 64-bit boot protocol: long mode, the first GiB mapped one to one.
static void enter_long_mode(struct kvm_sregs *sregs) {
    put64(BOOT_TABLES, BOOT_TABLES + 0x1003);
    put64(BOOT_TABLES + 0x1000, DIRECTORY + 3);
    for (int i = 0; i < 512; i++) put64(DIRECTORY + i * 8, i * 0x200000ull + 0x83);
    flat_segments(sregs, 1);
    sregs->cr3 = BOOT_TABLES;
    sregs->cr4 = 0x20;
    sregs->cr0 = 0x80000001;
    sregs->efer = 0x500;
}

// Xen's x86/HVM direct boot ABI: 32-bit, no paging.
static void enter_pvh(struct kvm_sregs *sregs) {
    flat_segments(sregs, 0);
    sregs->cr0 = 1;
    sregs->tr = (struct kvm_segment){.limit = 0x67, .type = 11, .present = 1};
}

static void write_boot_params(const char *count) {
    put(COMMAND_LINE, "console=ttyS0 count=", 20);
    put(COMMAND_LINE + 20, count, strlen(count));
    put64(BOOT_PARAMS + BOOT_ACPI_RSDP, RSDP);
    put(RSDP, "RSD PTR ", 8);
    memory[BOOT_PARAMS + BOOT_E820_ENTRIES] = 1;
    put64(BOOT_PARAMS + BOOT_E820_TABLE, 0);
    put64(BOOT_PARAMS + BOOT_E820_TABLE + 8, MEMORY_SIZE);
    put32(BOOT_PARAMS + BOOT_E820_TABLE + 16, 1);
    put32(BOOT_PARAMS + BOOT_FLAG, 0xAA55);
    put(BOOT_PARAMS + BOOT_HEADER, "HdrS", 4);
    memory[BOOT_PARAMS + BOOT_TYPE_OF_LOADER] = 0xFF;
    put32(BOOT_PARAMS + BOOT_CMD_LINE_PTR, COMMAND_LINE);
    put32(BOOT_PARAMS + BOOT_CMDLINE_SIZE, 2048);
}

// struct hvm_start_info, version 1, and one entry of its memory map (Xen, arch-x86/hvm/start_info.h).
static void write_start_info(void) {
    put32(START_INFO, 0x336EC578);
    put32(START_INFO + 4, 1);
    put64(START_INFO + 24, COMMAND_LINE);
    put64(START_INFO + 32, RSDP);
    put64(START_INFO + 40, MEMORY_MAP);
    put32(START_INFO + 48, 1);
    put64(MEMORY_MAP + 8, MEMORY_SIZE);
    put32(MEMORY_MAP + 16, 1);
}

static uint64_t word_at(uint64_t address) {
    uint64_t word;
    memcpy(&word, memory + address, sizeof word);
    return word;
}

// Behind the second program header, PT_NOTE: namesz, descsz, type, "Xen\0", the entry.
static uint64_t pvh_entry(void) { return word_at(IMAGE + word_at(IMAGE + 64 + 56 + 8) + 16); }

static void set_entry(int vcpu, int pvh, int reset) {
    struct kvm_sregs sregs;
    struct kvm_regs regs = {.rflags = 2};
    call(vcpu, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
    if (reset) {
        put64(LAUNCH_BLOCK, word_at(IMAGE + 24));
        put64(LAUNCH_BLOCK + 8, BOOT_PARAMS);
        return;
    }
    if (pvh) enter_pvh(&sregs), regs.rip = pvh_entry(), regs.rbx = START_INFO;
    else enter_long_mode(&sregs), regs.rip = word_at(IMAGE + 24), regs.rsi = BOOT_PARAMS;
    call(vcpu, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");
    call(vcpu, KVM_SET_REGS, &regs, "KVM_SET_REGS");
}

int main(int argc, char **argv) {
    unsigned pvh = 0, reset = 0, button = 0, cpus = 1, seconds = 20;
    int vcpus[255];
    const char *count = "1000", *rom = "build/firmware/reset.bin";
    for (int i = 1; i < argc - 1; i++) {
        if (!strcmp(argv[i], "--pvh")) pvh = 1;
        else if (!strcmp(argv[i], "--reset")) reset = 1;
        else if (!strcmp(argv[i], "--button")) button = 1;
        else if (!strcmp(argv[i], "--cpus")) cpus = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--count")) count = argv[++i];
        else if (!strcmp(argv[i], "--seconds")) seconds = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--input")) input = argv[++i];
        else if (!strcmp(argv[i], "--rom")) rom = argv[++i];
        else errx(1, "unknown option %s", argv[i]);
    }
    if (argc < 2) errx(1, "usage: try [options] IMAGE");
    if ((kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC)) < 0) err(1, "/dev/kvm");
    vm = call(kvm, KVM_CREATE_VM, 0, "KVM_CREATE_VM");
    run_size = call(kvm, KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE");
    call(vm, KVM_SET_TSS_ADDR, (void *)0xFFFBD000, "KVM_SET_TSS_ADDR");
    call(vm, KVM_CREATE_IRQCHIP, 0, "KVM_CREATE_IRQCHIP");
    memory = anonymous(MEMORY_SIZE);
    add_memory(0, 0, MEMORY_SIZE, memory, 0);
    read_file(argv[argc - 1], memory + IMAGE, IMAGE_MEMORY);
    if (reset) {
        void *pages = anonymous(ROM_SIZE);
        read_file(rom, pages, ROM_SIZE);
        add_memory(1, 0x100000000 - ROM_SIZE, ROM_SIZE, pages, KVM_MEM_READONLY);
    }
    write_boot_params(count);
    write_start_info();
    if (cpus > 255) errx(1, "at most 255 CPUs");
    for (unsigned i = 0; i < cpus; i++) {
        vcpus[i] = call(vm, KVM_CREATE_VCPU, (void *)(uintptr_t)i, "KVM_CREATE_VCPU");
        set_cpuid(vcpus[i], i);
    }
    set_entry(vcpus[0], pvh, reset);
    // No CPU runs before all exist: an INIT to all but itself reaches those that are there.
    for (unsigned i = 0; i < cpus; i++) {
        pthread_t thread;
        if (pthread_create(&thread, 0, run_vcpu, (void *)(intptr_t)vcpus[i])) errx(1, "pthread_create");
    }
    sleep(1);
    set_line(POWER_BUTTON_GSI, button);
    sleep(seconds);
    finish(OUT_OF_TIME, "out of time");
}
