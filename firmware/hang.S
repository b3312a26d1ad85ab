// hang: a CPU halted with its interrupts off, which nothing in the machine can wake.
//
// In: nothing. Out: mark 1, then nothing.

#include "guest.h"

guest hang
entry:
    mark MARK_USERLAND
    jmp stop
end_guest hang
