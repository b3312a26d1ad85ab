// virtioconsole: sends one line through the first console's transmit queue (Virtio 1.2, 5.3).
//
// In: nothing. Out: mark 1 when the device is started; "tiny guest: virtio line\r\n" on the console; mark
// 0x7F, or the first check that fails, of those in virtio.h and:
//
//   30  the device wrote nothing

#include "guest.h"
#include "paging.h"
#include "interrupts.h"
#include "virtio.h"

guest virtioconsole, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    call enable_interrupts
    mov $VIRTIO_CONSOLE, %edi
    call find_device
    mov $1, %ebx                                // transmitq of port 0
    call start_device
    mark MARK_USERLAND
    descriptor 0, AT(line), (line_end - line)
    call offer
    test %edi, %edi
    check 30, z
    jmp passed
line:
    .ascii "tiny guest: virtio line\r\n"
line_end:
    map_routine
    interrupt_routine
    virtio_routines
end_guest virtioconsole
