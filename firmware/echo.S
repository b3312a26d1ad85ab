// echo: sends back the bytes that COM1 receives, woken by COM1's interrupt alone, until Ctrl-D (0x04).
//
// In: bytes on COM1. Out: mark 1 when it listens; the same bytes on COM1; mark 0x7F at Ctrl-D.

#include "guest.h"
#include "paging.h"
#include "interrupts.h"

guest echo, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    call enable_interrupts
    mov $COM1_GSI, %ebx
    call route
    port_write COM1_MODEM_CONTROL, 0x0B   // DTR and RTS: send; OUT2: let the interrupt out
    port_write COM1_INTERRUPT_ENABLE, 1
    mark MARK_USERLAND
1:  sti
    hlt
    jmp 1b

handler:
    mov $COM1_LINE_STATUS, %dx
    in %dx, %al
    test $1, %al
    jz 3f
    mov $COM1, %dx
    in %dx, %al
    cmp $4, %al
    je passed
    mov %al, %bl
2:  mov $COM1_LINE_STATUS, %dx
    in %dx, %al
    test $0x20, %al
    jz 2b
    mov %bl, %al
    mov $COM1, %dx
    out %al, %dx
    jmp handler
3:  end_of_interrupt
    map_routine
    interrupt_routine
end_guest echo
