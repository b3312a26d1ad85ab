import KVM
import Synchronization
import Virtio

/// An interrupt line of a device: an edge on an input of KVM's interrupt controllers, raised by the device's
/// thread.
///
/// The line uses KVM_IRQ_LINE and not an irqfd. For a pin of the IOAPIC the kernel first hands an irqfd's
/// event to a worker thread, and it waits for a grace period to remove the irqfd when the machine ends.
final class InterruptWire: InterruptLine {
    private let setLevel: @Sendable (_ isHigh: Bool) -> Void
    /// Held while the level goes up and down again. Without the lock two threads that signal at once could
    /// interleave: the second finds the level already high, which is not an edge. Its interrupt is lost if
    /// the guest has acknowledged the first interrupt by then.
    private let edge = Mutex(())

    /// Makes a line whose input has its level set by `setLevel`.
    init(setLevel: @escaping @Sendable (_ isHigh: Bool) -> Void) {
        self.setLevel = setLevel
    }

    convenience init(to gsi: UInt32, of vm: VirtualMachine) {
        self.init { vm.setInterrupt(gsi, isHigh: $0) }
    }

    func signal() {
        edge.withLock { _ in
            setLevel(true)
            setLevel(false)
        }
    }
}
