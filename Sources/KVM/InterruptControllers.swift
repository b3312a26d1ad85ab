import CKVM
public import Host

/// The interrupt controllers in the kernel: two 8259A, an IOAPIC, and a LAPIC for each vCPU.
extension VirtualMachine {
    /// Creates the interrupt controllers; each vCPU made afterwards gets its LAPIC (KVM_CREATE_IRQCHIP).
    /// `tssAddress` names three pages below 4 GiB, outside RAM, that old Intel CPUs need.
    public func createInterruptControllers(tssAddress: UInt64) throws(Failure) {
        try kvmCall(
            "cannot place the TSS", ckvm_ioctl_value(descriptor.rawValue, ckvm_SET_TSS_ADDR, UInt(tssAddress))
        )
        try kvmCall(
            "cannot create the interrupt controllers",
            ckvm_ioctl(descriptor.rawValue, ckvm_CREATE_IRQCHIP))
    }

    /// Sets the level of the interrupt input `gsi`, from the calling thread (KVM_IRQ_LINE).
    public func setInterrupt(_ gsi: UInt32, isHigh: Bool) {
        // The call fails only for a VM without interrupt controllers.
        _ = ckvm_set_irq_line(descriptor.rawValue, gsi, isHigh ? 1 : 0)
    }
}

/// The state of the two 8259A and of the IOAPIC. The LAPICs belong to their vCPUs (`VCPUState`).
///
/// KVM keeps the levels of the inputs outside this state, so only inputs that are low can be saved. A device
/// of this machine raises and lowers its input in one call (`InterruptWire`).
public struct InterruptControllerState: Hashable, Sendable {
    /// The first 8259A, the second, and the IOAPIC (struct kvm_irqchip each), in the order of KVM_IRQCHIP_*.
    public var chips: [[UInt8]]

    /// Makes a state of the three chips.
    public init(chips: [[UInt8]]) {
        self.chips = chips
    }
}

extension InterruptControllerState: ByteValue {
    public func write(to writer: inout ByteWriter) {
        writer.list(chips) { $0.bytes($1) }
    }

    public init?(from reader: inout ByteReader) {
        let chips = reader.list(atMost: VirtualMachine.chips.count) {
            $0.bytes(atMost: KernelStructure.byteLimit)
        }
        guard let chips else { return nil }
        self.init(chips: chips)
    }
}

extension VirtualMachine {
    fileprivate static var chips: [Int32] {
        [KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE, KVM_IRQCHIP_IOAPIC]
    }

    /// Reads the state of the interrupt controllers (KVM_GET_IRQCHIP). No vCPU may run meanwhile.
    public func interruptControllerState() throws(Failure) -> InterruptControllerState {
        var state = InterruptControllerState(chips: [])
        for chip in Self.chips {
            state.chips.append(
                try KernelStructure.read(
                    ckvm_GET_IRQCHIP, kvm_irqchip.self, startingWith: chip, from: descriptor.rawValue,
                    "cannot read the interrupt controllers"))
        }
        return state
    }

    /// Restores the interrupt controllers (KVM_SET_IRQCHIP). Call it after the LAPICs of all vCPUs were
    /// restored: KVM delivers the IOAPIC's pending interrupts at once, and a LAPIC that is restored later
    /// would lose them.
    ///
    /// Throws if the state does not have the size and the order of its chips, or if KVM refuses it.
    public func restore(_ state: InterruptControllerState) throws(Failure) {
        let what = "cannot restore the interrupt controllers"
        guard state.chips.count == Self.chips.count else {
            throw Failure(.badInput, what, because: "the state has \(state.chips.count) chips")
        }
        for (index, bytes) in state.chips.enumerated() {
            guard bytes.starts(with: [UInt8(truncatingIfNeeded: Self.chips[index]), 0, 0, 0]) else {
                throw Failure(.badInput, what, because: "chip \(index) of the state is another chip")
            }
            try KernelStructure.write(
                bytes, ckvm_SET_IRQCHIP, kvm_irqchip.self, to: descriptor.rawValue, what)
        }
    }
}
