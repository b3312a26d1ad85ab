public import GuestMemory

/// The machine's physical addresses, ports and interrupts.
///
/// ```
///   0x0000_0000   RAM
///   0x0000_0500     global descriptor table (boot data from here to the command line: read by the guest at
///                   its entry, free RAM afterwards)
///   0x0000_6000     hvm_start_info, its module list and memory map
///   0x0000_7000     zero page (struct boot_params)
///   0x0000_9000     PML4, PDPT, four page directories: 24 KiB
///   0x0002_0000     command line, up to 64 KiB
///   0x0009_FC00   reserved: a BIOS's extended data area
///   0x000A_0000   a gap in the memory map: a PC's video memory and option ROMs
///   0x000E_0000   reserved: searched for the RSDP by a guest that has no pointer to it
///   ...             RSDP, ACPI tables, MP table, just below the reset vector
///   0x000F_FFF0     the reset vector of real mode: code that resets the machine
///   0x0010_0000   RAM: the kernel at its preferred address, from 1 MiB up
///                   ...
///                   the initramfs, as high as the kernel accepts it, below the end of this RAM
///   0xC000_0000   the hole, 3 GiB to 4 GiB
///   0xD000_0000     virtio-mmio windows, one page each
///   0xFEC0_0000     IOAPIC
///   0xFEE0_0000     local APICs
///   0xFFFB_C000     KVM's identity map page   (used only by CPUs that cannot run real mode natively;
///   0xFFFB_D000     KVM's task state: 3 pages  the guest never uses these pages)
///   0x1_0000_0000 the rest of RAM
///                   ...
///                 persistent memory: at the next GiB above all RAM, and above 4 GiB in any case
/// ```
///
/// Ports: 0x40 to 0x43 and 0x61 interval timer (KVM's, created at the first access); 0x60, 0x64 i8042 (reset
/// only); 0x3F8 COM1; 0x505 pvpanic; 0x600 to 0x602 ACPI sleep and reset; 0x700 boot markers; 0xCF9 reset
/// control.
///
/// Interrupts (GSI = IOAPIC pin): 0 interval timer, 4 COM1, 5 events (power button), 6 to 23 virtio-mmio.
public enum Layout {
    // Boot data in the first 640 KiB.
    public static let globalDescriptorTable = GuestAddress(0x500)
    public static let startInfo = GuestAddress(0x6000)
    public static let zeroPage = GuestAddress(0x7000)
    public static let pageTables = GuestAddress(0x9000)
    public static let commandLine = GuestAddress(0x2_0000)
    public static let commandLineRoom: UInt64 = 0x1_0000

    /// The end of conventional memory.
    public static let extendedBIOSData = GuestAddress(0x9_FC00)
    public static let videoMemory = GuestAddress(0xA_0000)
    /// The 128 KiB in which a guest searches for the RSDP (ACPI 6.5, 5.2.5.1).
    public static let firmware = GuestRange(start: GuestAddress(0xE_0000), byteCount: 0x2_0000)
    /// The reset vector F000:FFF0, to which a kernel jumps in real mode to make the BIOS reset the machine:
    /// 16 bytes up to 1 MiB.
    public static let resetVector = GuestAddress(0xF_FFF0)
    /// The start of RAM above the first megabyte. No kernel is loaded lower.
    public static let extendedMemory = GuestAddress(0x10_0000)
    /// The smallest RAM of a machine: the first megabyte, and one for a kernel.
    public static let leastMemoryByteCount: UInt64 = 0x20_0000

    // The hole below 4 GiB.
    public static let virtioWindows = GuestAddress(0xD000_0000)
    public static let virtioWindowStride: UInt64 = 0x1000
    /// The size of a window as the driver knows it; the rest of the window's page is unused.
    public static let virtioWindowByteCount: UInt64 = 0x200
    public static let ioapic = GuestAddress(0xFEC0_0000)
    public static let localAPIC = GuestAddress(0xFEE0_0000)
    /// The argument of KVM_SET_TSS_ADDR: three pages behind the identity map page, at KVM's default place.
    public static let taskState = GuestAddress(0xFFFB_D000)

    /// The alignment of persistent memory. It makes persistent memory share no 128 MiB section with RAM
    /// (Linux, SECTION_SIZE) and lets the host's largest pages be mapped.
    static let persistentMemoryAlignment: UInt64 = 1 << 30

    /// Returns the start of persistent memory in a machine with the RAM `memory`.
    ///
    /// No table of the firmware mentions persistent memory: the device's configuration space holds its
    /// address. It lies above all that the memory map lists and below the end of the CPU's physical
    /// addresses, so no kernel has put anything else there.
    public static func persistentMemory(above memory: GuestMemory) -> GuestAddress {
        let end = max(GuestMemory.holeEnd, memory.high?.range.end?.rawValue ?? 0)
        let rest = end % persistentMemoryAlignment
        return GuestAddress(rest == 0 ? end : end + (persistentMemoryAlignment - rest))
    }

    // Ports.
    public static let serialPort: UInt16 = 0x3F8
    public static let serialPortCount: UInt16 = 8
    public static let keyboardDataPort: UInt16 = 0x60
    public static let keyboardCommandPort: UInt16 = 0x64
    public static let panicPort: UInt16 = 0x505
    public static let sleepControlPort: UInt16 = 0x600
    public static let sleepStatusPort: UInt16 = 0x601
    public static let resetPort: UInt16 = 0x602
    /// The value that the guest writes to the reset port (ACPI 6.5, 4.8.3.6).
    public static let resetValue: UInt8 = 1
    /// SLP_TYP of \_S5 (ACPI 6.5, 4.8.3.7).
    public static let softOffType: UInt8 = 5
    public static let markPort: UInt16 = 0x700
    /// RST_CNT of PCI chip sets, the target of `reboot=p`.
    public static let resetControlPort: UInt16 = 0xCF9
    /// The 8254's three counters and its control word.
    public static let timerPorts: ClosedRange<UInt16> = 0x40...0x43
    public static let timerControlPort: UInt16 = 0x43
    /// Port B of the 8255: the gate and the output of the timer's counter 2.
    public static let timerGatePort: UInt16 = 0x61

    // Interrupts.
    /// The interrupt of a PC's cascade of interrupt controllers: nothing is connected to it.
    public static let cascadeGSI: UInt8 = 2
    /// The number of pins of the IOAPIC: GSIs 0 to 23.
    public static let gsiCount: UInt8 = 24
    public static let serialGSI: UInt32 = 4
    public static let eventGSI: UInt32 = 5
    public static let firstVirtioGSI: UInt32 = 6
    /// The interrupt of a PC's real-time clock. This machine has no such clock, but KVM still treats the
    /// interrupt unlike all others.
    public static let clockGSI: UInt32 = 8
    /// The largest number of virtio devices: each has an IOAPIC pin of its own, and 18 of the 24 pins are
    /// free.
    public static let virtioDeviceLimit = 18

    /// Returns the range of the registers of virtio-mmio device number `index`, which is below
    /// `virtioDeviceLimit`.
    public static func virtioWindow(_ index: Int) -> GuestRange {
        precondition(index >= 0 && index < virtioDeviceLimit, "there is no such window")
        let start = virtioWindows.rawValue + UInt64(index) * virtioWindowStride
        return GuestRange(start: GuestAddress(start), byteCount: virtioWindowByteCount)
    }

    public static func virtioGSI(_ index: Int) -> UInt32 {
        precondition(index >= 0 && index < virtioDeviceLimit, "there is no such interrupt")
        return firstVirtioGSI + UInt32(index)
    }
}
