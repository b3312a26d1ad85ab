// virtiopmem: reads the persistent memory, tries to write to it, and flushes it (Virtio 1.2, 5.19).
//
// In: a device of at least 12 KiB. Out: mark 1 when the device is started; then, as marks, the bytes at 0,
// 4095, 4096, 8191, 8192 and at the end of the memory; the byte at 0 after a write to it, which must have no
// effect; mark 0x7F, or the first check that fails, of those in virtio.h and:
//
//   30  it begins at 4 GiB or above
//   31  at a multiple of 1 GiB, in the first 512 GiB
//   32  its size is a positive multiple of 2 MiB, up to 1 GiB
//   33  the device wrote 4 bytes for the flush
//   34  the answer is 0, VIRTIO_PMEM_RESP_TYPE_OK

#include "guest.h"
#include "paging.h"
#include "interrupts.h"
#include "virtio.h"

#define VIRTIO_PMEM 27
#define PMEM_START 0x100              // of the device's registers: u64, an address
#define PMEM_SIZE 0x108               // u64, in bytes
#define DIRECTORY (BUFFER + 0x1000)

// Writes the byte at RSI as a mark. Uses AL, DX.
.macro show_byte
    mov (%rsi), %al
    mov $MARK, %dx
    out %al, %dx
.endm

guest virtiopmem, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    call enable_interrupts
    mov $VIRTIO_PMEM, %edi
    call find_device
    mov PMEM_START(%rbp), %r8
    mov PMEM_SIZE(%rbp), %r9
    mov %r8, %rax
    shr $32, %rax
    check 30, nz
    mov %r8, %rax
    shr $39, %rax
    check 31, z
    test $0x3FFFFFFF, %r8d
    check 31, z
    test $0x1FFFFF, %r9d
    check 32, z
    lea -1(%r9), %rax
    shr $30, %rax
    check 32, z

    mov %r8, %rcx                               // a directory of its own, one GiB of it
    shr $30, %rcx
    movq $(DIRECTORY + 3), PAGE_TABLES + 0x1000(, %rcx, 8)
    lea 0xE3(%r8), %rax
    xor %ecx, %ecx
1:  mov %rax, DIRECTORY(, %rcx, 8)
    add $0x200000, %rax
    inc %ecx
    cmp $512, %ecx
    jne 1b

    xor %ebx, %ebx
    call start_device
    mark MARK_USERLAND
    mov %r8, %rsi
    show_byte
    add $4095, %rsi
    show_byte
    inc %rsi
    show_byte
    add $4095, %rsi
    show_byte
    inc %rsi
    show_byte
    lea -1(%r8, %r9), %rsi
    show_byte
    movb $0x5A, (%r8)
    movq $0x5A, 4096(%r8)
    mov %r8, %rsi
    show_byte

    movl $0, BUFFER                             // VIRTIO_PMEM_REQ_TYPE_FLUSH
    movl $0x55, BUFFER + 4
    descriptor 0, BUFFER, 4, NEXT, 1
    descriptor 1, (BUFFER + 4), 4, WRITE
    call offer
    cmp $4, %edi
    check 33, e
    cmpl $0, BUFFER + 4
    check 34, e
    jmp passed
    map_routine
    interrupt_routine
    virtio_routines
end_guest virtiopmem
