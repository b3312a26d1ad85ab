// The tiny guests: whole kernels of a few hundred bytes for tests and measurements, each of which reports the number of
// the check that failed; and the reset-vector stub. What each one does, needs and checks stands at the top of its file.
//
// How a guest reports. It writes single bytes to the mark port, 0x700: 0x01 "userland", 0x02 "one more" (of what its
// file says), 0x7F all checks passed, 0x80 | n check n failed. After 0x7F it powers off through ACPI (0x34 to port
// 0x600), after a failure it resets (1 to port 0x602).
//
// How a guest is entered. An image is an ELF64 kernel of one segment, so `vmm boot --kernel` takes it. It also is the
// segment: a test may copy the bytes to TINY_GUEST_ADDRESS, give the guest TINY_GUEST_MEMORY bytes of zeroed memory
// from there, and start a vCPU at `tiny_guest_entry` in the state of the Linux x86 64-bit boot protocol, or, for `pvh`,
// in 32-bit mode at `tiny_guest_pvh_entry`. RSI points at a boot_params, or is 0: then RDI is the guest's number N.

#ifndef TINY_GUESTS_H
#define TINY_GUESTS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Where an image lies in the guest's memory, file offset 0 first.
#define TINY_GUEST_ADDRESS 0x100000

/// How many bytes from TINY_GUEST_ADDRESS belong to a guest: its image, and zeroes for tables, buffers and stacks.
#define TINY_GUEST_MEMORY 0x20000

/// Where the reset-vector stub lies: its last 16 bytes are the reset vector.
#define TINY_GUEST_ROM_ADDRESS 0xFFFFF000

/// Where the reset-vector stub finds what it enters: u64 address of the 64-bit entry, u64 its argument, RSI.
#define TINY_GUEST_LAUNCH_BLOCK 0x600

/// A guest's image, or the reset-vector stub's. The bytes live as long as the program.
struct tiny_guest {
    const char *name;
    const void *bytes;
    size_t byte_count;
};

/// How many guests there are, the reset-vector stub not counted.
size_t tiny_guest_count(void);

/// The guest at `index`, which must be less than `tiny_guest_count()`.
struct tiny_guest tiny_guest_at(size_t index);

/// The reset-vector stub, 4 KiB for TINY_GUEST_ROM_ADDRESS. Its contract stands in firmware/reset.S.
struct tiny_guest tiny_guest_reset_stub(void);

/// The guest-physical address of the 64-bit entry: e_entry of the image.
uint64_t tiny_guest_entry(struct tiny_guest guest);

/// The guest-physical address of the 32-bit PVH entry, or 0 where the image has no XEN_ELFNOTE_PHYS32_ENTRY.
uint64_t tiny_guest_pvh_entry(struct tiny_guest guest);

#pragma clang assume_nonnull end

#endif
