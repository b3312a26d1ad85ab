import Bus
import KVM

/// An interrupt that a device's own thread raises.
///
/// It goes to the interrupt controllers by KVM_IRQ_LINE and not by an irqfd: for a pin of the IOAPIC the kernel hands an
/// irqfd's event to a worker thread first, and at the machine's end it waits for a grace period to be rid of it.
final class InterruptWire: InterruptLine {
    private let machine: VirtualMachine
    private let gsi: UInt32

    init(to gsi: UInt32, of machine: VirtualMachine) {
        self.machine = machine
        self.gsi = gsi
    }

    func signal() { machine.pulse(interrupt: gsi) }
}
