// Page tables of a guest's own, and the way from real mode to 64-bit mode. The reset-vector stub, the start
// of the other CPUs and every guest that reads a device's registers share this file.

// Fills six pages at ECX with an identity map of the first 4 GiB in 2 MiB pages: present, writable, accessed,
// dirty (the last two so that no table walk has to write). The instructions are the same in 32-bit and in
// 64-bit code. Every word is written whole, because the memory need not be zero. Uses EAX, EDX; preserves
// ECX.
.macro fill_page_tables
    lea 0x1000 + 3(%ecx), %eax
    xor %edx, %edx
    mov %eax, (%ecx)                            // PML4[0] -> the page directory pointers
    mov %edx, 4(%ecx)
1:  add $0x1000, %eax                           // PDPT[n] -> directory n
    mov %eax, 0x1000(%ecx, %edx, 8)
    movl $0, 0x1004(%ecx, %edx, 8)
    inc %edx
    cmp $4, %edx
    jne 1b
    mov $0xE3, %eax
    xor %edx, %edx
2:  mov %eax, 0x2000(%ecx, %edx, 8)             // directory entry n -> the page at n * 2 MiB
    movl $0, 0x2004(%ecx, %edx, 8)
    add $0x200000, %eax
    inc %edx
    cmp $2048, %edx
    jne 2b
.endm

// The subroutine `map_4_gib` maps the first 4 GiB, of which the boot protocol promises only a part. 64-bit
// code. Uses RAX, RCX, RDX.
.macro map_routine
map_4_gib:
    mov $PAGE_TABLES, %ecx
    fill_page_tables
    mov %rcx, %cr3
    ret
.endm

// The descriptors, with the accessed bits set so that a table in ROM need not be written.
.macro flat_descriptors
    .quad 0
    .quad 0x00CF9B000000FFFF                    // CODE_32
    .quad 0x00AF9B000000FFFF                    // BOOT_CS: 64-bit code
    .quad 0x00CF93000000FFFF                    // BOOT_DS
.endm

// 16-bit code that enters protected mode at `target`, an absolute address, with flat segments. descriptors:
// the offset in CS of a six-byte pseudo-descriptor.
.macro enter_protected_mode descriptors, target
    cli
    lgdtl %cs:\descriptors
    mov %cr0, %eax
    or $CR0_PE, %al
    mov %eax, %cr0
    .byte 0x66, 0xEA                            // ljmpl $CODE_32, $target
    .long \target
    .short CODE_32
.endm

// 32-bit code that enters 64-bit mode at `target`, an absolute address, with the page tables at ECX and the
// boot protocol's selectors. Uses EAX, EDX, ECX.
.macro enter_long_mode target
    mov %cr4, %eax
    or $CR4_PAE, %eax
    mov %eax, %cr4
    mov %ecx, %cr3
    mov $EFER, %ecx
    rdmsr
    or $EFER_LME, %eax
    wrmsr
    mov %cr0, %eax
    or $CR0_PG, %eax
    mov %eax, %cr0
    .byte 0xEA                                  // ljmp $BOOT_CS, $target
    .long \target
    .short BOOT_CS
.endm

// Loads the flat data segment into every data segment register. Uses EAX.
.macro load_data_segments
    mov $BOOT_DS, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
.endm
