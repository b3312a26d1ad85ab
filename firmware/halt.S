// halt: the shortest guest. Its first instruction that leaves the guest writes the mark, so the time of that
// mark is the time of the first guest instruction. Then it enters S5.
//
// In: nothing. Out: mark 1.

#include "guest.h"

guest halt
entry:
    mark MARK_USERLAND
    jmp power_off
end_guest halt
