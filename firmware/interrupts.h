// Interrupts for a guest: a descriptor table, the local APIC and one line of the IOAPIC at a time. The guest
// must map the devices first (paging.h).

#define VECTOR 0x40
#define SPURIOUS_VECTOR 0xFF
#define LAPIC_ID 0x20
#define LAPIC_EOI 0xB0
#define LAPIC_SPURIOUS 0xF0
#define IOAPIC_DATA 0x10

// Sets a gate of the IDT for `vector`: a 64-bit interrupt gate to `handler` (Intel SDM 3A, 6.14.1). Uses RAX.
.macro interrupt_gate vector, handler
    movl $((BOOT_CS << 16) | (AT(\handler) & 0xFFFF)), IDT + 16 * (\vector)
    movl $((AT(\handler) & 0xFFFF0000) | 0x8E00), IDT + 16 * (\vector) + 4
    movq $0, IDT + 16 * (\vector) + 8
.endm

// The subroutine `enable_interrupts` directs VECTOR to the guest's `handler` and ignores spurious interrupts,
// enables the local APIC, and masks the two 8259s if the machine has them. Interrupts stay disabled until
// `sti`. Uses RAX, RCX, RDX.
.macro interrupt_routine
enable_interrupts:
    lgdt descriptor_table(%rip)
    lidt interrupt_table(%rip)
    interrupt_gate VECTOR, handler
    interrupt_gate SPURIOUS_VECTOR, spurious
    port_write 0x21, 0xFF
    port_write 0xA1, 0xFF
    mov $LAPIC, %ecx
    movl $(0x100 | SPURIOUS_VECTOR), LAPIC_SPURIOUS(%rcx)
    ret
spurious:
    iretq

// The subroutine `route` directs the IOAPIC's line EBX, edge triggered and active high, to this CPU as
// VECTOR. Uses RAX, RCX.
route:
    mov $LAPIC, %ecx
    mov LAPIC_ID(%rcx), %eax                    // the destination, in the same bits 31:24
    mov $IOAPIC, %ecx
    lea 0x11(%rbx, %rbx), %edx
    mov %edx, (%rcx)
    mov %eax, IOAPIC_DATA(%rcx)
    dec %edx
    mov %edx, (%rcx)
    movl $VECTOR, IOAPIC_DATA(%rcx)             // fixed delivery, physical destination, not masked
    ret

    .balign 8
descriptors:
    flat_descriptors
descriptor_table:
    .short descriptor_table - descriptors - 1
    .quad AT(descriptors)
interrupt_table:
    .short 0xFFF
    .quad IDT
.endm

// Ends a handler: sends EOI to the local APIC. Uses RCX.
.macro end_of_interrupt
    mov $LAPIC, %ecx
    movl $0, LAPIC_EOI(%rcx)
    iretq
.endm
