// resetreg: resets the machine through the register that the FADT names (ACPI 6.5, 4.8.3.6).
//
// In: nothing. Out: 1 to port 0x602; check 1 fails if the guest goes on.

#include "guest.h"

guest resetreg
entry:
    port_write RESET_REGISTER, RESET_VALUE
    mark (MARK_FAILED | 1)
    jmp stop
end_guest resetreg
