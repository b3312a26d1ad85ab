// badinsn: an instruction that KVM cannot emulate: a 16-byte compare and exchange at an address without
// memory. With hardware virtualization the access exits to KVM's emulator, which does not know the
// instruction; without it KVM emulates the instruction from the start.
//
// In: nothing. Out: KVM_EXIT_INTERNAL_ERROR, suberror 1, with RIP at the bytes F0 48 0F C7 09, RCX =
// 0xD000_0000, RAX = 0x11, RBX = 0x22, RDX = 0x33. Check 1 fails if the guest goes on.

#include "guest.h"
#include "paging.h"

guest badinsn, memory=IMAGE_MEMORY
entry:
    mov $STACK, %esp
    call map_4_gib
    mov $VIRTIO_MMIO, %ecx
    mov $0x11, %eax
    mov $0x22, %ebx
    mov $0x33, %edx
    lock cmpxchg16b (%rcx)
    mov $(MARK_FAILED | 1), %al
    jmp failed
    map_routine
end_guest badinsn
