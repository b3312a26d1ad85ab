// echopoll: sends back the bytes that COM1 receives, by polling the line status register, until Ctrl-D
// (0x04).
//
// In: bytes on COM1. Out: mark 1 when it listens; the same bytes on COM1; mark 0x7F at Ctrl-D.

#include "guest.h"

guest echopoll
entry:
    mark MARK_USERLAND
1:  mov $COM1_LINE_STATUS, %dx
    in %dx, %al
    test $1, %al
    jz 1b
    mov $COM1, %dx
    in %dx, %al
    cmp $4, %al
    je passed
    mov %al, %bl
2:  mov $COM1_LINE_STATUS, %dx
    in %dx, %al
    test $0x20, %al
    jz 2b
    mov %bl, %al
    mov $COM1, %dx
    out %al, %dx
    jmp 1b
end_guest echopoll
