// virtioblock: reads sector 0 of the first block device (Virtio 1.2, 5.2).
//
// In: a disk. Out: mark 1 when the device is started; the 512 bytes on COM1, by one string instruction; mark
// 0x7F, or the first check that fails, of those in virtio.h and:
//
//   30  the capacity is at least one sector
//   31  the device wrote 513 bytes
//   32  the status byte is 0, VIRTIO_BLK_S_OK

#include "guest.h"
#include "paging.h"
#include "interrupts.h"
#include "virtio.h"
#include "block.h"

guest virtioblock, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    call enable_interrupts
    mov $VIRTIO_BLOCK, %edi
    call find_device
    cmpq $1, CAPACITY(%rbp)
    check 30, ae
    xor %ebx, %ebx
    call start_device
    mark MARK_USERLAND
    xor %eax, %eax
    block_request BLOCK_IN, %rax, WRITE
    call offer
    cmp $513, %edi
    check 31, e
    cmpb $0, BLOCK_STATUS
    check 32, e
    mov $BLOCK_DATA, %esi
    mov $512, %ecx
    mov $COM1, %dx
    rep outsb
    jmp passed
    map_routine
    interrupt_routine
    virtio_routines
end_guest virtioblock
