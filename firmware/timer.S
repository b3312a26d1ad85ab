// timer: uses the interval timer, an 8254, like a kernel without another clock.
//
// In: N, the first access: 0 a read of the gate's port, as in Linux' calibration; 1 the control word of
// counter 0, as in Linux' clock; 2 a write to the gate's port. Out: mark 0x7F, or the first check that fails:
//
//    1  counter 2 counts down                    3  counter 0 interrupts, again and again
//    2  and its output rises in the end

#include "guest.h"
#include "paging.h"
#include "interrupts.h"

guest timer, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call read_count
    mov %ebx, %r14d
    call map_4_gib
    call enable_interrupts
    mov $TIMER_GSI, %ebx
    call route
    cmp $1, %r14d
    je clock
    cmp $2, %r14d
    je gate
    mov $TIMER_GATE, %dx
    in %dx, %al
gate:
    port_write TIMER_GATE, 1                    // the gate is open, the speaker off
    port_write TIMER_CONTROL, 0xB0              // counter 2, both bytes, mode 0
    port_write TIMER_COUNTER_2, 0xFF
    port_write TIMER_COUNTER_2, 0xFF
    start_watch
1:  check_watch 1
    mov $TIMER_COUNTER_2, %dx
    in %dx, %al
    in %dx, %al                                 // the high byte
    cmp $0xF0, %al
    jae 1b
    start_watch
2:  check_watch 2
    mov $TIMER_GATE, %dx
    in %dx, %al
    test $0x20, %al
    jz 2b
    cmp $0, %r14d
    jne passed
clock:
    port_write TIMER_CONTROL, 0x34              // counter 0, both bytes, mode 2
    port_write TIMER_COUNTER_0, 0x9C            // 11,932 ticks: a hundred times a second
    port_write TIMER_COUNTER_0, 0x2E
    sti
    start_watch
3:  check_watch 3
    cmpl $3, BUFFER
    jb 3b
    jmp passed
handler:
    push %rcx
    incl BUFFER
    mov $LAPIC, %ecx
    movl $0, LAPIC_EOI(%rcx)
    pop %rcx
    iretq
    map_routine
    interrupt_routine
    count_routine
end_guest timer
