// mmioloop: measures the cost of a memory-mapped access that the monitor handles. Reads the magic value of
// virtio-mmio device 0 N times; the device need not exist.
//
// In: N by `count=N` or RDI. Out: mark 1 before the first access, mark 0x7F after the last.

#include "guest.h"
#include "paging.h"

guest mmioloop, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call read_count
    call map_4_gib
    mark MARK_USERLAND
    test %rbx, %rbx
    jz passed
    mov $VIRTIO_MMIO, %ecx
1:  mov (%rcx), %eax
    dec %rbx
    jnz 1b
    jmp passed
    count_routine
    map_routine
end_guest mmioloop
