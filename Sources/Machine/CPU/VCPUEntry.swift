import Boot
import GuestMemory
import Host
import KVM

extension VCPU {
    /// Gives the vCPU the features of CPU `cpu` of `cpuCount`, and the MSR values that a firmware would set.
    func setUp(cpu: Int, of cpuCount: Int, features: CPUIDTable) throws(Failure) {
        features.normalize(cpu: UInt32(cpu), cpuCount: UInt32(cpuCount))
        try set(features)
        try enforceFeatures()
        try set([MSR.defaultMemoryType, MSR.miscEnable])
    }

    /// Sets the boot CPU's registers to the kernel's entry state. The other CPUs wait for INIT and SIPI.
    func enter(_ entry: EntryState) throws(Failure) {
        var special = VCPUSpecialRegisters(
            code: VCPUSegment(entry.code), data: VCPUSegment(entry.data), task: VCPUSegment(entry.task),
            cr0: entry.cr0)
        special.gdtBase = entry.globalDescriptors.base.rawValue
        special.gdtLimit = entry.globalDescriptors.limit
        (special.cr3, special.cr4, special.efer) = (entry.cr3, entry.cr4, entry.extendedFeatures)
        try set(special)
        var registers = VCPURegisters()
        (registers.rip, registers.rflags) = (entry.instructionPointer, entry.flags)
        (registers.rbx, registers.rsi) = (entry.rbx, entry.rsi)
        try set(registers)
    }
}

/// The model-specific registers that a firmware would set (Intel SDM 4).
private enum MSR {
    /// IA32_MTRR_DEF_TYPE: memory is write-back (6) and the range registers are on (bit 11), as kernels
    /// expect.
    static let defaultMemoryType = ModelSpecificRegister(0x2FF, 1 << 11 | 6)
    /// IA32_MISC_ENABLE: fast strings (bit 0).
    static let miscEnable = ModelSpecificRegister(0x1A0, 1)
}

extension VCPUSegment {
    fileprivate init(_ segment: EntryState.Segment) {
        self.init(
            selector: segment.selector, limit: segment.limit, type: segment.type,
            isSystem: !segment.isCodeOrData, isLong: segment.isLong)
    }
}
