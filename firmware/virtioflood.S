// virtioflood: sends text through the first console's transmit queue for ever, a page at a time, with
// interrupts disabled.
//
// In: nothing. Out: mark 1 when the device is started; then lines of 63 letters and a line feed, for ever, as
// quickly as the device uses its buffers; or the check of virtio.h that fails first.

#include "guest.h"
#include "paging.h"
#include "interrupts.h"
#include "virtio.h"

guest virtioflood, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    call enable_interrupts
    mov $VIRTIO_CONSOLE, %edi
    call find_device
    mov $1, %ebx                                // transmitq of port 0
    call start_device
    xor %ecx, %ecx
1:  mov $'a', %al
    lea 1(%rcx), %edx
    test $63, %dl
    jnz 2f
    mov $'\n', %al
2:  mov %al, BUFFER(%rcx)
    inc %ecx
    cmp $4096, %ecx
    jne 1b
    descriptor 0, BUFFER, 4096
    mark MARK_USERLAND
3:  call put_and_notify
4:  pause
    cmp %r13w, QUEUE_DEVICE + 2
    jne 4b
    jmp 3b
    map_routine
    interrupt_routine
    virtio_routines
end_guest virtioflood
