public import GuestMemory
import Host
import Layout

/// The registers of the CPU that starts a kernel: plain values, which the machine turns into kvm_regs and
/// kvm_sregs. All other registers are zero.
public struct EntryState: Equatable, Sendable {
    public var instructionPointer: UInt64
    public var rbx: UInt64 = 0
    public var rsi: UInt64 = 0
    /// RFLAGS: bit 1 is always set; interrupts are off.
    public var flags: UInt64 = 0x2
    public var cr0: UInt64
    public var cr3: UInt64 = 0
    public var cr4: UInt64 = 0
    public var extendedFeatures: UInt64 = 0
    public var code: Segment
    /// DS, ES, SS, FS and GS.
    public var data: Segment
    public var task: Segment
    public var globalDescriptors: DescriptorTable

    /// The base and the limit (bytes - 1) of a descriptor table.
    public struct DescriptorTable: Equatable, Sendable {
        public let base: GuestAddress
        public let limit: UInt16
    }

    /// A segment register with its hidden part (Intel SDM volume 3, 3.4.5 "Segment Descriptors").
    public struct Segment: Equatable, Sendable {
        public let selector: UInt16
        public let base: UInt64
        /// The limit in bytes, independent of the granularity.
        public let limit: UInt32
        /// Bits 3:0 of the access byte.
        public let type: UInt8
        /// Whether this is a code or data segment, not a system segment (S).
        public let isCodeOrData: Bool
        /// Whether this is a segment of 64-bit code (L).
        public let isLong: Bool
        /// Whether operands have 32 bits (D/B).
        public let isDefault32: Bool
        /// Whether the limit counts pages (G).
        public let hasPageGranularity: Bool
    }
}

extension EntryState.Segment {
    /// The 64-bit code segment: execute/read, accessed; selector __BOOT_CS of the Linux boot protocol.
    static let code64 = flat(0x10, type: 0xB, long: true)
    static let code32 = flat(0x08, type: 0xB, long: false)
    /// The data segment: read/write, accessed; selector __BOOT_DS.
    static let data = flat(0x18, type: 0x3, long: false)
    /// A busy task state segment that is never used: VMX requires a valid TR.
    static let task = EntryState.Segment(
        selector: 0x20, base: 0, limit: 0x67, type: 0xB, isCodeOrData: false, isLong: false,
        isDefault32: false,
        hasPageGranularity: false)

    private static func flat(_ selector: UInt16, type: UInt8, long: Bool) -> EntryState.Segment {
        EntryState.Segment(
            selector: selector, base: 0, limit: .max, type: type, isCodeOrData: true, isLong: long,
            isDefault32: !long, hasPageGranularity: true)
    }

    /// The eight bytes of the descriptor. The base is zero in all of these segments.
    var descriptor: UInt64 {
        let units = hasPageGranularity ? limit >> 12 : limit
        let present: UInt64 = 1 << 47
        return UInt64(units & 0xFFFF) | UInt64(type) << 40 | (isCodeOrData ? 1 << 44 : 0) | present
            | UInt64(units >> 16 & 0xF) << 48 | (isLong ? 1 << 53 : 0) | (isDefault32 ? 1 << 54 : 0)
            | (hasPageGranularity ? 1 << 55 : 0)
    }
}

extension EntryState {
    /// Makes the state for a 64-bit entry: 64-bit mode on identity page tables, RSI = the zero page,
    /// interrupts off (Linux x86 boot protocol, "64-bit Boot Protocol").
    static func linux64(at entry: GuestAddress) -> EntryState {
        EntryState(
            instructionPointer: entry.rawValue, rsi: Layout.zeroPage.rawValue,
            cr0: ControlBits.protection | ControlBits.extensionType | ControlBits.paging,
            cr3: Layout.pageTables.rawValue, cr4: ControlBits.physicalAddressExtension,
            extendedFeatures: ControlBits.longModeEnable | ControlBits.longModeActive, code: .code64,
            data: .data,
            task: .task, globalDescriptors: bootDescriptors)
    }

    /// Makes the state for a PVH entry: 32-bit protected mode without paging, EBX = hvm_start_info (Xen,
    /// x86/HVM direct boot ABI).
    static func pvh(at entry: GuestAddress) -> EntryState {
        EntryState(
            instructionPointer: entry.rawValue, rbx: Layout.startInfo.rawValue,
            cr0: ControlBits.protection | ControlBits.extensionType, code: .code32, data: .data, task: .task,
            globalDescriptors: bootDescriptors)
    }

    private static let bootDescriptors = DescriptorTable(base: Layout.globalDescriptorTable, limit: 5 * 8 - 1)

    /// Makes the descriptor table for both entries: null, 32-bit code, 64-bit code, data, task.
    static func globalDescriptorTable() -> [UInt8] {
        var table = ByteWriter(capacity: 40)
        table.append(UInt64(0))
        for segment: Segment in [.code32, .code64, .data, .task] { table.append(segment.descriptor) }
        return table.bytes
    }
}

private enum ControlBits {
    // CR0
    static let protection: UInt64 = 1 << 0
    static let extensionType: UInt64 = 1 << 4
    static let paging: UInt64 = 1 << 31
    // CR4
    static let physicalAddressExtension: UInt64 = 1 << 5
    // EFER
    static let longModeEnable: UInt64 = 1 << 8
    static let longModeActive: UInt64 = 1 << 10
}
