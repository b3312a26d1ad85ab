// serial: one line through COM1, a byte at a time, each when the line status register says there is room.
//
// In: nothing. Out: "tiny guest: serial line\r\n" on COM1; check 1 fails if there never is room; mark 0x7F.

#include "guest.h"

guest serial
entry:
    lea line(%rip), %rsi
1:  mov (%rsi), %bl
    test %bl, %bl
    jz passed
    mov $100000, %ecx                           // polls before the line counts as stuck
    mov $COM1_LINE_STATUS, %dx
2:  in %dx, %al
    test $0x20, %al
    jnz 3f
    dec %ecx
    jnz 2b
    check 1, nz                                 // out of polls
3:  mov %bl, %al
    mov $COM1, %dx
    out %al, %dx
    inc %rsi
    jmp 1b
line:
    .asciz "tiny guest: serial line\r\n"
end_guest serial
