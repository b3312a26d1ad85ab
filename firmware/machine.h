// The machine as a tiny guest sees it, and the memory that a tiny guest may use: every constant address of
// this directory. The file holds only macros, so that assembly and C share it.

#ifndef TINY_GUEST_MACHINE_H
#define TINY_GUEST_MACHINE_H

// I/O ports.

#define COM1 0x3F8                    // 16550A, IRQ 4
#define COM1_INTERRUPT_ENABLE 0x3F9   // bit 0: received data available
#define COM1_MODEM_CONTROL 0x3FC      // bit 3: OUT2 lets the interrupt out of the chip
#define COM1_LINE_STATUS 0x3FD        // bit 0: a byte to read; bit 5: room for a byte to write
#define COM1_SCRATCH 0x3FF            // a register without an effect but an exit
#define COM1_GSI 4
#define I8042_COMMAND 0x64
#define I8042_RESET 0xFE
#define PVPANIC 0x505
#define PVPANIC_PANICKED 1
#define SLEEP_CONTROL 0x600           // ACPI 6.5, 4.8.3.7
#define SLEEP_CONTROL_S5 0x34         // SLP_EN (bit 5), SLP_TYP 5 (bits 4:2)
#define RESET_REGISTER 0x602          // ACPI 6.5, 4.8.3.6
#define RESET_VALUE 1
#define RESET_CONTROL 0xCF9           // RST_CNT of PCI chip sets
#define RESET_CONTROL_HARD 2
#define RESET_CONTROL_RESET 4
#define TIMER_COUNTER_0 0x40          // 8254
#define TIMER_COUNTER_2 0x42
#define TIMER_CONTROL 0x43
#define TIMER_GATE 0x61               // bit 0: counter 2's gate, bit 5: its output
#define TIMER_GSI 0

// The values of the mark port, one byte each.

#define MARK 0x700
#define MARK_USERLAND 0x01            // the time stamp of "userland reached"
#define MARK_ONE_MORE 0x02            // counted in writes: a CPU that arrived, a CPU in the MADT
#define MARK_PASSED 0x7F
#define MARK_FAILED 0x80              // | the number of the check, 1 to 127

// Memory-mapped devices.

#define VIRTIO_MMIO 0xD0000000
#define VIRTIO_MMIO_STRIDE 0x1000
#define VIRTIO_MMIO_COUNT 32
#define VIRTIO_MMIO_GSI 6
#define POWER_BUTTON_GSI 5            // the Generic Event Device
#define IOAPIC 0xFEC00000
#define LAPIC 0xFEE00000

// The guest's memory. An image is one segment whose file offset 0 lies at IMAGE, so that the file can be
// copied there unchanged. A guest that needs more than the bytes of its file asks for IMAGE_MEMORY and finds
// all further bytes zero:
//
//   0x0000_0600  LAUNCH_BLOCK: the target of the reset-vector stub (reset.S)
//   0x0000_8000  STARTUP_PAGE: the start of the other CPUs (smp; copied after the boot data was read)
//   0x0000_9000  RESET_TABLES: the stub's page tables (24 KiB)
//   0x0010_0000  IMAGE: ELF header, program headers, code, constants
//   0x0011_0000  PAGE_TABLES: PML4, PDPT, four page directories (24 KiB)
//   0x0011_6000  IDT
//   0x0011_7000  QUEUE: descriptors +0, driver ring +0x400, device ring +0x800; others 256 bytes behind
//   0x0011_8000  BUFFER, 4 KiB
//   0x0012_0000  STACK, growing down; the end of IMAGE_MEMORY

#define LAUNCH_BLOCK 0x600
#define STARTUP_PAGE 0x8000
#define RESET_TABLES 0x9000
#define IMAGE 0x100000
#define IMAGE_MEMORY 0x20000
#define PAGE_TABLES 0x110000
#define IDT 0x116000
#define QUEUE 0x117000
#define QUEUE_DRIVER (QUEUE + 0x400)
#define QUEUE_DEVICE (QUEUE + 0x800)
#define BUFFER 0x118000
#define STACK 0x120000

// struct boot_params (Linux x86 boot protocol, "zero page") and the setup header in it.

#define BOOT_ACPI_RSDP 0x070
#define BOOT_E820_ENTRIES 0x1E8
#define BOOT_SENTINEL 0x1EF
#define BOOT_FLAG 0x1FE
#define BOOT_HEADER 0x202
#define BOOT_TYPE_OF_LOADER 0x210
#define BOOT_CMD_LINE_PTR 0x228
#define BOOT_CMDLINE_SIZE 0x238
#define BOOT_E820_TABLE 0x2D0

// Segment selectors: the boot protocol's two, and a 32-bit code segment on the way there.

#define CODE_32 0x08
#define BOOT_CS 0x10
#define BOOT_DS 0x18

// Control registers and the one model-specific register.

#define CR0_PE 0x00000001
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define EFER 0xC0000080
#define EFER_LME 0x100
#define EFER_LMA 0x400

#endif
