// The shared parts of `try`: the guest's memory, and the addresses at which this monitor puts the data of the
// boot protocols.

#ifndef TRY_H
#define TRY_H

#include <linux/kvm.h>
#include <stdint.h>

#include "../machine.h"

#define GDT_ADDRESS 0x800
#define BOOT_PARAMS 0x7000
#define BOOT_TABLES 0x9000
#define START_INFO 0x6000
#define MEMORY_MAP 0x6100
#define COMMAND_LINE 0x20000
#define DIRECTORY 0xB000
#define RSDP 0xE0000
#define XSDT 0xE0100
#define FADT 0xE0200
#define MADT 0xE0400
#define DSDT 0xE0F00
#define MEMORY_SIZE (256ull << 20)

extern uint8_t *memory;

static inline void put32(uint64_t address, uint32_t value) { __builtin_memcpy(memory + address, &value, 4); }
static inline void put64(uint64_t address, uint64_t value) { __builtin_memcpy(memory + address, &value, 8); }

static inline uint64_t word_at(uint64_t address) {
    uint64_t word;
    __builtin_memcpy(&word, memory + address, 8);
    return word;
}

/// Writes boot_params and hvm_start_info, the command line `count=COUNT`, and the memory map.
void write_boot_data(const char *count);

/// Writes the RSDP, XSDT, FADT, MADT and an empty DSDT of a hardware-reduced machine.
void write_acpi(unsigned cpus);

/// Makes the sums of all tables right again.
void seal_acpi(void);

/// Sets the state of the Linux x86 64-bit boot protocol except for the general registers: the first GiB is
/// mapped one to one.
void enter_long_mode(struct kvm_sregs *sregs);

/// Sets the state of Xen's x86/HVM direct boot ABI except for the general registers.
void enter_pvh(struct kvm_sregs *sregs);

#endif
