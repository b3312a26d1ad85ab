// triplefault: raises an exception without a descriptor table, so the processor shuts down.
//
// In: nothing. Out: nothing; check 1 fails if the guest goes on.

#include "guest.h"

guest triplefault
entry:
    lidt empty(%rip)
    xor %ecx, %ecx
    div %ecx                                    // #DE, then #GP or #DF because no descriptor exists
    mov $(MARK_FAILED | 1), %al
    jmp failed
empty:
    .short 0
    .quad 0
end_guest triplefault
