// The other CPUs of a guest: their number, and their way from INIT to 64-bit mode (Intel SDM 3A,
// 8.4.4.1). The guest must have the routines of paging.h and acpi.h, and map the devices first.
//
// Memory: STARTUP_PAGE holds a copy of the start-up code. BUFFER + 0 counts the CPUs that have arrived.

#define ARRIVED BUFFER
#define INTERRUPT_COMMAND 0x300
#define IN_STARTUP_PAGE(label) (STARTUP_PAGE + (label - startup))

// Starts all other CPUs at once. Call `copy_startup` first. Uses RCX.
.macro start_other_cpus
    mov $LAPIC, %ecx
    movl $0xC4500, INTERRUPT_COMMAND(%rcx)      // INIT to all but this one
    movl $(0xC4600 | STARTUP_PAGE >> 12), INTERRUPT_COMMAND(%rcx)
.endm

// Waits until R12D CPUs have arrived. Fails with the number of this check after some seconds. Uses RAX, RDX,
// R15.
.macro await_cpus number
    start_watch
71: cmp %r12d, ARRIVED
    jae 72f
    pause
    check_watch \number
    jmp 71b
72:
.endm

.macro cpu_routines
// The subroutine `count_in_madt` returns in RBX the number of enabled CPUs in the MADT, 0 without a MADT. RSI
// is boot_params or 0. Uses RBP, RDI and what the routines of acpi.h use.
count_in_madt:
    xor %edi, %edi
    call find_rsdp
    test %rbx, %rbx
    jz 73f
    mov RSDP_XSDT(%rbx), %rbp
    mov $0x43495041, %eax                       // "APIC"
    call find_table
    test %rbx, %rbx
    jz 73f
    call count_cpus
73: mov %rdi, %rbx
    ret
found_cpu:
    inc %edi
    ret

// The subroutine `copy_startup` copies the start-up code to its page. Uses RAX, RSI, RDI.
copy_startup:
    lea startup(%rip), %rsi
    mov $STARTUP_PAGE, %edi
74: mov (%rsi), %al
    mov %al, (%rdi)
    inc %rsi
    inc %rdi
    cmp $IN_STARTUP_PAGE(startup_end), %edi
    jne 74b
    ret

// The start-up code: it ends at the guest's `arrived`, in 64-bit mode and without a stack.
    .code16
startup:
    enter_protected_mode (start_table - startup), IN_STARTUP_PAGE(protected)
    .code32
protected:
    mov $PAGE_TABLES, %ecx
    enter_long_mode IN_STARTUP_PAGE(long_mode)
    .code64
long_mode:
    load_data_segments
    mov $AT(arrived), %eax
    jmp *%rax
    .balign 8
start_descriptors:
    flat_descriptors
start_table:
    .short start_table - start_descriptors - 1
    .long IN_STARTUP_PAGE(start_descriptors)
startup_end:
.endm
