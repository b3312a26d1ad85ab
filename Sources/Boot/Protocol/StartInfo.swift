import GuestMemory
import Host

/// struct hvm_start_info, version 1, and the structures that it points to (Xen, docs/misc/pvh.pandoc "x86/HVM
/// direct boot ABI", and xen/include/public/arch-x86/hvm/start_info.h).
///
/// ```
///  0  u32 magic            16  u64 modlist_paddr     40  u64 memmap_paddr
///  4  u32 version          24  u64 cmdline_paddr     48  u32 memmap_entries
///  8  u32 flags            32  u64 rsdp_paddr        52  u32 reserved
/// 12  u32 nr_modules
/// ```
enum StartInfo {
    private static let magic: UInt32 = 0x336E_C578
    private static let version: UInt32 = 1
    private static let byteCount: UInt64 = 56
    private static let moduleByteCount: UInt64 = 32

    /// Makes the structure for `address`, followed by its module list and its memory map.
    static func bytes(_ data: BootData, at address: GuestAddress) -> [UInt8] {
        let modules = address.rawValue + byteCount
        let memoryMap = modules + (data.initramfs == nil ? 0 : moduleByteCount)
        var info = ByteWriter(capacity: 512)
        info.append(magic)
        info.append(version)
        info.append(UInt32(0))
        info.append(UInt32(data.initramfs == nil ? 0 : 1))
        info.append(data.initramfs == nil ? 0 : modules)
        info.append(data.commandLine.rawValue)
        info.append(data.firmwareTables.rawValue)
        info.append(memoryMap)
        info.append(UInt32(data.memoryMap.entries.count))
        info.append(UInt32(0))
        if let initramfs = data.initramfs { append(module: initramfs, to: &info) }
        for entry in data.memoryMap.entries { append(entry, to: &info) }
        return info.bytes
    }

    /// Appends a struct hvm_modlist_entry: u64 address, u64 size, u64 command line, u64 reserved.
    private static func append(module: GuestRange, to info: inout ByteWriter) {
        info.append(module.start.rawValue)
        info.append(module.byteCount)
        info.append(zeroes: 16)
    }

    /// Appends a struct hvm_memmap_table_entry: u64 address, u64 size, u32 type, u32 reserved.
    private static func append(_ entry: MemoryMap.Entry, to info: inout ByteWriter) {
        info.append(entry.range.start.rawValue)
        info.append(entry.range.byteCount)
        info.append(entry.kind.rawValue)
        info.append(UInt32(0))
    }
}
