/// The KVM interface as C sees it: <linux/kvm.h>, and what Swift cannot import from it. Only the KVM room imports
/// this module.
#pragma once
#include <errno.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>

/// Request numbers are macros with casts, which the importer leaves out.
#define CKVM_REQUEST(name) static const unsigned long ckvm_##name = KVM_##name;
CKVM_REQUEST(GET_API_VERSION)
CKVM_REQUEST(CREATE_VM)
CKVM_REQUEST(CHECK_EXTENSION)
CKVM_REQUEST(GET_VCPU_MMAP_SIZE)
CKVM_REQUEST(GET_SUPPORTED_CPUID)
CKVM_REQUEST(SET_USER_MEMORY_REGION)
CKVM_REQUEST(SET_TSS_ADDR)
CKVM_REQUEST(SET_IDENTITY_MAP_ADDR)
CKVM_REQUEST(CREATE_IRQCHIP)
CKVM_REQUEST(IRQ_LINE)
CKVM_REQUEST(IRQFD)
CKVM_REQUEST(IOEVENTFD)
CKVM_REQUEST(ENABLE_CAP)
CKVM_REQUEST(CREATE_VCPU)
CKVM_REQUEST(RUN)
CKVM_REQUEST(GET_REGS)
CKVM_REQUEST(SET_REGS)
CKVM_REQUEST(GET_SREGS)
CKVM_REQUEST(SET_SREGS)
CKVM_REQUEST(SET_FPU)
CKVM_REQUEST(GET_LAPIC)
CKVM_REQUEST(SET_LAPIC)
CKVM_REQUEST(SET_CPUID2)
CKVM_REQUEST(SET_MSRS)
CKVM_REQUEST(GET_MSRS)
CKVM_REQUEST(GET_MP_STATE)
CKVM_REQUEST(GET_TSC_KHZ)
#undef CKVM_REQUEST

/// ioctl(2) is variadic; these are its three shapes, with the result or -errno.
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

/// struct kvm_cpuid2 ends in a flexible array: one allocation holds the header and `capacity` entries.
static inline struct kvm_cpuid2 *_Nullable ckvm_cpuid_create(uint32_t capacity) {
    struct kvm_cpuid2 *table = calloc(1, sizeof *table + capacity * sizeof table->entries[0]);
    if (table) table->nent = capacity;
    return table;
}

static inline struct kvm_cpuid_entry2 *_Nonnull ckvm_cpuid_entries(struct kvm_cpuid2 *_Nonnull table) {
    return table->entries;
}

/// struct kvm_msrs ends in a flexible array, likewise.
static inline struct kvm_msrs *_Nullable ckvm_msrs_create(uint32_t count) {
    struct kvm_msrs *table = calloc(1, sizeof *table + count * sizeof table->entries[0]);
    if (table) table->nmsrs = count;
    return table;
}

static inline struct kvm_msr_entry *_Nonnull ckvm_msrs_entries(struct kvm_msrs *_Nonnull table) {
    return table->entries;
}

/// The members of struct kvm_run's anonymous union that the exit path reads.
static inline uint32_t ckvm_run_io_port(const struct kvm_run *_Nonnull run) { return run->io.port; }
