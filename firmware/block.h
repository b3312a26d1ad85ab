// A block request as three descriptors: header, one sector of data, status (Virtio 1.2, 5.2.6).

#define CAPACITY 0x100                // of the device's registers: u64, in sectors
#define BLOCK_IN 0
#define BLOCK_OUT 1
#define BLOCK_HEADER BUFFER           // u32 type, u32 reserved, u64 sector
#define BLOCK_STATUS (BUFFER + 0x10)
#define BLOCK_DATA (BUFFER + 0x100)

// sector: a register. data: WRITE if the device writes the sector. The status byte is preset to a value that
// no device returns.
.macro block_request type, sector, data
    movl $\type, BLOCK_HEADER
    movl $0, BLOCK_HEADER + 4
    mov \sector, BLOCK_HEADER + 8
    movb $0xFF, BLOCK_STATUS
    descriptor 0, BLOCK_HEADER, 16, NEXT, 1
    descriptor 1, BLOCK_DATA, 512, (NEXT | \data), 2
    descriptor 2, BLOCK_STATUS, 1, WRITE
.endm
