// idle: halts with interrupts enabled until the power button is pressed, then enters ACPI S5. The Generic
// Event Device's interrupt has no other source, so its arrival means the button.
//
// In: nothing. Out: mark 1 when it is idle, mark 0x7F when the button was pressed.

#include "guest.h"
#include "paging.h"
#include "interrupts.h"

guest idle, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    call enable_interrupts
    mov $POWER_BUTTON_GSI, %ebx
    call route
    mark MARK_USERLAND
    sti
1:  hlt
    jmp 1b
handler:
    jmp passed
    map_routine
    interrupt_routine
end_guest idle
