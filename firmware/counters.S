// counters: every CPU counts for ever, in one of three ways, so that a test can see whether the CPUs stand
// still in a pause and lose nothing over it.
//
// In: the way, by `count=N` or RDI: 0 a loop that never leaves the guest; 1 halted, woken by its local APIC's
// timer; 2 port and MMIO accesses, whose answers are checked. The MADT says how many CPUs there are. Out:
// mark 1 when all CPUs count, then nothing, or the first check that fails:
//
//    1  there is a MADT                               3  COM1's scratch register keeps its value
//    2  every CPU arrives                             4  the device in the first window has its magic value
//
// Memory: that of cpus.h. The counter of the CPU with APIC id N is the 64-bit word at BUFFER + 0x100
// + 64 * N.

#include "guest.h"
#include "paging.h"
#include "acpi.h"
#include "cpus.h"
#include "interrupts.h"

#define COUNTERS (BUFFER + 0x100)
#define TIMER_LVT 0x320
#define TIMER_PERIODIC 0x20000
#define TIMER_INITIAL 0x380
#define TIMER_DIVIDE 0x3E0
#define SCRATCH_VALUE 0x5A
#define MAGIC 0x74726976

guest counters, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    mov %rsi, %rbp
    call read_count
    mov %rbx, %r14
    call map_4_gib
    mov %rbp, %rsi
    call count_in_madt
    test %rbx, %rbx
    check 1, nz
    mov %ebx, %r12d

    interrupt_gate VECTOR, handler
    interrupt_gate SPURIOUS_VECTOR, spurious
    port_write 0x21, 0xFF
    port_write 0xA1, 0xFF
    mov %r14, AT(way)                           // for the other CPUs
    call copy_startup
    mov $LAPIC, %ecx
    movl $(0x100 | SPURIOUS_VECTOR), LAPIC_SPURIOUS(%rcx)
    lock incl ARRIVED
    cmp $1, %r12d
    je 3f
    start_other_cpus
    await_cpus 2
3:  mark MARK_USERLAND
    jmp count
arrived:
    mov AT(way), %r14
    lock incl ARRIVED

// Counts on every CPU. Each has 256 bytes of stack, below STACK.
count:
    lgdt descriptor_table(%rip)
    lidt interrupt_table(%rip)
    mov $LAPIC, %ecx
    movl $(0x100 | SPURIOUS_VECTOR), LAPIC_SPURIOUS(%rcx)
    mov LAPIC_ID(%rcx), %ebx
    shr $24, %ebx
    mov %ebx, %eax
    shl $8, %eax
    mov $STACK, %esp
    sub %rax, %rsp
    shl $6, %ebx
    add $COUNTERS, %ebx                         // RBX: this CPU's counter
    cmp $1, %r14d
    je halted
    ja accesses

loop_forever:
    incq (%rbx)
    jmp loop_forever

halted:
    movl $0xB, TIMER_DIVIDE(%rcx)               // the bus clock, undivided
    movl $(TIMER_PERIODIC | VECTOR), TIMER_LVT(%rcx)
    movl $1000000, TIMER_INITIAL(%rcx)          // 1 ms of KVM's bus clock
    sti
4:  hlt
    jmp 4b
handler:
    incq (%rbx)
    end_of_interrupt

accesses:
    mov $COM1_SCRATCH, %dx
    mov $SCRATCH_VALUE, %al
    out %al, %dx
    xor %eax, %eax
    in %dx, %al
    cmp $SCRATCH_VALUE, %al
    check 3, e
    mov $VIRTIO_MMIO, %ecx
    xor %eax, %eax
    mov (%rcx), %eax
    cmp $MAGIC, %eax
    check 4, e
    incq (%rbx)
    jmp accesses

    cpu_routines

    .balign 8
way:
    .quad 0
    interrupt_routine
    count_routine
    acpi_routines
    map_routine
end_guest counters
