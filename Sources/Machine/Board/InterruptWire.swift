import Bus
import Host
import KVM

/// An interrupt that reaches the guest's IOAPIC without a system call of ours but one write (irqfd).
final class InterruptWire: InterruptLine {
    private let event: EventFD

    init(to gsi: UInt32, of machine: borrowing VirtualMachine) throws(Failure) {
        event = try EventFD()
        try machine.connect(event, toInterrupt: gsi)
    }

    func signal() { event.signal() }
}
