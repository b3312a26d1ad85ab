// serial: writes one line to COM1, each byte when the line status register reports room.
//
// In: nothing. Out: "tiny guest: serial line\r\n" on COM1; mark 0x7F. Check 1 fails if there is never room.

#include "guest.h"

guest serial
entry:
    lea line(%rip), %rsi
1:  mov (%rsi), %bl
    test %bl, %bl
    jz passed
    start_watch
2:  mov $COM1_LINE_STATUS, %dx
    in %dx, %al
    test $0x20, %al
    jnz 3f
    check_watch 1
    jmp 2b
3:  mov %bl, %al
    mov $COM1, %dx
    out %al, %dx
    inc %rsi
    jmp 1b
line:
    .asciz "tiny guest: serial line\r\n"
end_guest serial
