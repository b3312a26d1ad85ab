import CKVM
public import Host

/// The state of a vCPU between two instructions, as plain values.
///
/// The vCPU's features (CPUID) are not part of it: whoever restores a state gives the new vCPU the features
/// of the old one first. Nested virtualization and the pointers of 32-bit PAE paging are missing on purpose:
/// no guest is offered VMX or SVM, and KVM loads those pointers again from CR3.
public struct VCPUState: Hashable, Sendable {
    /// Whether the vCPU runs, is halted, or waits for INIT or SIPI (KVM_MP_STATE_*).
    public var activity: UInt32
    public var registers: VCPURegisters
    /// Segments, control registers, EFER, the APIC's base, and an interrupt being delivered (struct
    /// kvm_sregs).
    public var specialRegisters: [UInt8]
    /// x87, SSE, AVX and so on: the area of XSAVE (struct kvm_xsave).
    public var extendedState: [UInt8]
    /// XCR0 (struct kvm_xcrs).
    public var extendedControl: [UInt8]
    public var debugRegisters: [UInt8]
    /// The register page of the LAPIC (struct kvm_lapic_state).
    public var localAPIC: [UInt8]
    /// The time stamp counter, and its offset against the host's.
    public var timeStamp: UInt64
    public var timeStampOffset: UInt64
    /// The frequency of the time stamp counter in kHz.
    public var timeStampFrequency: UInt32
    /// The model-specific registers that `VCPUStateFormat` lists and this vCPU has.
    public var modelSpecific: [ModelSpecificRegister]
    /// Exceptions, interrupts and NMIs being delivered or pending (struct kvm_vcpu_events).
    public var events: [UInt8]
}

extension VCPUState: ByteValue {
    public func write(to writer: inout ByteWriter) {
        writer.u32(activity)
        registers.write(to: &writer)
        for part in [specialRegisters, extendedState, extendedControl, debugRegisters, localAPIC] {
            writer.bytes(part)
        }
        writer.u64(timeStamp)
        writer.u64(timeStampOffset)
        writer.u32(timeStampFrequency)
        writer.list(modelSpecific)
        writer.bytes(events)
    }

    public init?(from reader: inout ByteReader) {
        let limit = KernelStructure.byteLimit
        guard let activity = reader.u32(), let registers = VCPURegisters(from: &reader),
            let specialRegisters = reader.bytes(atMost: limit),
            let extendedState = reader.bytes(atMost: VCPUStateFormat.extendedStateByteLimit),
            let extendedControl = reader.bytes(atMost: limit),
            let debugRegisters = reader.bytes(atMost: limit),
            let localAPIC = reader.bytes(atMost: limit), let timeStamp = reader.u64(),
            let timeStampOffset = reader.u64(), let timeStampFrequency = reader.u32(),
            let modelSpecific: [ModelSpecificRegister] = reader.list(
                atMost: VCPUStateFormat.registerLimit),
            let events = reader.bytes(atMost: limit)
        else { return nil }
        self.init(
            activity: activity, registers: registers, specialRegisters: specialRegisters,
            extendedState: extendedState, extendedControl: extendedControl, debugRegisters: debugRegisters,
            localAPIC: localAPIC, timeStamp: timeStamp, timeStampOffset: timeStampOffset,
            timeStampFrequency: timeStampFrequency, modelSpecific: modelSpecific, events: events)
    }
}

extension VCPU {
    /// Reads the vCPU's state. The vCPU must be out of `run`, and the instruction of its last exit complete
    /// (`VCPUKick`).
    public func state(_ format: VCPUStateFormat) throws(Failure) -> VCPUState {
        try check(format, Self.cannotRead)
        // The activity comes first: KVM then accepts a pending INIT or SIPI, which changes the registers.
        let activity = try activity()
        return VCPUState(
            activity: activity, registers: try registers(),
            specialRegisters: try read(ckvm_GET_SREGS, kvm_sregs.self),
            extendedState: try KernelStructure.read(
                format.hasLargeExtendedState ? ckvm_GET_XSAVE2 : ckvm_GET_XSAVE,
                byteCount: format.extendedStateByteCount, from: descriptor.rawValue, Self.cannotRead),
            extendedControl: try read(ckvm_GET_XCRS, kvm_xcrs.self),
            debugRegisters: try read(ckvm_GET_DEBUGREGS, kvm_debugregs.self),
            localAPIC: try read(ckvm_GET_LAPIC, kvm_lapic_state.self),
            timeStamp: try timeStamp(), timeStampOffset: try timeStampOffset(),
            timeStampFrequency: try timeStampFrequency(),
            modelSpecific: try modelSpecificRegisters(format.modelSpecificRegisters),
            // The events come last, after everything that may change them.
            events: try read(ckvm_GET_VCPU_EVENTS, kvm_vcpu_events.self))
    }

    /// Restores a state into a vCPU that has never run and has the features of the saved one. Restore the
    /// memory before, and the interrupt controllers after all vCPUs.
    ///
    /// `timeShift` is nil for the first vCPU of a VM, and the result of the first call for all others: all
    /// counters are shifted by the same amount, so that they stay equal to each other, and the first goes on
    /// from its saved value.
    ///
    /// Throws if the state is not one that `state` can return on this host, or if KVM refuses a part. The
    /// vCPU must not run then.
    @discardableResult
    public func restore(
        _ state: VCPUState, _ format: VCPUStateFormat, timeShift: UInt64? = nil
    ) throws(Failure) -> UInt64 {
        try check(format, Self.cannotRestore)
        try state.check(format)
        try checkFrequency(state.timeStampFrequency)
        try setActivity(state.activity)
        // General registers clear a pending exception, so the events come after them.
        try set(state.registers)
        // The special registers hold the APIC's base and mode, so the LAPIC comes after them.
        try write(state.specialRegisters, ckvm_SET_SREGS, kvm_sregs.self)
        try KernelStructure.write(
            state.extendedState, ckvm_SET_XSAVE, byteCount: format.extendedStateByteCount,
            to: descriptor.rawValue, Self.cannotRestore)
        try write(state.extendedControl, ckvm_SET_XCRS, kvm_xcrs.self)
        try write(state.debugRegisters, ckvm_SET_DEBUGREGS, kvm_debugregs.self)
        // KVM drops the deadline of the APIC's timer unless the LAPIC is in that mode already and its counter
        // is right. The deadline is the last of the model-specific registers.
        try write(state.localAPIC, ckvm_SET_LAPIC, kvm_lapic_state.self)
        let shift = try restoreTimeStamp(state, shift: timeShift)
        try set(state.modelSpecific)
        try write(state.events, ckvm_SET_VCPU_EVENTS, kvm_vcpu_events.self)
        return shift
    }

    /// Throws unless the format is this KVM's in what KVM does not check: it reads and writes the area of
    /// XSAVE in its own size, wherever the buffer ends.
    private func check(_ format: VCPUStateFormat, _ what: String) throws(Failure) {
        guard format.extendedStateByteCount == extendedState.byteCount,
            format.hasLargeExtendedState == extendedState.isLarge
        else {
            throw Failure(
                .badInput, what,
                because: "the area of XSAVE has \(format.extendedStateByteCount) bytes in the state, and "
                    + "\(extendedState.byteCount) on this host")
        }
    }

    /// Whether the guest has executed HLT and no interrupt has woken the vCPU (KVM_MP_STATE_HALTED). The vCPU
    /// must be out of `run`.
    public var isHalted: Bool { (try? activity()) == UInt32(KVM_MP_STATE_HALTED) }

    private func activity() throws(Failure) -> UInt32 {
        var raw = kvm_mp_state()
        try kvmCall(
            Self.cannotRead, unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_GET_MP_STATE, &raw))
        return raw.mp_state
    }

    private func setActivity(_ activity: UInt32) throws(Failure) {
        var raw = kvm_mp_state(mp_state: activity)
        try kvmCall(
            Self.cannotRestore, unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_SET_MP_STATE, &raw))
    }

    private func read<Raw>(_ request: UInt, _ type: Raw.Type) throws(Failure) -> [UInt8] {
        try KernelStructure.read(request, type, from: descriptor.rawValue, Self.cannotRead)
    }

    private func write<Raw>(
        _ bytes: [UInt8], _ request: UInt, _ type: Raw.Type
    ) throws(Failure) {
        try KernelStructure.write(bytes, request, type, to: descriptor.rawValue, Self.cannotRestore)
    }

    private static let cannotRead = "cannot read a vCPU's state"
    static let cannotRestore = "cannot restore a vCPU's state"
}

/// The time stamp counter. A write of the counter itself would do for one vCPU; for several, KVM guesses
/// whether writes shortly after each other are meant to be the same, and older kernels guess wrong for a
/// guest that has run for less than a second. So the offset is written (KVM_VCPU_TSC_OFFSET, Linux 5.16).
extension VCPU {
    private static let timeStampRegister: UInt32 = 0x10

    /// Reads the counter, as the guest would read it now.
    public func timeStamp() throws(Failure) -> UInt64 {
        guard let register = try modelSpecificRegisters([Self.timeStampRegister]).first else {
            throw Failure(.unavailable, Self.cannotRead, because: "KVM does not show its time stamp counter")
        }
        return register.value
    }

    private func timeStampOffset() throws(Failure) -> UInt64 {
        var offset: UInt64 = 0
        try kvmCall(Self.cannotRead, unsafe ckvm_get_tsc_offset(descriptor.rawValue, &offset))
        return offset
    }

    private func setTimeStampOffset(_ offset: UInt64) throws(Failure) {
        try kvmCall(Self.cannotRestore, ckvm_set_tsc_offset(descriptor.rawValue, offset))
    }

    private func timeStampFrequency() throws(Failure) -> UInt32 {
        UInt32(try kvmCall(Self.cannotRead, ckvm_ioctl(descriptor.rawValue, ckvm_GET_TSC_KHZ)))
    }

    /// Sets the counter's offset to the saved one plus `shift`; returns the shift, which without `shift` is
    /// the one that continues the saved count.
    private func restoreTimeStamp(_ state: VCPUState, shift: UInt64?) throws(Failure) -> UInt64 {
        // All of this is arithmetic modulo 2^64, as the counter's own.
        if let shift {
            try setTimeStampOffset(state.timeStampOffset &+ shift)
            return shift
        }
        try setTimeStampOffset(state.timeStampOffset)
        let shift = state.timeStamp &- (try timeStamp())
        try setTimeStampOffset(state.timeStampOffset &+ shift)
        return shift
    }

    /// Throws if the frequency differs from this vCPU's by more than 250 ppm, the error that Linux itself
    /// tolerates between two hosts.
    private func checkFrequency(_ saved: UInt32) throws(Failure) {
        let own = try timeStampFrequency()
        let difference = own > saved ? own - saved : saved - own
        guard UInt64(difference) * 4000 <= UInt64(own) else {
            throw Failure(
                .badInput, Self.cannotRestore,
                because: "its time stamp counter has \(saved) kHz, and this host's has \(own) kHz")
        }
    }
}

extension VCPUState {
    /// Throws unless the parts have the form that KVM reads: what KVM does not check itself.
    func check(_ format: VCPUStateFormat) throws(Failure) {
        // From KVM_MP_STATE_RUNNABLE to KVM_MP_STATE_SIPI_RECEIVED, the states of an x86 vCPU.
        guard activity <= UInt32(KVM_MP_STATE_SIPI_RECEIVED) else {
            throw refused("the vCPU is in the unknown activity \(activity)")
        }
        guard modelSpecific.count <= format.modelSpecificRegisters.count else {
            throw refused("it has \(modelSpecific.count) model-specific registers")
        }
        // Both lists have the same order, in which a register may be missing.
        var rest = format.modelSpecificRegisters[...]
        for register in modelSpecific {
            guard let place = rest.firstIndex(of: register.index) else {
                throw refused("the register 0x\(String(register.index, radix: 16)) is not one that is saved")
            }
            rest = rest[(place + 1)...]
        }
    }

    private func refused(_ cause: String) -> Failure {
        Failure(.badInput, VCPU.cannotRestore, because: cause)
    }
}
