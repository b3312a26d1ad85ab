import CKVM
public import GuestMemory
public import Host
import SystemPackage

/// The general registers (struct kvm_regs), as a plain value.
public struct VCPURegisters: Hashable, Sendable {
    public var rax: UInt64 = 0, rbx: UInt64 = 0, rcx: UInt64 = 0, rdx: UInt64 = 0
    public var rsi: UInt64 = 0, rdi: UInt64 = 0, rsp: UInt64 = 0, rbp: UInt64 = 0
    public var r8: UInt64 = 0, r9: UInt64 = 0, r10: UInt64 = 0, r11: UInt64 = 0
    public var r12: UInt64 = 0, r13: UInt64 = 0, r14: UInt64 = 0, r15: UInt64 = 0
    public var rip: UInt64 = 0
    /// Bit 1 is always set. All other bits are clear, so interrupts are disabled.
    public var rflags: UInt64 = 2

    public init() {}
}

/// The registers of a saved state, in the order of struct kvm_regs.
extension VCPURegisters: FixedByteValue {
    public static var encodedByteCount: Int { 18 * 8 }

    public func write(to writer: inout ByteWriter) {
        for register in [rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp] { writer.u64(register) }
        for register in [r8, r9, r10, r11, r12, r13, r14, r15] { writer.u64(register) }
        writer.u64(rip)
        writer.u64(rflags)
    }

    public init(_ bytes: RawSpan) {
        func register(_ index: Int) -> UInt64 { bytes.field(at: 8 * index) }
        (rax, rbx, rcx, rdx) = (register(0), register(1), register(2), register(3))
        (rsi, rdi, rsp, rbp) = (register(4), register(5), register(6), register(7))
        (r8, r9, r10, r11) = (register(8), register(9), register(10), register(11))
        (r12, r13, r14, r15) = (register(12), register(13), register(14), register(15))
        (rip, rflags) = (register(16), register(17))
    }
}

/// A segment register with its hidden part (struct kvm_segment). The limit is in bytes, and the granularity
/// follows from it.
public struct VCPUSegment: Sendable {
    public var selector: UInt16
    public var base: UInt64 = 0
    public var limit: UInt32
    /// The descriptor's type: 0xB code, 0x3 data, 0xB busy TSS.
    public var type: UInt8
    public var isSystem = false
    /// Whether this is the segment of 64-bit code.
    public var isLong = false
    /// Whether this is a segment of 16-bit code or data, as in real mode.
    public var is16Bit = false

    public init(selector: UInt16, limit: UInt32, type: UInt8, isSystem: Bool = false, isLong: Bool = false) {
        self.selector = selector
        self.limit = limit
        self.type = type
        self.isSystem = isSystem
        self.isLong = isLong
    }
}

/// The special registers that an entry sets (struct kvm_sregs). They determine the mode of the vCPU.
public struct VCPUSpecialRegisters: Sendable {
    public var code: VCPUSegment
    public var data: VCPUSegment
    public var task: VCPUSegment
    public var gdtBase: UInt64 = 0
    public var gdtLimit: UInt16 = 0
    public var cr0: UInt64
    public var cr3: UInt64 = 0
    public var cr4: UInt64 = 0
    public var efer: UInt64 = 0

    public init(code: VCPUSegment, data: VCPUSegment, task: VCPUSegment, cr0: UInt64) {
        self.code = code
        self.data = data
        self.task = task
        self.cr0 = cr0
    }
}

extension VCPU {
    /// Sets the general registers (KVM_SET_REGS).
    public func set(_ registers: VCPURegisters) throws(Failure) {
        let r = registers
        var raw = kvm_regs(
            rax: r.rax, rbx: r.rbx, rcx: r.rcx, rdx: r.rdx, rsi: r.rsi, rdi: r.rdi, rsp: r.rsp, rbp: r.rbp,
            r8: r.r8, r9: r.r9, r10: r.r10, r11: r.r11, r12: r.r12, r13: r.r13, r14: r.r14, r15: r.r15,
            rip: r.rip, rflags: r.rflags)
        try pass(ckvm_SET_REGS, &raw, "set a vCPU's registers")
    }

    /// Returns the general registers (KVM_GET_REGS).
    public func registers() throws(Failure) -> VCPURegisters {
        var raw = kvm_regs()
        try pass(ckvm_GET_REGS, &raw, "read a vCPU's registers")
        var r = VCPURegisters()
        (r.rax, r.rbx, r.rcx, r.rdx) = (raw.rax, raw.rbx, raw.rcx, raw.rdx)
        (r.rsi, r.rdi, r.rsp, r.rbp) = (raw.rsi, raw.rdi, raw.rsp, raw.rbp)
        (r.r8, r.r9, r.r10, r.r11) = (raw.r8, raw.r9, raw.r10, raw.r11)
        (r.r12, r.r13, r.r14, r.r15) = (raw.r12, raw.r13, raw.r14, raw.r15)
        (r.rip, r.rflags) = (raw.rip, raw.rflags)
        return r
    }

    /// Sets the special registers to `special`; the others keep their values (KVM_GET_SREGS, KVM_SET_SREGS).
    public func set(_ special: VCPUSpecialRegisters) throws(Failure) {
        var raw = kvm_sregs()
        try pass(ckvm_GET_SREGS, &raw, "read a vCPU's special registers")
        raw.cs = kvm_segment(special.code)
        let data = kvm_segment(special.data)
        (raw.ds, raw.es, raw.fs, raw.gs, raw.ss) = (data, data, data, data, data)
        raw.tr = kvm_segment(special.task)
        (raw.gdt.base, raw.gdt.limit) = (special.gdtBase, special.gdtLimit)
        (raw.idt.base, raw.idt.limit) = (0, 0)
        (raw.cr0, raw.cr3, raw.cr4, raw.efer) = (special.cr0, special.cr3, special.cr4, special.efer)
        try pass(ckvm_SET_SREGS, &raw, "set a vCPU's special registers")
    }

    /// Returns CR0, CR2, CR3, CR4 and EFER, for a report.
    public func controlRegisters() throws(Failure) -> [(name: String, value: UInt64)] {
        var raw = kvm_sregs()
        try pass(ckvm_GET_SREGS, &raw, "read a vCPU's special registers")
        return [("cr0", raw.cr0), ("cr2", raw.cr2), ("cr3", raw.cr3), ("cr4", raw.cr4), ("efer", raw.efer)]
    }

    /// Sets the results of CPUID on this vCPU (KVM_SET_CPUID2). Call it before the vCPU's first run.
    public func set(_ table: CPUIDTable) throws(Failure) {
        let result = unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_SET_CPUID2, table.storage)
        try kvmCall("cannot set a vCPU's CPU features", result)
    }

    /// Translates a linear address to a physical one by the vCPU's own page tables (KVM_TRANSLATE). Nil if it
    /// is not mapped.
    public func translate(_ linear: UInt64) -> GuestAddress? {
        var request = kvm_translation()
        request.linear_address = linear
        let result = unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_TRANSLATE, &request)
        return result == 0 && request.valid != 0 ? GuestAddress(request.physical_address) : nil
    }

    private func pass<Value: BitwiseCopyable>(
        _ request: UInt, _ value: inout Value, _ what: @autoclosure () -> String
    ) throws(Failure) {
        let result = unsafe ckvm_ioctl_pointer(descriptor.rawValue, request, &value)
        try kvmCall("cannot \(what())", result)
    }
}

extension kvm_segment {
    fileprivate init(_ segment: VCPUSegment) {
        self.init()
        (selector, base, type) = (segment.selector, segment.base, segment.type)
        limit = segment.limit
        present = 1
        s = segment.isSystem ? 0 : 1
        l = segment.isLong ? 1 : 0
        db = segment.isLong || segment.isSystem || segment.is16Bit ? 0 : 1
        g = segment.limit > 0xFFFFF ? 1 : 0
    }
}
