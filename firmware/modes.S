// modes: checks the state at the entry against the 64-bit boot protocol (Linux,
// Documentation/arch/x86/boot.rst, "64-bit Boot Protocol", and zero-page.rst).
//
// In: RSI = boot_params. Out: mark 0x7F, or the first check that fails:
//
//    1  CR0: protected mode and paging are on            11  boot_params.sentinel is 0
//    2  CR4: physical address extension is on            12  boot_flag is 0xAA55
//    3  EFER: long mode is enabled and active            13  header is "HdrS"
//    4  CS is 0x10                                       14  type_of_loader is set
//    5  DS, ES and SS are 0x18                           15  there is a command line, below 4 GiB
//    6  interrupts are off                               16  it ends within cmdline_size
//    7  the descriptor table reaches selector 0x18       17  the memory map has 1 to 128 entries
//    8  CS is a present, flat 64-bit code segment        18  one RAM entry holds all of this image's memory
//    9  DS is a present, flat, writable data segment     19  none of its RAM lies in the hole, 3 to 4 GiB
//   10  RSI points at memory: not 0, below 4 GiB         20  acpi_rsdp_addr, if set, points at an RSDP
//                                                        21  the image is mapped one to one, all of it zeroed

#include "guest.h"

guest modes, memory=IMAGE_MEMORY
entry:
    mov %cr0, %rax
    and $(CR0_PE | CR0_PG), %eax
    cmp $(CR0_PE | CR0_PG), %eax
    check 1, e
    mov %cr4, %rax
    bt $5, %eax
    check 2, c
    mov $EFER, %ecx
    rdmsr
    and $(EFER_LME | EFER_LMA), %eax
    cmp $(EFER_LME | EFER_LMA), %eax
    check 3, e
    mov %cs, %eax
    cmp $BOOT_CS, %eax
    check 4, e
    mov %ds, %eax
    cmp $BOOT_DS, %eax
    check 5, e
    mov %es, %eax
    cmp $BOOT_DS, %eax
    check 5, e
    mov %ss, %eax
    cmp $BOOT_DS, %eax
    check 5, e
    mov $STACK, %esp
    pushf
    pop %rax
    bt $9, %eax
    check 6, nc

    sgdt BUFFER
    mov BUFFER + 2, %rbx
    cmpw $0x1F, BUFFER
    check 7, ae
    // The low word has base 15:0 = 0 and limit 15:0 all ones, the high word base 0 and limit all ones. The
    // accessed bit may have either value.
    cmpl $0xFFFF, BOOT_CS(%rbx)
    check 8, e
    mov BOOT_CS + 4(%rbx), %eax
    and $0xFFFFFEFF, %eax
    cmp $0x00AF9A00, %eax
    check 8, e
    cmpl $0xFFFF, BOOT_DS(%rbx)
    check 9, e
    mov BOOT_DS + 4(%rbx), %eax
    and $0xFF9FFEFF, %eax                       // L and D/B mean nothing for data in 64-bit mode
    cmp $0x008F9200, %eax
    check 9, e

    test %rsi, %rsi
    check 10, nz
    mov %rsi, %rax
    shr $32, %rax
    check 10, z
    cmpb $0, BOOT_SENTINEL(%rsi)
    check 11, e
    cmpw $0xAA55, BOOT_FLAG(%rsi)
    check 12, e
    cmpl $0x53726448, BOOT_HEADER(%rsi)         // "HdrS"
    check 13, e
    cmpb $0, BOOT_TYPE_OF_LOADER(%rsi)
    check 14, ne

    mov BOOT_CMD_LINE_PTR(%rsi), %ebx
    test %ebx, %ebx
    check 15, nz
    mov BOOT_CMDLINE_SIZE(%rsi), %ecx
1:  cmpb $0, (%rbx)
    je 2f
    inc %rbx
    sub $1, %ecx
    check 16, nc
    jmp 1b

2:  movzbl BOOT_E820_ENTRIES(%rsi), %ecx
    lea -1(%rcx), %eax
    cmp $127, %eax
    check 17, be
    lea BOOT_E820_TABLE(%rsi), %rbx             // entries of 20 bytes: address, size, type
    xor %ebp, %ebp                              // entries that hold the image
3:  cmpl $1, 16(%rbx)
    jne 5f
    mov (%rbx), %rax
    mov %rax, %rdx
    add 8(%rbx), %rdx                           // RAX to RDX: RAM
    check 19, nc
    cmp $IMAGE, %rax
    ja 4f
    cmp $(IMAGE + IMAGE_MEMORY), %rdx
    jb 4f
    inc %ebp
4:  mov $0xC0000000, %edi
    cmp %rdi, %rdx
    jbe 5f
    shr $32, %rax                               // RAM beyond 3 GiB begins at or above 4 GiB
    check 19, nz
5:  add $20, %rbx
    dec %ecx
    jnz 3b
    cmp $1, %ebp
    check 18, e

    mov BOOT_ACPI_RSDP(%rsi), %rbx
    test %rbx, %rbx
    jz 6f
    mov signature(%rip), %rax
    cmp %rax, (%rbx)
    check 20, e
6:  lea image(%rip), %rax
    cmp $IMAGE, %rax
    check 21, e
    mov $PAGE_TABLES, %ebx
7:  cmpq $0, (%rbx)
    check 21, e
    add $0x1000, %ebx
    cmp $BUFFER, %ebx
    jne 7b
    jmp passed
signature:
    .ascii "RSD PTR "
end_guest modes
