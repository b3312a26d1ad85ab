// poweroff: enters ACPI S5 through SLEEP_CONTROL and does nothing else.
//
// In: nothing. Out: nothing.

#include "guest.h"

guest poweroff
entry:
    jmp power_off
end_guest poweroff
