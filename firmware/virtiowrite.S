// virtiowrite: copies sector 0 of the first block device to its last sector. VIRTIO_BLK_F_FLUSH is not
// negotiated, so the data is on stable storage when the request ends (Virtio 1.2, 5.2.6.2).
//
// In: a disk of at least two sectors. Out: mark 1 when the device is started; the copy on the disk; mark
// 0x7F, or the first check that fails, of those in virtio.h and:
//
//   30  the capacity is at least two sectors
//   31  the device wrote 513 bytes for the read
//   32  the status byte of the read is 0, VIRTIO_BLK_S_OK
//   33  the device wrote one byte for the write
//   34  the status byte of the write is 0

#include "guest.h"
#include "paging.h"
#include "interrupts.h"
#include "virtio.h"
#include "block.h"

guest virtiowrite, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    call enable_interrupts
    mov $VIRTIO_BLOCK, %edi
    call find_device
    cmpq $2, CAPACITY(%rbp)
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
    mov CAPACITY(%rbp), %rax
    dec %rax
    block_request BLOCK_OUT, %rax, 0
    call offer
    cmp $1, %edi
    check 33, e
    cmpb $0, BLOCK_STATUS
    check 34, e
    jmp passed
    map_routine
    interrupt_routine
    virtio_routines
end_guest virtiowrite
