// state: sets every kind of state of a CPU and of its interrupt controllers, leaves the guest by a mark, and
// checks that nothing has changed. A test saves the guest at a mark and goes on with it in another VM.
//
// In: the number of turns, by `count=N` or RDI. Out: for each turn marks 2 with the state set, with an
// interrupt pending, with the local APIC's timer running, and with its deadline armed; then mark 0x7F, or the
// first check that fails:
//
//    1  RBX, RBP, RSI, RDI, R8 to R11                  10  a pending interrupt waits until interrupts are on
//    2  the direction flag                             11  and then arrives once
//    3  CR2                                            12  the timer interrupts, and only it
//    4  CR8                                            13  the deadline interrupts, and only it
//    5  DR0 to DR3                                     20  the model-specific registers, from here on, in
//    6  XMM3                                               the order of `registers`
//    7  the IOAPIC's entry for pin 7
//    8  the first 8259's interrupt mask
//    9  the time stamp counter goes on, without a jump of seconds

#include "guest.h"
#include "paging.h"
#include "interrupts.h"

#define ARRIVED BUFFER                          // counts interrupts
#define BEFORE (BUFFER + 0x40)                  // the time stamp counter before a mark
#define SCRATCH (BUFFER + 0x80)
#define CR4_SSE 0x600
#define INTERRUPT_COMMAND 0x300
#define TIMER_LVT 0x320
#define TIMER_ONE_SHOT VECTOR
#define TIMER_DEADLINE (0x40000 | VECTOR)
#define TIMER_INITIAL 0x380
#define TIMER_DIVIDE 0x3E0
#define DEADLINE 0x6E0
#define PIN 7
#define REGISTER_COUNT ((registers_end - registers) / 4)

guest state, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call read_count
    mov %rbx, %r14                              // R14: turns to go
    call map_4_gib
    call enable_interrupts
    mov %cr4, %rax
    or $CR4_SSE, %eax
    mov %rax, %cr4
    mov $LAPIC, %ecx
    movl $0xB, TIMER_DIVIDE(%rcx)               // the bus clock, undivided
    xor %r12d, %r12d
turn:
    inc %r12d
    imul $0x01010101, %r12d, %r13d              // R13: this turn's pattern

    mov %r13, %cr2
    mov %r12d, %eax
    and $1, %eax
    inc %eax
    mov %rax, %cr8                              // 1 or 2: below VECTOR's class
    lea 1(%r13), %rax
    mov %rax, %dr0
    inc %rax
    mov %rax, %dr1
    inc %rax
    mov %rax, %dr2
    inc %rax
    mov %rax, %dr3
    mov %r13, SCRATCH
    mov %r13, SCRATCH + 8
    movdqu SCRATCH, %xmm3
    mov $IOAPIC, %ecx
    movl $(0x10 + 2 * PIN), (%rcx)
    lea 0x10080(%r12), %eax                     // masked
    mov %eax, IOAPIC_DATA(%rcx)
    mov $0x21, %dx
    mov %r12b, %al
    or $0xE0, %al
    out %al, %dx
    xor %edi, %edi
1:  call register_value
    wrmsr
    inc %edi
    cmp $REGISTER_COUNT, %edi
    jne 1b
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, BEFORE
    lea 1(%r13), %rbx
    lea 2(%r13), %rbp
    lea 3(%r13), %rsi
    lea 4(%r13), %rdi
    lea 5(%r13), %r8
    lea 6(%r13), %r9
    lea 7(%r13), %r10
    lea 8(%r13), %r11
    std
    mark MARK_ONE_MORE

    pushf
    cld
    pop %rax
    bt $10, %eax
    check 2, c
    sub %r13, %rbx
    sub %r13, %rbp
    sub %r13, %rsi
    sub %r13, %rdi
    sub %r13, %r8
    sub %r13, %r9
    sub %r13, %r10
    sub %r13, %r11
    cmp $1, %rbx
    check 1, e
    cmp $2, %rbp
    check 1, e
    cmp $3, %rsi
    check 1, e
    cmp $4, %rdi
    check 1, e
    cmp $5, %r8
    check 1, e
    cmp $6, %r9
    check 1, e
    cmp $7, %r10
    check 1, e
    cmp $8, %r11
    check 1, e
    mov %cr2, %rax
    cmp %r13, %rax
    check 3, e
    mov %cr8, %rax
    mov %r12d, %ecx
    and $1, %ecx
    inc %ecx
    cmp %rcx, %rax
    check 4, e
    lea 1(%r13), %rcx
    mov %dr0, %rax
    cmp %rcx, %rax
    check 5, e
    inc %rcx
    mov %dr1, %rax
    cmp %rcx, %rax
    check 5, e
    inc %rcx
    mov %dr2, %rax
    cmp %rcx, %rax
    check 5, e
    inc %rcx
    mov %dr3, %rax
    cmp %rcx, %rax
    check 5, e
    movdqu %xmm3, SCRATCH + 16
    cmp %r13, SCRATCH + 16
    check 6, e
    cmp %r13, SCRATCH + 24
    check 6, e
    mov $IOAPIC, %ecx
    movl $(0x10 + 2 * PIN), (%rcx)
    mov IOAPIC_DATA(%rcx), %eax
    lea 0x10080(%r12), %ecx
    cmp %ecx, %eax
    check 7, e
    mov $0x21, %dx
    xor %eax, %eax
    in %dx, %al
    mov %r12d, %ecx
    or $0xE0, %cl
    cmp %cl, %al
    check 8, e
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    sub BEFORE, %rax
    shr $34, %rax
    check 9, z
    xor %edi, %edi
2:  call register_value
    mov %rax, %rbx
    rdmsr
    cmp %eax, %ebx
    je 3f
    lea MARK_FAILED + 20(%rdi), %eax
    jmp failed
3:  inc %edi
    cmp $REGISTER_COUNT, %edi
    jne 2b

    movl $0, ARRIVED
    mov $LAPIC, %ecx
    movl $(0x40000 | VECTOR), INTERRUPT_COMMAND(%rcx)  // to this CPU itself
    mark MARK_ONE_MORE
    cmpl $0, ARRIVED
    check 10, e
    sti
    start_watch
6:  check_watch 11
    cmpl $0, ARRIVED
    je 6b
    cli
    cmpl $1, ARRIVED
    check 11, e

    mov $LAPIC, %ecx
    movl $TIMER_ONE_SHOT, TIMER_LVT(%rcx)
    movl $5000000, TIMER_INITIAL(%rcx)          // 5 ms of KVM's bus clock
    mark MARK_ONE_MORE
    call wait_for_interrupt
    cmpl $2, ARRIVED
    check 12, e

    mov $LAPIC, %ecx
    movl $TIMER_DEADLINE, TIMER_LVT(%rcx)
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    add $20000000, %rax                         // some 10 ms
    mov %rax, %rdx
    shr $32, %rdx
    mov $DEADLINE, %ecx
    wrmsr
    mark MARK_ONE_MORE
    call wait_for_interrupt
    cmpl $3, ARRIVED
    check 13, e

    cmp %r14d, %r12d
    jb turn
    jmp passed

// Halts until one more interrupt has arrived.
wait_for_interrupt:
    mov ARRIVED, %ebx
4:  cmp ARRIVED, %ebx
    jne 5f
    sti
    hlt
    cli
    jmp 4b
5:  ret

handler:
    push %rcx
    incl ARRIVED
    mov $LAPIC, %ecx
    movl $0, LAPIC_EOI(%rcx)
    pop %rcx
    iretq

// Returns register number EDI of the list in ECX, and its value in this turn in EDX:EAX, a canonical address.
register_value:
    lea registers(%rip), %rcx
    mov (%rcx, %rdi, 4), %ecx
    lea (%r13, %rdi), %eax
    xor %edx, %edx
    ret

    .balign 8
registers:
    .long 0x175, 0x176                          // 20, 21: SYSENTER_ESP, SYSENTER_EIP
    .long 0xC0000081, 0xC0000082, 0xC0000083    // 22 to 24: STAR, LSTAR, CSTAR
    .long 0xC0000084                            // 25: SFMASK
    .long 0xC0000100, 0xC0000101, 0xC0000102    // 26 to 28: FS, GS and kernel GS base
registers_end:
    map_routine
    interrupt_routine
    count_routine
end_guest state
