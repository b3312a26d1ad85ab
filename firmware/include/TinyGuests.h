// The tiny guests: whole kernels of a few hundred bytes for tests and measurements, and the reset-vector
// stub. Each guest reports the number of the check that failed. The top of each guest's file describes its
// purpose, its input and its checks.
//
// Reports: a guest writes single bytes to the mark port, 0x700: 0x01 "userland", 0x02 "one more" (its file
// says of what), 0x7F all checks passed, 0x80 | n check n failed. After 0x7F it powers off through ACPI (0x34
// to port 0x600); after a failure it resets (1 to port 0x602).
//
// Entries: an image is an ELF64 kernel of one segment, so `vmm boot --kernel` accepts it. The file is also
// the segment itself: a test may copy the bytes to TINY_GUEST_ADDRESS, give the guest TINY_GUEST_MEMORY bytes
// of zeroed memory from there, and start a vCPU at `tiny_guest_entry` in the state of the Linux x86 64-bit
// boot protocol, or, for `pvh`, in 32-bit mode at `tiny_guest_pvh_entry`. RSI points at a boot_params, or is
// 0: then RDI is the guest's number N.

#ifndef TINY_GUESTS_H
#define TINY_GUESTS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// The address of an image in the guest's memory, file offset 0 first.
#define TINY_GUEST_ADDRESS 0x100000

/// The number of bytes from TINY_GUEST_ADDRESS that belong to a guest: its image, and zeroes for tables,
/// buffers and stacks.
#define TINY_GUEST_MEMORY 0x20000

/// The address of the reset-vector stub, whose last 16 bytes are the reset vector.
#define TINY_GUEST_ROM_ADDRESS 0xFFFFF000

/// The address of the launch block, which names the stub's target: u64 address of the 64-bit entry, u64 its
/// argument, RSI.
#define TINY_GUEST_LAUNCH_BLOCK 0x600

/// The image of a guest or of the reset-vector stub. The bytes live as long as the program.
struct tiny_guest {
    const char *name;
    const void *bytes;
    size_t byte_count;
};

/// Returns the number of guests, without the reset-vector stub.
size_t tiny_guest_count(void);

/// Returns the guest at `index`, which must be less than `tiny_guest_count()`.
struct tiny_guest tiny_guest_at(size_t index);

/// Returns the reset-vector stub, 4 KiB for TINY_GUEST_ROM_ADDRESS. firmware/reset.S describes its contract.
struct tiny_guest tiny_guest_reset_stub(void);

/// Returns the guest-physical address of the 64-bit entry: e_entry of the image.
uint64_t tiny_guest_entry(struct tiny_guest guest);

/// Returns the guest-physical address of the 32-bit PVH entry, or 0 if the image has no
/// XEN_ELFNOTE_PHYS32_ENTRY.
uint64_t tiny_guest_pvh_entry(struct tiny_guest guest);

#pragma clang assume_nonnull end

#endif
