// virtioport: opens port 0 of the first console device and sends back all input, until a buffer begins with
// 'q' (Virtio 1.2, 5.3 with VIRTIO_CONSOLE_F_MULTIPORT).
//
// In: a peer on the port. Out: mark 1 when the port is open; mark 0x7F, or the first check that fails, of
// those in virtio.h and:
//
//   30  there is one port at the most
//   31  a buffer for input comes back with 1 to 64 bytes

#include "guest.h"
#include "paging.h"
#include "interrupts.h"
#include "virtio.h"

#define MAX_NR_PORTS 0x104            // of the device's registers: u32
#define CONTROL_TRANSMIT 3

// The addresses at which `start_device` puts the queues below CONTROL_TRANSMIT.
#define RECEIVE_QUEUE 0x300
#define TRANSMIT_QUEUE 0x200

// Makes the one descriptor of a queue available, as its chain number R13, and notifies the device. Uses RAX.
.macro put queue, number
    mov %r13d, %eax
    and $3, %eax
    movw $0, QUEUE_DRIVER + \queue + 4(, %eax, 2)
    lea 1(%r13d), %eax
    mov %ax, QUEUE_DRIVER + \queue + 2
    movl $\number, QUEUE_NOTIFY(%rbp)
1:  cmp %ax, QUEUE_DEVICE + \queue + 2
    pause
    jne 1b
.endm

guest virtioport, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    call enable_interrupts
    mov $VIRTIO_CONSOLE, %edi
    call find_device
    cmpl $1, MAX_NR_PORTS(%rbp)
    check 30, e
    mov $CONTROL_TRANSMIT, %ebx
    call start_device
    movl $0, BUFFER                             // VIRTIO_CONSOLE_PORT_OPEN of port 0, value 1
    movl $0x00010006, BUFFER + 4
    descriptor 0, BUFFER, 8
    call offer
    mark MARK_USERLAND

    xor %r13d, %r13d                            // the number of buffers received
again:
    movq $BUFFER, QUEUE + RECEIVE_QUEUE
    movl $64, QUEUE + RECEIVE_QUEUE + 8
    movl $WRITE, QUEUE + RECEIVE_QUEUE + 12
    put RECEIVE_QUEUE, 0
    mov %r13d, %ecx
    and $3, %ecx
    mov QUEUE_DEVICE + RECEIVE_QUEUE + 8(, %ecx, 8), %edi
    lea -1(%rdi), %eax
    cmp $63, %eax
    check 31, be
    cmpb $'q', BUFFER
    je passed
    movq $BUFFER, QUEUE + TRANSMIT_QUEUE
    mov %edi, QUEUE + TRANSMIT_QUEUE + 8
    movl $0, QUEUE + TRANSMIT_QUEUE + 12
    put TRANSMIT_QUEUE, 1
    inc %r13d
    jmp again
    map_routine
    interrupt_routine
    virtio_routines
end_guest virtioport
