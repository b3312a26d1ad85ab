// reset: the reset-vector stub, a ROM of 4 KiB that ends at 4 GiB. It takes a CPU from the reset vector (real
// mode, CS base 0xFFFF_0000, IP 0xFFF0; Intel SDM 3A, 10.1.4) through protected mode to a 64-bit entry, in
// the state that the Linux x86 64-bit boot protocol demands.
//
// In, in the guest's memory:
//
//   LAUNCH_BLOCK + 0  (0x600)  u64  the address of the 64-bit entry, below 4 GiB
//   LAUNCH_BLOCK + 8  (0x608)  u64  its argument: RSI, a boot_params for Linux
//   RESET_TABLES      (0x9000) 24 KiB that the stub overwrites with page tables; they stay in use
//
// Out: the entry runs with CS = 0x10, DS = ES = SS = FS = GS = 0x18, all flat, the descriptors in ROM; paging
// with the first 4 GiB mapped one to one; interrupts disabled; RSI = the argument. The page tables lie in
// RAM, because a processor may count every step of a table walk as a write (AMD APM 2, 15.25.5).
//
// Failures, reported by mark and reset: check 1, the launch block names no entry; check 2, the processor has
// no 64-bit mode.

#include "machine.h"
#include "paging.h"

#define ROM 0xFFFFF000
#define ROM_AT(label) (ROM + (label - rom))
#define IN_CS(label) (0xF000 + (label - rom))   // the same place as an offset in the real-mode code segment

    .section .rodata.guest.reset, "a", @progbits
    .balign 64
    .globl tiny_image_reset
    .type tiny_image_reset, @object
tiny_image_reset:
rom:
    .code16
start:
    enter_protected_mode IN_CS(descriptor_table), ROM_AT(protected)

    .code32
protected:
    load_data_segments
    mov $(MARK_FAILED | 1), %esi
    mov LAUNCH_BLOCK, %eax
    or LAUNCH_BLOCK + 4, %eax
    jz failed
    mov $(MARK_FAILED | 2), %esi
    mov $0x80000000, %eax
    cpuid
    cmp $0x80000001, %eax
    jb failed
    mov $0x80000001, %eax
    cpuid
    bt $29, %edx                                // long mode
    jnc failed
    mov $RESET_TABLES, %ecx
    fill_page_tables
    enter_long_mode ROM_AT(long_mode)

failed:
    mov %esi, %eax
    mov $MARK, %dx
    out %al, %dx
    mov $RESET_REGISTER, %dx
    mov $RESET_VALUE, %al
    out %al, %dx
    cli
1:  hlt
    jmp 1b

    .code64
long_mode:
    load_data_segments
    mov LAUNCH_BLOCK, %rax
    mov LAUNCH_BLOCK + 8, %rsi
    jmp *%rax

    .balign 8
descriptors:
    flat_descriptors
descriptor_table:
    .short descriptor_table - descriptors - 1
    .long ROM_AT(descriptors)

    .org 0xFF0, 0
    .code16
    jmp start                                   // the reset vector
    .org 0x1000, 0
    .size tiny_image_reset, . - rom
    .globl tiny_image_reset_end
tiny_image_reset_end:
    .section .note.GNU-stack, "", @progbits
