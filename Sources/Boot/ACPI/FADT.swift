import GuestMemory
import Host
import Layout

/// The Fixed ACPI Description Table, revision 6.5, of a hardware-reduced machine. Such a machine has none of
/// a PC's fixed hardware, so a kernel does not probe for it (ACPI 6.5, 5.2.9 and 3.11.1).
enum FADT {
    static let byteCount = 276

    /// Offsets from the start of the table (table 5.9).
    private enum Field {
        static let bootArchitecture = 109
        static let flags = 112
        static let resetRegister = 116
        static let resetValue = 128
        static let minorVersion = 131
        static let dsdt = 140
        static let sleepControl = 244
        static let sleepStatus = 256
    }

    /// Table 5.10.
    private enum Flag {
        static let writeBackInvalidate: UInt32 = 1 << 0  // WBINVD
        static let powerButtonIsDevice: UInt32 = 1 << 4  // PWR_BUTTON
        static let noFixedSleepButton: UInt32 = 1 << 5  // SLP_BUTTON
        static let resetRegister: UInt32 = 1 << 10  // RESET_REG_SUP
        static let headless: UInt32 = 1 << 12  // HEADLESS
        static let hardwareReduced: UInt32 = 1 << 20  // HW_REDUCED_ACPI
    }

    /// IAPC_BOOT_ARCH, table 5.11. The bits for legacy devices and the 8042 stay clear, so a kernel probes
    /// for neither.
    private enum BootArchitecture {
        static let noVGA: UInt16 = 1 << 2
        static let noRealTimeClock: UInt16 = 1 << 5
    }

    static func bytes(dsdt: GuestAddress) -> [UInt8] {
        var table = ByteWriter(zeroes: byteCount - SystemTable.headerByteCount)
        table.put(BootArchitecture.noVGA | BootArchitecture.noRealTimeClock, Field.bootArchitecture)
        let flags =
            Flag.writeBackInvalidate | Flag.powerButtonIsDevice | Flag.noFixedSleepButton | Flag.resetRegister
            | Flag.headless | Flag.hardwareReduced
        table.put(flags, Field.flags)
        table.put(port: Layout.resetPort, Field.resetRegister)
        table.put(Layout.resetValue, Field.resetValue)
        table.put(UInt8(5), Field.minorVersion)
        table.put(dsdt.rawValue, Field.dsdt)
        table.put(port: Layout.sleepControlPort, Field.sleepControl)
        table.put(port: Layout.sleepStatusPort, Field.sleepStatus)
        return SystemTable.bytes("FACP", revision: 6, table.bytes)
    }
}

extension ByteWriter {
    /// Stores a value at an offset from the start of the table. The table's header does not exist yet.
    fileprivate mutating func put(_ value: some FixedWidthInteger & BitwiseCopyable, _ offset: Int) {
        store(value, at: offset - SystemTable.headerByteCount)
    }

    /// Stores a Generic Address Structure: one byte in I/O space (5.2.3.2).
    fileprivate mutating func put(port: UInt16, _ offset: Int) {
        put(UInt8(1), offset)  // System I/O
        put(UInt8(8), offset + 1)  // bits
        put(UInt8(1), offset + 3)  // byte access
        put(UInt64(port), offset + 4)
    }
}
