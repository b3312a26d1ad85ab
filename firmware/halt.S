// halt: the shortest life. Its first instruction that leaves the guest is the mark, so the time of that mark is the
// time of the first guest instruction; then S5.
//
// In: nothing. Out: mark 1.

#include "guest.h"

guest halt
entry:
    mark MARK_USERLAND
    jmp power_off
end_guest halt
