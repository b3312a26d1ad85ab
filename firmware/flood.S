// flood: writes to COM1 for ever, without checking for room.
//
// In: nothing. Out: mark 1, then lines of 63 letters and a line feed on COM1, for ever.

#include "guest.h"

guest flood
entry:
    mark MARK_USERLAND
    mov $COM1, %dx
1:  mov $63, %ecx
    mov $'a', %al
2:  out %al, %dx
    dec %ecx
    jnz 2b
    mov $'\n', %al
    out %al, %dx
    jmp 1b
end_guest flood
