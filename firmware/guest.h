// The frame of every tiny guest. Each file holds one guest:
//
//     #include "guest.h"
//     guest NAME                  the image begins: symbol, ELF header, program header
//     entry:                      64-bit mode, as the Linux x86 boot protocol hands over
//         ...
//     end_guest NAME              the endings, the image's end, its line in the table
//
// An image is both an ELF64 kernel for `vmm boot --kernel` and a block of bytes that a test copies to IMAGE
// and enters at its e_entry: the ELF header is part of the only segment. The image holds no relocation, so
// the host's linker may put it anywhere in its .rodata, and `objcopy -O binary` turns that section into the
// file.

#include "machine.h"

// The address of one of the image's labels in the guest's memory.
#define AT(label) (IMAGE + (label - image))

// Begins an image. memory: the number of bytes from IMAGE that the segment asks for, if larger than the file.
// notes: the number of program headers after the first, which the file places behind `guest`. Without any, a
// note of Linux says that this is a kernel, entered at its 64-bit entry.
.macro guest name, memory=(image_end - image), notes=0
    .section .rodata.guest.\name, "a", @progbits
    .balign 64
    .globl tiny_image_\name
    .type tiny_image_\name, @object
tiny_image_\name:
image:
    .byte 0x7F, 'E', 'L', 'F', 2, 1, 1, 0       // 64-bit, little-endian, version 1
    .quad 0
    .short 2, 62                                // ET_EXEC, EM_X86_64
    .long 1
    .quad AT(entry), 64, 0                      // e_entry, e_phoff, e_shoff
    .long 0
    .if \notes
    .short 64, 56, 1 + \notes, 0, 0, 0          // e_ehsize, e_phentsize, e_phnum, no sections
    .else
    .short 64, 56, 2, 0, 0, 0
    .endif
    .long 1, 7                                  // PT_LOAD, readable, writable and executable
    .quad 0, IMAGE, IMAGE                       // p_offset, p_vaddr, p_paddr
    .quad image_end - image, \memory, 0x1000    // p_filesz, p_memsz, p_align
    .if \notes == 0
    .long 4, 4                                  // PT_NOTE, readable
    .quad 176, AT(image) + 176, AT(image) + 176 // behind the headers
    .quad 20, 20, 4
    .long 6, 0, 0x100                           // LINUX_ELFNOTE_BUILD_SALT, empty
    .asciz "Linux"
    .balign 8
    .endif
.endm

// Ends an image. It holds the endings of every guest, which a guest jumps to. They use only instructions that
// 32-bit code has too.
.macro end_guest name
passed:                                         // all checks passed: report that, then S5
    mov $MARK_PASSED, %al
    mov $MARK, %dx
    out %al, %dx
power_off:
    mov $SLEEP_CONTROL, %dx
    mov $SLEEP_CONTROL_S5, %al
    out %al, %dx
    jmp stop
failed:                                         // AL = MARK_FAILED | number: report that, then reset
    mov $MARK, %dx
    out %al, %dx
    mov $RESET_REGISTER, %dx
    mov $RESET_VALUE, %al
    out %al, %dx
stop:                                           // only reached if the monitor goes on after the end
    cli
1:  hlt
    jmp 1b
    .balign 8
image_end:
    .size tiny_image_\name, image_end - image
    .globl tiny_image_\name\()_end
tiny_image_\name\()_end:
    .section .note.GNU-stack, "", @progbits
.endm

// Continues if the condition holds, with all registers and flags unchanged; otherwise fails with the number
// of this check.
.macro check number, condition
    j\condition 9f
    mov $(MARK_FAILED | \number), %al
    jmp failed
9:
.endm

// Writes one byte to the mark port.
.macro mark value
    mov $\value, %al
    mov $MARK, %dx
    out %al, %dx
.endm

// Writes one byte to a port.
.macro port_write port, value
    mov $\port, %dx
    mov $\value, %al
    out %al, %dx
.endm

// A wait with a timeout: `start_watch` before the loop, and `check_watch` in the loop, which fails with the
// number of this check after 2^34 cycles of the time stamp counter, some seconds. Both use RAX and RDX; R15
// holds the start.
.macro start_watch
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, %r15
.endm
.macro check_watch number
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    sub %r15, %rax
    shr $34, %rax
    check \number, z
.endm

// The subroutine `read_count` returns a number of repetitions in RBX: `count=N` of the kernel command line if
// RSI points at a boot_params, RDI if RSI is 0. Uses RAX, RCX, RSI.
.macro count_routine
read_count:
    mov %rdi, %rbx
    test %rsi, %rsi
    jz 4f
    xor %ebx, %ebx
    mov BOOT_CMD_LINE_PTR(%rsi), %esi
1:  cmpb $0, (%rsi)                             // the end of the line
    je 4f
    cmpl $0x6E756F63, (%rsi)                    // "coun"
    jne 2f
    cmpw $0x3D74, 4(%rsi)                       // "t="
    je 3f
2:  inc %rsi
    jmp 1b
3:  movzbl 6(%rsi), %ecx
    sub $'0', %ecx
    cmp $9, %ecx
    ja 4f
    imul $10, %rbx, %rbx
    add %rcx, %rbx
    inc %rsi
    jmp 3b
4:  ret
.endm
