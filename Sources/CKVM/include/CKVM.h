/// The KVM interface in C: <linux/kvm.h>, and the parts of it that Swift cannot import. Only the module KVM
/// imports this module.
#pragma once
#include <cpuid.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/// The request numbers as constants: the importer leaves out macros with casts.
#define CKVM_REQUEST(name) static const unsigned long ckvm_##name = KVM_##name;
CKVM_REQUEST(GET_API_VERSION)
CKVM_REQUEST(CREATE_VM)
CKVM_REQUEST(CHECK_EXTENSION)
CKVM_REQUEST(GET_VCPU_MMAP_SIZE)
CKVM_REQUEST(GET_SUPPORTED_CPUID)
CKVM_REQUEST(SET_USER_MEMORY_REGION)
CKVM_REQUEST(SET_TSS_ADDR)
CKVM_REQUEST(CREATE_IRQCHIP)
CKVM_REQUEST(SET_TSC_KHZ)
CKVM_REQUEST(IOEVENTFD)
CKVM_REQUEST(CREATE_PIT2)
CKVM_REQUEST(GET_PIT2)
CKVM_REQUEST(SET_PIT2)
CKVM_REQUEST(GET_TSC_KHZ)
CKVM_REQUEST(CREATE_VCPU)
CKVM_REQUEST(GET_REGS)
CKVM_REQUEST(SET_REGS)
CKVM_REQUEST(GET_SREGS)
CKVM_REQUEST(SET_SREGS)
CKVM_REQUEST(SET_CPUID2)
CKVM_REQUEST(GET_MSR_INDEX_LIST)
CKVM_REQUEST(GET_MSRS)
CKVM_REQUEST(SET_MSRS)
CKVM_REQUEST(GET_MP_STATE)
CKVM_REQUEST(SET_MP_STATE)
CKVM_REQUEST(GET_XSAVE)
CKVM_REQUEST(GET_XSAVE2)
CKVM_REQUEST(SET_XSAVE)
CKVM_REQUEST(GET_XCRS)
CKVM_REQUEST(SET_XCRS)
CKVM_REQUEST(GET_DEBUGREGS)
CKVM_REQUEST(SET_DEBUGREGS)
CKVM_REQUEST(GET_LAPIC)
CKVM_REQUEST(SET_LAPIC)
CKVM_REQUEST(GET_VCPU_EVENTS)
CKVM_REQUEST(SET_VCPU_EVENTS)
CKVM_REQUEST(GET_IRQCHIP)
CKVM_REQUEST(SET_IRQCHIP)
CKVM_REQUEST(GET_CLOCK)
CKVM_REQUEST(SET_CLOCK)
CKVM_REQUEST(KVMCLOCK_CTRL)
CKVM_REQUEST(TRANSLATE)
#undef CKVM_REQUEST

/// The three forms of ioctl(2), which is variadic. Each returns the result or -errno.
static inline int ckvm_ioctl(int fd, unsigned long request) {
    int result = ioctl(fd, request, 0);
    return result < 0 ? -errno : result;
}

static inline int ckvm_ioctl_value(int fd, unsigned long request, unsigned long value) {
    int result = ioctl(fd, request, value);
    return result < 0 ? -errno : result;
}

static inline int ckvm_ioctl_pointer(int fd, unsigned long request, void *_Nonnull pointer) {
    int result = ioctl(fd, request, pointer);
    return result < 0 ? -errno : result;
}

/// Enables a capability with one argument on a VM or a vCPU (KVM_ENABLE_CAP). Returns 0 or -errno.
static inline int ckvm_enable_capability(int fd, uint32_t capability, uint64_t argument) {
    struct kvm_enable_cap request = {.cap = capability, .args = {argument}};
    return ioctl(fd, KVM_ENABLE_CAP, &request) < 0 ? -errno : 0;
}

/// KVM_X86_NOTIFY_VMEXIT_*: exits to the monitor, with KVM's default window (0).
static const uint64_t ckvm_notify_exits = KVM_X86_NOTIFY_VMEXIT_ENABLED | KVM_X86_NOTIFY_VMEXIT_USER;

/// Makes a struct kvm_cpuid2, which ends in a flexible array: one allocation holds the header and `capacity`
/// entries.
static inline struct kvm_cpuid2 *_Nullable ckvm_cpuid_create(uint32_t capacity) {
    struct kvm_cpuid2 *table = calloc(1, sizeof *table + capacity * sizeof table->entries[0]);
    if (table) table->nent = capacity;
    return table;
}

static inline struct kvm_cpuid_entry2 *_Nonnull ckvm_cpuid_entries(struct kvm_cpuid2 *_Nonnull table) {
    return table->entries;
}

/// Makes a struct kvm_msrs, which ends in a flexible array: one allocation holds the header and `count`
/// entries.
static inline struct kvm_msrs *_Nullable ckvm_msrs_create(uint32_t count) {
    struct kvm_msrs *table = calloc(1, sizeof *table + count * sizeof table->entries[0]);
    if (table) table->nmsrs = count;
    return table;
}

static inline struct kvm_msr_entry *_Nonnull ckvm_msrs_entries(struct kvm_msrs *_Nonnull table) {
    return table->entries;
}

/// Returns bits 0 to 7 of EAX of CPUID leaf 0x80000008; 36 if the CPU has no such leaf.
static inline uint32_t ckvm_physical_address_width(void) {
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(0x80000008, &eax, &ebx, &ecx, &edx) ? eax & 0xFF : 36;
}

/// Calls KVM_RUN. Returns 0 or -errno; the reason of the exit is in struct kvm_run.
static inline int ckvm_run(int fd) {
    return ioctl(fd, KVM_RUN, 0) < 0 ? -errno : 0;
}

/// Accessors of the members of struct kvm_run's anonymous union: Swift would copy the whole union if it were
/// imported.
typedef struct kvm_run *_Nonnull ckvm_run_area;
static inline uint32_t ckvm_exit_reason(ckvm_run_area run) { return run->exit_reason; }
static inline uint16_t ckvm_io_port(ckvm_run_area run) { return run->io.port; }
static inline uint8_t ckvm_io_direction(ckvm_run_area run) { return run->io.direction; }
static inline uint8_t ckvm_io_size(ckvm_run_area run) { return run->io.size; }
static inline uint32_t ckvm_io_count(ckvm_run_area run) { return run->io.count; }
static inline uint64_t ckvm_io_data_offset(ckvm_run_area run) { return run->io.data_offset; }
static inline uint64_t ckvm_mmio_address(ckvm_run_area run) { return run->mmio.phys_addr; }
static inline uint32_t ckvm_mmio_length(ckvm_run_area run) { return run->mmio.len; }
static inline uint8_t ckvm_mmio_is_write(ckvm_run_area run) { return run->mmio.is_write; }
static inline uint8_t *_Nonnull ckvm_mmio_data(ckvm_run_area run) { return run->mmio.data; }
static inline uint64_t ckvm_fail_entry_reason(ckvm_run_area run) {
    return run->fail_entry.hardware_entry_failure_reason;
}
static inline uint32_t ckvm_internal_suberror(ckvm_run_area run) { return run->internal.suberror; }
static inline uint32_t ckvm_notify_flags(ckvm_run_area run) { return run->notify.flags; }
static inline uint32_t ckvm_system_event_type(ckvm_run_area run) { return run->system_event.type; }

/// Returns whether the guest has locked the bus: a flag beside any exit, or the reason for this one.
static inline uint8_t ckvm_has_locked_bus(ckvm_run_area run) {
    return (run->flags & KVM_RUN_X86_BUS_LOCK) != 0 || run->exit_reason == KVM_EXIT_X86_BUS_LOCK;
}

/// Makes the next or the running KVM_RUN return at once with EINTR (KVM_CAP_IMMEDIATE_EXIT). Another thread
/// may call it.
static inline void ckvm_set_immediate_exit(ckvm_run_area run, uint8_t value) {
    __atomic_store_n(&run->immediate_exit, value, __ATOMIC_RELEASE);
}

/// Makes an ioeventfd for a write of `value`, `length` bytes wide, at an MMIO address.
static inline int ckvm_ioeventfd(int vm, uint64_t address, uint32_t length, uint64_t value, int event) {
    struct kvm_ioeventfd request = {
        .datamatch = value, .addr = address, .len = length, .fd = event,
        .flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
    };
    return ioctl(vm, KVM_IOEVENTFD, &request) < 0 ? -errno : 0;
}

/// Sets the level of an input of the interrupt controllers in the kernel (KVM_IRQ_LINE).
static inline int ckvm_set_irq_line(int vm, uint32_t gsi, uint32_t level) {
    struct kvm_irq_level line = {.irq = gsi, .level = level};
    return ioctl(vm, KVM_IRQ_LINE, &line) < 0 ? -errno : 0;
}

/// Reads the offset of a vCPU's time stamp counter against the host's (KVM_VCPU_TSC_OFFSET). Returns 0 or
/// -errno.
static inline int ckvm_get_tsc_offset(int vcpu, uint64_t *_Nonnull offset) {
    struct kvm_device_attr attribute = {
        .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uintptr_t)offset,
    };
    return ioctl(vcpu, KVM_GET_DEVICE_ATTR, &attribute) < 0 ? -errno : 0;
}

/// Sets the offset of a vCPU's time stamp counter against the host's. Returns 0 or -errno.
static inline int ckvm_set_tsc_offset(int vcpu, uint64_t offset) {
    struct kvm_device_attr attribute = {
        .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uintptr_t)&offset,
    };
    return ioctl(vcpu, KVM_SET_DEVICE_ATTR, &attribute) < 0 ? -errno : 0;
}

/// Returns the hardware virtualization that CPUID shows to programs: 0 none, 1 Intel VMX, 2 AMD SVM.
static inline int ckvm_cpu_virtualization(void) {
    unsigned eax, ebx, ecx, edx;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & (1u << 5))) return 1;
    if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && (ecx & (1u << 2))) return 2;
    return 0;
}

/// Returns whether this system runs under a hypervisor itself.
static inline int ckvm_cpu_is_virtual(void) {
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & (1u << 31));
}
