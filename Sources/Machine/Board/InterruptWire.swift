import KVM
import Synchronization
import Virtio

/// An interrupt that a device's own thread raises, as an edge on an input of the interrupt controllers.
///
/// It goes to the interrupt controllers by KVM_IRQ_LINE and not by an irqfd: for a pin of the IOAPIC the kernel hands an
/// irqfd's event to a worker thread first, and at the machine's end it waits for a grace period to be rid of it.
final class InterruptWire: InterruptLine {
    private let setLevel: @Sendable (_ isHigh: Bool) -> Void
    /// Held while the level goes up and down again. Two threads that signal at once would otherwise interleave: the second
    /// finds the level high already, which is no edge, and its interrupt is lost if the guest has taken the first meanwhile.
    private let edge = Mutex(())

    /// `setLevel` sets the level of the input.
    init(setLevel: @escaping @Sendable (_ isHigh: Bool) -> Void) {
        self.setLevel = setLevel
    }

    convenience init(to gsi: UInt32, of machine: VirtualMachine) {
        self.init { machine.setInterrupt(gsi, isHigh: $0) }
    }

    func signal() {
        edge.withLock { _ in
            setLevel(true)
            setLevel(false)
        }
    }
}
