// hang: halts the CPU with interrupts disabled, so that nothing in the machine can wake it.
//
// In: nothing. Out: mark 1, then nothing.

#include "guest.h"

guest hang
entry:
    mark MARK_USERLAND
    jmp stop
end_guest hang
