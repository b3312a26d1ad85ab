// tables: checks that the ACPI tables are consistent, from the RSDP down, and describe this machine (ACPI
// 6.5, chapter 5.2).
//
// In: RSI = boot_params, or 0 with an RSDP in 0xE_0000 to 0xF_FFFF. Out: mark 2 for each enabled CPU in the
// MADT, then mark 0x7F, or the first check that fails:
//
//    1  there is an RSDP                                 12  RESET_REG is supported: port 0x602, value 1
//    2  the sum of its first 20 bytes                    13  SLEEP_CONTROL_REG and _STATUS_REG: 0x600, 0x601
//    3  it is of revision 2 or later                     14  X_DSDT leads to a DSDT
//    4  its length, and the sum of all of it             15  the length and the sum of the DSDT
//    5  it leads to an XSDT                              16  the XSDT has a MADT
//    6  the XSDT's length is a header and whole entries  17  the local APICs are at 0xFEE0_0000
//    7  the length and the sum of the XSDT               18  its entries end where the table ends
//    8  every entry leads somewhere below 4 GiB          19  it has at least one enabled CPU
//    9  the length and the sum of each table             20  the first of them is the CPU that runs this
//   10  the XSDT has a FADT, of at least 268 bytes       21  it has one IOAPIC, 0xFEC0_0000, for GSIs from 0
//   11  its flags say hardware-reduced

#include "guest.h"
#include "paging.h"
#include "acpi.h"

guest tables, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    call find_rsdp
    test %rbx, %rbx
    check 1, nz
    mov $20, %ecx
    call sum
    check 2, z
    cmpb $2, RSDP_REVISION(%rbx)
    check 3, ae
    mov RSDP_LENGTH(%rbx), %ecx
    cmp $36, %ecx
    check 4, ae
    cmp $4096, %ecx
    check 4, be
    call sum
    check 4, z

    mov RSDP_XSDT(%rbx), %rbp
    mov %rbp, %rax
    shr $32, %rax
    check 5, z
    cmpl $0x54445358, (%rbp)                    // "XSDT"
    check 5, e
    mov TABLE_LENGTH(%rbp), %eax
    sub $TABLE_HEADER, %eax
    check 6, a
    test $7, %al
    check 6, z
    mov %rbp, %rbx
    call sum_table
    check 7, z

    lea TABLE_HEADER(%rbp), %rdi
    mov TABLE_LENGTH(%rbp), %esi
    add %rbp, %rsi
1:  mov (%rdi), %rbx
    mov %rbx, %rax
    shr $32, %rax
    check 8, z
    test %rbx, %rbx
    check 8, nz
    call sum_table
    check 9, z
    add $8, %rdi
    cmp %rsi, %rdi
    jb 1b

    mov $0x50434146, %eax                       // "FACP"
    call find_table
    test %rbx, %rbx
    check 10, nz
    cmpl $268, TABLE_LENGTH(%rbx)
    check 10, ae
    mov FADT_FLAGS(%rbx), %eax
    bt $20, %eax                                // HW_REDUCED_ACPI
    check 11, c
    bt $10, %eax                                // RESET_REG_SUP
    check 12, c
    cmpb $1, FADT_RESET_REGISTER(%rbx)          // system I/O
    check 12, e
    cmpq $RESET_REGISTER, FADT_RESET_REGISTER + 4(%rbx)
    check 12, e
    cmpb $RESET_VALUE, FADT_RESET_VALUE(%rbx)
    check 12, e
    cmpb $1, FADT_SLEEP_CONTROL(%rbx)
    check 13, e
    cmpq $SLEEP_CONTROL, FADT_SLEEP_CONTROL + 4(%rbx)
    check 13, e
    cmpq $(SLEEP_CONTROL + 1), FADT_SLEEP_STATUS + 4(%rbx)
    check 13, e

    mov FADT_X_DSDT(%rbx), %rbx
    mov %rbx, %rax
    shr $32, %rax
    check 14, z
    cmpl $0x54445344, (%rbx)                    // "DSDT"
    check 14, e
    call sum_table
    check 15, z

    mov $0x43495041, %eax                       // "APIC"
    call find_table
    test %rbx, %rbx
    check 16, nz
    cmpl $LAPIC, MADT_LAPIC(%rbx)
    check 17, e
    mov $-1, %edi                               // the APIC id of the first CPU
    call count_cpus
    cmp %rsi, %rcx
    check 18, e
    cmp $-1, %edi
    check 19, ne
    mov $LAPIC, %ecx
    mov 0x20(%rcx), %eax
    shr $24, %eax
    cmp %eax, %edi
    check 20, e
    call check_ioapic
    check 21, e
    jmp passed

found_cpu:
    cmp $-1, %edi
    jne 2f
    mov %eax, %edi
2:  mark MARK_ONE_MORE
    ret

// Sets ZF if the MADT at RBX has one IOAPIC entry (type 1), and that entry is right. RSI is the end of the
// table, whose entries were walked before.
check_ioapic:
    xor %ebp, %ebp
    lea MADT_ENTRIES(%rbx), %rcx
3:  cmpb $1, (%rcx)
    jne 4f
    inc %ebp
    cmpl $IOAPIC, 4(%rcx)
    jne 5f
    cmpl $0, 8(%rcx)
    jne 5f
4:  movzbl 1(%rcx), %eax
    add %rax, %rcx
    cmp %rsi, %rcx
    jb 3b
    cmp $1, %ebp
5:  ret

// Sets ZF if the table at RBX has a length from a header to 1 MiB, and its bytes add up to 0. Uses RAX, RCX,
// RDX.
sum_table:
    mov TABLE_LENGTH(%rbx), %ecx
    lea -TABLE_HEADER(%rcx), %eax
    cmp $0x100000, %eax
    jb sum
    test %ecx, %ecx                             // ZF clear, unless the length is 0
    jnz 6f
    inc %ecx
6:  ret

// Sets ZF if the RCX bytes at RBX, at least one, add up to 0. Uses RAX, RCX, RDX.
sum:
    mov %rbx, %rdx
    xor %eax, %eax
7:  add (%rdx), %al
    inc %rdx
    dec %ecx
    jnz 7b
    test %al, %al
    ret

    acpi_routines
    map_routine
end_guest tables
