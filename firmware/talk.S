// talk: floods the monitor's log: pvpanic's "crash kernel loaded" and marks, for ever.
//
// In: nothing. Out: mark 1, then 2 to port 0x505 and mark 2, for ever.

#include "guest.h"

guest talk
entry:
    mark MARK_USERLAND
1:  port_write PVPANIC, 2
    mark 2
    jmp 1b
end_guest talk
