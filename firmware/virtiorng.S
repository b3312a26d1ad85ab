// virtiorng: reads 64 bytes from the first entropy device (Virtio 1.2, 5.4).
//
// In: nothing. Out: mark 1 when the device is started; mark 0x7F, or the first check that fails, of those in
// virtio.h and:
//
//   30  the device wrote 1 to 64 bytes
//   31  they are not all zero
//   32  the bytes behind them are untouched

#include "guest.h"
#include "paging.h"
#include "interrupts.h"
#include "virtio.h"

guest virtiorng, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    call enable_interrupts
    mov $VIRTIO_ENTROPY, %edi
    call find_device
    xor %ebx, %ebx
    call start_device
    mark MARK_USERLAND
    descriptor 0, BUFFER, 64, WRITE
    call offer
    lea -1(%rdi), %eax
    cmp $63, %eax
    check 30, be
    xor %eax, %eax
    mov $BUFFER, %esi
1:  or (%rsi), %al
    inc %esi
    dec %edi
    jnz 1b
    test %al, %al
    check 31, nz
2:  cmpb $0, (%rsi)
    check 32, e
    inc %esi
    cmp $(BUFFER + 128), %esi
    jne 2b
    jmp passed
    map_routine
    interrupt_routine
    virtio_routines
end_guest virtiorng
