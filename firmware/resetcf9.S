// resetcf9: resets the machine through the reset control register of PCI chip sets, as `reboot=p` does.
//
// In: nothing. Out: 2, then 6 to port 0xCF9; check 1 fails if the register reads as set before, check 2 if
// the guest goes on.

#include "guest.h"

guest resetcf9
entry:
    mov $RESET_CONTROL, %dx
    in %dx, %al
    test $RESET_CONTROL_RESET, %al
    check 1, z
    port_write RESET_CONTROL, RESET_CONTROL_HARD
    port_write RESET_CONTROL, (RESET_CONTROL_HARD | RESET_CONTROL_RESET)
    mark (MARK_FAILED | 2)
    jmp stop
end_guest resetcf9
