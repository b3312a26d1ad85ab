# mark: writes the byte 1 to port 0x700, by which the monitor knows that user space is reached.
# Debian's cloud kernels have no /dev/port, so it asks for the port itself; without a C library it is under 1 KB.

#include <asm/unistd.h>

    .globl _start
_start:
    mov $__NR_ioperm, %eax
    mov $0x700, %edi                    # from this port,
    mov $1, %esi                        # one port,
    mov $1, %edx                        # open
    syscall
    neg %eax                            # an error is its negative number, and becomes the exit status
    jnz leave
    mov $0x700, %edx
    mov $1, %eax
    out %al, %dx
    xor %eax, %eax
leave:
    mov %eax, %edi
    mov $__NR_exit, %eax
    syscall

    .section .note.GNU-stack, "", @progbits
