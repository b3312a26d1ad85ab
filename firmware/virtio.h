// The driver's side of one virtio-mmio device with split queues of four (Virtio 1.2, 2.7, 3.1.1, 4.2). It
// sends one request at a time and waits for its end both by polling and by interrupt. The guest must map the
// devices first (paging.h) and include interrupts.h.
//
// The checks that all virtio guests share (a guest's own checks begin at 30):
//
//    1  a device of the wanted kind is there              9  QueueReady reads 1 once it is written
//    2  its version is 2                                 10  the device uses the buffer
//    3  Status reads 0 after a reset                     11  the used element's id is the chain's head
//    4  VERSION_1 is offered                             12  the interrupt arrives
//    5  FEATURES_OK stays set                            13  InterruptStatus has the used buffer bit alone
//    6  the queue is not ready after a reset             14  InterruptStatus is 0 once acknowledged
//    7  QueueNumMax is at least 4                        15  Status is what the driver set: no NEEDS_RESET
//    8  DRIVER_OK stays set                              16  nothing more is used than was offered

#define VIRTIO_CONSOLE 3
#define VIRTIO_BLOCK 2
#define VIRTIO_ENTROPY 4

#define MAGIC_VALUE 0x000
#define VERSION 0x004
#define DEVICE_ID 0x008
#define DEVICE_FEATURES 0x010
#define DEVICE_FEATURES_SEL 0x014
#define DRIVER_FEATURES 0x020
#define DRIVER_FEATURES_SEL 0x024
#define QUEUE_SEL 0x030
#define QUEUE_NUM_MAX 0x034
#define QUEUE_NUM 0x038
#define QUEUE_READY 0x044
#define QUEUE_NOTIFY 0x050
#define INTERRUPT_STATUS 0x060
#define INTERRUPT_ACK 0x064
#define STATUS 0x070
#define QUEUE_DESC_LOW 0x080
#define QUEUE_DRIVER_LOW 0x090
#define QUEUE_DEVICE_LOW 0x0A0

#define ACKNOWLEDGE 1
#define DRIVER 2
#define DRIVER_OK 4
#define FEATURES_OK 8

#define NEXT 1                        // descriptor flags
#define WRITE 2

// In all of these, RBP is the address of the device's registers and R12 counts interrupts.

// A descriptor of the table: address, bytes, flags, next.
.macro descriptor index, address, length, flags=0, next=0
    movq $(\address), QUEUE + 16 * \index
    movl $(\length), QUEUE + 16 * \index + 8
    movl $((\next) << 16 | (\flags)), QUEUE + 16 * \index + 12
.endm

// A register of the device.
.macro write_register register, value
    movl $(\value), \register(%rbp)
.endm

.macro check_status number, value
    cmpl $(\value), STATUS(%rbp)
    check \number, e
.endm

// The subroutine `find_device` returns in RBP the first device of the type EDI and routes the device's line
// to `handler`; check 1, check 2.
//
// The subroutine `start_device` takes the device from reset to DRIVER_OK, with VERSION_1 as the only feature
// and the queues up to EBX, which is the queue that is used afterwards; checks 3 to 9.
//
// The subroutine `put_and_notify` makes the chain that begins at descriptor 0 available in queue EBX and
// notifies the device. R13 counts chains. Uses RAX.
//
// The subroutine `offer` does that and waits for the end of the request by polling and by interrupt; checks
// 10 to 16. It returns in EDI the number of bytes that the device wrote. Uses RAX, RCX, RDX, R14, R15.
.macro virtio_routines
find_device:
    xor %ebx, %ebx
1:  mov %ebx, %ebp
    imul $VIRTIO_MMIO_STRIDE, %ebp, %ebp
    mov $VIRTIO_MMIO, %eax
    add %rax, %rbp
    cmpl $0x74726976, MAGIC_VALUE(%rbp)         // "virt"
    jne 2f
    cmp %edi, DEVICE_ID(%rbp)
    je 3f
2:  inc %ebx
    cmp $VIRTIO_MMIO_COUNT, %ebx
    check 1, ne
    jmp 1b
3:  cmpl $2, VERSION(%rbp)
    check 2, e
    add $VIRTIO_MMIO_GSI, %ebx
    call route
    ret

start_device:
    xor %r12d, %r12d
    xor %r13d, %r13d
    write_register STATUS, 0
    check_status 3, 0
    write_register STATUS, ACKNOWLEDGE
    write_register STATUS, ACKNOWLEDGE | DRIVER
    write_register DEVICE_FEATURES_SEL, 1
    testl $1, DEVICE_FEATURES(%rbp)             // VIRTIO_F_VERSION_1, bit 32
    check 4, nz
    write_register DRIVER_FEATURES_SEL, 0
    write_register DRIVER_FEATURES, 0
    write_register DRIVER_FEATURES_SEL, 1
    write_register DRIVER_FEATURES, 1
    write_register STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK
    check_status 5, ACKNOWLEDGE | DRIVER | FEATURES_OK
    xor %ecx, %ecx                              // a queue
4:  mov %ecx, QUEUE_SEL(%rbp)
    cmpl $0, QUEUE_READY(%rbp)
    check 6, e
    cmpl $4, QUEUE_NUM_MAX(%rbp)
    check 7, ae
    write_register QUEUE_NUM, 4
    mov %ebx, %eax
    sub %ecx, %eax
    shl $8, %eax
    add $QUEUE, %eax                            // queue EBX at QUEUE, each lower one 256 bytes on
    mov %eax, QUEUE_DESC_LOW(%rbp)
    write_register QUEUE_DESC_LOW + 4, 0
    add $(QUEUE_DRIVER - QUEUE), %eax
    mov %eax, QUEUE_DRIVER_LOW(%rbp)
    write_register QUEUE_DRIVER_LOW + 4, 0
    add $(QUEUE_DEVICE - QUEUE_DRIVER), %eax
    mov %eax, QUEUE_DEVICE_LOW(%rbp)
    write_register QUEUE_DEVICE_LOW + 4, 0
    write_register QUEUE_READY, 1
    cmpl $1, QUEUE_READY(%rbp)
    check 9, e
    inc %ecx
    cmp %ebx, %ecx
    jbe 4b
    write_register STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK
    check_status 8, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK
    ret

offer:
    mov %r12, %r14                              // interrupts before this chain
    call put_and_notify
    sti
    start_watch
5:  cmp %r13w, QUEUE_DEVICE + 2
    je 6f
    check_watch 10
    jmp 5b
6:  lea -1(%r13), %ecx
    and $3, %ecx
    mov QUEUE_DEVICE + 8(, %ecx, 8), %edi
    cmpl $0, QUEUE_DEVICE + 4(, %ecx, 8)
    check 11, e
7:  cmp %r14, %r12
    jne 8f
    check_watch 12
    jmp 7b
8:  cli
    check_status 15, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK
    cmp %r13w, QUEUE_DEVICE + 2
    check 16, e
    ret

// Stores become visible in order on this processor, so no fence is needed before the ring's index. The driver
// notifies the device of every chain, so no fence is needed before a read of the device's flags either.
put_and_notify:
    mov %r13d, %eax
    and $3, %eax
    movw $0, QUEUE_DRIVER + 4(, %eax, 2)        // the chain's head
    inc %r13d
    mov %r13w, QUEUE_DRIVER + 2
    mov %ebx, QUEUE_NOTIFY(%rbp)
    ret

handler:
    push %rax
    push %rcx
    push %rdx
    cmpl $1, INTERRUPT_STATUS(%rbp)
    check 13, e
    write_register INTERRUPT_ACK, 1
    cmpl $0, INTERRUPT_STATUS(%rbp)
    check 14, e
    inc %r12
    mov $LAPIC, %ecx
    movl $0, LAPIC_EOI(%rcx)
    pop %rdx
    pop %rcx
    pop %rax
    iretq
.endm
