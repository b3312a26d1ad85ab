// Subroutines that find ACPI's tables and count CPUs (ACPI 6.5, 5.2). The guest must map memory first
// (paging.h).

#include "acpi_layout.h"

// The subroutine `find_rsdp` returns in RBX the RSDP that boot_params (RSI) names, else the one that a search
// of 0xE_0000 to 0xF_FFFF finds (ACPI 6.5, 5.2.5.1), else 0. Uses RAX.
//
// The subroutine `find_table` returns in RBX the table of the XSDT at RBP whose signature is EAX, or 0. Uses
// RCX.
//
// The subroutine `count_cpus` calls `found_cpu` for each CPU that the MADT at RBX declares enabled, with the
// CPU's APIC id in EAX. `found_cpu` must preserve RBX, RCX and RSI. `count_cpus` returns in RCX the entry
// that ended the walk.
.macro acpi_routines
find_rsdp:
    mov rsdp_signature(%rip), %rax
    xor %ebx, %ebx
    test %rsi, %rsi
    jz 1f
    mov BOOT_ACPI_RSDP(%rsi), %rbx
1:  test %rbx, %rbx
    jz 2f
    cmp %rax, (%rbx)
    je 4f
    xor %ebx, %ebx
    ret
2:  mov $0xE0000, %ebx
3:  cmp %rax, (%rbx)
    je 4f
    add $16, %ebx
    cmp $0x100000, %ebx
    jne 3b
    xor %ebx, %ebx
4:  ret
rsdp_signature:
    .ascii "RSD PTR "

find_table:
    mov TABLE_LENGTH(%rbp), %ecx
    lea (%rbp, %rcx), %rdx                      // the end of the XSDT
    lea TABLE_HEADER(%rbp), %rcx
5:  cmp %rdx, %rcx
    jae 6f
    mov (%rcx), %rbx
    cmp %eax, (%rbx)
    je 7f
    add $8, %rcx
    jmp 5b
6:  xor %ebx, %ebx
7:  ret

count_cpus:
    mov TABLE_LENGTH(%rbx), %esi
    add %rbx, %rsi                              // the end of the MADT
    lea MADT_ENTRIES(%rbx), %rcx
8:  lea 2(%rcx), %rax
    cmp %rsi, %rax
    ja 12f
    cmpb $0, (%rcx)                             // Processor Local APIC
    jne 9f
    testb $1, 4(%rcx)
    jz 11f
    movzbl 3(%rcx), %eax
    jmp 10f
9:  cmpb $9, (%rcx)                             // Processor Local x2APIC
    jne 11f
    testb $1, 8(%rcx)
    jz 11f
    mov 4(%rcx), %eax
10: call found_cpu
11: movzbl 1(%rcx), %eax
    test %eax, %eax                             // an entry without length would never end
    jz 12f
    add %rax, %rcx
    jmp 8b
12: ret
.endm
