// pvh: checks the state at the entry against the x86/HVM direct boot ABI (Xen, docs/misc/pvh.pandoc, and
// arch-x86/hvm/start_info.h). The image's note asks for this entry.
//
// In: EBX = hvm_start_info. Out: mark 0x7F, or the first check that fails:
//
//    1  EBX points at the magic number                    8  the reserved word is 0
//    2  CR0: PE is set, everything else clear but ET      9  there is a command line, below 4 GiB
//    3  CR4 is 0                                         10  it ends within 64 KiB
//    4  IF, TF and VM are clear                          11  the memory map has 1 to 128 entries, below 4 GiB
//    5  DS, ES and SS are flat and DS can be written     12  one RAM entry holds all of this image's memory
//    6  EFER: long mode is not active                    13  none of its RAM lies in the hole, 3 to 4 GiB
//    7  version is 1 or later                            14  rsdp_paddr is below 4 GiB and points at an RSDP
//                                                        15  modules, if any, have addresses and sizes
//                                                       127  the image was entered at e_entry instead

#include "guest.h"

#define INFO_VERSION 4
#define INFO_MODULE_COUNT 12
#define INFO_MODULES 16
#define INFO_COMMAND_LINE 24
#define INFO_RSDP 32
#define INFO_MEMORY_MAP 40
#define INFO_MEMORY_MAP_COUNT 48
#define INFO_RESERVED 52

guest pvh, memory=IMAGE_MEMORY, notes=1
    .long 4, 4                                  // PT_NOTE, readable
    .quad note - image, AT(note), AT(note)
    .quad note_end - note, note_end - note, 4
note:
    .long 4, 8, 18                              // XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad AT(pvh_entry)
note_end:

entry:
    mov $(MARK_FAILED | 127), %al
    jmp failed

    .code32
pvh_entry:
    cmpl $0x336EC578, (%ebx)
    check 1, e
    mov %cr0, %eax
    and $~0x10, %eax
    cmp $CR0_PE, %eax
    check 2, e
    mov %cr4, %eax
    test %eax, %eax
    check 3, z
    mov $STACK, %esp
    pushf
    pop %eax
    test $0x20300, %eax
    check 4, z
    movl $0x12345678, BUFFER
    mov $BUFFER, %ebp
    cmpl $0x12345678, %es:(%ebp)
    check 5, e
    cmpl $0x12345678, (%ebp)                    // through SS
    check 5, e
    mov $EFER, %ecx
    rdmsr
    test $EFER_LMA, %eax
    check 6, z
    cmpl $1, INFO_VERSION(%ebx)
    check 7, ae
    cmpl $0, INFO_RESERVED(%ebx)
    check 8, e

    mov INFO_COMMAND_LINE(%ebx), %esi
    test %esi, %esi
    check 9, nz
    cmpl $0, INFO_COMMAND_LINE + 4(%ebx)
    check 9, e
    mov $0x10000, %ecx
1:  cmpb $0, (%esi)
    je 2f
    inc %esi
    dec %ecx
    check 10, nz
    jmp 1b

2:  mov INFO_MEMORY_MAP_COUNT(%ebx), %ecx
    lea -1(%ecx), %eax
    cmp $127, %eax
    check 11, be
    cmpl $0, INFO_MEMORY_MAP + 4(%ebx)
    check 11, e
    mov INFO_MEMORY_MAP(%ebx), %esi             // entries of 24 bytes: address, size, type, reserved
    xor %ebp, %ebp                              // entries that hold the image
3:  cmpl $1, 16(%esi)
    jne 5f
    cmpl $0, 4(%esi)                            // above 4 GiB
    jne 5f
    mov (%esi), %eax
    mov %eax, %edx
    add 8(%esi), %edx                           // EAX to EDX: RAM
    check 13, nc
    cmpl $0, 12(%esi)
    check 13, e
    cmp $0xC0000000, %edx
    check 13, be
    cmp $IMAGE, %eax
    ja 5f
    cmp $(IMAGE + IMAGE_MEMORY), %edx
    jb 5f
    inc %ebp
5:  add $24, %esi
    dec %ecx
    jnz 3b
    cmp $1, %ebp
    check 12, e

    mov INFO_RSDP(%ebx), %esi
    test %esi, %esi
    check 14, nz
    cmpl $0, INFO_RSDP + 4(%ebx)
    check 14, e
    cmpl $0x20445352, (%esi)                    // "RSD "
    check 14, e
    cmpl $0x20525450, 4(%esi)                   // "PTR "
    check 14, e

    mov INFO_MODULE_COUNT(%ebx), %ecx
    jecxz 7f
    mov INFO_MODULES(%ebx), %esi                // entries of 32 bytes: address, size, command line, reserved
6:  cmpl $0, (%esi)
    check 15, ne
    cmpl $0, 8(%esi)
    check 15, ne
    add $32, %esi
    dec %ecx
    jnz 6b
7:  jmp passed
end_guest pvh
