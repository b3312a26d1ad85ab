import GuestMemory
import Host

/// struct boot_params, 4,096 bytes (Linux, Documentation/arch/x86/zero-page.rst and boot.rst).
enum ZeroPage {
    private enum Field {
        static let firmwareTables = 0x070  // acpi_rsdp_addr
        static let memoryMapCount = 0x1E8  // e820_entries
        static let bootFlag = 0x1FE
        static let magic = 0x202  // header
        static let version = 0x206
        static let loaderType = 0x210  // type_of_loader
        static let loadFlags = 0x211
        static let initramfsStart = 0x218  // ramdisk_image
        static let initramfsByteCount = 0x21C  // ramdisk_size
        static let commandLine = 0x228  // cmd_line_ptr
        static let kernelAlignment = 0x230
        static let commandLineByteCount = 0x238  // cmdline_size
        static let memoryMap = 0x2D0  // e820_table
    }

    private static let memoryMapLimit = 128
    private static let unregisteredLoader: UInt8 = 0xFF
    /// LOADED_HIGH: the protected-mode code lies at 1 MiB or above.
    private static let loadedHigh: UInt8 = 1 << 0

    /// Makes the page for `data`. `header` is the setup header of a bzImage, or nil.
    static func bytes(_ data: BootData, header: SetupHeader?) -> [UInt8] {
        var page = ByteWriter(zeroes: 4096)
        if let header {
            page.store(header.bytes, at: SetupHeader.start)
        } else {
            describeELF(&page)
        }
        page.store(data.firmwareTables.rawValue, at: Field.firmwareTables)
        page.store(unregisteredLoader, at: Field.loaderType)
        page.store(UInt32(truncatingIfNeeded: data.commandLine.rawValue), at: Field.commandLine)
        // Both lie below 3 GiB, so the ext_* fields stay zero.
        let initramfs = data.initramfs ?? GuestRange(start: GuestAddress(0), byteCount: 0)
        page.store(UInt32(truncatingIfNeeded: initramfs.start.rawValue), at: Field.initramfsStart)
        page.store(UInt32(truncatingIfNeeded: initramfs.byteCount), at: Field.initramfsByteCount)
        store(data.memoryMap, in: &page)
        return page.bytes
    }

    /// Stores the setup header fields that Linux reads after its start. A vmlinux comes without a header.
    private static func describeELF(_ page: inout ByteWriter) {
        page.store(UInt16(0xAA55), at: Field.bootFlag)
        page.store(UInt32(0x5372_6448), at: Field.magic)  // "HdrS"
        page.store(UInt16(0x020F), at: Field.version)
        page.store(loadedHigh, at: Field.loadFlags)
        page.store(UInt32(0x100_0000), at: Field.kernelAlignment)
        page.store(UInt32(KernelCommandLine.defaultByteCount), at: Field.commandLineByteCount)
    }

    /// Stores the map: an array of struct boot_e820_entry (u64 address, u64 size, u32 type, packed).
    private static func store(_ map: MemoryMap, in page: inout ByteWriter) {
        precondition(map.entries.count <= memoryMapLimit, "the memory map is longer than its table")
        page.store(UInt8(map.entries.count), at: Field.memoryMapCount)
        for (index, entry) in map.entries.enumerated() {
            let at = Field.memoryMap + index * 20
            page.store(entry.range.start.rawValue, at: at)
            page.store(entry.range.byteCount, at: at + 8)
            page.store(entry.kind.rawValue, at: at + 16)
        }
    }
}
