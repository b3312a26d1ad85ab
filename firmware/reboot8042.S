// reboot8042: resets the machine through the keyboard controller, as an ordinary PC kernel does.
//
// In: nothing. Out: 0xFE to port 0x64; check 1 fails if the guest goes on.

#include "guest.h"

guest reboot8042
entry:
    port_write I8042_COMMAND, I8042_RESET
    mov $(MARK_FAILED | 1), %al
    jmp failed
end_guest reboot8042
