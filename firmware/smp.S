// smp: starts all other CPUs at once with INIT and start-up interrupts (Intel SDM 3A, 8.4.4.1), brings each
// from real mode to 64-bit mode, and counts those that arrive.
//
// In: the number of CPUs, by `count=N` or RDI; without these, the MADT's. Out: mark 2 from each CPU that
// reaches 64-bit mode, the first one included, then mark 0x7F, or the first check that fails:
//
//    1  it is known how many CPUs there are              4  each CPU has an APIC id of its own, below 256
//    2  as many arrive                                   5  CPUID's APIC id is the local APIC's
//    3  not more arrive
//
// Memory: that of cpus.h. BUFFER + 0x20 has one bit for each APIC id. BUFFER + 0x40 is the number of a check
// that failed on another CPU.

#include "guest.h"
#include "paging.h"
#include "acpi.h"
#include "cpus.h"

#define APIC_IDS (BUFFER + 0x20)
#define FAILURE (BUFFER + 0x40)
#define LAPIC_ID 0x20
#define GRACE 20000                             // turns in which one CPU too many may still show itself

guest smp, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    mov %rsi, %rbp
    call read_count
    test %rbx, %rbx
    jnz 1f
    mov %rbp, %rsi
    call count_in_madt
    test %rbx, %rbx
    check 1, nz
1:  mov %rbx, %r12
    call copy_startup
    call arrive
    mov $LAPIC, %ecx
    movl $0x1FF, 0xF0(%rcx)                     // the local APIC on
    start_other_cpus
    await_cpus 2
    mov $GRACE, %ecx
4:  pause
    dec %ecx
    jnz 4b
    cmp %r12d, ARRIVED
    check 3, e
    mov FAILURE, %al
    test %al, %al
    jnz failed
    jmp passed

// The part of every CPU in 64-bit mode. The count is written last: a CPU that sees it sees the rest.
arrive:
    mov $LAPIC, %ecx
    mov LAPIC_ID(%rcx), %ebp
    shr $24, %ebp
    lock btsl %ebp, APIC_IDS
    jnc 7f
    movb $(MARK_FAILED | 4), FAILURE
7:  mov $1, %eax
    cpuid
    shr $24, %ebx
    cmp %ebp, %ebx
    je 8f
    movb $(MARK_FAILED | 5), FAILURE
8:  mark MARK_ONE_MORE
    lock incl ARRIVED
    ret
arrived:
    mov $(BUFFER + 0x1000), %esp                // one stack for all CPUs: each pushes only the same value
    lea stop(%rip), %rax
    push %rax
    jmp arrive

    cpu_routines
    count_routine
    acpi_routines
    map_routine
end_guest smp
