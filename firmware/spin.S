// spin: a loop that never ends and never exits. Only a signal to the vCPU's thread brings it out of KVM_RUN.
//
// In: nothing. Out: mark 1, then nothing.

#include "guest.h"

guest spin
entry:
    mark MARK_USERLAND
1:  pause
    jmp 1b
end_guest spin
