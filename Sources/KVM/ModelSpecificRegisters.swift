import CKVM
public import Host

/// A model-specific register (MSR) and its value.
public struct ModelSpecificRegister: Hashable, Sendable {
    public let index: UInt32
    public var value: UInt64

    public init(_ index: UInt32, _ value: UInt64) {
        self.index = index
        self.value = value
    }
}

extension ModelSpecificRegister: FixedByteValue {
    public static var encodedByteCount: Int { 12 }

    public func write(to writer: inout ByteWriter) {
        writer.u32(index)
        writer.u64(value)
    }

    public init(_ bytes: RawSpan) {
        self.init(bytes.field(at: 0), bytes.field(at: 4))
    }
}

extension VCPU {
    /// Sets model-specific registers in their order (KVM_SET_MSRS). Throws a failure that names the first
    /// register that KVM refuses.
    public func set(_ registers: [ModelSpecificRegister]) throws(Failure) {
        guard let table = unsafe ckvm_msrs_create(UInt32(clamping: registers.count)) else {
            preconditionFailure("out of memory")
        }
        defer { unsafe free(table) }
        let entries = unsafe ckvm_msrs_entries(table)
        for (position, register) in registers.enumerated() {
            unsafe entries[position].index = register.index
            unsafe entries[position].data = register.value
        }
        let done = try kvmCall(
            "cannot set a vCPU's MSRs", unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_SET_MSRS, table))
        guard done == registers.count else {
            let index = String(registers[Int(done)].index, radix: 16)
            throw Failure(.host, "cannot set a vCPU's MSR 0x\(index)", because: "KVM refuses the value")
        }
    }

    /// Reads those of the registers with these indices that the vCPU has, in their order (KVM_GET_MSRS).
    func modelSpecificRegisters(_ indices: [UInt32]) throws(Failure) -> [ModelSpecificRegister] {
        guard let table = unsafe ckvm_msrs_create(UInt32(clamping: indices.count)) else {
            preconditionFailure("out of memory")
        }
        defer { unsafe free(table) }
        let entries = unsafe ckvm_msrs_entries(table)
        var registers: [ModelSpecificRegister] = []
        var rest = indices[...]
        while !rest.isEmpty {
            for (position, index) in rest.enumerated() { unsafe entries[position].index = index }
            unsafe table.pointee.nmsrs = UInt32(rest.count)
            // KVM stops at the first register that the vCPU lacks, and returns the number of those before it.
            let count = Int(
                try kvmCall(
                    "cannot read a vCPU's MSRs",
                    unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_GET_MSRS, table)))
            for position in 0..<count {
                registers.append(
                    ModelSpecificRegister(unsafe entries[position].index, unsafe entries[position].data))
            }
            rest = rest.dropFirst(count + 1)
        }
        return registers
    }
}

/// The parts of a vCPU's state whose extent depends on the host's KVM.
public struct VCPUStateFormat: Hashable, Sendable {
    /// The model-specific registers that are saved, in the order in which they are restored.
    public let modelSpecificRegisters: [UInt32]
    /// The size of XSAVE's area as KVM reads and writes it.
    public let extendedStateByteCount: Int
    /// Whether that size is KVM's own, and not the 4,096 bytes of struct kvm_xsave (KVM_CAP_XSAVE2).
    let hasLargeExtendedState: Bool

    /// The largest number of registers of a saved state. The longest lists have about 300.
    static let registerLimit = 1024
    /// The largest area of XSAVE of a saved state, in bytes. With all components of today it has 11,008.
    static let extendedStateByteLimit = 64 << 10
}

extension VCPUStateFormat: ByteValue {
    public func write(to writer: inout ByteWriter) {
        writer.list(modelSpecificRegisters)
        writer.u32(UInt32(truncatingIfNeeded: extendedStateByteCount))
        writer.flag(hasLargeExtendedState)
    }

    public init?(from reader: inout ByteReader) {
        guard let registers: [UInt32] = reader.list(atMost: Self.registerLimit),
            let byteCount = reader.u32().flatMap({ Int(exactly: $0) }),
            let hasLargeExtendedState = reader.flag(), byteCount <= Self.extendedStateByteLimit
        else { return nil }
        self.init(
            modelSpecificRegisters: registers, extendedStateByteCount: byteCount,
            hasLargeExtendedState: hasLargeExtendedState)
    }
}

extension KVMSystem {
    /// Reads the format of a vCPU's state on this host (KVM_GET_MSR_INDEX_LIST, KVM_CAP_XSAVE2).
    public func vcpuStateFormat() throws(Failure) -> VCPUStateFormat {
        let extendedState = ExtendedStateSize(of: descriptor)
        return VCPUStateFormat(
            modelSpecificRegisters: SavedRegisters.order(try modelSpecificIndices()),
            extendedStateByteCount: extendedState.byteCount, hasLargeExtendedState: extendedState.isLarge)
    }

    /// Returns the indices of the registers that KVM lists as part of a vCPU's state.
    private func modelSpecificIndices() throws(Failure) -> [UInt32] {
        var capacity = 256
        while true {
            var list = [UInt32](repeating: 0, count: 1 + capacity)
            list[0] = UInt32(capacity)
            let result = unsafe list.withUnsafeMutableBytes { buffer in
                unsafe ckvm_ioctl_pointer(
                    descriptor.rawValue, ckvm_GET_MSR_INDEX_LIST, buffer.baseAddress!)
            }
            if result == -E2BIG, capacity < 1 << 16 {
                capacity *= 2
                continue
            }
            try kvmCall("cannot read the list of KVM's MSRs", result)
            return Array(list[1...].prefix(Int(list[0])))
        }
    }
}

/// The choice of model-specific registers that belong to a guest's state (Intel SDM 4, AMD APM 2, appendix
/// A).
private enum SavedRegisters {
    /// IA32_TSC_DEADLINE. KVM drops it unless the LAPIC and the time stamp counter are right already.
    private static let deadline: UInt32 = 0x6E0

    /// Returns the registers to save, of those that KVM lists and those that it omits from its list.
    static func order(_ listed: [UInt32]) -> [UInt32] {
        let chosen = listed.filter { !isOmitted($0) && $0 != deadline && !unlisted.contains($0) }
        return chosen + unlisted + (listed.contains(deadline) ? [deadline] : [])
    }

    /// Registers that KVM implements and does not list: the memory types (MTRR), which Linux gives every CPU
    /// the same, and the banks of machine check errors, of which KVM has 32.
    private static let unlisted: [UInt32] =
        [0x2FF, 0x250, 0x258, 0x259] + Array(0x268...0x26F) + Array(0x200...0x20F)
        + Array(0x400...0x47F)

    private static func isOmitted(_ index: UInt32) -> Bool {
        switch index {
        // The time stamp counter is restored by its offset.
        case 0x10: true
        // The wall clock of kvm-clock is a command: a write makes KVM write to the guest's memory.
        case 0x11, 0x4B56_4D00: true
        // The performance counters, which no guest has (`VirtualMachine.restrictGuest`): Intel's, with their
        // capabilities, PEBS and the debug store; AMD's.
        case 0xC1...0xC8, 0x186...0x195, 0x309...0x30C, 0x345, 0x38D...0x390, 0x3F1, 0x4C1...0x4C8, 0x600:
            true
        case 0xC000_0300...0xC000_0303, 0xC001_0000...0xC001_0007, 0xC001_0200...0xC001_020B: true
        // Intel PT, and the interface of Hyper-V: no guest is offered either.
        case 0x560...0x58F, 0x4000_0000...0x4000_01FF: true
        default: false
        }
    }
}
