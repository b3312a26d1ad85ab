public import GuestMemory
import Layout

/// The machine's memory as its firmware declares it: the e820 entries of the zero page (Linux x86 boot
/// protocol, "boot_params.e820_table"), and the same entries for hvm_start_info.
public struct MemoryMap: Equatable, Sendable {
    public struct Entry: Equatable, Sendable {
        public let range: GuestRange
        public let kind: Kind
    }

    /// AddressRangeType (ACPI 6.5, table 15.4). Xen's XEN_HVM_MEMMAP_TYPE_* have the same numbers.
    public enum Kind: UInt32, Sendable {
        case usable = 1
        case reserved = 2
    }

    public let entries: [Entry]

    /// Makes the map of a machine that has `memory`, in ascending order.
    public init(of memory: GuestMemory) {
        var entries = [
            Entry(from: GuestAddress(0), to: Layout.extendedBIOSData, .usable),
            Entry(from: Layout.extendedBIOSData, to: Layout.videoMemory, .reserved),
            Entry(range: Layout.firmware, kind: .reserved),
        ]
        let lowEnd = GuestAddress(memory.low.range.byteCount)
        if lowEnd > Layout.extendedMemory {
            entries.append(Entry(from: Layout.extendedMemory, to: lowEnd, .usable))
        }
        if let high = memory.high { entries.append(Entry(range: high.range, kind: .usable)) }
        self.entries = entries
    }
}

extension MemoryMap.Entry {
    fileprivate init(from start: GuestAddress, to end: GuestAddress, _ kind: MemoryMap.Kind) {
        self.init(range: GuestRange(start: start, byteCount: end.rawValue - start.rawValue), kind: kind)
    }
}
