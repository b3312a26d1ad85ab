// Runs one tiny guest, or the reset-vector stub and then a tiny guest, on /dev/kvm without the monitor. It
// gives a second opinion when a guest fails under vmm, and it proves that each check of a guest can fail.
//
//     try [--pvh | --reset] [--button] [--cpus N] [--count N] [--seconds N] [--input TEXT] [--rom FILE]
//         [--poke ADDRESS=BYTE]... [--seal] [--set REGISTER=VALUE]... IMAGE
//
// --poke and --set change a byte of the guest's memory or a register before the guest starts. --seal, after a
// --poke, makes the sums of the ACPI tables right again. The program prints the guest's output on COM1, its
// marks, and its end. Exit status: 0 poweroff, 3 reset, 4 shutdown (triple fault), 5 KVM internal error, 6
// panic, 7 timeout, 1 a failure of the program itself.

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "try.h"

enum ending { POWEROFF = 0, RESET = 3, SHUTDOWN = 4, INTERNAL_ERROR = 5, PANIC = 6, OUT_OF_TIME = 7 };

#define ROM_SIZE 0x1000

struct options {
    int pvh, reset, button;
    unsigned cpus, seconds;
    const char *count, *rom, *image;
    char **arguments;                 // read again for --poke, --seal and --set before the guest starts
};

uint8_t *memory;
static int kvm, vm, run_size, gap, interrupt_enabled;
static const char *input = "";

static int call(int fd, unsigned long request, const void *argument, const char *what) {
    int result = ioctl(fd, request, argument);
    if (result < 0) err(1, "%s", what);
    return result;
}

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

// Ends the program; the first CPU to get here decides the status.
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

// Bytes of input arrive one by one: after each, the line status reports once that there are no more, and the
// next byte interrupts.
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
        // EAGAIN: the CPU waited for its start-up interrupt, which has arrived.
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

// Splits "NAME=VALUE"; the value may have any base of strtoull(3).
static const char *split(char *assignment, uint64_t *value) {
    char *end, *equals = strchr(assignment, '=');
    if (!equals) errx(1, "%s: not NAME=VALUE", assignment);
    *equals = 0;
    *value = strtoull(equals + 1, &end, 0);
    if (*end || end == equals + 1) errx(1, "%s: not a number", equals + 1);
    return assignment;
}

static void poke(char *assignment) {
    uint64_t value, address = strtoull(split(assignment, &value), 0, 0);
    if (address >= MEMORY_SIZE) errx(1, "--poke: no memory at 0x%llx", (long long)address);
    memory[address] = value;
}

static void set_register(char *assignment, struct kvm_regs *regs, struct kvm_sregs *sregs) {
    uint64_t value;
    const char *name = split(assignment, &value);
    if (!strcmp(name, "rsi")) regs->rsi = value;
    else if (!strcmp(name, "rbx")) regs->rbx = value;
    else if (!strcmp(name, "rflags")) regs->rflags = value;
    else if (!strcmp(name, "cs")) sregs->cs.selector = value;
    else if (!strcmp(name, "ds")) sregs->ds.selector = value;
    else if (!strcmp(name, "es")) sregs->es.selector = value;
    else if (!strcmp(name, "ss")) sregs->ss.selector = value;
    else if (!strcmp(name, "gdt.limit")) sregs->gdt.limit = value;
    else if (!strcmp(name, "cr0")) sregs->cr0 = value;
    else if (!strcmp(name, "cr4")) sregs->cr4 = value;
    else if (!strcmp(name, "es.base")) sregs->es.base = value;
    else errx(1, "--set: no register %s", name);
}

// The note behind the second program header, PT_NOTE: namesz, descsz, type, "Xen\0", the entry.
static uint64_t pvh_entry(void) { return word_at(IMAGE + word_at(IMAGE + 64 + 56 + 8) + 16); }

static void set_state(int vcpu, const struct options *options) {
    struct kvm_sregs sregs;
    struct kvm_regs regs = {.rflags = 2};
    call(vcpu, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
    if (options->pvh) enter_pvh(&sregs), regs.rip = pvh_entry(), regs.rbx = START_INFO;
    else enter_long_mode(&sregs), regs.rip = word_at(IMAGE + 24), regs.rsi = BOOT_PARAMS;
    put64(LAUNCH_BLOCK, word_at(IMAGE + 24));
    put64(LAUNCH_BLOCK + 8, BOOT_PARAMS);
    for (char **argument = options->arguments; *argument; argument++)
        if (!strcmp(*argument, "--poke")) poke(*++argument);
        else if (!strcmp(*argument, "--set")) set_register(*++argument, &regs, &sregs);
        else if (!strcmp(*argument, "--seal")) seal_acpi();
    if (options->reset) return;
    call(vcpu, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");
    call(vcpu, KVM_SET_REGS, &regs, "KVM_SET_REGS");
}

static struct options parse(char **arguments) {
    struct options options = {.cpus = 1, .seconds = 20, .count = "1000", .rom = "build/firmware/reset.bin"};
    options.arguments = arguments + 1;
    while (*++arguments && !strncmp(*arguments, "--", 2)) {
        if (!strcmp(*arguments, "--pvh")) options.pvh = 1;
        else if (!strcmp(*arguments, "--reset")) options.reset = 1;
        else if (!strcmp(*arguments, "--button")) options.button = 1;
        else if (!strcmp(*arguments, "--seal")) continue;
        else if (!arguments[1]) break;
        else if (!strcmp(*arguments, "--cpus")) options.cpus = atoi(*++arguments);
        else if (!strcmp(*arguments, "--count")) options.count = *++arguments;
        else if (!strcmp(*arguments, "--seconds")) options.seconds = atoi(*++arguments);
        else if (!strcmp(*arguments, "--input")) input = *++arguments;
        else if (!strcmp(*arguments, "--rom")) options.rom = *++arguments;
        else if (!strcmp(*arguments, "--poke") || !strcmp(*arguments, "--set")) ++arguments;
        else errx(1, "unknown option %s", *arguments);
    }
    if (!*arguments || arguments[1]) errx(1, "usage: try [options] IMAGE");
    if (options.cpus < 1 || options.cpus > 255) errx(1, "--cpus: 1 to 255");
    options.image = *arguments;
    return options;
}

static void make_machine(const struct options *options) {
    if ((kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC)) < 0) err(1, "/dev/kvm");
    vm = call(kvm, KVM_CREATE_VM, 0, "KVM_CREATE_VM");
    run_size = call(kvm, KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE");
    call(vm, KVM_SET_TSS_ADDR, (void *)0xFFFBD000, "KVM_SET_TSS_ADDR");
    call(vm, KVM_CREATE_IRQCHIP, 0, "KVM_CREATE_IRQCHIP");
    memory = anonymous(MEMORY_SIZE);
    add_memory(0, 0, MEMORY_SIZE, memory, 0);
    read_file(options->image, memory + IMAGE, IMAGE_MEMORY);
    write_boot_data(options->count);
    write_acpi(options->cpus);
    if (!options->reset) return;
    void *pages = anonymous(ROM_SIZE);
    read_file(options->rom, pages, ROM_SIZE);
    add_memory(1, 0x100000000 - ROM_SIZE, ROM_SIZE, pages, KVM_MEM_READONLY);
}

// No CPU runs before all exist, because an INIT to all but the sender reaches only existing CPUs.
static void start_cpus(const struct options *options) {
    int vcpus[255];
    for (unsigned i = 0; i < options->cpus; i++) {
        vcpus[i] = call(vm, KVM_CREATE_VCPU, (void *)(uintptr_t)i, "KVM_CREATE_VCPU");
        set_cpuid(vcpus[i], i);
    }
    set_state(vcpus[0], options);
    for (unsigned i = 0; i < options->cpus; i++) {
        pthread_t thread;
        if (pthread_create(&thread, 0, run_vcpu, (void *)(intptr_t)vcpus[i])) errx(1, "pthread_create");
    }
}

int main(int argc, char **argv) {
    (void)argc;
    struct options options = parse(argv);
    make_machine(&options);
    start_cpus(&options);
    sleep(1);
    set_line(POWER_BUTTON_GSI, options.button);
    sleep(options.seconds);
    finish(OUT_OF_TIME, "out of time");
}
