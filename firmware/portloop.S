// portloop: measures the cost of a port access that the monitor handles. Writes COM1's scratch register N
// times, which has no other effect and makes no output.
//
// In: N by `count=N` or RDI. Out: mark 1 before the first access, mark 0x7F after the last.

#include "guest.h"

guest portloop, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call read_count
    mark MARK_USERLAND
    test %rbx, %rbx
    jz passed
    mov $COM1_SCRATCH, %dx
1:  out %al, %dx
    dec %rbx
    jnz 1b
    jmp passed
    count_routine
end_guest portloop
