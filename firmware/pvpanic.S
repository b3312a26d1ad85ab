// pvpanic: acts as a kernel's panic notifier: sets the "panicked" bit, then halts for good with interrupts
// disabled.
//
// In: nothing. Out: 1 to port 0x505. Check 1 fails if the device does not offer that bit.

#include "guest.h"

guest pvpanic
entry:
    mov $PVPANIC, %dx
    in %dx, %al
    test $PVPANIC_PANICKED, %al
    check 1, nz
    port_write PVPANIC, PVPANIC_PANICKED
    jmp stop
end_guest pvpanic
