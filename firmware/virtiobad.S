// virtiobad: offers the first block device a chain of descriptors that loops, and checks that the device
// stops (Virtio 1.2, 2.1.2, 2.7.5.2).
//
// In: a disk. Out: mark 1 when the device is started; mark 0x7F, or the first check that fails, of those in
// virtio.h and:
//
//   30  the device sets DEVICE_NEEDS_RESET

#include "guest.h"
#include "paging.h"
#include "interrupts.h"
#include "virtio.h"

#define DEVICE_NEEDS_RESET 0x40

guest virtiobad, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    call enable_interrupts
    mov $VIRTIO_BLOCK, %edi
    call find_device
    xor %ebx, %ebx
    call start_device
    mark MARK_USERLAND
    descriptor 0, BUFFER, 16, NEXT, 0
    call put_and_notify
    start_watch
1:  testl $DEVICE_NEEDS_RESET, STATUS(%rbp)
    jnz passed
    check_watch 30
    jmp 1b
    map_routine
    interrupt_routine
    virtio_routines
end_guest virtiobad
